# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Sample the resource usage of the process, and measure its growth."""

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

#: Metrics that must not grow: field, label, and maximum hourly growth as a share of the mean.
LEAK_METRICS = (
    ("rss", "resident MiB", 0.05),
    ("objects", "traced objects", 0.10),
    ("sockets", "sockets", 0.10),
    ("fds", "file descriptors", 0.10),
    ("tasks", "asyncio tasks", 0.10),
    ("threads", "threads", 0.10),
    ("polled", "destinations polled", 0.10),
    ("waits", "active waits", 0.10),
)


@dataclass(frozen=True)
class Sample:
    """Resource usage of the process at one time.

    :param minute: simulated minute.
    :param rss: resident memory, in MiB.
    :param objects: objects tracked by the garbage collector, without those that existed before the first wait.
    :param sockets: open sockets.
    :param fds: open file descriptors, sockets included.
    :param tasks: tasks of the event loop.
    :param threads: threads of the process.
    :param polled: destinations in the poller.
    :param waits: active waits.
    :param begun: waits started so far.
    :param requests: metrics requests so far.
    """

    minute: float
    rss: float
    objects: int
    sockets: int
    fds: int
    tasks: int
    threads: int
    polled: int = 0
    waits: int = 0
    begun: int = 0
    requests: int = 0


def take_sample(minute: float, **more: int) -> Sample:
    """Collect garbage, then sample this process.

    :param minute: simulated minute.
    :param more: fields known to the caller.
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
        # The descriptor of the directory listing itself is already closed.
        with suppress(OSError):
            targets.append(os.readlink(entry))
    return targets


@dataclass(frozen=True)
class Growth:
    """Growth of a metric, from a linear fit.

    :param mean: mean of the samples.
    :param hourly: slope of the fit, per hour.
    :param noise: two standard errors of the slope.
    :param higher: whether the maximum of the second half exceeds that of the first. A bounded metric can reach its
        limit more often in either half without growing.
    """

    mean: float
    hourly: float
    noise: float
    higher: bool

    def exceeds(self, share: float) -> bool:
        """Return whether the growth, minus its noise, exceeds a share of the mean, and the maximum rose.

        :param share: share of the mean.
        """
        return self.higher and self.hourly - self.noise > share * self.mean


def growth(minutes: Sequence[float], values: Sequence[float]) -> Growth:
    """Fit a line to samples.

    :param minutes: times of the samples; at least three.
    :param values: values of the samples.
    """
    number = len(minutes)
    middle, mean = sum(minutes) / number, sum(values) / number
    spread = sum((minute - middle) ** 2 for minute in minutes)
    slope = sum((minute - middle) * (value - mean) for minute, value in zip(minutes, values, strict=True)) / spread
    left = sum((value - mean - slope * (minute - middle)) ** 2 for minute, value in zip(minutes, values, strict=True))
    half = number // 2
    higher = max(values[half:]) > max(values[:half])
    return Growth(mean, 60 * slope, 60 * 2 * sqrt(left / (number - 2) / spread), higher)


def growth_by_metric(samples: Sequence[Sample], settled: float) -> dict[str, Growth]:
    """Return the growth of each metric in LEAK_METRICS.

    :param samples: samples of the whole run.
    :param settled: first minute to evaluate.
    """
    counted = [sample for sample in samples if sample.minute >= settled]
    minutes = [sample.minute for sample in counted]
    return {name: growth(minutes, [getattr(sample, name) for sample in counted]) for name, _, _ in LEAK_METRICS}
