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
import sys
import threading
import weakref
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_streamkap.api.exchange import Session
from airflow_provider_streamkap.hooks.masking import amask, mask

if TYPE_CHECKING:
    from airflow_provider_streamkap.api.async_client import AsyncStreamkapClient
    from airflow_provider_streamkap.api.client import StreamkapClient
    from airflow_provider_streamkap.api.poller import DestinationPoller
    from airflow_provider_streamkap.api.settings import ClientSettings
    from airflow_provider_streamkap.hooks.connection import StreamkapConnection

_CLIENT = "airflow_provider_streamkap.api.async_client"

# Rotated secrets leave an entry behind; a process knows few connections at a time.
_KEPT = 32


@dataclass(slots=True)
class _OnLoop:
    client: AsyncStreamkapClient
    poller: DestinationPoller
    users: int = 0


class _Shared:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.sessions: OrderedDict[ClientSettings, Session] = OrderedDict()
        self.clients: OrderedDict[ClientSettings, StreamkapClient] = OrderedDict()
        self.on_loop: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[ClientSettings, _OnLoop]] = (
            weakref.WeakKeyDictionary()
        )
        self.reads: weakref.WeakKeyDictionary[
            asyncio.AbstractEventLoop, dict[str, asyncio.Task[StreamkapConnection]]
        ] = weakref.WeakKeyDictionary()

    def session(self, settings: ClientSettings) -> Session:
        session = self.sessions.get(settings)
        if session is None:
            session = self.sessions[settings] = Session(settings)
        self.sessions.move_to_end(settings)
        if len(self.sessions) > _KEPT:
            self.sessions.popitem(last=False)
        return session


_shared = _Shared()


def _forget() -> None:
    global _shared
    _shared = _Shared()


os.register_at_fork(after_in_child=_forget)


def client(settings: ClientSettings) -> StreamkapClient:
    """Give the process's client for these settings, made at the first call.

    :param settings: what the connection says.
    """
    from airflow_provider_streamkap.api.client import StreamkapClient

    with _shared.lock:
        found = _shared.clients.get(settings)
        if found is None:
            found = StreamkapClient(settings, session=_shared.session(settings), on_token=mask)
            _shared.clients[settings] = found
        _shared.clients.move_to_end(settings)
        if len(_shared.clients) > _KEPT:
            # Not closed: another thread may still be using it. Its sockets go with its last user.
            _shared.clients.popitem(last=False)
        return found


async def connection(conn_id: str, read: Callable[[], Coroutine[Any, Any, StreamkapConnection]]) -> StreamkapConnection:
    """Read a connection once for all who ask while it is being read: a triggerer starts its triggers all together.

    :param conn_id: the Airflow connection.
    :param read: reads it.
    """
    under_way = _shared.reads.setdefault(asyncio.get_running_loop(), {})
    task = under_way.get(conn_id)
    if task is None:
        task = under_way[conn_id] = asyncio.create_task(read())

        def done(ended: asyncio.Task[StreamkapConnection]) -> None:
            del under_way[conn_id]
            # Nobody may be left to be told, which asyncio would take for an oversight.
            if not ended.cancelled():
                ended.exception()

        task.add_done_callback(done)
    # Whoever leaves takes nothing from the others.
    return await asyncio.shield(task)


@asynccontextmanager
async def on_loop(settings: ClientSettings, max_concurrency: int) -> AsyncIterator[_OnLoop]:
    """Share this event loop's client and poller; the last to leave closes the sockets, the token stays.

    :param settings: what the connection says.
    :param max_concurrency: requests of the poller under way at once; the first user's word counts.
    """
    await _load()
    here = _shared.on_loop.setdefault(asyncio.get_running_loop(), {})
    entry = here.get(settings)
    if entry is None:
        entry = here[settings] = _start(settings, max_concurrency)
    entry.users += 1
    try:
        yield entry
    finally:
        entry.users -= 1
        if not entry.users:
            del here[settings]
            await entry.client.close()


async def _load() -> None:
    """Import what asks, once in a process, where it does not hold up the loop: it takes hundreds of milliseconds."""
    # While a module is being imported it is there, but not what it will hold.
    if not hasattr(sys.modules.get(_CLIENT), "AsyncStreamkapClient"):
        await asyncio.to_thread(importlib.import_module, _CLIENT)


def _start(settings: ClientSettings, max_concurrency: int) -> _OnLoop:
    from airflow_provider_streamkap.api.async_client import AsyncStreamkapClient
    from airflow_provider_streamkap.api.poller import DestinationPoller

    with _shared.lock:
        session = _shared.session(settings)
    client = AsyncStreamkapClient(settings, session=session, on_token=amask)
    return _OnLoop(client, DestinationPoller(client.observe, max_concurrency=max_concurrency))
