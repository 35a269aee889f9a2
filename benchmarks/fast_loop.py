# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Event loops with accelerated timers, and an accelerated clock that several processes can share."""

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


class _FastSelector(selectors.DefaultSelector):
    """Divide the select timeout by the speed."""

    def __init__(self, speed: float) -> None:
        super().__init__()
        self._speed = speed

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        return super().select(timeout / self._speed if timeout else timeout)


class FastEventLoop(asyncio.SelectorEventLoop):
    """An event loop with accelerated timers.

    :param speed: loop seconds per real second.
    """

    def __init__(self, speed: float) -> None:
        super().__init__(_FastSelector(speed))
        self._speed = speed

    def time(self) -> float:
        """Return the loop's time, in accelerated seconds."""
        return super().time() * self._speed


def run_fast(main: Coroutine[Any, Any, T], speed: float = 100.0) -> T:
    """Run a coroutine on an event loop with accelerated timers.

    :param main: the coroutine.
    :param speed: loop seconds per real second.
    """
    with asyncio.Runner(loop_factory=lambda: FastEventLoop(speed)) as runner:
        return runner.run(main)


@dataclass(frozen=True)
class FastClock:
    """An accelerated wall clock, consistent across the processes of one machine.

    :param speed: loop seconds per real second.
    :param epoch: epoch seconds at the start.
    :param began: monotonic time at the start.
    """

    speed: float
    epoch: float
    began: float

    @classmethod
    def start(cls, speed: float) -> FastClock:
        """Return a clock that starts now.

        :param speed: loop seconds per real second.
        """
        return cls(speed, time.time(), time.monotonic())

    def time(self) -> float:
        """Return epoch seconds."""
        return self.epoch + self.elapsed()

    def wall(self) -> datetime:
        """Return the time as an aware datetime."""
        return datetime.fromtimestamp(self.time(), UTC)

    def elapsed(self) -> float:
        """Return the accelerated seconds since the start."""
        return (time.monotonic() - self.began) * self.speed

    def monotonic(self) -> float:
        """Return the time of event loops that run at this speed."""
        return time.monotonic() * self.speed

    @contextmanager
    def patch_time(self) -> Iterator[None]:
        """Replace ``time.time`` within the block, for the whole process."""
        before = time.time
        time.time = self.time
        try:
            yield
        finally:
            time.time = before
