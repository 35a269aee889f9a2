# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Simulated metrics of a source: measure, aggregate and serve them as the API would, including faults."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import floor, inf
from random import Random
from typing import Any

from airflow_provider_streamkap.api.metrics import (
    BEHIND_SOURCE,
    CONNECTED,
    SINCE_LAST_EVENT,
    SNAPSHOT_COMPLETED,
    SNAPSHOT_RUNNING,
    SNAPSHOT_STATUS,
    STATE,
    STREAMING_STATE,
)
from airflow_provider_streamkap.api.query import TIMESERIES, PeriodQuery
from benchmarks.accuracy.exporter_behavior import ExporterBehavior
from benchmarks.accuracy.metric_series import MetricSeries
from benchmarks.accuracy.source import OTHER_TOPIC, TOPIC, Meter, Source

CREATES = "StreamingTotalNumberOfCreateEventsSeen"
UPDATES = "StreamingTotalNumberOfUpdateEventsSeen"
DELETES = "StreamingTotalNumberOfDeleteEventsSeen"
WRITTEN = "sourceRecordWriteTotal"
LAST_EVENT = "StreamingLastEvent"
SNAPSHOT_EVENTS = "SnapshotTotalNumberOfEventsSeen"
#: Seconds between two publications of the states.
STATE_EVERY = 30.0

_VALUES: dict[str, Callable[[Meter], float]] = {
    BEHIND_SOURCE: lambda meter: float(round(meter.behind)),
    SINCE_LAST_EVENT: lambda meter: float(round(meter.since)),
    CREATES: lambda meter: (meter.seen + 2) // 3,
    UPDATES: lambda meter: (meter.seen + 1) // 3,
    DELETES: lambda meter: meter.seen // 3,
    WRITTEN: lambda meter: meter.written,
}


class SourceExporter:
    """Simulate the API's metrics for one source.

    :param random: random number generator.
    :param source: the truth.
    :param behavior: how to measure and report.
    :param end: end of the simulation, in seconds.
    :param cached: seconds for which the API caches ``latest``.
    :param flag_delay: seconds from a change of state to the flags that show it.
    """

    def __init__(
        self,
        random: Random,
        source: Source,
        behavior: ExporterBehavior,
        end: float,
        cached: float = 0.0,
        flag_delay: float = 0.0,
    ) -> None:
        self._source, self._behavior, self._cached, self._flag_delay = source, behavior, cached, flag_delay
        self._phase = random.uniform(0.0, STATE_EVERY)
        self._completed_before = random.random() < 0.5
        self._shows_blocking = random.random() < 0.5
        self._meters: dict[float, Meter | None] = {}
        # All metrics are measured, delayed and lost together.
        seed = random.random()
        self._series = {
            name: MetricSeries(Random(seed), behavior, end, partial(self._measure, name)) for name in _VALUES
        }

    def respond(self, query: PeriodQuery, now: float) -> dict[str, Any]:
        """Return the response body of the API.

        :param query: the request.
        :param now: time of the response, in seconds.
        """
        if query.time_type == TIMESERIES:
            return {"data": {name: series.points(query, now) for name, series in self._series.items()}, "metadata": {}}
        if self._cached:
            now = floor(now / self._cached) * self._cached
        return {"data": self._latest(now), "metadata": {}}

    def record(self, now: float) -> dict[str, Any]:
        """Return the source itself, as an item of a list.

        :param now: time of the response, in seconds.
        """
        plan = self._source.plan
        stop = plan.stop_at(now - self._behavior.status_delay)
        table = plan.heartbeat not in ("none", "Kafka only")
        return {
            "id": "67ad6e0af08a2365c729ba78",
            "name": "orders",
            "connector": plan.family,
            "connector_status": "Starting" if stop is not None and stop.kind == "restart" else "Active",
            "topics": [TOPIC, OTHER_TOPIC],
            "config": {
                "heartbeat.enabled": plan.heartbeat != "none",
                **({"heartbeat.data.collection.schema.or.database": "streamkap"} if table else {}),
            },
        }

    def _measure(self, name: str, when: float) -> float | None:
        for begin, end, effect in self._behavior.spans:
            if begin <= when < end and effect in ("null", "zero", "repeat"):
                if effect != "repeat":
                    return {"null": None, "zero": 0.0}[effect]
                when = begin
        when -= self._behavior.cached
        if when not in self._meters:
            self._meters[when] = self._source.meter(when)
        meter = self._meters[when]
        return None if meter is None else _VALUES[name](meter)

    def _latest(self, now: float) -> dict[str, Any]:
        newest = self._behavior.latest == "point"
        values = {
            name: series.newest_point(now) if newest else series.newest_value(now)
            for name, series in self._series.items()
        }
        flags = {**self._states(now), **self._snapshots(now)}
        if any(begin <= now < end and effect == "null" for begin, end, effect in self._behavior.spans):
            flags = dict.fromkeys(flags)
        return {**values, **self._newest_event(now), **flags}

    def _newest_event(self, now: float) -> dict[str, Any]:
        measured_at = self._series[BEHIND_SOURCE].newest_measured_at(now)
        meter = None if measured_at is None else self._source.meter(measured_at - self._behavior.cached)
        if meter is None:
            return {LAST_EVENT: None, SNAPSHOT_EVENTS: None}
        return {
            LAST_EVENT: None if meter.last_event is None else f"position {meter.last_event}",
            SNAPSHOT_EVENTS: meter.rows if self._source.plan.meters_rows else 0,
        }

    def _published_at(self, now: float) -> float:
        return floor((now - self._phase) / STATE_EVERY) * STATE_EVERY + self._phase

    def _states(self, now: float) -> dict[str, Any]:
        stop = self._source.plan.stop_at(self._published_at(now) - self._flag_delay)
        match stop.kind if stop is not None and stop.shown else None:
            case "restart":
                return {STATE: "Starting", STREAMING_STATE: None, CONNECTED: None}
            case "disconnect":
                # Only MySQL and MariaDB know. Elsewhere the flag says that streaming has begun.
                connected = 0 if self._source.plan.binlog else 1
                return {STATE: "Streaming", STREAMING_STATE: "disconnected", CONNECTED: connected}
            case "blocking" if self._shows_blocking:
                return {STATE: "Snapshot", STREAMING_STATE: "connected", CONNECTED: 1}
        return {STATE: "Streaming", STREAMING_STATE: "connected", CONNECTED: 1}

    def _snapshots(self, now: float) -> dict[str, Any]:
        at = self._published_at(now)
        stop = self._source.plan.stop_at(at)
        blocking = stop is not None and stop.kind == "blocking"
        spans = [(span.status, span.topic) for span in self._source.snapshots if span.begin <= at < span.end]
        if blocking:
            spans.append(("running", TOPIC))
        running = any(status == "running" for status, _ in spans)
        stops = self._source.plan.stops
        restarted = max((one.end for one in stops if one.kind == "restart" and one.end <= at), default=-inf)
        completed = any(span.status == "completed" and restarted < span.begin <= at for span in self._source.snapshots)
        blocked_before = any(one.kind == "blocking" and restarted < one.end <= at for one in stops)
        completed = completed or blocked_before or (self._completed_before and restarted == -inf)
        # Each topic has one snapshot: the last span is the newest.
        newest = {topic: status for status, topic in spans}
        statuses = [{"status": status, "topic_id": topic, "submit_timestamp": None} for topic, status in newest.items()]
        return {
            SNAPSHOT_RUNNING: int(running),
            SNAPSHOT_COMPLETED: int(completed),
            SNAPSHOT_STATUS: statuses if self._source.plan.lists_snapshots else None,
        }
