# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The asynchronous client: the exchanges of the core over aiohttp."""

from __future__ import annotations

import asyncio
import inspect
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any, NamedTuple, Protocol, TypeVar

import aiohttp
from yarl import URL

from airflow_provider_streamkap.api.auth import Token
from airflow_provider_streamkap.api.destinations import MAX_PAGE_SIZE, Destination, DestinationsQuery, Listing
from airflow_provider_streamkap.api.error_mapping import (
    connection_error,
    invalid_http_error,
    proxy_error,
    timeout_error,
    truncated_error,
)
from airflow_provider_streamkap.api.errors import StreamkapError, StreamkapTimeoutError, bare
from airflow_provider_streamkap.api.flows import ApiSession, Flow, Request, Response, TokenRefresh
from airflow_provider_streamkap.api.http import CHUNK, CLOSED, MAX_HEADER_LINE, MAX_HEADERS, Body, prepare
from airflow_provider_streamkap.api.metrics import DestinationMetrics
from airflow_provider_streamkap.api.network import Proxy, choose_proxy, tls_context, warn_if_unverified
from airflow_provider_streamkap.api.query import MetricsQuery
from airflow_provider_streamkap.api.retry import Deadline, async_retried
from airflow_provider_streamkap.api.settings import ClientSettings

T = TypeVar("T")

# aiohttp limits the number of header lines from 3.14 on.
_MAX_HEADERS: dict[str, Any] = (
    {"max_headers": MAX_HEADERS} if "max_headers" in inspect.signature(aiohttp.ClientSession).parameters else {}
)


# Bytes of a response that are parsed on the event loop: in less than 0.1 s, whatever they hold.
_PARSED_ON_LOOP = 256 * 1024


class Slot(AbstractAsyncContextManager[Any], Protocol):
    """Limits concurrent attempts: entered for each."""

    def start(self) -> None:
        """Note that the request is sent now."""


