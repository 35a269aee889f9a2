# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The metrics of a destination: measured, aggregated and served as the API would, with their faults."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import UTC, datetime, timedelta
from math import floor, fsum
from random import Random
from typing import Any, Literal, NamedTuple

from airflow_provider_streamkap.api.query import TIMESERIES, MetricsQuery
from benchmarks.accuracy.habits import Habits, within
from benchmarks.accuracy.kafka import Topic
from benchmarks.accuracy.life import Life

EPOCH = datetime(2026, 3, 2, tzinfo=UTC)
GRAIN = 60.0
# What a value that is far too low is of the true one.
_LOW = 0.01


class _Sample(NamedTuple):
    """One measurement: its time by the exporter's clock, value, time of publication, and whether points include it."""

    stamp: float
    value: float | None
    visible: float
    recorded: bool


class _Point(NamedTuple):
    """One point of the series: start of its interval, stamp, values, and the time in which it is published."""

    start: float
    stamp: float
    values: tuple[float | None, ...]
    visible: float
    removed: float = float("inf")


class Exporter:
    """Measures one destination and responds in place of the API.

    :param random: source of chance.
    :param topic: the truth about its records.
    :param life: the truth about its connector.
    :param habits: how it measures and reports.
    :param end: seconds at which it ends.
    """

    def __init__(self, random: Random, topic: Topic, life: Life, habits: Habits, end: float) -> None:
        self._topic, self._life, self._habits, self._stops = topic, life, habits, life.stops()
        self._seed, self._end = random.random(), end
        self._samples = self._measure(random, end)
        self._visible = [sample.visible for sample in self._samples]
        self._recorded = [sample for sample in self._samples if sample.recorded]
        self._grids: dict[float, list[_Point]] = {}

    def answer(self, query: MetricsQuery, now: float) -> dict[str, Any]:
        """Respond as the API would.

        :param query: the request.
        :param now: seconds at which it responds.
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
        match self._habits.latest:
            case "truth":
                return float(self._topic.pending(now, now))
            case "zero":
                return 0.0
            case "point":
                return self._newest_point(now)
            case "old":
                now = min(now, self._habits.old_since)
        index = bisect_right(self._visible, now) - 1
        return self._samples[index].value if index >= 0 else None

    def _newest_point(self, now: float) -> float | None:
        points = self._points(0.0)
        shown = points[: bisect_right(points, self._horizon(now), key=_stamp)]
        return next((point.values[0] for point in reversed(shown) if point.visible <= now), None)

    def _status(self, now: float) -> str | None:
        for begin, end, odd in self._habits.flaps:
            if begin <= now < end:
                return odd
        return self._life.at(now - self._habits.status_delay).status

    def _counter(self, now: float) -> float:
        since = max((end for _, end in self._stops if end <= now), default=None) if self._habits.resets else None
        return float(self._topic.fetched(now) - (0 if since is None else self._topic.fetched(since)))

    def _series(self, query: MetricsQuery, now: float) -> dict[str, Any]:
        begin = 0.0 if query.timestamp_from is None else seconds(query.timestamp_from)
        points = self._points(begin % GRAIN if self._habits.moving_grid else 0.0)
        first, last = bisect_left(points, begin, key=_stamp), bisect_right(points, self._horizon(now), key=_stamp)
        reported = [
            {"timestamp": self._write(point.stamp), "value": value}
            for point in ([] if within(self._habits.empty, now) else points[first:last])
            for value in self._reported(point, now)
        ]
        random = Random(f"{self._seed}/{now}") if self._habits.doubled or self._habits.unordered else None
        if random and self._habits.unordered:
            random.shuffle(reported)
        elif random:
            # Any order of the values of one stamp, while the stamps stay in order.
            reported.sort(key=lambda point: (point["timestamp"], random.random()))
        return {"recordsLag": reported, "latency": [], "sinkRecordReadTotal": []}

    def _horizon(self, now: float) -> float:
        """Return the latest stamp that the exporter can have published."""
        return now + GRAIN + abs(self._habits.clock)

    def _reported(self, point: _Point, now: float) -> tuple[float | None, ...]:
        """Return the values that are reported for a stamp: none, one or two."""
        if now >= point.removed:
            return ()
        if point.visible <= now:
            return point.values
        if self._habits.running != "hidden" and (value := self._unfinished(point, now)) is not None:
            return (value,)
        return (None,) if self._habits.filled and point.stamp <= now else ()

    def _unfinished(self, point: _Point, now: float) -> float | None:
        """Return the value of a point that is not complete; ``None``: it is not reported."""
        so_far = self._value([sample for sample in self._within(point.start) if sample.visible <= now])
        if self._habits.running == "so far":
            return so_far
        if not point.start <= now + self._habits.clock < point.start + GRAIN:
            return None
        return 0.0 if self._habits.running == "zero" else so_far and _too_low(so_far, "low")

    def _measure(self, random: Random, last: float) -> list[_Sample]:
        habits, samples = self._habits, []
        visible = 0.0
        for count in range(int((last - habits.first) / habits.every)):
            when = habits.first + count * habits.every
            effect = next((span.effect for span in habits.spans if span.begin <= when < span.end), None)
            # Measurements are published in order.
            visible = max(visible, when + max(habits.delay + random.uniform(-habits.sway, habits.sway), 0.0))
            if effect != "still":
                samples.append(_Sample(when + habits.clock, self._shown(when), visible, effect != "gap"))
        return samples

    def _shown(self, when: float) -> float | None:
        """Return the measured lag, with its faults."""
        for begin, end, effect in self._habits.spans:
            if begin <= when < end and effect in ("null", "zero", "repeat"):
                return {"null": None, "zero": 0.0, "repeat": self._lag(begin)}[effect]
        stopped = next((begin for begin, end in self._stops if begin <= when < end), None)
        if stopped is None or self._habits.stopped == "truth":
            return self._lag(when)
        return {"zero": 0.0, "null": None, "last": self._lag(stopped)}[self._habits.stopped]

    def _lag(self, when: float) -> float:
        """Return the lag as it is measured where no fault applies."""
        habits, topic = self._habits, self._topic
        old = when - habits.cached
        gone_at = when if habits.half_cached else old
        gone = topic.fetched(gone_at) if habits.fetched else topic.committed(gone_at)
        return float(max(topic.arrived(old) - gone, 0))

    def _points(self, offset: float) -> list[_Point]:
        """Return all points, of minutes that start so many seconds after a full one."""
        if offset not in self._grids:
            self._grids[offset] = self._aggregate(offset)
        return self._grids[offset]

    def _aggregate(self, offset: float) -> list[_Point]:
        points, habits = [], self._habits
        start = floor(habits.first / GRAIN) * GRAIN + offset
        while start < self._end:
            samples = self._within(start)
            stamp = start + GRAIN * (habits.convention.stamp == "end")
            # The interval ends by the exporter's clock. The point is then as late as the last measurement in it.
            visible = start + GRAIN - habits.clock
            if samples:
                visible += samples[-1].visible - (samples[-1].stamp - habits.clock)
            if samples or habits.filled or habits.zero_filled:
                value = 0.0 if habits.zero_filled and not samples else self._value(samples)
                points.append(self._point(start, stamp, value, visible))
            start += GRAIN
        return points

    def _point(self, start: float, stamp: float, value: float | None, visible: float) -> _Point:
        habits, removed = self._habits, float("inf")
        values: tuple[float | None, ...] = (value,)
        if habits.doubled and value is not None:
            values = (value, _too_low(value, habits.doubled))
        if habits.unordered or habits.vanishing:
            # The same for each request.
            random = Random(f"{self._seed}/{stamp}")
            if habits.unordered and random.random() < 0.3:
                visible += random.uniform(0.0, 240.0)
            if habits.vanishing and random.random() < 0.3:
                removed = visible + random.uniform(0.0, 240.0)
        return _Point(start, stamp, values, visible, removed)

    def _within(self, start: float) -> list[_Sample]:
        # A measurement at the end of an interval belongs to it if that end is its stamp.
        cut = bisect_right if self._habits.convention.stamp == "end" else bisect_left
        return self._recorded[cut(self._recorded, start, key=_stamp) : cut(self._recorded, start + GRAIN, key=_stamp)]

    def _value(self, samples: list[_Sample]) -> float | None:
        if self._habits.zero_points:
            return 0.0
        known = [sample.value for sample in samples if sample.value is not None]
        if not known:
            return None
        return known[-1] if self._habits.convention.value == "last" else fsum(known) / len(known)

    def _write(self, stamp: float) -> str:
        text = moment_of(stamp).replace(tzinfo=None).isoformat()
        return text.replace("T", " ") if self._habits.plain else f"{text}Z"


def moment_of(when: float) -> datetime:
    """Return the datetime of a simulated moment."""
    return EPOCH + timedelta(seconds=when)


def seconds(moment: datetime | str) -> float:
    """Return the simulated moment of a datetime."""
    assert isinstance(moment, datetime)
    return (moment - EPOCH).total_seconds()


def _too_low(value: float, how: Literal["zero", "low"]) -> float:
    return 0.0 if how == "zero" else float(floor(value * _LOW))


def _stamp(one: _Sample | _Point) -> float:
    return one.stamp
