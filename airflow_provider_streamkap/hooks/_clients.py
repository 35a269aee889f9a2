# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Clients and tokens that the hooks of one process share.

Tokens are shared per process, pooled sockets per process (requests) or per event loop (aiohttp). The key is the full
settings: a changed secret gets a new token, and two connection ids with equal settings share one. Before a permanent
error is raised, the connection is looked up again; if it has changed, the call is repeated once with the new settings.
A forked process starts with empty caches, because sockets and locks must not be shared across a fork.

The two clients are imported on first use, separately: a triggerer does not need requests, and a worker not aiohttp.
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
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING, Generic, TypeVar

from airflow_provider_streamkap import api
from airflow_provider_streamkap._compat import AirflowException, AirflowNotFoundException
from airflow_provider_streamkap.api.errors import StreamkapError
from airflow_provider_streamkap.api.flows import ApiSession
from airflow_provider_streamkap.api.network import warn_if_unverified
from airflow_provider_streamkap.api.settings import ClientSettings
from airflow_provider_streamkap.gate.target import AnyPollResult, PollTarget
from airflow_provider_streamkap.hooks._connection import StreamkapConnection
from airflow_provider_streamkap.hooks._names import NameCache
from airflow_provider_streamkap.polling.limiter import LimiterSlot
from airflow_provider_streamkap.polling.poll import poll
from airflow_provider_streamkap.polling.poller import Poller

if TYPE_CHECKING:
    from airflow_provider_streamkap.api.async_client import AsyncStreamkapClient
    from airflow_provider_streamkap.api.client import StreamkapClient
    from airflow_provider_streamkap.hooks.streamkap import StreamkapHook

_CLIENT = "airflow_provider_streamkap.api.async_client"

# Maximum number of cached entries. Each rotation of a secret adds one; a process uses few connections at a time.
_MAX_ENTRIES = 32

#: Minimum seconds between lookups of a connection after permanent errors: a thousand waits can fail at once.
RELOAD_SECONDS = 1.0

log = logging.getLogger(__name__)


T = TypeVar("T")


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class ClientClock:
    """Clocks, sleep functions and jitter of the clients. Tests replace them.

    :param monotonic: monotonic clock, in seconds; default :func:`time.monotonic`.
    :param sleep: sleeps for the given number of seconds in a thread; default :func:`time.sleep`.
    :param asleep: sleeps for the given number of seconds on an event loop; default :func:`asyncio.sleep`.
    :param rng: random generator for the back-off jitter; None (default): the system's.
    :param wall: returns the aware current time, with which metrics are timestamped; default: the system clock.
    """

    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    asleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    rng: random.Random | None = None
    wall: Callable[[], datetime] = _now


@dataclass(frozen=True, slots=True)
class _RepeatedLookup:
    """The result of looking up a connection again after a permanent error.

    :param used: the connection of the failed call.
    :param started: session clock time at which the lookup started.
    :param ended: session clock time at which the lookup ended.
    :param result: the connection, or the error of the lookup.
    """

    used: StreamkapConnection
    started: float
    ended: float
    result: StreamkapConnection | Exception


def require_change(
    conn_id: str, used: StreamkapConnection, rejection: StreamkapError, result: StreamkapConnection | Exception
) -> StreamkapConnection:
    """Return the reloaded connection if its settings have changed, else raise the permanent error.

    :param conn_id: id of the Airflow connection.
    :param used: the connection of the failed call.
    :param rejection: the permanent error of the call.
    :param result: the reloaded connection, or the error of the lookup.
    :raises StreamkapError: the error of the call; not permanent if the lookup failed.
    """
    if isinstance(result, Exception):
        if isinstance(result, AirflowException) and not isinstance(result, AirflowNotFoundException):
            not_permanent = copy.copy(rejection)
            not_permanent.permanent = False
            not_permanent.args = (f"{rejection.message} (will be retried: {result})",)
            raise not_permanent
        raise rejection
    if result.settings == used.settings:
        raise rejection
    log.info("Connection %r has changed; repeating the request with the new settings", conn_id)
    return result