class AsyncStreamkapClient:
    """Asks Streamkap without blocking. Safe to share between the tasks of the first event loop that uses it.

    :param settings: where to ask, and who asks.
    :param session: a token to share with other clients; default: one of its own.
    :param sleep: waits some seconds between attempts.
    :param clock: seconds that only go forward; bounds a call with all its retries.
    :param on_token: is told every new access token, for instance to mask it in logs; may be asynchronous.
    :param rng: where the jitter of retries comes from.
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
        # Not a seeded generator: forked workers would go through the same sequence, in step.
        self._rng = rng or random.SystemRandom()
        self._renewing = asyncio.Lock()
        self._opening = asyncio.Lock()
        self._proxy: Proxy | None = None
        self._closed = False
        self._http: aiohttp.ClientSession | None = None

    async def get_destination_metrics(self, query: MetricsQuery, *, within: float | None = None) -> DestinationMetrics:
        """Ask for a destination's metrics.

        :param query: what to ask.
        :param within: seconds for the whole call with its retries, if less than the settings allow.
        :raises StreamkapError: the last failure, with the number of attempts.
        """
        return await self._call(lambda: self._session.metrics(query), within)

    async def call(
        self, flow: Callable[[ApiSession], Flow[T]], slot: Slot | None = None, *, within: float | None = None
    ) -> T:
        """Run a flow, with retries.

        :param flow: makes the flow for one attempt.
        :param slot: is entered for each attempt, to limit concurrent requests; ``None`` (default): no limit.
        :param within: seconds for the whole call with its retries, if less than the settings allow.
        :raises StreamkapError: the last failure, with the number of attempts.
        """
        return await self._call(lambda: flow(self._session), within, slot)

    async def get_destination(self, destination_id: str) -> Destination:
        """Ask for one destination.

        :param destination_id: its id.
        :raises StreamkapNotFoundError: if there is none with this id.
        :raises StreamkapError: any other last failure.
        """
        return await self._call(lambda: self._session.destination(destination_id))

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
    ) -> AsyncIterator[Destination]:
        """Go through all destinations, page after page; parameters as of :class:`DestinationsQuery`.

        :raises ValueError: at once, if an argument is not allowed.
        :raises StreamkapError: the last failure of a page.
        """
        return self._list(DestinationsQuery(partial_name, connector, status, lag, sort, sort_dir, tag_ids, page_size))

    async def _list(self, query: DestinationsQuery) -> AsyncIterator[Destination]:
        listing = Listing(query)
        while not listing.done:
            for item in listing.take(await self._call(lambda: self._session.destinations(query, listing.page))):
                yield item

    async def whoami(self) -> dict[str, Any]:
        """Ask whom the credentials belong to: tenant_id, service_id, sub, token_type, project_key_id.

        :raises StreamkapError: the last failure.
        """
        return await self._call(self._session.whoami)

    async def close(self) -> None:
        """Close all connections. The client cannot be used any more."""
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

    async def _call(self, exchange: Callable[[], Flow[T]], within: float | None = None, slot: Slot | None = None) -> T:
        if self._closed:
            raise RuntimeError(CLOSED)
        bound = self._settings.max_elapsed if within is None else min(within, self._settings.max_elapsed)
        deadline = Deadline(bound, self._clock)
        try:
            return await async_retried(
                lambda: self._attempt(exchange, deadline, slot),
                self._settings.max_attempts,
                deadline,
                self._sleep,
                self._rng,
            )
        except StreamkapError as error:
            failure = error
        # Not within the block above, where it would get its own past as its context.
        raise bare(failure)

    async def _attempt(self, exchange: Callable[[], Flow[T]], deadline: Deadline, slot: Slot | None) -> T:
        if slot is None:
            return await self._run(exchange(), deadline)
        async with slot:
            await self._hold_off(deadline)
            slot.start()
            return await self._run(exchange(), deadline)

    async def _run(self, exchange: Flow[T], deadline: Deadline) -> T:
        reply: Response | None = None
        while True:
            # A large response is parsed in a thread, so that the event loop goes on.
            large = reply is not None and len(reply.body) > _PARSED_ON_LOOP
            step = await asyncio.to_thread(_advance, exchange, reply) if large else _advance(exchange, reply)
            if isinstance(step, _Done):
                result: T = step.value
                return result
            if isinstance(step, TokenRefresh):
                await self._renew(step, deadline)
                reply = None
            else:
                reply = await self._send(step, deadline)

    async def _renew(self, step: TokenRefresh, deadline: Deadline) -> None:
        try:
            async with asyncio.timeout(max(deadline.left(), 0.0)):
                await self._renewing.acquire()
        except TimeoutError:
            raise StreamkapTimeoutError("no token in time: another call was still renewing it") from None
        try:
            token: Token | None = await self._run(self._session.refresh_token(step.stale), deadline)
            if token and self._on_token:
                told = self._on_token(token.access)
                if inspect.isawaitable(told):
                    await told
        finally:
            self._renewing.release()

    async def _hold_off(self, deadline: Deadline) -> None:
        for seconds in self._session.backoff.delays(deadline.left):
            await self._sleep(seconds)

    async def _send(self, request: Request, deadline: Deadline) -> Response:
        await self._hold_off(deadline)
        http = self._http or await self._open()
        proxy = self._proxy
        call = prepare(self._settings, request, deadline.left())
        # aiohttp gives a proxy's headers to the tunnel only. Without one, the proxy reads those of the request.
        tunnel = call.url.startswith("https:")
        login = proxy.headers if proxy else {}
        status = None
        try:
            # aiohttp's own bound for the whole takes a cancellation in the moment at which it fires for its own: the
            # call would be tried again, though nobody waits for it any more.
            async with (
                asyncio.timeout(call.timeout),
                http.request(
                    call.method,
                    URL(call.url, encoded=True),
                    data=call.body,
                    headers=call.headers if tunnel else {**call.headers, **login},
                    timeout=aiohttp.ClientTimeout(total=None, sock_connect=call.connect_timeout),
                    allow_redirects=False,
                    proxy=proxy.url if proxy else None,
                    proxy_headers=login if tunnel else None,
                ) as answer,
            ):
                status = answer.status
                body = Body(call, status, answer.headers)
                async for chunk in answer.content.iter_chunked(CHUNK):
                    body.feed(chunk)
                return body.response()
        except TimeoutError:
            raise timeout_error(call.method, call.url, call.timeout, proxy) from None
        except aiohttp.ClientHttpProxyError as error:
            raise proxy_error(call.method, call.url, error.status, proxy) from None
        except (StreamkapError, RuntimeError):
            # The latter: another task has closed the client.
            raise
        except Exception as error:
            # Whatever a library raises: its traceback holds the request.
            if status is not None:
                raise truncated_error(call.method, call.url, status, error) from None
            # Before there is an answer, this is aiohttp's word for bytes that are no HTTP.
            if isinstance(error, aiohttp.ClientResponseError):
                raise invalid_http_error(call.method, call.url, error) from None
            raise connection_error(call.method, call.url, error, proxy) from None

    async def _open(self) -> aiohttp.ClientSession:
        async with self._opening:
            if self._http is None:
                # Importing requests and reading certificates take tens of milliseconds: not on the event loop.
                self._proxy = await asyncio.to_thread(choose_proxy, self._settings)
                context = await asyncio.to_thread(tls_context, self._settings, self._proxy)
                # The client was closed while the session opened: close the session as well.
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
                # Else aiohttp, the newer ones, sends a request once more by itself, at once, uncounted and untold. It
                # has no public switch for that; its own test client uses this one.
                http._retry_connection = False
                self._http = http
            return self._http


class _Done(NamedTuple):
    """The end of an exchange; a thread cannot raise StopIteration."""

    value: Any


def _advance(exchange: Flow[Any], reply: Response | None) -> Request | TokenRefresh | _Done:
    try:
        return exchange.send(reply)
    except StopIteration as done:
        return _Done(done.value)
