# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The asynchronous client, based on aiohttp."""

from __future__ import annotations

import asyncio
import inspect
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any, NamedTuple, Protocol

import aiohttp
from yarl import URL

from airflow_provider_streamkap.api.auth import Token
from airflow_provider_streamkap.api.destinations import Destination, DestinationsQuery
from airflow_provider_streamkap.api.error_mapping import TransportErrors
from airflow_provider_streamkap.api.errors import StreamkapError, StreamkapTimeoutError, strip_context
from airflow_provider_streamkap.api.flows import ApiSession, Flow, Request, Response, T, TokenRefresh
from airflow_provider_streamkap.api.http import CHUNK, CLOSED, MAX_HEADER_LINE, MAX_HEADERS, BodyReader, prepare
from airflow_provider_streamkap.api.metrics import DestinationMetrics, PipelineMetrics, SourceMetrics
from airflow_provider_streamkap.api.network import Proxy, choose_proxy, tls_context, warn_if_unverified
from airflow_provider_streamkap.api.pipelines import Pipeline, PipelinesQuery
from airflow_provider_streamkap.api.query import MetricsQuery, PipelineMetricsQuery, SourceMetricsQuery
from airflow_provider_streamkap.api.resources import Listing, ListQuery, R
from airflow_provider_streamkap.api.retry import Deadline, async_retried
from airflow_provider_streamkap.api.settings import ClientSettings
from airflow_provider_streamkap.api.sources import Source, SourcesQuery

# aiohttp 3.14 and later limit the number of header lines.
_MAX_HEADERS: dict[str, Any] = (
    {"max_headers": MAX_HEADERS} if "max_headers" in inspect.signature(aiohttp.ClientSession).parameters else {}
)

# Maximum size in bytes of a response that is parsed on the event loop, in less than 0.1 s.
_MAX_PARSED_ON_LOOP = 256 * 1024


class Slot(AbstractAsyncContextManager[Any], Protocol):
    """A context entered for each attempt, to limit concurrent requests."""

    def start(self) -> None:
        """Record that the request is about to be sent."""


