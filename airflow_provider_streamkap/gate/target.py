# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The metrics that a poll requests: the latest metrics and, if timestamps are needed, the newest points.

The ``latest`` metrics have no timestamp. To find out when a lag or a delay was measured, also poll the timeseries at
its finest grain, over a short window.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, ClassVar, Generic, Self, TypeVar

from airflow_provider_streamkap.api.errors import StreamkapError, single_line
from airflow_provider_streamkap.api.metrics import (
    BEHIND_SOURCE,
    LAG,
    LAST_EVENT,
    SINCE_LAST_EVENT,
    SNAPSHOT_EVENTS,
    SNAPSHOT_STATE,
    DestinationMetrics,
    Metrics,
    SourceMetrics,
)
from airflow_provider_streamkap.api.query import (
    DESTINATION,
    GRAIN_SECONDS,
    SOURCE,
    TIMESERIES,
    MetricsQuery,
    PeriodQuery,
    ResourceKind,
    SourceMetricsQuery,
)
from airflow_provider_streamkap.api.sources import Source
from airflow_provider_streamkap.gate.reading import LagPoint, Reading, is_known
from airflow_provider_streamkap.gate.source import SourcePoint, SourceReading, digest

#: Seconds of timeseries to request, unless older readings are allowed.
WINDOW_SECONDS = 3600

# Status of a snapshot whose status is missing or not a string.
_UNKNOWN = "unknown"

_QUERIES: dict[ResourceKind, type[MetricsQuery | SourceMetricsQuery]] = {
    DESTINATION: MetricsQuery,
    SOURCE: SourceMetricsQuery,
}


@dataclass(frozen=True, slots=True)
class PollTarget:
    """A resource and what to request about it. Equal targets share a poll.

    :param resource_id: id of the resource.
    :param window: seconds of timeseries to request; ``None`` (default): only the latest metrics.
    :param kind: the kind of the resource: a destination (default) or a source.
    :param record: for a source: whether to request the source itself, which has a connector status, instead of the
        timeseries; default False.
    """

    resource_id: str
    window: int | None = None
    kind: ResourceKind = DESTINATION
    record: bool = False

    @classmethod
    def with_timeseries(
        cls, resource_id: str, max_age: float | None = None, kind: ResourceKind = DESTINATION
    ) -> PollTarget:
        """Return a target that includes timestamped points.

        :param resource_id: id of the resource.
        :param max_age: maximum age of a reading, in seconds, which the window must cover; ``None``: the default window.
        :param kind: the kind of the resource, default a destination.
        """
        return cls(resource_id, max(WINDOW_SECONDS, math.ceil(max_age or 0) + 2 * GRAIN_SECONDS), kind)

    @property
    def series_limit(self) -> int:
        """Maximum size of the timeseries response in bytes: 1 MiB per hour of the window, up to 32 MiB."""
        return min(math.ceil((self.window or 0) / WINDOW_SECONDS), 32) * 1024 * 1024

    def latest_query(self) -> PeriodQuery:
        """Return the query for the latest metrics."""
        return _QUERIES[self.kind](self.resource_id)

    def series_query(self, now: datetime) -> PeriodQuery | None:
        """Return the query for the newest points; ``None`` if timestamps are not needed.

        :param now: the current time, aware.
        """
        if self.window is None or self.record:
            return None
        # The API may align its minutes with the start, so keep the start on a full minute.
        since = (now - timedelta(seconds=self.window)).replace(second=0, microsecond=0)
        return _QUERIES[self.kind](self.resource_id, TIMESERIES, 1, "minute", timestamp_from=since)


M = TypeVar("M", bound=Metrics)


