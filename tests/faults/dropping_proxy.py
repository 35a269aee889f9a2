# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""A TCP proxy that closes the first connections and forwards all others."""

from __future__ import annotations

import asyncio
import threading
from typing import Any


class DroppingProxy:
    """Forwards to a server on loopback while its block runs.

    :param port: port of the server.
    :param dropped: number of connections to close after their first byte; None: all.
    """

    def __init__(self, port: int, dropped: int | None) -> None:
        self.port = 0
        #: Number of connections closed so far.
        self.hits = 0
        self._behind = port
        self._left = dropped
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> DroppingProxy:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *error: Any) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._left is None or self._left > 0:
            self._left = self._left and self._left - 1
            self.hits += 1
            await reader.read(1)
            writer.close()
            return
        behind, to_behind = await asyncio.open_connection("127.0.0.1", self._behind)
        await asyncio.gather(_pipe(reader, to_behind), _pipe(behind, writer), return_exceptions=True)


async def _pipe(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
    finally:
        sink.close()
