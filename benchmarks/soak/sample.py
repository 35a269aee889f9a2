# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""What a process holds at one moment, and whether what it holds grows."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import sqrt
from pathlib import Path

#: What must not grow: the field, its name, and the share of its mean by which it may at most seem to, in an hour.
FLAT = (
    ("rss", "resident MiB", 0.05),
    ("objects", "traced objects", 0.10),
    ("sockets", "sockets", 0.10),
    ("fds", "file descriptors", 0.10),
    ("tasks", "asyncio tasks", 0.10),
    ("threads", "threads", 0.10),
    ("followed", "destinations followed", 0.10),
    ("waits", "waits alive", 0.10),
)


@dataclass(frozen=True)
class Sample:
    """What a process holds at one moment.

    :param minute: of the simulated life.
    :param rss: resident memory, in MiB.
    :param objects: what the garbage collector traces, without what was there before the first wait.
    :param sockets: open sockets.
    :param fds: open file descriptors, sockets included.
    :param tasks: of the event loop.
    :param threads: of the process.
    :param followed: destinations in the poller.
    :param waits: waits alive.
    :param begun: waits begun so far.
    :param requests: for metrics, so far.
    """

    minute: float
    rss: float
    objects: int
    sockets: int
    fds: int
    tasks: int
    threads: int
    followed: int = 0
    waits: int = 0
    begun: int = 0
    requests: int = 0


def held(minute: float, **more: int) -> Sample:
    """Look at what this process holds, after a collection of garbage.

    :param minute: of the simulated life.
    :param more: what the process itself knows.
    """
    gc.collect()
    opened = _opened()
    return Sample(
        minute=minute,
        rss=int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20,
        objects=len(gc.get_objects()),
        sockets=sum(target.startswith("socket:") for target in opened),
        fds=len(opened),
        tasks=len(asyncio.all_tasks()),
        threads=threading.active_count(),
        **more,
    )


def _opened() -> list[str]:
    targets = []
    for entry in list(Path("/proc/self/fd").iterdir()):
        # The one with which the folder is read is gone by now.
        with suppress(OSError):
            targets.append(os.readlink(entry))
    return targets


@dataclass(frozen=True)
class Growth:
    """How something grows, by a line through its samples.

    :param mean: of the samples.
    :param hourly: what the line rises by in an hour.
    :param noise: two standard errors of that.
    :param higher: whether the most of the second half is above the most of the first: what has a bound comes near to
        it now and then, in whichever half.
    """

    mean: float
    hourly: float
    noise: float
    higher: bool

    def exceeds(self, share: float) -> bool:
        """Tell whether it grows by more than a share of its mean and its noise, to where it has not been before.

        :param share: of the mean.
        """
        return self.higher and self.hourly - self.noise > share * self.mean


def growth(minutes: Sequence[float], values: Sequence[float]) -> Growth:
    """Put a line through samples.

    :param minutes: when they were taken; at least three.
    :param values: what they were.
    """
    number = len(minutes)
    middle, mean = sum(minutes) / number, sum(values) / number
    spread = sum((minute - middle) ** 2 for minute in minutes)
    slope = sum((minute - middle) * (value - mean) for minute, value in zip(minutes, values, strict=True)) / spread
    left = sum((value - mean - slope * (minute - middle)) ** 2 for minute, value in zip(minutes, values, strict=True))
    half = number // 2
    higher = max(values[half:]) > max(values[:half])
    return Growth(mean, 60 * slope, 60 * 2 * sqrt(left / (number - 2) / spread), higher)


def growths(samples: Sequence[Sample], settled: float) -> dict[str, Growth]:
    """Tell how everything grows that should not.

    :param samples: of the whole life.
    :param settled: minute from which on nothing may grow.
    """
    counted = [sample for sample in samples if sample.minute >= settled]
    minutes = [sample.minute for sample in counted]
    return {name: growth(minutes, [getattr(sample, name) for sample in counted]) for name, _, _ in FLAT}
