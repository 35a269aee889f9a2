# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""An event loop with virtual time: instead of sleeping, its clock jumps.

Hours of waiting take milliseconds, every run is deterministic, and a deadlock is detected
immediately.
"""

from __future__ import annotations

import asyncio
import selectors
import weakref
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any, Final, TypeVar, TypeVarTuple

#: Seconds: the clock resolution of Linux, and a coarse one.
LINUX: Final = 1e-9
COARSE: Final = 0.016

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class DeadlockError(RuntimeError):
    """Everything waits, and nothing is left that could wake it."""


class _Clock(selectors.SelectSelector):
    """Sleeps by advancing the clock."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1_000.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise DeadlockError
        if not ready and timeout:
            self.now += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop that never sleeps.

    :param early: seconds by which timers may fire early, as in real loops due to the clock resolution.
    """

    def __init__(self, early: float = LINUX) -> None:
        self._virtual = _Clock()
        super().__init__(self._virtual)
        # asyncio reads this from its clock; there is no public way to set it.
        self._clock_resolution = early
        self._timers: list[weakref.ref[asyncio.TimerHandle]] = []

    def time(self) -> float:
        return self._virtual.now

    def call_at(
        self, when: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        timer = super().call_at(when, callback, *args, context=context)
        self._timers.append(weakref.ref(timer))
        return timer

    def pending_timers(self) -> int:
        """Count the timers that would still fire."""
        timers = [timer() for timer in self._timers]
        return sum(timer is not None and not timer.cancelled() and timer.when() > self.time() for timer in timers)


def run(main: Coroutine[Any, Any, T], *, early: float = LINUX) -> T:
    """Run a coroutine in virtual time.

    :param main: the coroutine.
    :param early: seconds by which timers may fire early.
    """
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(early)) as runner:
        return runner.run(main)


async def settle(rounds: int = 20) -> None:
    """Run everything that is ready, without advancing the clock.

    :param rounds: iterations of the loop.
    """
    for _ in range(rounds):
        await asyncio.sleep(0)
