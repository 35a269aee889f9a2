# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The synchronous client, based on requests."""

from __future__ import annotations

import logging
import math
import random
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from http.cookiejar import DefaultCookiePolicy
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any, TypeVar

import requests
import urllib3

from airflow_provider_streamkap.api.adapter import Adapter, HTTPSession
from airflow_provider_streamkap.api.auth import Token
from airflow_provider_streamkap.api.destinations import Destination, DestinationsQuery
from airflow_provider_streamkap.api.error_mapping import TransportErrors
from airflow_provider_streamkap.api.errors import StreamkapError, StreamkapTimeoutError, strip_context
from airflow_provider_streamkap.api.flows import TOKEN_PATH, ApiSession, Flow, Request, Response, T, TokenRefresh
from airflow_provider_streamkap.api.http import CHUNK, CLOSED, BodyReader, prepare
from airflow_provider_streamkap.api.metrics import DestinationMetrics, PipelineMetrics, SourceMetrics
from airflow_provider_streamkap.api.network import choose_proxy, tls_context, warn_if_unverified
from airflow_provider_streamkap.api.options import OPTIONS
from airflow_provider_streamkap.api.pipelines import Pipeline, PipelinesQuery
from airflow_provider_streamkap.api.query import MetricsQuery, PipelineMetricsQuery, SourceMetricsQuery
from airflow_provider_streamkap.api.resources import Listing, ListQuery, Page, R
from airflow_provider_streamkap.api.retry import Deadline, log, retrying
from airflow_provider_streamkap.api.settings import ClientSettings
from airflow_provider_streamkap.api.sources import Source, SourcesQuery

K = TypeVar("K")

#: Maximum number of threads that read a list, whatever ``max_concurrency`` is.
MAX_THREADS = 256
#: Seconds between progress log lines while a list is read.
PROGRESS_SECONDS = 5.0
# Extra seconds for threads to report their own timeout error, which is more specific.
_GRACE_SECONDS = 0.5
# Longest list for which retries are logged as warnings and not at DEBUG.
_MAX_WARNED = 10


