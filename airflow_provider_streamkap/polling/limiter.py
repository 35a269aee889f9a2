# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Limit the number of concurrent requests per connection (FIFO).

A call that backs off between two attempts holds no slot. Destinations whose last attempt timed out may use at most half
of the slots, so that they cannot block the others.
"""

from __future__ import annotations

import asyncio
from types import TracebackType

from airflow_provider_streamkap.api.errors import StreamkapTimeoutError


class Limiter:
    """The slots of one connection.

    :param limit: maximum number of concurrent requests, at least 1.
    """

    __slots__ = ("slots", "timeout_slots")

    def __init__(self, limit: int) -> None:
        self.slots = asyncio.Semaphore(limit)
        self.timeout_slots = asyncio.Semaphore(max(1, limit // 2))


class LimiterSlot:
    """Acquires slots for the requests to one resource: an async context manager around each attempt.

    :param limiter: the slots of the connection.
    """

    __slots__ = ("_held", "_limiter", "_timed_out", "began")

    def __init__(self, limiter: Limiter) -> None:
        self._limiter = limiter
        self._held: list[asyncio.Semaphore] = []
        self._timed_out = False
        #: Loop time at which the last attempt started.
        self.began = float("-inf")

    async def acquire(self) -> None:
        """Wait for a slot and hold it for the next attempt."""
        limiter = self._limiter
        for semaphore in (limiter.timeout_slots, limiter.slots) if self._timed_out else (limiter.slots,):
            await semaphore.acquire()
            self._held.append(semaphore)

    def release(self) -> None:
        """Release the slot, if one is held."""
        while self._held:
            self._held.pop().release()

    def start(self) -> None:
        """Record the start of an attempt."""
        self.began = asyncio.get_running_loop().time()

    async def __aenter__(self) -> LimiterSlot:
        if not self._held:
            await self.acquire()
        self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timed_out = isinstance(error, StreamkapTimeoutError)
        self.release()
