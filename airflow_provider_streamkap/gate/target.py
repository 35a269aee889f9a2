# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""What a wait looks at: the latest metrics of a destination and, where a time matters, its newest points.

``latest`` does not say how old it is; only the points of a timeseries carry a time. So whoever has to know when a
lag was measured watches the timeseries too, at the finest grain and over a narrow window.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property, lru_cache
from typing import Any

from airflow_provider_streamkap.api.errors import StreamkapError, single_line
from airflow_provider_streamkap.api.metrics import LAG, DestinationMetrics
from airflow_provider_streamkap.api.query import GRAIN_SECONDS, TIMESERIES, MetricsQuery
from airflow_provider_streamkap.gate.reading import LagPoint, Reading, is_known

#: Seconds of timeseries that are asked for, unless readings may be older.
WINDOW_SECONDS = 3600


# The same question at every poll.
@lru_cache(maxsize=4096)
def _latest(destination_id: str) -> MetricsQuery:
    return MetricsQuery(destination_id)


@dataclass(frozen=True, slots=True)
class PollTarget:
    """One destination, looked at in one way; equal watches can share a poll.

    :param destination_id: the destination.
    :param window: seconds of timeseries to look at; ``None``: the latest metrics are enough.
    """

    destination_id: str
    window: int | None = None

    @classmethod
    def timestamped(cls, destination_id: str, max_age: float | None = None) -> PollTarget:
        """Watch a destination with times.

        :param destination_id: the destination.
        :param max_age: seconds; readings of this age must still be in the window.
        """
        return cls(destination_id, max(WINDOW_SECONDS, math.ceil(max_age or 0) + 2 * GRAIN_SECONDS))

    @property
    def series_limit(self) -> int:
        """Most bytes of the timeseries: 1 MiB for each hour of the window, and 32 MiB at most."""
        return min(math.ceil((self.window or 0) / WINDOW_SECONDS), 32) * 1024 * 1024

    def latest(self) -> MetricsQuery:
        """Ask for the latest metrics."""
        return _latest(self.destination_id)

    def newest(self, now: datetime) -> MetricsQuery | None:
        """Ask for the newest points; ``None`` where times do not matter.

        :param now: aware current time.
        """
        if self.window is None:
            return None
        # The API may cut its minutes from here, so the start must not move from poll to poll.
        since = (now - timedelta(seconds=self.window)).replace(second=0, microsecond=0)
        return MetricsQuery(self.destination_id, TIMESERIES, 1, "minute", timestamp_from=since)


@dataclass(frozen=True)
class PollResult:
    """What one poll showed.

    :param latest: the latest metrics.
    :param series: the newest points, if they were requested and could be read.
    :param series_error: why the points could not be read, although the latest metrics could.
    :param measured: whether there are any metrics; False: the destination exists and has none yet, so that
        ``latest`` is empty.
    :param clock_lead: seconds by which the API's clock is ahead of this machine's; ``None``: its responses carry no
        ``Date`` header.
    """

    latest: DestinationMetrics
    series: DestinationMetrics | None = None
    series_error: StreamkapError | None = None
    measured: bool = True
    clock_lead: float | None = None

    @classmethod
    def bare(cls, target: PollTarget, now: datetime) -> PollResult:
        """Return the observation of a destination that has no metrics yet: nothing is known.

        :param watch: how it was looked at.
        :param now: aware current time.
        """
        return cls(DestinationMetrics.parse(target.latest(), {"data": {}}, now), measured=False)

    @cached_property
    def reading(self) -> Reading:
        """The values that can be judged; computed once, for all the waits that share the poll."""
        latest = self.latest
        status = latest.connector_status
        return Reading(
            # It is an open set, and is shown in logs and messages: no line breaks, no escape sequences.
            None if status is None else single_line(status),
            latest.records_lag,
            latest.latency_ms,
            self._points(),
            latest.observed_at,
            latest.partitions,
        )

    def _points(self) -> tuple[LagPoint, ...] | None:
        """The known lag points, oldest first: null is unknown, and of two values for one timestamp the worse counts."""
        if self.series is None:
            return None if self.series_error is None else ()
        worst: dict[float, float] = {}
        for point in self.series.points(LAG):
            if point.value is not None and is_known(point.value):
                at = point.timestamp.timestamp()
                worst[at] = max(point.value, worst.get(at, 0))
        return tuple(LagPoint(at, lag) for at, lag in worst.items())

    def as_dict(self) -> dict[str, Any]:
        """Return the latest metrics as strict JSON."""
        return self.latest.as_dict()