class StreamkapClient:
    """Synchronous client for the Streamkap API. Safe to share between threads.

    :param settings: base URL, credentials, timeouts and retries.
    :param session: session whose token is shared with other clients; default: a new one.
    :param sleep: sleeps for the given number of seconds between attempts.
    :param clock: monotonic clock, in seconds, for deadlines.
    :param on_token: called with each new access token, for example to mask it in logs.
    :param rng: random generator for the back-off jitter; default: the system's.
    :param max_concurrency: concurrent requests while a list is read, default 16, capped at 256.
    :raises StreamkapConnectionError: the CA bundle or the environment's proxy cannot be used.
    """

    def __init__(
        self,
        settings: ClientSettings,
        *,
        session: ApiSession | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        on_token: Callable[[str], object] | None = None,
        rng: random.Random | None = None,
        max_concurrency: int = OPTIONS["max_concurrency"].default,
    ) -> None:
        warn_if_unverified(settings)
        self._settings = settings
        self._session = session or ApiSession(settings, clock)
        self._sleep = sleep
        self._clock = clock
        self._on_token = on_token
        # Not a seeded generator: forked workers would share its sequence and back off in step.
        self._rng = rng or random.SystemRandom()
        self._threads = min(max_concurrency, MAX_THREADS)
        self._closed = False
        try:
            self._proxy = proxy = choose_proxy(settings)
            context = tls_context(settings, proxy)
        except StreamkapError as error:
            # The local variables of both functions can contain a proxy password.
            raise strip_context(error) from None
        self._http = HTTPSession()
        # Otherwise .netrc would replace the Authorization header. Proxy and CA bundle are set explicitly.
        self._http.trust_env = False
        self._http.proxies = {"http": proxy.url, "https": proxy.url} if proxy else {}
        self._http.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
        adapter = Adapter(context, self._threads, proxy)
        # Not mounted at the base URL, which requests may normalize differently.
        self._http.mount("https://", adapter)
        self._http.mount("http://", adapter)

    def get_destination_metrics(self, query: MetricsQuery, *, within: float | None = None) -> DestinationMetrics:
        """Return a destination's metrics.

        :param query: the query.
        :param within: deadline of the call with its retries, in seconds; at most ``max_elapsed``, the default.
        :raises StreamkapError: the error of the last attempt, with the number of attempts.
        """
        return self.call(lambda session: session.metrics(query), within=within)

    def get_source_metrics(self, query: SourceMetricsQuery, *, within: float | None = None) -> SourceMetrics:
        """Return a source's metrics; see :meth:`get_destination_metrics`."""
        return self.call(lambda session: session.source_metrics(query), within=within)

    def get_pipeline_metrics(self, query: PipelineMetricsQuery, *, within: float | None = None) -> PipelineMetrics:
        """Return a pipeline's metrics; see :meth:`get_destination_metrics`."""
        return self.call(lambda session: session.pipeline_metrics(query), within=within)

    def call(
        self,
        flow: Callable[[ApiSession], Flow[T]],
        *,
        within: float | None = None,
        attempts: int | None = None,
        level: int = logging.WARNING,
    ) -> T:
        """Run a flow with retries.

        :param flow: returns the flow for one attempt.
        :param within: deadline of the call with its retries, in seconds; at most ``max_elapsed``, the default.
        :param attempts: maximum attempts; ``None`` (default): ``max_attempts`` of the settings.
        :param level: log level for retries, default WARNING.
        :raises StreamkapError: the error of the last attempt, with the number of attempts.
        """
        if self._closed:
            raise RuntimeError(CLOSED)
        bound = self._settings.max_elapsed if within is None else min(within, self._settings.max_elapsed)
        deadline = Deadline(bound, self._clock)
        policy = retrying(attempts or self._settings.max_attempts, deadline, self._sleep, self._rng, level)
        try:
            return policy(lambda: self._run(flow(self._session), deadline))
        except StreamkapError as error:
            failure = error
        # Raised outside the except block, so that the error gets no __context__.
        raise strip_context(failure)

    def call_each(
        self,
        keys: Sequence[K],
        flow: Callable[[ApiSession, K], Flow[T]],
        *,
        within: float | None = None,
        attempts: int | None = None,
    ) -> Generator[tuple[K, T | StreamkapError], None, None]:
        """Run a flow for each of several keys with up to ``max_concurrency`` concurrent requests.

        Close the generator to stop early; requests that have not been sent are dropped.

        :param keys: what to run the flow for, for example destination ids.
        :param flow: returns the flow for one attempt on a key.
        :param within: deadline of all calls with their retries, in seconds; ``None`` (default): each call has its own.
        :param attempts: maximum attempts per call; ``None`` (default): ``max_attempts`` of the settings.
        :returns: each key with its result or the error of its last attempt, in order of completion.
        """
        deadline = Deadline(math.inf if within is None else within, self._clock)
        # Warnings for every retry of 300 destinations would flood the log.
        level = logging.WARNING if len(keys) <= _MAX_WARNED else logging.DEBUG
        token_errors: list[StreamkapError] = []

        def one(key: K) -> T | StreamkapError:
            # Without a token, no other request can succeed.
            if token_errors:
                return token_errors[0]
            try:
                return self.call(
                    lambda session: flow(session, key), within=deadline.left(), attempts=attempts, level=level
                )
            except StreamkapError as error:
                if (error.url or "").endswith(TOKEN_PATH):
                    token_errors.append(error)
                return strip_context(error)

        if len(keys) == 1:
            yield keys[0], one(keys[0])
            return
        try:
            self.call(ApiSession.ensure_token, within=deadline.left(), attempts=attempts)
        except StreamkapError as error:
            token_errors.append(strip_context(error))
        if token_errors:
            yield from ((key, token_errors[0]) for key in keys)
        else:
            yield from self._run_in_threads(keys, one, deadline)

    def get_destination(self, destination_id: str) -> Destination:
        """Return one destination.

        :param destination_id: the destination's id.
        :raises StreamkapNotFoundError: the destination does not exist.
        :raises StreamkapError: the error of the last attempt.
        """
        return self.call(lambda session: session.resource(Destination, destination_id))

    def get_source(self, source_id: str) -> Source:
        """Return one source; see :meth:`get_destination`."""
        return self.call(lambda session: session.resource(Source, source_id))

    def get_pipeline(self, pipeline_id: str) -> Pipeline:
        """Return one pipeline; see :meth:`get_destination`."""
        return self.call(lambda session: session.resource(Pipeline, pipeline_id))

    def list_destinations(self, query: DestinationsQuery | None = None) -> Iterator[Destination]:
        """Iterate over all destinations, requesting page by page.

        :param query: filters, sort order and page size; ``None`` (default): all destinations.
        :raises StreamkapError: the error of the last attempt to fetch a page; raised during iteration.
        """
        return self._list(query or DestinationsQuery())

    def list_sources(self, query: SourcesQuery | None = None) -> Iterator[Source]:
        """Iterate over all sources, requesting page by page; see :meth:`list_destinations`."""
        return self._list(query or SourcesQuery())

    def list_pipelines(self, query: PipelinesQuery | None = None) -> Iterator[Pipeline]:
        """Iterate over all pipelines, requesting page by page; see :meth:`list_destinations`."""
        return self._list(query or PipelinesQuery())

    def _list(self, query: ListQuery[R]) -> Iterator[R]:
        listing = Listing(query)
        while not listing.done:
            yield from listing.add_page(self.get_page(query, listing.page))

    def get_page(self, query: ListQuery[R], number: int) -> Page[R]:
        """Return one page of a list.

        :param query: what to list, with filters and sort order.
        :param number: page number, starting at 1.
        :raises StreamkapError: the error of the last attempt.
        """
        return self.call(lambda session: session.page(query, number))

    def whoami(self) -> dict[str, Any]:
        """Return the identity of the credentials: tenant_id, service_id, sub, token_type, project_key_id.

        :raises StreamkapError: the error of the last attempt.
        """
        return self.call(ApiSession.whoami)

    @property
    def closed(self) -> bool:
        """Whether the client is closed."""
        return self._closed

    def close(self) -> None:
        """Close all connections. The client cannot be used afterwards."""
        self._closed = True
        self._http.close()

    def __enter__(self) -> StreamkapClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run_in_threads(
        self, keys: Sequence[K], call: Callable[[K], T | StreamkapError], deadline: Deadline
    ) -> Generator[tuple[K, T | StreamkapError], None, None]:
        began = logged = self._clock()
        waiting: dict[Future[T | StreamkapError], K] = {}
        done: SimpleQueue[Future[T | StreamkapError]] = SimpleQueue()
        pool = ThreadPoolExecutor(min(self._threads, len(keys)), thread_name_prefix="streamkap")
        try:
            for key in keys:
                future = pool.submit(copy_context().run, call, key)
                waiting[future] = key
                future.add_done_callback(done.put)
            while waiting and (left := deadline.left() + _GRACE_SECONDS) > 0:
                with suppress(Empty):
                    future = done.get(timeout=min(left, PROGRESS_SECONDS))
                    yield waiting.pop(future), future.result()
                if waiting and (now := self._clock()) - logged >= PROGRESS_SECONDS:
                    logged = now
                    read = len(keys) - len(waiting)
                    log.info("Read %d of %d destinations in %.0f s", read, len(keys), now - began)
            # A socket timeout does not cover the DNS lookup, so threads can still be blocked.
            for key in waiting.values():
                yield key, StreamkapTimeoutError(f"no response within {self._clock() - began:.1f} s")
        finally:
            # Do not wait for the threads: a caller that stops early, for example at a task timeout, must not block.
            pool.shutdown(wait=False, cancel_futures=True)

    def _run(self, flow: Flow[T], deadline: Deadline) -> T:
        response: Response | None = None
        try:
            while True:
                step = flow.send(response)
                if isinstance(step, TokenRefresh):
                    self._refresh_token(step, deadline)
                    response = None
                else:
                    response = self._send(step, deadline)
        except StopIteration as done:
            result: T = done.value
            return result

    def _refresh_token(self, step: TokenRefresh, deadline: Deadline) -> None:
        if not self._session.lock.acquire(timeout=max(deadline.left(), 0.0)):
            raise StreamkapTimeoutError("timed out waiting for a token refresh by another call")
        try:
            token: Token | None = self._run(self._session.refresh_token(step.stale), deadline)
            if token and self._on_token:
                self._on_token(token.access)
        finally:
            self._session.lock.release()

    def _send(self, request: Request, deadline: Deadline) -> Response:
        for seconds in self._session.backoff.delays(deadline.left):
            self._sleep(seconds)
        call = prepare(self._settings, request, deadline.left())
        # requests passes a urllib3 Timeout through, but its annotations do not allow it.
        timeout: Any = urllib3.Timeout(connect=call.connect_timeout, total=call.timeout)
        errors = TransportErrors(call.method, call.url, self._proxy)
        status = None
        try:
            with self._http.request(
                call.method,
                call.url,
                data=call.body,
                headers=dict(call.headers),
                timeout=timeout,
                allow_redirects=False,
                stream=True,
            ) as response:
                status = response.status_code
                body = BodyReader(call, status, response.headers)
                for chunk in response.raw.stream(CHUNK, decode_content=False):
                    body.feed(chunk)
                return body.response(self._proxy)
        except (requests.Timeout, urllib3.exceptions.TimeoutError):
            raise errors.timeout(call.timeout, self._settings.timeout) from None
        except StreamkapError:
            raise
        except Exception as error:
            # Convert any exception of the library, because its traceback contains the request.
            raise (errors.not_connected(error) if status is None else errors.truncated(status, error)) from None
