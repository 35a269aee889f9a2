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

from airflow_provider_streamkap.api.metrics import LAG, DestinationMetrics, Point
from airflow_provider_streamkap.api.query import GRAIN_SECONDS, TIMESERIES, MetricsQuery
from airflow_provider_streamkap.api.reading import Reading

#: Seconds of timeseries that are asked for, unless readings may be older.
WINDOW_SECONDS = 3600


# The same question at every poll.
@lru_cache(maxsize=4096)
def _latest(destination_id: str) -> MetricsQuery:
    return MetricsQuery(destination_id)


@dataclass(frozen=True, slots=True)
class Watch:
    """One destination, looked at in one way; equal watches can share a poll.

    :param destination_id: the destination.
    :param window: seconds of timeseries to look at; ``None``: the latest metrics are enough.
    """

    destination_id: str
    window: int | None = None

    @classmethod
    def dated(cls, destination_id: str, max_age: float | None = None) -> Watch:
        """Watch a destination with times.

        :param destination_id: the destination.
        :param max_age: seconds; readings of this age must still be in the window.
        """
        return cls(destination_id, max(WINDOW_SECONDS, math.ceil(max_age or 0) + 2 * GRAIN_SECONDS))

    def latest(self) -> MetricsQuery:
        """Ask for the latest metrics."""
        return _latest(self.destination_id)

    def newest(self, now: datetime) -> MetricsQuery | None:
        """Ask for the newest points; ``None`` where times do not matter.

        :param now: aware current time.
        """
        if self.window is None:
            return None
        since = (now - timedelta(seconds=self.window)).replace(microsecond=0)
        return MetricsQuery(self.destination_id, TIMESERIES, 1, "minute", timestamp_from=since)


@dataclass(frozen=True)
class Observation:
    """What one look showed.

    :param latest: the latest metrics.
    :param series: the newest points, where they were watched.
    :param measured: whether there are any metrics; False: the destination exists and has none yet, so that
        ``latest`` is empty.
    """

    latest: DestinationMetrics
    series: DestinationMetrics | None = None
    measured: bool = True

    @classmethod
    def bare(cls, watch: Watch, now: datetime) -> Observation:
        """Make what a look shows at a destination that has no metrics yet: nothing is known.

        :param watch: how it was looked at.
        :param now: aware current time.
        """
        return cls(DestinationMetrics.parse(watch.latest(), {"data": {}}, now), measured=False)

    @cached_property
    def newest_lag(self) -> Point | None:
        """The newest point that knows the lag; ``None``: there is none, or the times were not watched.

        A series can be filled up to now with nulls, and what was known stays true of its time.
        """
        points = self.series.points(LAG) if self.series else []
        return next((point for point in reversed(points) if point.value is not None), None)

    @cached_property
    def reading(self) -> Reading:
        """What can be judged; taken once, for all the waits that share the look.

        Where it holds a timeseries, the lag is its newest point's, or unknown without one.
        """
        latest, point = self.latest, self.newest_lag
        lag = latest.records_lag if self.series is None else point and point.value
        return Reading(latest.connector_status, lag, latest.latency_ms, point and point.timestamp, latest.observed_at)

    def as_dict(self) -> dict[str, Any]:
        """The latest metrics as strict JSON and, where times were watched, the point that is the evidence."""
        snapshot = self.latest.as_dict()
        if self.series is None:
            return snapshot
        point = self.newest_lag
        evidence = None if point is None else {"timestamp": point.timestamp.isoformat(), "value": point.value}
        return {**snapshot, "evidence": {LAG: evidence}}
