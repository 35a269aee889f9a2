# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""What the hooks of one process share: one session and one token for each connection.

Tokens are kept per process, pooled sockets per process (requests) or per event loop (aiohttp). Everything is keyed by
the settings as a whole, so that a changed secret starts afresh and two names of one connection share. A permanent error
is raised only after the connection was looked up again: if it has changed, the call is made once more with the new
settings. A forked child starts with nothing: sockets and locks must not be used from both sides of a fork.
"""

from __future__ import annotations

import asyncio
import copy
import importlib
import logging
import os
import random
import sys
import threading
import time
import weakref
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING, Generic, TypeVar

from airflow_provider_streamkap._compat import AirflowException, AirflowNotFoundException
from airflow_provider_streamkap.api.errors import StreamkapError
from airflow_provider_streamkap.api.network import warn_if_unverified

if TYPE_CHECKING:
    from airflow_provider_streamkap.api.async_client import AsyncStreamkapClient
    from airflow_provider_streamkap.api.client import StreamkapClient
    from airflow_provider_streamkap.api.flows import ApiSession
    from airflow_provider_streamkap.api.settings import ClientSettings
    from airflow_provider_streamkap.gate.target import PollResult, PollTarget
    from airflow_provider_streamkap.hooks._connection import StreamkapConnection
    from airflow_provider_streamkap.hooks.streamkap import StreamkapHook
    from airflow_provider_streamkap.polling.limiter import LimiterSlot

_CLIENT = "airflow_provider_streamkap.api.async_client"

# Rotated secrets leave an entry behind; a process knows few connections at a time.
_KEPT = 32

#: Seconds that pass at least between two lookups of a connection because of refusals: a thousand waits can be refused.
LOOK_UP_AGAIN = 1.0

log = logging.getLogger(__name__)


T = TypeVar("T")


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class ClientClock:
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


@dataclass(frozen=True, slots=True)
class _Again:
    """A connection that was looked up again.

    :param used: the connection with which a call was refused.
    :param began: when, by the clock of the sessions.
    :param until: until when it is not looked up once more.
    :param found: the connection, or the error that came instead.
    """

    used: StreamkapConnection
    began: float
    until: float
    found: StreamkapConnection | Exception


def _must_look(last: _Again | None, used: StreamkapConnection) -> bool:
    """Tell whether a connection has to be looked up again for a refusal, or was looked up just now."""
    if last is None or last.used != used or last.until <= _shared.pace.clock():
        return True
    with _shared.lock:
        return last.began < _shared.session(used.settings).refused_at


def _looked_up(used: StreamkapConnection, began: float, found: StreamkapConnection | Exception) -> _Again:
    return _Again(used, began, _shared.pace.clock() + LOOK_UP_AGAIN, found)


def changed(
    conn_id: str, used: StreamkapConnection, refusal: StreamkapError, found: StreamkapConnection | Exception
) -> StreamkapConnection:
    """Return the connection as it was found again, if that is another reason to try.

    :param conn_id: the Airflow connection.
    :param used: the connection with which the call was refused.
    :param refusal: the permanent error.
    :param found: what the lookup brought.
    :raises StreamkapError: the refusal; not permanent if the connection could not be looked up.
    """
    if isinstance(found, Exception):
        if isinstance(found, AirflowException) and not isinstance(found, AirflowNotFoundException):
            doubtful = copy.copy(refusal)
            doubtful.permanent = False
            doubtful.args = (f"{refusal.message} (not final: {found})",)
            raise doubtful
        raise refusal
    if found.settings == used.settings:
        raise refusal
    log.info("Connection %r has changed since it was looked up: continuing with its new settings", conn_id)
    return found


class LoopClient:
    """What the hooks of one event loop share, as long as their connections have the same settings.

    :param connection: the connection as it was looked up first.
    """

    def __init__(self, connection: StreamkapConnection) -> None:
        from airflow_provider_streamkap.polling.poller import Poller

        self.connection = connection
        self.client = _async_client(connection.settings)
        self.poller = Poller(self._poll, max_concurrency=connection.max_concurrency)
        # One hook of each connection id, which looks the connection up again, and how many use it.
        self._hooks: dict[str, StreamkapHook] = {}
        self._users: Counter[str] = Counter()
        self._lock = asyncio.Lock()
        self._again: _Again | None = None
        # Clients of earlier settings, which may have calls under way.
        self._retired: list[AsyncStreamkapClient] = []

    def join(self, hook: StreamkapHook) -> None:
        """Use this, until :meth:`leave`.

        :param hook: the hook that does.
        """
        self._hooks.setdefault(hook.streamkap_conn_id, hook)
        self._users[hook.streamkap_conn_id] += 1

    def leave(self, conn_id: str) -> bool:
        """Use this no longer.

        :param conn_id: the connection of the hook that does not.
        :returns: whether nobody else uses it.
        """
        self._users[conn_id] -= 1
        if not self._users[conn_id]:
            del self._users[conn_id], self._hooks[conn_id]
        return not self._users

    async def call(self, use: Callable[[AsyncStreamkapClient], Awaitable[T]]) -> T:
        """Make a call; see :meth:`~airflow_provider_streamkap.hooks.streamkap.StreamkapHook.call`.

        :param use: makes the call with the client that it is given.
        """
        used = self.connection
        try:
            return await use(self.client)
        except StreamkapError as error:
            if not error.permanent:
                raise
            refusal = error
        await self._follow(used, refusal)
        return await use(self.client)

    async def _poll(self, target: PollTarget, slot: LimiterSlot) -> PollResult:
        from airflow_provider_streamkap.polling.poll import poll

        return await self.call(lambda client: client.call(lambda session: poll(session, target), slot))

    async def _follow(self, used: StreamkapConnection, refusal: StreamkapError) -> None:
        async with self._lock:
            if self.connection is not used:
                return
            if _must_look(self._again, used):
                began = _shared.pace.clock()
                self._again = _looked_up(used, began, await self._look_up())
            assert self._again is not None
            new = changed(", ".join(self._hooks), used, refusal, self._again.found)
            here = _shared.on_loop[asyncio.get_running_loop()]
            if here.get(used.settings) is self:
                del here[used.settings]
            self.connection = new
            # Hooks that have looked up the new settings before share something else by now, which stays theirs.
            here.setdefault(new.settings, self)
            self._retired.append(self.client)
            self.client = _async_client(new.settings)

    async def _look_up(self) -> StreamkapConnection | Exception:
        """Look up the connection by every name under which it is used, and return it if they agree."""
        found: list[StreamkapConnection | Exception] = []
        for hook in tuple(self._hooks.values()):
            try:
                found.append(await hook._read())
            except Exception as error:
                found.append(error)
        # A call serves the waits of all of them, and must not bring to one what was meant for another.
        if len({item if isinstance(item, Exception) else item.settings for item in found}) > 1:
            return AirflowException(f"the connections {', '.join(self._hooks)} had the same settings and now differ")
        return found[0]

    async def close(self) -> None:
        """Close all sockets, even if the task that does it is cancelled."""
        async with AsyncExitStack() as stack:
            for client in (*self._retired, self.client):
                stack.push_async_callback(client.close)


def _async_client(settings: ClientSettings) -> AsyncStreamkapClient:
    from airflow_provider_streamkap.api.async_client import AsyncStreamkapClient

    with _shared.lock:
        pace, session = _shared.pace, _shared.session(settings)
    return AsyncStreamkapClient(settings, session=session, sleep=pace.asleep, clock=pace.clock, rng=pace.rng)


@dataclass(slots=True)
class _Read:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    known: StreamkapConnection | None = None
    failed: Exception | None = None
    users: int = 0


class _Shared:
    def __init__(self, pace: ClientClock) -> None:
        self.pace = pace
        self.lock = threading.Lock()
        self.sessions: OrderedDict[ClientSettings, ApiSession] = OrderedDict()
        self.clients: OrderedDict[tuple[ClientSettings, int], StreamkapClient] = OrderedDict()
        self.on_loop: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[ClientSettings, LoopClient]] = (
            weakref.WeakKeyDictionary()
        )
        self.again_lock = threading.Lock()
        self.again: dict[str, _Again] = {}
        self.reads: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, _Read]] = weakref.WeakKeyDictionary()

    def session(self, settings: ClientSettings) -> ApiSession:
        # Parsing a DAG has no use for it.
        from airflow_provider_streamkap.api.flows import ApiSession

        session = self.sessions.get(settings)
        if session is None:
            session = self.sessions[settings] = ApiSession(settings, self.pace.clock, self.pace.wall)
        self.sessions.move_to_end(settings)
        if len(self.sessions) > _KEPT:
            self.sessions.popitem(last=False)
        return session


_shared = _Shared(ClientClock())


def _forget() -> None:
    global _shared
    _shared = _Shared(_shared.pace)


os.register_at_fork(after_in_child=_forget)


def pace() -> ClientClock:
    """Return the time by which this process waits."""
    return _shared.pace


@contextmanager
def use_client_clock(pace: ClientClock) -> Iterator[None]:
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
        if found is None or found.closed:
            pace, session = _shared.pace, _shared.session(settings)
            found = StreamkapClient(
                settings,
                session=session,
                sleep=pace.sleep,
                clock=pace.clock,
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


def look_up_again(
    conn_id: str, used: StreamkapConnection, read: Callable[[], StreamkapConnection]
) -> StreamkapConnection | Exception:
    """Look up a connection again after a refusal, at most once in :data:`LOOK_UP_AGAIN` seconds.

    :param conn_id: the Airflow connection.
    :param used: the connection with which the call was refused.
    :param read: looks up the connection.
    :returns: the connection, or the error that came instead, for :func:`changed`.
    """
    with _shared.again_lock:
        if _must_look(_shared.again.get(conn_id), used):
            began = _shared.pace.clock()
            found: StreamkapConnection | Exception
            try:
                found = read()
            except Exception as error:  # it is judged below
                found = error
            _shared.again[conn_id] = _looked_up(used, began, found)
        return _shared.again[conn_id].found


async def connection(conn_id: str, read: Callable[[], Awaitable[StreamkapConnection]]) -> StreamkapConnection:
    """Read a connection once for all that ask while it is being read: a triggerer starts its triggers all together.

    :param conn_id: the Airflow connection.
    :param read: reads it. If it fails, it fails for all of them; if it is cancelled, the next one reads.
    """
    here = _shared.reads.setdefault(asyncio.get_running_loop(), {})
    one = here.setdefault(conn_id, _Read())
    one.users += 1
    try:
        async with one.lock:
            if one.failed is not None:
                raise one.failed.with_traceback(None)
            if one.known is None:
                try:
                    one.known = await read()
                except Exception as error:
                    one.failed = error
                    raise
            return one.known
    finally:
        one.users -= 1
        # Who comes after a failure reads anew, whoever still waits.
        if here.get(conn_id) is one and (not one.users or one.failed is not None):
            del here[conn_id]


class LoopLease(Generic[T]):
    """A context in which this event loop's client and poller are shared; the last to leave closes the sockets.

    A class, and not a generator, because each of thousands of waits keeps one.

    :param hook: gives the connection; the first user's ``max_concurrency`` counts.
    :param pick: what of the shared the context gives.
    """

    __slots__ = ("_conn_id", "_entry", "_hook", "_pick")

    def __init__(self, hook: StreamkapHook, pick: Callable[[LoopClient], T]) -> None:
        self._hook: StreamkapHook | None = hook
        self._conn_id = hook.streamkap_conn_id
        self._pick = pick
        self._entry: LoopClient | None = None

    async def __aenter__(self) -> T:
        hook, self._hook = self._hook, None
        assert hook is not None, "the context has been entered before"
        connection = await hook.aconnection()
        await _load()
        here = _shared.on_loop.setdefault(asyncio.get_running_loop(), {})
        entry = here.get(connection.settings)
        if entry is None:
            entry = here[connection.settings] = LoopClient(connection)
        else:
            warn_if_unverified(connection.settings)
        self._entry = entry
        entry.join(hook)
        return self._pick(entry)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        entry, self._entry = self._entry, None
        assert entry is not None
        if entry.leave(self._conn_id):
            here = _shared.on_loop[asyncio.get_running_loop()]
            if here.get(entry.connection.settings) is entry:
                del here[entry.connection.settings]
            await entry.close()


async def _load() -> None:
    """Import what asks, once in a process, where it does not hold up the loop: it takes hundreds of milliseconds."""
    # While a module is being imported it is there, but not what it will hold.
    if not hasattr(sys.modules.get(_CLIENT), "AsyncStreamkapClient"):
        await asyncio.to_thread(importlib.import_module, _CLIENT)
