# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The synchronous client: the exchanges of the core over requests."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator
from http.cookiejar import DefaultCookiePolicy
from types import TracebackType
from typing import Any, TypeVar

import requests
import urllib3

from airflow_provider_streamkap.api.adapter import Adapter
from airflow_provider_streamkap.api.destination import (
    MAX_PAGE_SIZE,
    Destination,
    DestinationPage,
    DestinationsQuery,
    Listing,
)
from airflow_provider_streamkap.api.environment import choose_proxy, tls_context, warn_if_unverified
from airflow_provider_streamkap.api.errors import StreamkapError, StreamkapTimeoutError, bare
from airflow_provider_streamkap.api.exchange import Exchange, Renewal, Request, Response, Session
from airflow_provider_streamkap.api.failures import broken, failed, late
from airflow_provider_streamkap.api.metrics import DestinationMetrics
from airflow_provider_streamkap.api.query import MetricsQuery
from airflow_provider_streamkap.api.retry import Deadline, retrying
from airflow_provider_streamkap.api.settings import ClientSettings
from airflow_provider_streamkap.api.token import Token
from airflow_provider_streamkap.api.transport import CHUNK, CLOSED, Body, prepare
from airflow_provider_streamkap.api.watch import Observation, Watch

T = TypeVar("T")


class StreamkapClient:
    """Asks Streamkap, and waits for the answer. Safe to share between threads.

    :param settings: where to ask, and who asks.
    :param session: a token to share with other clients; default: one of its own.
    :param sleep: waits some seconds between attempts.
    :param clock: seconds that only go forward; bounds a call with all its retries.
    :param on_token: is told every new access token, for instance to mask it in logs.
    :param rng: where the jitter of retries comes from.
    :raises StreamkapConnectionError: if the CA bundle or the environment's proxy cannot be used.
    """

    def __init__(
        self,
        settings: ClientSettings,
        *,
        session: Session | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        on_token: Callable[[str], object] | None = None,
        rng: random.Random | None = None,
    ) -> None:
        warn_if_unverified(settings)
        self._settings = settings
        self._session = session or Session(settings, clock)
        self._sleep = sleep
        self._clock = clock
        self._on_token = on_token
        # Not a seeded generator: forked workers would go through the same sequence, in step.
        self._rng = rng or random.SystemRandom()
        self._closed = False
        self._proxy = proxy = choose_proxy(settings)
        self._http = requests.Session()
        # Else .netrc would replace the Authorization header. Proxy and context hold the rest of the environment.
        self._http.trust_env = False
        self._http.proxies = {"http": proxy.url, "https": proxy.url} if proxy else {}
        self._http.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
        self._http.mount(settings.base_url, Adapter(tls_context(settings, proxy), proxy))

    def get_destination_metrics(self, query: MetricsQuery, *, within: float | None = None) -> DestinationMetrics:
        """Ask for a destination's metrics.

        :param query: what to ask.
        :param within: seconds for the whole call with its retries, if less than the settings allow.
        :raises StreamkapError: the last failure, with the number of attempts.
        """
        return self._call(lambda: self._session.metrics(query), within)

    def observe(self, watch: Watch, *, within: float | None = None) -> Observation:
        """Look at a destination once, in the way that is asked for.

        :param watch: the destination, and whether times matter.
        :param within: seconds for the whole call with its retries, if less than the settings allow.
        :raises StreamkapError: the last failure, with the number of attempts.
        """
        return self._call(lambda: self._session.observe(watch), within)

    def get_destination(self, destination_id: str) -> Destination:
        """Ask for one destination.

        :param destination_id: its id.
        :raises StreamkapNotFoundError: if there is none with this id.
        :raises StreamkapError: any other last failure.
        """
        return self._call(lambda: self._session.destination(destination_id))

    def list_destinations(
        self,
        *,
        partial_name: str | None = None,
        connector: str | None = None,
        status: str | None = None,
        lag: str | None = None,
        sort: str | None = None,
        sort_dir: str | None = None,
        tag_ids: str | Iterable[str] | None = None,
        page_size: int = MAX_PAGE_SIZE,
    ) -> Iterator[Destination]:
        """Go through all destinations, page after page; parameters as of :class:`DestinationsQuery`.

        :raises ValueError: at once, if an argument is not allowed.
        :raises StreamkapError: the last failure of a page.
        """
        return self._list(DestinationsQuery(partial_name, connector, status, lag, sort, sort_dir, tag_ids, page_size))

    def _list(self, query: DestinationsQuery) -> Iterator[Destination]:
        listing = Listing(query)
        while not listing.done:
            yield from listing.take(self.get_destinations_page(query, listing.page))

    def get_destinations_page(self, query: DestinationsQuery, page: int) -> DestinationPage:
        """Request one page of the destinations.

        :param query: which ones.
        :param page: number of the page, from 1 on.
        :raises StreamkapError: the last failure.
        """
        return self._call(lambda: self._session.destinations(query, page))

    def whoami(self) -> dict[str, Any]:
        """Ask whom the credentials belong to: tenant_id, service_id, sub, token_type, project_key_id.

        :raises StreamkapError: the last failure.
        """
        return self._call(self._session.whoami)

    @property
    def closed(self) -> bool:
        """Whether the client was closed."""
        return self._closed

    def close(self) -> None:
        """Close all connections. The client cannot be used any more."""
        self._closed = True
        self._http.close()

    def __enter__(self) -> StreamkapClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _call(self, exchange: Callable[[], Exchange[T]], within: float | None = None) -> T:
        if self._closed:
            raise RuntimeError(CLOSED)
        bound = self._settings.max_elapsed if within is None else min(within, self._settings.max_elapsed)
        deadline = Deadline(bound, self._clock)
        policy = retrying(self._settings.max_attempts, deadline, self._sleep, self._rng)
        try:
            return policy(lambda: self._run(exchange(), deadline))
        except StreamkapError as error:
            failure = error
        # Not within the block above, where it would get its own past as its context.
        raise bare(failure)

    def _run(self, exchange: Exchange[T], deadline: Deadline) -> T:
        reply: Response | None = None
        try:
            while True:
                step = exchange.send(reply)
                if isinstance(step, Renewal):
                    self._renew(step, deadline)
                    reply = None
                else:
                    reply = self._send(step, deadline)
        except StopIteration as done:
            result: T = done.value
            return result

    def _renew(self, step: Renewal, deadline: Deadline) -> None:
        if not self._session.lock.acquire(timeout=max(deadline.left(), 0.0)):
            raise StreamkapTimeoutError("no token in time: another call was still renewing it")
        try:
            token: Token | None = self._run(self._session.renew(step.stale), deadline)
            if token and self._on_token:
                self._on_token(token.access)
        finally:
            self._session.lock.release()

    def _send(self, request: Request, deadline: Deadline) -> Response:
        for seconds in self._session.hold.sleeps(deadline.left):
            self._sleep(seconds)
        call = prepare(self._settings, request, deadline.left())
        # requests hands urllib3's own kind on; its annotations do not know.
        timeout: Any = urllib3.Timeout(connect=call.connect_timeout, total=call.timeout)
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
            ) as answer:
                status = answer.status_code
                body = Body(call, status, answer.headers)
                for chunk in answer.raw.stream(CHUNK, decode_content=False):
                    body.feed(chunk)
                return body.response()
        except (requests.Timeout, urllib3.exceptions.TimeoutError):
            raise late(call.method, call.url, call.timeout, self._proxy) from None
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            if status is None:
                raise failed(call.method, call.url, error, self._proxy) from None
            raise broken(call.method, call.url, status, error) from None
