# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""What the hooks of one process have in common: one session and one token for each connection.

Tokens are kept per process, pooled sockets per process (requests) or per event loop (aiohttp). Everything is
keyed by the settings as a whole, so that a changed secret starts afresh and two names of one connection share.
A forked child starts with nothing: sockets and locks must not be used from both sides of a fork.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import random
import sys
import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING, Generic, TypeVar

from airflow_provider_streamkap.api.environment import warn_if_unverified
from airflow_provider_streamkap.hooks.masking import amask, mask

if TYPE_CHECKING:
    from airflow_provider_streamkap.api.async_client import AsyncStreamkapClient
    from airflow_provider_streamkap.api.client import StreamkapClient
    from airflow_provider_streamkap.api.exchange import Session
    from airflow_provider_streamkap.api.poller import DestinationPoller
    from airflow_provider_streamkap.api.settings import ClientSettings
    from airflow_provider_streamkap.hooks.connection import StreamkapConnection

_CLIENT = "airflow_provider_streamkap.api.async_client"

# Rotated secrets leave an entry behind; a process knows few connections at a time.
_KEPT = 32


T = TypeVar("T")


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Pace:
    """By which time clients wait between attempts, and where the jitter comes from: real time and chance.

    :param clock: seconds that only go forward.
    :param sleep: waits some seconds in a thread.
    :param asleep: waits some seconds on an event loop.
    :param rng: where jitter comes from; None (default): from the system.
    :param wall: aware current time; readings are stamped with it.
    """

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    asleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    rng: random.Random | None = None
    wall: Callable[[], datetime] = _now


@dataclass(slots=True)
class OnLoop:
    """What the hooks in one event loop share.

    :param settings: what the connection says.
    :param client: asks.
    :param poller: asks for many.
    :param users: who hold on to it.
    """

    settings: ClientSettings
    client: AsyncStreamkapClient
    poller: DestinationPoller
    users: int = 0


@dataclass(slots=True)
class _Read:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    known: StreamkapConnection | None = None
    users: int = 0


class _Shared:
    def __init__(self, pace: Pace) -> None:
        self.pace = pace
        self.lock = threading.Lock()
        self.sessions: OrderedDict[ClientSettings, Session] = OrderedDict()
        self.clients: OrderedDict[tuple[ClientSettings, int], StreamkapClient] = OrderedDict()
        self.on_loop: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[ClientSettings, OnLoop]] = (
            weakref.WeakKeyDictionary()
        )
        self.reads: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, _Read]] = weakref.WeakKeyDictionary()

    def session(self, settings: ClientSettings) -> Session:
        # Parsing a DAG has no use for it.
        from airflow_provider_streamkap.api.exchange import Session

        session = self.sessions.get(settings)
        if session is None:
            session = self.sessions[settings] = Session(settings, self.pace.clock, self.pace.wall)
        self.sessions.move_to_end(settings)
        if len(self.sessions) > _KEPT:
            self.sessions.popitem(last=False)
        return session


_shared = _Shared(Pace())


def _forget() -> None:
    global _shared
    _shared = _Shared(_shared.pace)


os.register_at_fork(after_in_child=_forget)


@contextmanager
def paced(pace: Pace) -> Iterator[None]:
    """Start with nothing, and let clients wait by another time, until the block is left: for tests.

    :param pace: that time.
    """
    global _shared
    before, _shared = _shared, _Shared(pace)
    try:
        yield
    finally:
        _shared = before


def client(settings: ClientSettings, max_concurrency: int = 16) -> StreamkapClient:
    """Give the process's client for these settings, made at the first call.

    A new client says so itself if certificates are not checked; here it is said to whoever gets one that is there.

    :param settings: what the connection says.
    :param max_concurrency: requests at once when a list is read, default 16.
    """
    from airflow_provider_streamkap.api.client import StreamkapClient

    key = settings, max_concurrency
    with _shared.lock:
        found = _shared.clients.get(key)
        if found is None:
            pace, session = _shared.pace, _shared.session(settings)
            found = StreamkapClient(
                settings,
                session=session,
                sleep=pace.sleep,
                clock=pace.clock,
                on_token=mask,
                rng=pace.rng,
                max_concurrency=max_concurrency,
            )
            _shared.clients[key] = found
        else:
            warn_if_unverified(settings)
        _shared.clients.move_to_end(key)
        if len(_shared.clients) > _KEPT:
            # Not closed: another thread may still be using it. Its sockets go with its last user.
            _shared.clients.popitem(last=False)
        return found


async def connection(conn_id: str, read: Callable[[], Awaitable[StreamkapConnection]]) -> StreamkapConnection:
    """Read a connection once for all who ask while it is being read: a triggerer starts its triggers all together.

    :param conn_id: the Airflow connection.
    :param read: reads it.
    """
    here = _shared.reads.setdefault(asyncio.get_running_loop(), {})
    one = here.setdefault(conn_id, _Read())
    one.users += 1
    try:
        # Whoever reads for all may be cancelled, or fail; then the next one reads.
        async with one.lock:
            if one.known is None:
                one.known = await read()
            return one.known
    finally:
        one.users -= 1
        if not one.users:
            del here[conn_id]


class Held(Generic[T]):
    """A context in which this event loop's client and poller are shared; the last to leave closes the sockets.

    A class, and not a generator, because each of thousands of waits keeps one.

    :param read: gives the connection; the first user's word on ``max_concurrency`` counts.
    :param pick: what of the two the context gives.
    """

    __slots__ = ("_entry", "_pick", "_read")

    def __init__(self, read: Callable[[], Awaitable[StreamkapConnection]], pick: Callable[[OnLoop], T]) -> None:
        self._read: Callable[[], Awaitable[StreamkapConnection]] | None = read
        self._pick = pick
        self._entry: OnLoop | None = None

    async def __aenter__(self) -> T:
        assert self._read is not None, "the context has been entered before"
        connection = await self._read()
        await _load()
        self._read = None
        here = _shared.on_loop.setdefault(asyncio.get_running_loop(), {})
        settings = connection.settings
        if settings not in here:
            here[settings] = _start(settings, connection.max_concurrency)
        else:
            warn_if_unverified(settings)
        self._entry = here[settings]
        self._entry.users += 1
        return self._pick(self._entry)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        entry, self._entry = self._entry, None
        assert entry is not None
        entry.users -= 1
        if not entry.users:
            del _shared.on_loop[asyncio.get_running_loop()][entry.settings]
            await entry.client.close()


async def _load() -> None:
    """Import what asks, once in a process, where it does not hold up the loop: it takes hundreds of milliseconds."""
    # While a module is being imported it is there, but not what it will hold.
    if not hasattr(sys.modules.get(_CLIENT), "AsyncStreamkapClient"):
        await asyncio.to_thread(importlib.import_module, _CLIENT)


def _start(settings: ClientSettings, max_concurrency: int) -> OnLoop:
    from airflow_provider_streamkap.api.async_client import AsyncStreamkapClient
    from airflow_provider_streamkap.api.poller import DestinationPoller

    with _shared.lock:
        pace, session = _shared.pace, _shared.session(settings)
    client = AsyncStreamkapClient(
        settings, session=session, sleep=pace.asleep, clock=pace.clock, on_token=amask, rng=pace.rng
    )
    return OnLoop(settings, client, DestinationPoller(client.observe, max_concurrency=max_concurrency))