@dataclass(frozen=True)
class PolledMetrics(Generic[M]):
    """The result of one poll, for all kinds of resources.

    :param latest: the latest metrics.
    :param series: the newest points, if they were requested and could be read.
    :param series_error: the error of the timeseries request, if only the latest metrics could be read.
    :param measured: whether there are any metrics; False: the resource exists but has none yet, and ``latest`` is
        empty.
    :param clock_lead: seconds by which the API's clock is ahead of this machine's; ``None``: its responses have no
        ``Date`` header.
    """

    model: ClassVar[type[Metrics]]

    latest: M
    series: M | None = None
    series_error: StreamkapError | None = None
    measured: bool = True
    clock_lead: float | None = None

    @classmethod
    def without_metrics(cls, target: PollTarget, now: datetime, **more: Any) -> Self:
        """Return the result for a resource that has no metrics yet.

        :param target: the target of the poll.
        :param now: the current time, aware.
        :param more: further fields of the result.
        """
        latest: Any = cls.model.parse(target.latest_query(), {"data": {}}, now)
        return cls(latest, measured=False, **more)

    def as_dict(self) -> dict[str, Any]:
        """Return the latest metrics as strict JSON."""
        return self.latest.as_dict()


@dataclass(frozen=True)
class PollResult(PolledMetrics[DestinationMetrics]):
    """The result of one poll of a destination. The arguments are those of :class:`PolledMetrics`."""

    model = DestinationMetrics

    @cached_property
    def reading(self) -> Reading:
        """The values that the gate checks; computed once for all waits that share the poll."""
        latest = self.latest
        return Reading(
            _one_line(latest.connector_status),
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


@dataclass(frozen=True)
class SourcePollResult(PolledMetrics[SourceMetrics]):
    """The result of one poll of a source. The other arguments are those of :class:`PolledMetrics`.

    :param record: the source itself, if it was requested.
    """

    model = SourceMetrics

    record: Source | None = None

    @cached_property
    def reading(self) -> SourceReading:
        """The values that the gate checks; computed once for all waits that share the poll."""
        latest = self.latest
        snapshots = latest.snapshot_status
        return SourceReading(
            status=None if self.record is None else _one_line(self.record.connector_status),
            state=_one_line(latest.state),
            streaming_state=_one_line(latest.streaming_state),
            connected=latest.connected,
            delay_ms=latest.number(BEHIND_SOURCE),
            since_ms=latest.number(SINCE_LAST_EVENT),
            last_event=None if (event := latest.text(LAST_EVENT)) is None else digest(event),
            snapshot_running=latest.snapshot_running,
            snapshot_completed=latest.snapshot_completed,
            snapshot_events=latest.number(SNAPSHOT_EVENTS),
            snapshots=None if snapshots is None else tuple(map(_snapshot, snapshots)),
            snapshot_state=_one_line(latest.text(SNAPSHOT_STATE)),
            points=self._points(),
            observed_at=latest.observed_at,
        )

    def _points(self) -> tuple[SourcePoint, ...] | None:
        """Return the points, oldest first; of several values for a timestamp, the largest."""
        if self.series is None:
            return None if self.series_error is None else ()
        delays, sinces = (self._largest(self.series, metric) for metric in (BEHIND_SOURCE, SINCE_LAST_EVENT))
        return tuple(SourcePoint(at, delays.get(at), sinces.get(at)) for at in sorted(delays.keys() | sinces.keys()))

    @staticmethod
    def _largest(series: SourceMetrics, metric: str) -> dict[float, float | None]:
        largest: dict[float, float | None] = {}
        for timestamp, value in series.points(metric):
            at = timestamp.timestamp()
            known = [one for one in (value, largest.get(at)) if one is not None]
            largest[at] = max(known, default=None)
        return largest


AnyPollResult = PollResult | SourcePollResult
"""The result of one poll of a resource of any kind."""


def _one_line(text: str | None) -> str | None:
    # Statuses can be any text and appear in logs: remove line breaks and escape sequences.
    return None if text is None else single_line(text)


def _snapshot(item: Mapping[str, Any]) -> tuple[str, str | None]:
    """Return status and topic of a snapshot. The API does not document the types of the values."""
    status, topic = item.get("status"), item.get("topic_id")
    return (
        single_line(status) if isinstance(status, str) and status.strip() else _UNKNOWN,
        topic if isinstance(topic, str) else None,
    )