class LoopClient:
    """The client and the poller that hooks on one event loop share while their connections have equal settings.

    :param connection: the connection of the first hook.
    """

    def __init__(self, connection: StreamkapConnection) -> None:
        self.connection = connection
        self.client = shared_clients.new_async_client(connection.settings)
        self.poller = Poller(self._poll, max_concurrency=connection.max_concurrency)
        # One hook per connection id, to reload the connection, and the number of users per id.
        self._hooks: dict[str, StreamkapHook] = {}
        self._users: Counter[str] = Counter()
        self._lock = asyncio.Lock()
        #: Held while names are resolved, so that concurrent triggers send one listing.
        self.names_lock = asyncio.Lock()
        self._last_lookup: _RepeatedLookup | None = None
        # Clients with previous settings, which may still have requests in progress.
        self._retired: list[AsyncStreamkapClient] = []

    def add_user(self, hook: StreamkapHook) -> None:
        """Add a user, until :meth:`remove_user`.

        :param hook: the user's hook.
        """
        self._hooks.setdefault(hook.streamkap_conn_id, hook)
        self._users[hook.streamkap_conn_id] += 1

    def remove_user(self, conn_id: str) -> bool:
        """Remove a user.

        :param conn_id: connection id of the user's hook.
        :returns: whether no user is left.
        """
        self._users[conn_id] -= 1
        if not self._users[conn_id]:
            del self._users[conn_id], self._hooks[conn_id]
        return not self._users

    async def call(self, use: Callable[[AsyncStreamkapClient], Awaitable[T]]) -> T:
        """Make a call; see :meth:`~airflow_provider_streamkap.hooks.streamkap.StreamkapHook.call`.

        :param use: makes the call with the client passed to it.
        """
        used = self.connection
        try:
            return await use(self.client)
        except StreamkapError as error:
            if not error.permanent:
                raise
            rejection = error
        await self._adopt_new_settings(used, rejection)
        return await use(self.client)

    async def _poll(self, target: PollTarget, slot: LimiterSlot) -> AnyPollResult:
        return await self.call(lambda client: client.call(lambda session: poll(session, target), slot))

    async def _adopt_new_settings(self, used: StreamkapConnection, rejection: StreamkapError) -> None:
        async with self._lock:
            if self.connection is not used:
                return
            if not shared_clients.can_reuse(self._last_lookup, used):
                now = shared_clients.clock.monotonic
                started = now()
                result = await self._look_up_all_ids()
                self._last_lookup = _RepeatedLookup(used, started, now(), result)
            assert self._last_lookup is not None
            new = require_change(", ".join(self._hooks), used, rejection, self._last_lookup.result)
            here = shared_clients.loop_clients[asyncio.get_running_loop()]
            if here.get(used.settings) is self:
                del here[used.settings]
            self.connection = new
            # Keep an existing entry: hooks that already use the new settings share it.
            here.setdefault(new.settings, self)
            self._retired.append(self.client)
            self.client = shared_clients.new_async_client(new.settings)

    async def _look_up_all_ids(self) -> StreamkapConnection | Exception:
        """Look up the connection by each id in use, and return it if all have the same settings."""
        results: list[StreamkapConnection | Exception] = []
        for hook in tuple(self._hooks.values()):
            try:
                results.append(await hook._look_up_async())
            except Exception as error:
                results.append(error)
        # One request serves the waits of all ids, so their settings must not differ.
        if len({item if isinstance(item, Exception) else item.settings for item in results}) > 1:
            return AirflowException(
                f"connections {', '.join(self._hooks)} had the same settings and now differ; give them the same "
                "settings, or wait with one connection"
            )
        return results[0]

    async def close(self) -> None:
        """Close all sockets, even if the calling task is cancelled."""
        async with AsyncExitStack() as stack:
            for client in (*self._retired, self.client):
                stack.push_async_callback(client.close)


@dataclass(slots=True)
class _PendingLookup:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    result: StreamkapConnection | None = None
    error: Exception | None = None
    users: int = 0


