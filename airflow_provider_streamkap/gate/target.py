# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The metrics that a poll requests: the latest metrics and, if timestamps are needed, the newest lag points.

The ``latest`` metrics have no timestamp. To find out when a lag was measured, also poll the timeseries at its finest
grain, over a short window.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from airflow_provider_streamkap.api.errors import StreamkapError, single_line
from airflow_provider_streamkap.api.metrics import LAG, DestinationMetrics
from airflow_provider_streamkap.api.query import DESTINATION, GRAIN_SECONDS, TIMESERIES, MetricsQuery, ResourceKind
from airflow_provider_streamkap.gate.reading import LagPoint, Reading, is_known

#: Seconds of timeseries to request, unless older readings are allowed.
WINDOW_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class PollTarget:
    """A resource and the metrics to request. Equal targets share a poll.

    :param resource_id: id of the resource, a destination.
    :param window: seconds of timeseries to request; ``None``: only the latest metrics.
    """

    resource_id: str
    window: int | None = None
    kind: ResourceKind = DESTINATION
    record: bool = False

    @classmethod
    def with_timeseries(cls, resource_id: str, max_age: float | None = None) -> PollTarget:
        """Return a target that includes timestamped points.

        :param resource_id: id of the resource, a destination.
        :param max_age: maximum age of a reading, in seconds, which the window must cover; ``None``: the default window.
        """
        return cls(resource_id, max(WINDOW_SECONDS, math.ceil(max_age or 0) + 2 * GRAIN_SECONDS))

    @property
    def series_limit(self) -> int:
        """Maximum size of the timeseries response in bytes: 1 MiB per hour of the window, up to 32 MiB."""
        return min(math.ceil((self.window or 0) / WINDOW_SECONDS), 32) * 1024 * 1024

    def latest_query(self) -> MetricsQuery:
        """Return the query for the latest metrics."""
        return MetricsQuery(self.resource_id)

    def series_query(self, now: datetime) -> MetricsQuery | None:
        """Return the query for the newest points; ``None`` if timestamps are not needed.

        :param now: the current time, aware.
        """
        if self.window is None:
            return None
        # The API may align its minutes with the start, so keep the start on a full minute.
        since = (now - timedelta(seconds=self.window)).replace(second=0, microsecond=0)
        return MetricsQuery(self.resource_id, TIMESERIES, 1, "minute", timestamp_from=since)


@dataclass(frozen=True)
class PollResult:
    """The result of one poll.

    :param latest: the latest metrics.
    :param series: the newest points, if they were requested and could be read.
    :param series_error: the error of the timeseries request, if only the latest metrics could be read.
    :param measured: whether there are any metrics; False: the destination exists but has none yet, and ``latest`` is
        empty.
    :param clock_lead: seconds by which the API's clock is ahead of this machine's; ``None``: its responses have no
        ``Date`` header.
    """

    latest: DestinationMetrics
    series: DestinationMetrics | None = None
    series_error: StreamkapError | None = None
    measured: bool = True
    clock_lead: float | None = None

    @classmethod
    def without_metrics(cls, target: PollTarget, now: datetime) -> PollResult:
        """Return the result for a destination that has no metrics yet.

        :param target: the target of the poll.
        :param now: the current time, aware.
        """
        return cls(DestinationMetrics.parse(target.latest_query(), {"data": {}}, now), measured=False)

    @cached_property
    def reading(self) -> Reading:
        """The values that the gate checks; computed once for all waits that share the poll."""
        latest = self.latest
        status = latest.connector_status
        return Reading(
            # The status can be any text and appears in logs: remove line breaks and escape sequences.
            None if status is None else single_line(status),
            latest.records_lag,
            latest.latency_ms,
            self._points(),
            latest.observed_at,
            latest.partitions,
        )

    def _points(self) -> tuple[LagPoint, ...] | None:
        """Return the known lag points, oldest first; of several values for a timestamp, the highest."""
        if self.series is None:
            return None if self.series_error is None else ()
        highest: dict[float, float] = {}
        for point in self.series.points(LAG):
            if point.value is not None and is_known(point.value):
                at = point.timestamp.timestamp()
                highest[at] = max(point.value, highest.get(at, 0))
        return tuple(LagPoint(at, lag) for at, lag in highest.items())

    def as_dict(self) -> dict[str, Any]:
        """Return the latest metrics as strict JSON."""
        return self.latest.as_dict()


@dataclass(frozen=True)
class SourcePollResult:
    """stub"""

    latest: Any
    series: Any = None
    series_error: StreamkapError | None = None
    record: Any = None
    measured: bool = True
    clock_lead: float | None = None

    @cached_property
    def reading(self) -> Any:
        """stub"""
        raise NotImplementedError

    def as_dict(self) -> dict[str, Any]:
        """stub"""
        raise NotImplementedError
