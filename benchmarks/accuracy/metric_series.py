# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Points of one simulated metric: measure, aggregate to minutes and publish as the API would, including faults."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from math import floor, fsum
from random import Random
from typing import Any, Literal, NamedTuple

from airflow_provider_streamkap.api.query import PeriodQuery
from benchmarks.accuracy.exporter_behavior import ExporterBehavior, within

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


class MetricSeries:
    """The measurements of one metric, and the points that the API shows of them.

    :param random: random number generator.
    :param behavior: how to measure and report.
    :param end: end of the simulation, in seconds.
    :param measure: returns the reported value at a time; ``None`` is unknown.
    """

    def __init__(
        self, random: Random, behavior: ExporterBehavior, end: float, measure: Callable[[float], float | None]
    ) -> None:
        self._behavior, self._measure_value = behavior, measure
        self._seed, self._end = random.random(), end
        self._samples = self._measure(random, end)
        self._visible = [sample.visible for sample in self._samples]
        self._recorded = [sample for sample in self._samples if sample.recorded]
        self._grids: dict[float, list[_Point]] = {}

    def newest_value(self, now: float) -> float | None:
        """Return the newest published measurement."""
        index = bisect_right(self._visible, now) - 1
        return self._samples[index].value if index >= 0 else None

    def newest_measured_at(self, now: float) -> float | None:
        """Return when the newest published measurement was made; ``None`` if there is none."""
        index = bisect_right(self._visible, now) - 1
        return self._samples[index].stamp - self._behavior.clock if index >= 0 else None

    def newest_point(self, now: float) -> float | None:
        """Return the value of the newest published point."""
        points = self._points(0.0)
        shown = points[: bisect_right(points, self._horizon(now), key=_stamp)]
        return next((point.values[0] for point in reversed(shown) if point.visible <= now), None)

    def points(self, query: PeriodQuery, now: float) -> list[dict[str, Any]]:
        """Return the points of a timeseries response.

        :param query: the request.
        :param now: time of the response, in seconds.
        """
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
        return reported

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
                samples.append(_Sample(when + behavior.clock, self._measure_value(when), visible, effect != "gap"))
        return samples

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
