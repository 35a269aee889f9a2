# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Time that runs faster: event loops whose timers do, and a clock that processes can share."""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

T = TypeVar("T")


class _HastySelector(selectors.DefaultSelector):
    """Waits a part of what it is told to."""

    def __init__(self, speed: float) -> None:
        super().__init__()
        self._speed = speed

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        return super().select(timeout / self._speed if timeout else timeout)


class HastyLoop(asyncio.SelectorEventLoop):
    """An event loop whose timers run faster.

    :param speed: how many seconds pass in one.
    """

    def __init__(self, speed: float) -> None:
        super().__init__(_HastySelector(speed))
        self._speed = speed

    def time(self) -> float:
        """Give the time of the loop."""
        return super().time() * self._speed


def run_hastily(main: Coroutine[Any, Any, T], speed: float = 100.0) -> T:
    """Run a coroutine on an event loop whose timers run faster.

    :param main: it.
    :param speed: how many seconds pass in one.
    """
    with asyncio.Runner(loop_factory=lambda: HastyLoop(speed)) as runner:
        return runner.run(main)


@dataclass(frozen=True)
class HastyClock:
    """Epoch seconds that run faster from a moment on, the same in every process of this machine.

    :param speed: how many seconds pass in one.
    :param epoch: epoch seconds at that moment.
    :param began: that moment, by the machine's monotonic clock.
    """

    speed: float
    epoch: float
    began: float

    @classmethod
    def start(cls, speed: float) -> HastyClock:
        """Make a clock that runs faster from now on.

        :param speed: how many seconds pass in one.
        """
        return cls(speed, time.time(), time.monotonic())

    def time(self) -> float:
        """Give epoch seconds."""
        return self.epoch + self.elapsed()

    def wall(self) -> datetime:
        """Give the same as an aware time."""
        return datetime.fromtimestamp(self.time(), UTC)

    def elapsed(self) -> float:
        """Give the seconds since the clock runs faster."""
        return (time.monotonic() - self.began) * self.speed

    def monotonic(self) -> float:
        """Give the time of event loops that run at this speed."""
        return time.monotonic() * self.speed

    @contextmanager
    def everywhere(self) -> Iterator[None]:
        """Let all of this process take its epoch seconds from here while the block runs: for a process of its own."""
        before = time.time
        time.time = self.time
        try:
            yield
        finally:
            time.time = before
