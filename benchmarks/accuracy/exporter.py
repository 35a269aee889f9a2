# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Simulated metrics of a destination: measure, aggregate and serve them as the API would, including faults."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import UTC, datetime, timedelta
from math import floor, fsum
from random import Random
from typing import Any, Literal, NamedTuple

from airflow_provider_streamkap.api.query import TIMESERIES, PeriodQuery
from benchmarks.accuracy.connector_timeline import ConnectorTimeline
from benchmarks.accuracy.exporter_behavior import ExporterBehavior, within
from benchmarks.accuracy.kafka import Topic

EPOCH = datetime(2026, 3, 2, tzinfo=UTC)
GRAIN = 60.0
# Ratio of a far too low value to the true one.
_LOW = 0.01


class _Sample(NamedTuple):
    """One measurement: timestamp by the exporter's clock, value, publication time, and whether points include it."""

    stamp: float
    value: float | None
    visible: float
    recorded: bool


class _Point(NamedTuple):
    """One point of the timeseries: interval start, timestamp, values, and when it is published and removed."""

    start: float
    stamp: float
    values: tuple[float | None, ...]
    visible: float
    removed: float = float("inf")


class Exporter:
    """Simulate the API's metrics for one destination.

    :param random: random number generator.
    :param topic: true record counts.
    :param timeline: true connector status.
    :param behavior: how to measure and report.
    :param end: end of the simulation, in seconds.
    """

    def __init__(
        self, random: Random, topic: Topic, timeline: ConnectorTimeline, behavior: ExporterBehavior, end: float
    ) -> None:
        self._topic, self._timeline, self._behavior, self._stops = topic, timeline, behavior, timeline.stops()
        self._seed, self._end = random.random(), end
        self._samples = self._measure(random, end)
        self._visible = [sample.visible for sample in self._samples]
        self._recorded = [sample for sample in self._samples if sample.recorded]
        self._grids: dict[float, list[_Point]] = {}

    def respond(self, query: PeriodQuery, now: float) -> dict[str, Any]:
        """Return the response body of the API.

        :param query: the request.
        :param now: time of the response, in seconds.
        """
        data = self._series(query, now) if query.time_type == TIMESERIES else self._latest(now)
        return {"data": data, "metadata": {"recordsLag": {"name": "Lag in Events", "unit": "count"}}}

    def _latest(self, now: float) -> dict[str, Any]:
        lag = self._latest_lag(now)
        read = self._counter(now)
        return {
            "connector_status": self._status(now),
            "recordsLag": lag,
            "latency": None if lag is None else 0.0,
            "sinkRecordReadTotal": read,
            "sinkRecordSendTotal": read,
            "recordsConsumedTotal": None,
        }

    def _latest_lag(self, now: float) -> float | None:
        match self._behavior.latest:
            case "truth":
                return float(self._topic.pending(now, now))
            case "zero":
                return 0.0
            case "point":
                return self._newest_point(now)
            case "old":
                now = min(now, self._behavior.old_since)
        index = bisect_right(self._visible, now) - 1
        return self._samples[index].value if index >= 0 else None

    def _newest_point(self, now: float) -> float | None:
        points = self._points(0.0)
        shown = points[: bisect_right(points, self._horizon(now), key=_stamp)]
        return next((point.values[0] for point in reversed(shown) if point.visible <= now), None)

    def _status(self, now: float) -> str | None:
        for begin, end, status in self._behavior.flaps:
            if begin <= now < end:
                return status
        return self._timeline.at(now - self._behavior.status_delay).status

    def _counter(self, now: float) -> float:
        since = max((end for _, end in self._stops if end <= now), default=None) if self._behavior.resets else None
        return float(self._topic.fetched(now) - (0 if since is None else self._topic.fetched(since)))

    def _series(self, query: PeriodQuery, now: float) -> dict[str, Any]:
        begin = 0.0 if query.timestamp_from is None else to_seconds(query.timestamp_from)
        points = self._points(begin % GRAIN if self._behavior.moving_grid else 0.0)
        first, last = bisect_left(points, begin, key=_stamp), bisect_right(points, self._horizon(now), key=_stamp)
        reported = [
            {"timestamp": self._write(point.stamp), "value": value}
            for point in ([] if within(self._behavior.empty, now) else points[first:last])
            for value in self._reported(point, now)
        ]
        random = Random(f"{self._seed}/{now}") if self._behavior.doubled or self._behavior.unordered else None
        if random and self._behavior.unordered:
            random.shuffle(reported)
        elif random:
            # Shuffle the values of each timestamp; keep the timestamps in order.
            reported.sort(key=lambda point: (point["timestamp"], random.random()))
        return {"recordsLag": reported, "latency": [], "sinkRecordReadTotal": []}

    def _horizon(self, now: float) -> float:
        """Return an upper bound for published timestamps."""
        return now + GRAIN + abs(self._behavior.clock)

    def _reported(self, point: _Point, now: float) -> tuple[float | None, ...]:
        """Return the zero to two values reported for a timestamp."""
        if now >= point.removed:
            return ()
        if point.visible <= now:
            return point.values
        if self._behavior.running != "hidden" and (value := self._unfinished(point, now)) is not None:
            return (value,)
        return (None,) if self._behavior.filled and point.stamp <= now else ()

    def _unfinished(self, point: _Point, now: float) -> float | None:
        """Return the value of an incomplete point; ``None`` if it is not reported."""
        so_far = self._value([sample for sample in self._within(point.start) if sample.visible <= now])
        if self._behavior.running == "so far":
            return so_far
        if not point.start <= now + self._behavior.clock < point.start + GRAIN:
            return None
        return 0.0 if self._behavior.running == "zero" else so_far and _too_low(so_far, "low")

    def _measure(self, random: Random, last: float) -> list[_Sample]:
        behavior, samples = self._behavior, []
        visible = 0.0
        for count in range(int((last - behavior.first) / behavior.every)):
            when = behavior.first + count * behavior.every
            effect = next((span.effect for span in behavior.spans if span.begin <= when < span.end), None)
            # Publish measurements in order.
            visible = max(visible, when + max(behavior.delay + random.uniform(-behavior.jitter, behavior.jitter), 0.0))
            if effect != "still":
                samples.append(_Sample(when + behavior.clock, self._reported_lag(when), visible, effect != "gap"))
        return samples

    def _reported_lag(self, when: float) -> float | None:
        """Return the reported lag, including faults."""
        for begin, end, effect in self._behavior.spans:
            if begin <= when < end and effect in ("null", "zero", "repeat"):
                return {"null": None, "zero": 0.0, "repeat": self._measured_lag(begin)}[effect]
        stopped = next((begin for begin, end in self._stops if begin <= when < end), None)
        if stopped is None or self._behavior.stopped == "truth":
            return self._measured_lag(when)
        return {"zero": 0.0, "null": None, "last": self._measured_lag(stopped)}[self._behavior.stopped]

    def _measured_lag(self, when: float) -> float:
        """Return the measured lag, before faults of the report."""
        behavior, topic = self._behavior, self._topic
        old = when - behavior.cached
        consumed_at = when if behavior.half_cached else old
        consumed = topic.fetched(consumed_at) if behavior.fetched else topic.committed(consumed_at)
        return float(max(topic.arrived(old) - consumed, 0))

    def _points(self, offset: float) -> list[_Point]:
        """Return all points of one-minute intervals with an offset in seconds from the full minute."""
        if offset not in self._grids:
            self._grids[offset] = self._aggregate(offset)
        return self._grids[offset]

    def _aggregate(self, offset: float) -> list[_Point]:
        points, behavior = [], self._behavior
        start = floor(behavior.first / GRAIN) * GRAIN + offset
        while start < self._end:
            samples = self._within(start)
            stamp = start + GRAIN * (behavior.convention.stamp == "end")
            # Intervals end by the exporter's clock. A point is delayed as much as its last measurement.
            visible = start + GRAIN - behavior.clock
            if samples:
                visible += samples[-1].visible - (samples[-1].stamp - behavior.clock)
            if samples or behavior.filled or behavior.zero_filled:
                value = 0.0 if behavior.zero_filled and not samples else self._value(samples)
                points.append(self._point(start, stamp, value, visible))
            start += GRAIN
        return points

    def _point(self, start: float, stamp: float, value: float | None, visible: float) -> _Point:
        behavior, removed = self._behavior, float("inf")
        values: tuple[float | None, ...] = (value,)
        if behavior.doubled and value is not None:
            values = (value, _too_low(value, behavior.doubled))
        if behavior.unordered or behavior.vanishing:
            # Identical for each request.
            random = Random(f"{self._seed}/{stamp}")
            if behavior.unordered and random.random() < 0.3:
                visible += random.uniform(0.0, 240.0)
            if behavior.vanishing and random.random() < 0.3:
                removed = visible + random.uniform(0.0, 240.0)
        return _Point(start, stamp, values, visible, removed)

    def _within(self, start: float) -> list[_Sample]:
        # With end timestamps, a measurement at the end of an interval belongs to it.
        cut = bisect_right if self._behavior.convention.stamp == "end" else bisect_left
        return self._recorded[cut(self._recorded, start, key=_stamp) : cut(self._recorded, start + GRAIN, key=_stamp)]

    def _value(self, samples: list[_Sample]) -> float | None:
        if self._behavior.zero_points:
            return 0.0
        known = [sample.value for sample in samples if sample.value is not None]
        if not known:
            return None
        return known[-1] if self._behavior.convention.value == "last" else fsum(known) / len(known)

    def _write(self, stamp: float) -> str:
        text = to_datetime(stamp).replace(tzinfo=None).isoformat()
        return text.replace("T", " ") if self._behavior.plain else f"{text}Z"


def to_datetime(when: float) -> datetime:
    """Convert simulated seconds to a datetime."""
    return EPOCH + timedelta(seconds=when)


def to_seconds(moment: datetime | str) -> float:
    """Convert a datetime to simulated seconds."""
    assert isinstance(moment, datetime)
    return (moment - EPOCH).total_seconds()


def _too_low(value: float, how: Literal["zero", "low"]) -> float:
    return 0.0 if how == "zero" else float(floor(value * _LOW))


def _stamp(one: _Sample | _Point) -> float:
    return one.stamp
