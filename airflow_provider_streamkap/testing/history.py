# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Timeseries and timesummary of a simulated connector, computed from its readings and consistent with
`latest`.

:class:`Reporting` configures what the API reference does not specify: whether a point's timestamp is the start
or the end of its interval, whether its value is the mean or the last value, whether totals restart in each
interval, the format of timestamps, and the delay of points.
"""

from __future__ import annotations

import calendar
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from airflow_provider_streamkap.testing.params import DAY, MetricsParams
from airflow_provider_streamkap.testing.readings import TOTALS, JsonValue, Measured

_SECONDS: Final = {"minute": 60.0, "hour": 3600.0, "day": DAY, "week": 7 * DAY}
_MONTH: Final = 30 * DAY
_ZONES: Final = {"iso": "Z", "offset": "+00:00", "naive": ""}
_MONDAY: Final = 4 * DAY  # 1970-01-05: weeks start on Monday
_MAX_SAMPLES: Final = 60
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST_YEAR: Final = 9999


@dataclass(frozen=True)
class Reporting:
    """How the metrics endpoint reports the readings of a destination.

    :param stamp: timestamp of a point: the ``start`` (default) or the ``end`` of its interval.
    :param value: value of a point: the ``last`` value of its interval (default) or the ``mean``. With ``mean``,
        totals are still the last value, and ``putBatchMaxTimeMs`` is the maximum.
    :param totals: totals are ``running`` from the start (default), or count the records of one ``interval``:
        the interval of the point in a timeseries, the whole period in a timesummary, and the most recent interval
        in ``latest``.
    :param layout: format of timestamps: ``iso`` (``2025-03-02T08:00:00Z``, default), ``offset``
        (``2025-03-02T08:00:00+00:00``), ``naive`` (``2025-03-02T08:00:00``) or ``plain`` (``2025-03-02 08:00:00``).
        All are in UTC.
    :param delay: seconds from the end of an interval until its point is available. Default 0.
    :param latest_delay: age of the ``latest`` reading in seconds. Default 0.
    :param partial: also report the current, incomplete interval. Default False.
    :param gaps: periods without measurements, as (from, to) in seconds since the destination was added. An
        interval without a measurement has no point. Default: none.
    :param sample_every: seconds between measurements. Default 15; at most 60 measurements go into one point.
    """

    stamp: Literal["start", "end"] = "start"
    value: Literal["last", "mean"] = "last"
    totals: Literal["running", "interval"] = "running"
    layout: Literal["iso", "offset", "naive", "plain"] = "iso"
    delay: float = 0.0
    latest_delay: float = 0.0
    partial: bool = False
    gaps: tuple[tuple[float, float], ...] = ()
    sample_every: float = 15.0

    def __post_init__(self) -> None:
        if self.delay < 0 or self.latest_delay < 0:
            raise ValueError(
                f"delay and latest_delay must be 0 or more seconds; got {self.delay!r} and {self.latest_delay!r}"
            )
        if not self.sample_every > 0:
            raise ValueError(f"sample_every must be above 0 seconds; got {self.sample_every!r}")


@dataclass(frozen=True)
class History:
    """The metrics history of one destination or source.

    :param at: returns the reading at a time in epoch seconds.
    :param created: start of the history in epoch seconds.
    :param added: time that `gaps` are relative to, in epoch seconds.
    :param now: end of the history in epoch seconds.
    """

    at: Callable[[float], Measured]
    created: float
    added: float
    now: float
    reporting: Reporting

    def latest(self, params: MetricsParams) -> dict[str, JsonValue]:
        """Return the ``data`` object of a ``latest`` response."""
        moment = self.now - self.reporting.latest_delay
        reading = self.at(moment)
        length = _SECONDS.get(params.time_unit, _MONTH) * params.time_interval
        numbers = self._counted(reading.numbers(), moment - length)
        return {name: numbers.get(name, value) if name in TOTALS else value for name, value in reading.data().items()}

    def timeseries(self, params: MetricsParams) -> dict[str, JsonValue]:
        """Return the ``data`` object of a ``timeseries`` response."""
        now = self.at(self.now)
        points: dict[str, list[JsonValue]] = {name: [] for name in now.numeric if name not in now.missing}
        for stamp, values in self._points(params):
            for name in points.keys() & values.keys():
                points[name].append({"timestamp": stamp, "value": values[name]})
        return {**points}

    def timesummary(self, params: MetricsParams) -> dict[str, JsonValue]:
        """Return the ``data`` object of a ``timesummary`` response.

        The API reference does not specify the aggregation. Here, gauges are means over the period; totals and
        status are those at its end. All values are null for a period in which the destination did not exist.
        """
        begin, end = self._span(params)
        last = self.at(min(end, self.now))
        known: dict[str, float] = {} if begin > end else _mean(list(self._samples(begin, end)) or [last.numbers()])
        known = self._counted(known, begin)
        data: dict[str, JsonValue] = {
            name: known.get(name) if name in last.numeric else value for name, value in last.data().items()
        }
        return data if begin <= end else dict.fromkeys(data)

    def _span(self, params: MetricsParams) -> tuple[float, float]:
        return max(params.start, self.created), min(params.end, self.now)

    def _points(self, params: MetricsParams) -> Iterator[tuple[str, dict[str, float]]]:
        begin, end = self._span(params)
        if begin > end:
            return
        for start, stop in intervals(begin, end, params.time_interval, params.time_unit):
            stamp = start if self.reporting.stamp == "start" else stop
            reported = self.reporting.partial or stop + self.reporting.delay <= self.now
            if not reported or not begin <= stamp <= params.end:
                continue
            samples = self._samples(start, min(stop, self.now - self.reporting.delay))
            values = _mean(list(samples)) if self.reporting.value == "mean" else next(samples, {})
            yield self._write(stamp), self._counted(values, start)

    def _counted(self, values: dict[str, float], start: float) -> dict[str, float]:
        if self.reporting.totals == "running":
            return values
        before = self.at(max(start, self.created)).numbers()
        return {name: value - before.get(name, 0.0) if name in TOTALS else value for name, value in values.items()}

    def _samples(self, start: float, stop: float) -> Iterator[dict[str, float]]:
        """Yield the measurements after `start` and up to `stop`, newest first."""
        step = max(self.reporting.sample_every, (stop - start) / _MAX_SAMPLES)
        for back in range(min(_MAX_SAMPLES, math.ceil((stop - start) / step))):
            moment = stop - step * back
            if not self._in_gap(moment) and (reading := self.at(moment)).has_metrics:
                yield reading.numbers()

    def _in_gap(self, moment: float) -> bool:
        return any(begin <= moment - self.added < end for begin, end in self.reporting.gaps)

    def _write(self, stamp: float) -> str:
        moment = (_EPOCH + timedelta(seconds=stamp)).isoformat(timespec="seconds").removesuffix("+00:00")
        return moment.replace("T", " ") if self.reporting.layout == "plain" else moment + _ZONES[self.reporting.layout]


def intervals(begin: float, end: float, every: int, unit: str) -> Iterator[tuple[float, float]]:
    """Yield the calendar intervals that overlap a period, as (start, stop) in epoch seconds.

    Intervals are aligned to the calendar (UTC), not to the period, so that all queries use the same boundaries.
    Weeks start on Monday, months on their first day. Multiples of a unit are counted from 1970.
    """
    if unit == "month":
        moment = _EPOCH + timedelta(seconds=begin)
        number = ((moment.year - 1970) * 12 + moment.month - 1) // every

        def bound(count: int) -> float:
            return _month(count * every)

    else:
        length = _SECONDS[unit] * every
        origin = _MONDAY if unit == "week" else 0.0
        number = math.floor((begin - origin) / length)

        def bound(count: int) -> float:
            return origin + count * length

    while bound(number) <= end:
        yield bound(number), bound(number + 1)
        number += 1


def _month(count: int) -> float:
    year, month = 1970 + count // 12, count % 12 + 1
    if not 1 <= year <= _LATEST_YEAR:
        return math.copysign(math.inf, year)
    return float(calendar.timegm((year, month, 1, 0, 0, 0)))


def _mean(samples: list[dict[str, float]]) -> dict[str, float]:
    """Aggregate the samples of an interval, newest first, into one value per metric."""
    means: dict[str, float] = {}
    for name in {name: None for sample in samples for name in sample}:
        values = [sample[name] for sample in samples if name in sample]
        if name in TOTALS:
            means[name] = values[0]
        else:
            means[name] = max(values) if name == "putBatchMaxTimeMs" else math.fsum(values) / len(values)
    return means
