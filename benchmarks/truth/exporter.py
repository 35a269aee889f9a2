# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""What is told of a destination: measurements, put together and served as the API would answer, with their faults."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import UTC, datetime, timedelta
from math import floor, fsum
from random import Random
from typing import Any, NamedTuple

from airflow_provider_streamkap.api.metrics import TIMESERIES, MetricsQuery
from benchmarks.truth.habits import Habits
from benchmarks.truth.kafka import Topic
from benchmarks.truth.life import Life

EPOCH = datetime(2026, 3, 2, tzinfo=UTC)
GRAIN = 60.0


class _Sample(NamedTuple):
    """One measurement: its time by the exporter's clock, its value, when it can be read, whether points know of it."""

    stamp: float
    value: float | None
    visible: float
    recorded: bool


class _Point(NamedTuple):
    """One point of the series: its stamp, what is told of it, and from when on."""

    stamp: float
    told: dict[str, Any]
    visible: float


class Exporter:
    """Measures one destination and answers for the API.

    :param random: where chance comes from.
    :param topic: the truth about its records.
    :param life: the truth about its connector.
    :param habits: how it measures and tells.
    :param end: seconds at which it ends.
    """

    def __init__(self, random: Random, topic: Topic, life: Life, habits: Habits, end: float) -> None:
        self._topic, self._life, self._habits, self._stops = topic, life, habits, life.stops()
        self._samples = self._measure(random, end)
        self._visible = [sample.visible for sample in self._samples]
        self._recorded = [sample for sample in self._samples if sample.recorded]
        self._points = self._put_together(end)

    def answer(self, query: MetricsQuery, now: float) -> dict[str, Any]:
        """Answer as the API would.

        :param query: what is asked.
        :param now: seconds at which it answers.
        """
        data = self._series(query, now) if query.time_type == TIMESERIES else self._latest(now)
        return {"data": data, "metadata": {"recordsLag": {"name": "Lag in Events", "unit": "count"}}}

    def _latest(self, now: float) -> dict[str, Any]:
        index = bisect_right(self._visible, now) - 1
        lag = self._samples[index].value if index >= 0 else None
        read = self._counter(now)
        return {
            "connector_status": self._status(now),
            "recordsLag": lag,
            "latency": None if lag is None else 0.0,
            "sinkRecordReadTotal": read,
            "sinkRecordSendTotal": read,
            "recordsConsumedTotal": None,
        }

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
        told = []
        for stamp, point, visible in self._points[bisect_left(self._points, begin, key=_stamp) :]:
            if stamp > now + GRAIN + abs(self._habits.clock):
                break
            if visible <= now:
                told.append(point)
            elif self._habits.partial and (value := self._so_far(stamp, now)) is not None:
                told.append({**point, "value": value})
            elif self._habits.filled and stamp <= now:
                told.append({**point, "value": None})
        return {"recordsLag": told, "latency": [], "sinkRecordReadTotal": []}

    def _measure(self, random: Random, last: float) -> list[_Sample]:
        habits, samples = self._habits, []
        visible = 0.0
        for count in range(int((last - habits.first) / habits.every)):
            when = habits.first + count * habits.every
            effect = next((span.effect for span in habits.spans if span.begin <= when < span.end), None)
            # What is measured later is not read sooner.
            visible = max(visible, when + max(habits.delay + random.uniform(-habits.sway, habits.sway), 0.0))
            if effect != "still":
                samples.append(_Sample(when + habits.clock, self._shown(when), visible, effect != "gap"))
        return samples

    def _shown(self, when: float) -> float | None:
        """The lag as it is shown, with what is wrong with it."""
        for begin, end, effect in self._habits.spans:
            if begin <= when < end and effect in ("null", "zero", "repeat"):
                return {"null": None, "zero": 0.0, "repeat": self._lag(begin)}[effect]
        stopped = next((begin for begin, end in self._stops if begin <= when < end), None)
        if stopped is None or self._habits.stopped == "truth":
            return self._lag(when)
        return {"zero": 0.0, "null": None, "last": self._lag(stopped)}[self._habits.stopped]

    def _lag(self, when: float) -> float:
        """The lag as it is measured where nothing is wrong with it."""
        habits, topic = self._habits, self._topic
        old = when - habits.cached
        gone_at = when if habits.half_cached else old
        gone = topic.fetched(gone_at) if habits.fetched else topic.committed(gone_at)
        return float(max(topic.arrived(old) - gone, 0))

    def _put_together(self, last: float) -> list[_Point]:
        points, habits = [], self._habits
        start = floor(habits.first / GRAIN) * GRAIN
        while start < last:
            samples = self._within(start)
            stamp = start + GRAIN * (habits.convention.stamp == "end")
            # Its interval ends by the exporter's clock, and it is then as late as what was measured last in it.
            ended = start + GRAIN - habits.clock
            late = samples[-1].visible - (samples[-1].stamp - habits.clock) if samples else 0.0
            if samples or habits.filled:
                told = {"timestamp": self._write(stamp), "value": self._value(samples)}
                points.append(_Point(stamp, told, ended + late))
            start += GRAIN
        return points

    def _within(self, start: float) -> list[_Sample]:
        # What is measured at an interval's end belongs to it where that end is its stamp.
        cut = bisect_right if self._habits.convention.stamp == "end" else bisect_left
        return self._recorded[cut(self._recorded, start, key=_stamp) : cut(self._recorded, start + GRAIN, key=_stamp)]

    def _so_far(self, stamp: float, now: float) -> float | None:
        start = stamp - GRAIN * (self._habits.convention.stamp == "end")
        return self._value([sample for sample in self._within(start) if sample.visible <= now])

    def _value(self, samples: list[_Sample]) -> float | None:
        known = [sample.value for sample in samples if sample.value is not None]
        if not known:
            return None
        return known[-1] if self._habits.convention.value == "last" else fsum(known) / len(known)

    def _write(self, stamp: float) -> str:
        text = moment_of(stamp).replace(tzinfo=None).isoformat()
        return text.replace("T", " ") if self._habits.plain else f"{text}Z"


def moment_of(when: float) -> datetime:
    """The datetime of a simulated moment."""
    return EPOCH + timedelta(seconds=when)


def seconds(moment: datetime | str) -> float:
    """The simulated moment of a datetime."""
    assert isinstance(moment, datetime)
    return (moment - EPOCH).total_seconds()


def _stamp(one: _Sample | _Point) -> float:
    return one.stamp
