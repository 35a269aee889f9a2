# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Whose turn it is to ask: bounds the calls under way at once, first come first served.

A call that waits between two attempts does not hold its slot. And a destination whose last attempt timed out may
hang again, for a whole time-out; all such destinations together get no more than half of the slots, so that they
delay each other and nobody else.
"""

from __future__ import annotations

import asyncio
from types import TracebackType

from airflow_provider_streamkap.api.errors import StreamkapTimeoutError


class Limiter:
    """The slots that all turns share.

    :param limit: calls under way at once; at least 1.
    """

    __slots__ = ("all", "unsure")

    def __init__(self, limit: int) -> None:
        self.all = asyncio.Semaphore(limit)
        self.unsure = asyncio.Semaphore(max(1, limit // 2))


class LimiterSlot:
    """One destination's turns, one after the other: a context for each attempt to ask it.

    :param slots: what it shares with the others.
    """

    __slots__ = ("_held", "_slots", "_unsure", "began")

    def __init__(self, slots: Limiter) -> None:
        self._slots = slots
        self._held: list[asyncio.Semaphore] = []
        self._unsure = False
        #: Loop time at which the last attempt began.
        self.began = float("-inf")

    async def take(self) -> None:
        """Wait for a slot. It is there for the next attempt, whenever that is made, or to be given back."""
        for slots in (self._slots.unsure, self._slots.all) if self._unsure else (self._slots.all,):
            await slots.acquire()
            self._held.append(slots)

    def give_back(self) -> None:
        """Let go of the slot, if one is held."""
        while self._held:
            self._held.pop().release()

    def start(self) -> None:
        """Note that the attempt is made now."""
        self.began = asyncio.get_running_loop().time()

    async def __aenter__(self) -> LimiterSlot:
        if not self._held:
            await self.take()
        self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._unsure = isinstance(error, StreamkapTimeoutError)
        self.give_back()