class SharedClients:
    """The clients, tokens and connection lookups that all hooks of a process share.

    :param clock: the clock of the clients.
    """

    def __init__(self, clock: ClientClock) -> None:
        self.clock = clock
        self.reset()

    def reset(self) -> None:
        """Start with empty caches and new locks, as a forked process must."""
        self.lock = threading.Lock()
        self.sessions: OrderedDict[ClientSettings, ApiSession] = OrderedDict()
        self.clients: OrderedDict[tuple[ClientSettings, int], StreamkapClient] = OrderedDict()
        self.loop_clients: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[ClientSettings, LoopClient]] = (
            weakref.WeakKeyDictionary()
        )
        self.names = NameCache(lambda: self.clock.monotonic())
        self.repeat_lock = threading.Lock()
        self.repeated_lookups: dict[str, _RepeatedLookup] = {}
        self.pending_lookups: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, _PendingLookup]] = (
            weakref.WeakKeyDictionary()
        )

    def client(self, connection: StreamkapConnection) -> StreamkapClient:
        """Return the client shared by all hooks of this process that use these settings.

        If certificate verification is off, each call logs a warning.

        :param connection: the connection.
        """
        settings, max_concurrency = key = connection.settings, connection.max_concurrency
        with self.lock:
            found = self.clients.get(key)
            if found is None or found.closed:
                found = self.clients[key] = api.StreamkapClient(
                    settings,
                    session=self._session(settings),
                    sleep=self.clock.sleep,
                    clock=self.clock.monotonic,
                    rng=self.clock.rng,
                    max_concurrency=max_concurrency,
                )
            else:
                warn_if_unverified(settings)
            self.clients.move_to_end(key)
            if len(self.clients) > _MAX_ENTRIES:
                # Not closed: another thread may still use it. Its sockets are closed when it is garbage-collected.
                self.clients.popitem(last=False)
            return found

    def new_async_client(self, settings: ClientSettings) -> AsyncStreamkapClient:
        """Return a new client that shares the token of these settings.

        :param settings: settings of the connection.
        """
        with self.lock:
            session = self._session(settings)
        clock = self.clock
        return api.AsyncStreamkapClient(
            settings, session=session, sleep=clock.asleep, clock=clock.monotonic, rng=clock.rng
        )

    def _session(self, settings: ClientSettings) -> ApiSession:
        session = self.sessions.get(settings)
        if session is None:
            session = self.sessions[settings] = ApiSession(settings, self.clock.monotonic, self.clock.wall)
        self.sessions.move_to_end(settings)
        if len(self.sessions) > _MAX_ENTRIES:
            self.sessions.popitem(last=False)
        return session

    def can_reuse(self, last: _RepeatedLookup | None, used: StreamkapConnection) -> bool:
        """Return whether the last lookup after a permanent error also applies to another such error.

        :param last: the last lookup, if any.
        :param used: the connection of the failed call.
        """
        if last is None or last.used != used or last.ended + RELOAD_SECONDS <= self.clock.monotonic():
            return False
        with self.lock:
            return last.started >= self._session(used.settings).rejected_at

    def look_up_again(
        self, conn_id: str, used: StreamkapConnection, look_up: Callable[[], StreamkapConnection]
    ) -> StreamkapConnection | Exception:
        """Look up a connection again after a permanent error, at most once in :data:`RELOAD_SECONDS` seconds.

        :param conn_id: id of the Airflow connection.
        :param used: the connection of the failed call.
        :param look_up: looks up the connection.
        :returns: the connection, or the error of the lookup, for :func:`require_change`.
        """
        with self.repeat_lock:
            if not self.can_reuse(self.repeated_lookups.get(conn_id), used):
                started = self.clock.monotonic()
                result: StreamkapConnection | Exception
                try:
                    result = look_up()
                except Exception as error:  # handled by require_change
                    result = error
                self.repeated_lookups[conn_id] = _RepeatedLookup(used, started, self.clock.monotonic(), result)
            return self.repeated_lookups[conn_id].result

    async def look_up_once(
        self, conn_id: str, look_up: Callable[[], Awaitable[StreamkapConnection]]
    ) -> StreamkapConnection:
        """Look up a connection once for all concurrent callers, because a triggerer starts many triggers at once.

        :param conn_id: id of the Airflow connection.
        :param look_up: looks up the connection. An error is raised to all callers; if it is cancelled, the next caller
            looks it up.
        """
        here = self.pending_lookups.setdefault(asyncio.get_running_loop(), {})
        lookup = here.setdefault(conn_id, _PendingLookup())
        lookup.users += 1
        try:
            async with lookup.lock:
                if lookup.error is not None:
                    raise lookup.error.with_traceback(None)
                if lookup.result is None:
                    try:
                        lookup.result = await look_up()
                    except Exception as error:
                        lookup.error = error
                        raise
                return lookup.result
        finally:
            lookup.users -= 1
            # After an error, new callers start a new lookup, even while earlier callers still wait for this one.
            if here.get(conn_id) is lookup and (not lookup.users or lookup.error is not None):
                del here[conn_id]


shared_clients = SharedClients(ClientClock())
"""The clients of this process."""

os.register_at_fork(after_in_child=shared_clients.reset)


class LoopLease(Generic[T]):
    """Context manager for the shared client and poller of this event loop. The last user closes the sockets.

    A class instead of a generator to save memory, because each of thousands of waits holds one.

    :param hook: provides the connection; the ``max_concurrency`` of the first user applies.
    :param pick: selects what the context returns.
    """

    __slots__ = ("_conn_id", "_entry", "_hook", "_pick")

    def __init__(self, hook: StreamkapHook, pick: Callable[[LoopClient], T]) -> None:
        self._hook: StreamkapHook | None = hook
        self._conn_id = hook.streamkap_conn_id
        self._pick = pick
        self._entry: LoopClient | None = None

    async def __aenter__(self) -> T:
        hook, self._hook = self._hook, None
        assert hook is not None, "the context manager cannot be reused"
        connection = await hook.aconnection()
        await _import_client()
        here = shared_clients.loop_clients.setdefault(asyncio.get_running_loop(), {})
        entry = here.get(connection.settings)
        if entry is None:
            entry = here[connection.settings] = LoopClient(connection)
        else:
            warn_if_unverified(connection.settings)
        self._entry = entry
        entry.add_user(hook)
        return self._pick(entry)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        entry, self._entry = self._entry, None
        assert entry is not None
        if entry.remove_user(self._conn_id):
            here = shared_clients.loop_clients[asyncio.get_running_loop()]
            if here.get(entry.connection.settings) is entry:
                del here[entry.connection.settings]
            await entry.close()


async def _import_client() -> None:
    """Import the asynchronous client in a thread: it takes hundreds of milliseconds."""
    # A module that is still being imported is in sys.modules, but has no client yet.
    if not hasattr(sys.modules.get(_CLIENT), "AsyncStreamkapClient"):
        await asyncio.to_thread(importlib.import_module, _CLIENT)