class AsyncStreamkapClient:
    """Asynchronous client for the Streamkap API. Safe to share between tasks of one event loop.

    The arguments are those of :class:`StreamkapClient`, but ``sleep`` is asynchronous and ``on_token`` can be.
    """

    def __init__(
        self,
        settings: ClientSettings,
        *,
        session: ApiSession | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
        on_token: Callable[[str], object] | None = None,
        rng: random.Random | None = None,
    ) -> None:
        warn_if_unverified(settings)
        self._settings = settings
        self._session = session or ApiSession(settings, clock)
        self._sleep = sleep
        self._clock = clock
        self._on_token = on_token
        # Not a seeded generator: forked workers would share its sequence and back off in step.
        self._rng = rng or random.SystemRandom()
        self._refresh_lock = asyncio.Lock()
        self._open_lock = asyncio.Lock()
        self._proxy: Proxy | None = None
        self._closed = False
        self._http: aiohttp.ClientSession | None = None

    async def get_destination_metrics(self, query: MetricsQuery, *, within: float | None = None) -> DestinationMetrics:
        """Return a destination's metrics; see :meth:`StreamkapClient.get_destination_metrics`."""
        return await self.call(lambda session: session.metrics(query), within=within)

    async def get_source_metrics(self, query: SourceMetricsQuery, *, within: float | None = None) -> SourceMetrics:
        """Return a source's metrics; see :meth:`StreamkapClient.get_destination_metrics`."""
        return await self.call(lambda session: session.source_metrics(query), within=within)

    async def get_pipeline_metrics(
        self, query: PipelineMetricsQuery, *, within: float | None = None
    ) -> PipelineMetrics:
        """Return a pipeline's metrics; see :meth:`StreamkapClient.get_destination_metrics`."""
        return await self.call(lambda session: session.pipeline_metrics(query), within=within)

    async def call(
        self, flow: Callable[[ApiSession], Flow[T]], slot: Slot | None = None, *, within: float | None = None
    ) -> T:
        """Run a flow with retries; see :meth:`StreamkapClient.call`.

        :param slot: entered for each attempt; ``None`` (default): no limit.
        """
        if self._closed:
            raise RuntimeError(CLOSED)
        bound = self._settings.max_elapsed if within is None else min(within, self._settings.max_elapsed)
        deadline = Deadline(bound, self._clock)
        try:
            return await async_retried(
                lambda: self._attempt(flow, deadline, slot),
                self._settings.max_attempts,
                deadline,
                self._sleep,
                self._rng,
            )
        except StreamkapError as error:
            failure = error
        # Raised outside the except block, so that the error gets no __context__.
        raise strip_context(failure)

    async def get_destination(self, destination_id: str) -> Destination:
        """Return one destination; see :meth:`StreamkapClient.get_destination`."""
        return await self.call(lambda session: session.resource(Destination, destination_id))

    async def get_source(self, source_id: str) -> Source:
        """Return one source; see :meth:`StreamkapClient.get_destination`."""
        return await self.call(lambda session: session.resource(Source, source_id))

    async def get_pipeline(self, pipeline_id: str) -> Pipeline:
        """Return one pipeline; see :meth:`StreamkapClient.get_destination`."""
        return await self.call(lambda session: session.resource(Pipeline, pipeline_id))

    def list_destinations(self, query: DestinationsQuery | None = None) -> AsyncIterator[Destination]:
        """Iterate over all destinations, requesting page by page; see :meth:`StreamkapClient.list_destinations`."""
        return self._list(query or DestinationsQuery())

    def list_sources(self, query: SourcesQuery | None = None) -> AsyncIterator[Source]:
        """Iterate over all sources, requesting page by page; see :meth:`StreamkapClient.list_destinations`."""
        return self._list(query or SourcesQuery())

    def list_pipelines(self, query: PipelinesQuery | None = None) -> AsyncIterator[Pipeline]:
        """Iterate over all pipelines, requesting page by page; see :meth:`StreamkapClient.list_destinations`."""
        return self._list(query or PipelinesQuery())

    async def _list(self, query: ListQuery[R]) -> AsyncIterator[R]:
        listing = Listing(query)
        while not listing.done:
            page = await self.call(lambda session: session.page(query, listing.page))
            for item in listing.add_page(page):
                yield item

    async def whoami(self) -> dict[str, Any]:
        """Return the identity of the credentials; see :meth:`StreamkapClient.whoami`."""
        return await self.call(ApiSession.whoami)

    async def close(self) -> None:
        """Close all connections. The client cannot be used afterwards."""
        self._closed = True
        http, self._http = self._http, None
        if http is not None:
            await http.close()

    async def __aenter__(self) -> AsyncStreamkapClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _attempt(self, flow: Callable[[ApiSession], Flow[T]], deadline: Deadline, slot: Slot | None) -> T:
        if slot is None:
            return await self._run(flow(self._session), deadline)
        async with slot:
            await self._back_off(deadline)
            slot.start()
            return await self._run(flow(self._session), deadline)

    async def _run(self, flow: Flow[T], deadline: Deadline) -> T:
        response: Response | None = None
        while True:
            # Parse a large response in a thread, so that the event loop is not blocked.
            large = response is not None and len(response.body) > _MAX_PARSED_ON_LOOP
            step = await asyncio.to_thread(_advance, flow, response) if large else _advance(flow, response)
            if isinstance(step, _Done):
                result: T = step.value
                return result
            if isinstance(step, TokenRefresh):
                await self._refresh_token(step, deadline)
                response = None
            else:
                response = await self._send(step, deadline)

    async def _refresh_token(self, step: TokenRefresh, deadline: Deadline) -> None:
        try:
            async with asyncio.timeout(max(deadline.left(), 0.0)):
                await self._refresh_lock.acquire()
        except TimeoutError:
            raise StreamkapTimeoutError("timed out waiting for a token refresh by another call") from None
        try:
            token: Token | None = await self._run(self._session.refresh_token(step.stale), deadline)
            if token and self._on_token:
                result = self._on_token(token.access)
                if inspect.isawaitable(result):
                    await result
        finally:
            self._refresh_lock.release()

    async def _back_off(self, deadline: Deadline) -> None:
        for seconds in self._session.backoff.delays(deadline.left):
            await self._sleep(seconds)

    async def _send(self, request: Request, deadline: Deadline) -> Response:
        await self._back_off(deadline)
        http = self._http or await self._open()
        proxy = self._proxy
        call = prepare(self._settings, request, deadline.left())
        # aiohttp sends proxy headers only with CONNECT. For plain http, add them to the request.
        tunnel = call.url.startswith("https:")
        proxy_headers = proxy.headers if proxy else {}
        errors = TransportErrors(call.method, call.url, proxy)
        status = None
        try:
            # Not aiohttp's total timeout: a cancellation at the time it fires is mistaken for a timeout, and the
            # cancelled call would be retried.
            async with (
                asyncio.timeout(call.timeout),
                http.request(
                    call.method,
                    URL(call.url, encoded=True),
                    data=call.body,
                    headers=call.headers if tunnel else {**call.headers, **proxy_headers},
                    timeout=aiohttp.ClientTimeout(total=None, sock_connect=call.connect_timeout),
                    allow_redirects=False,
                    proxy=proxy.url if proxy else None,
                    proxy_headers=proxy_headers if tunnel else None,
                ) as response,
            ):
                status = response.status
                body = BodyReader(call, status, response.headers)
                async for chunk in response.content.iter_chunked(CHUNK):
                    body.feed(chunk)
                return body.response(proxy)
        except TimeoutError:
            raise errors.timeout(call.timeout, self._settings.timeout) from None
        except aiohttp.ClientHttpProxyError as error:
            raise errors.rejected_by_proxy(error.status) from None
        except (StreamkapError, RuntimeError):
            # A RuntimeError means that another task closed the client.
            raise
        except Exception as error:
            # Convert any exception of the library, because its traceback contains the request.
            if status is not None:
                raise errors.truncated(status, error) from None
            # Before there is a response, this aiohttp error means that the received bytes are not HTTP.
            if isinstance(error, aiohttp.ClientResponseError):
                raise errors.not_http(error) from None
            raise errors.not_connected(error) from None

    async def _open(self) -> aiohttp.ClientSession:
        async with self._open_lock:
            if self._http is None:
                # Importing requests and loading certificates would block the event loop for tens of milliseconds.
                self._proxy = await asyncio.to_thread(choose_proxy, self._settings)
                context = await asyncio.to_thread(tls_context, self._settings, self._proxy)
                # The client may have been closed while certificates were loaded.
                if self._closed:
                    raise RuntimeError(CLOSED)
                http = aiohttp.ClientSession(
                    connector=aiohttp.TCPConnector(ssl=context),
                    cookie_jar=aiohttp.DummyCookieJar(),
                    auto_decompress=False,
                    max_field_size=MAX_HEADER_LINE,
                    max_line_size=MAX_HEADER_LINE,
                    **_MAX_HEADERS,
                )
                # Newer aiohttp versions silently resend a failed request, which would bypass our retry policy. There is
                # no public option to disable this; aiohttp's own test client sets this attribute.
                http._retry_connection = False
                self._http = http
            return self._http


class _Done(NamedTuple):
    """The result of a finished flow; StopIteration cannot be raised from a thread."""

    value: Any


def _advance(flow: Flow[Any], response: Response | None) -> Request | TokenRefresh | _Done:
    try:
        return flow.send(response)
    except StopIteration as done:
        return _Done(done.value)
