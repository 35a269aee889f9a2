# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Behavior of a metrics exporter, including its faults; generated once per destination."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Literal, NamedTuple

from benchmarks.accuracy.connector_timeline import MIN_SEEN_STOP, ConnectorTimeline
from benchmarks.accuracy.faults import Effect, Fault, Shown

_UNEXPECTED_STATUSES = (None, "Unknown", "Unassigned", "Pending Update")
_ALWAYS = (float("-inf"), float("inf"))


@dataclass(frozen=True, slots=True)
class Convention:
    """How points are aggregated, which the API reference does not specify.

    :param stamp: the timestamp is the start or the end of the interval.
    :param value: the value is the last one of the interval, or the mean.
    """

    stamp: Literal["start", "end"]
    value: Literal["last", "mean"]

    def __str__(self) -> str:
        return f"{self.stamp}, {self.value}"


CONVENTIONS = (
    Convention("start", "last"),
    Convention("start", "mean"),
    Convention("end", "last"),
    Convention("end", "mean"),
)


class Span(NamedTuple):
    """An interval with a fault in the lag."""

    begin: float
    end: float
    effect: Effect


class Flap(NamedTuple):
    """An interval with an unexpected status."""

    begin: float
    end: float
    status: str | None


@dataclass(frozen=True, slots=True)
class ExporterBehavior:
    """How an exporter measures and reports. All times are in seconds.

    :param convention: how points are aggregated.
    :param first: time of the first measurement.
    :param every: interval between measurements.
    :param delay: time from measurement to publication, plus or minus ``jitter``.
    :param status_delay: age of the status.
    :param cached: age of a measurement at its timestamp; with ``half_cached``, only the produced records are.
    :param clock: clock skew; positive is ahead.
    :param fetched: count fetched records as consumed.
    :param resets: reset counters when the connector restarts.
    :param stopped: lag reported while the connector is stopped.
    :param plain: format timestamps as ``2025-03-02 08:00:00``.
    :param latest: source of the lag in ``latest``: the newest measurement, the newest complete minute's point, the true
        lag, always zero, or (``old``) the newest measurement as of ``old_since``.
    :param old_since: see ``latest``.
    :param running: point of the current minute: not published, the value so far, zero, or far too low. The last two are
        published only until the minute ends.
    :param filled: report missing points, up to now, as null.
    :param zero_filled: report missing points as zero.
    :param zero_points: report all points as zero.
    :param doubled: each timestamp has a second value that is zero or far too low.
    :param unordered: points are in random order, and some are published minutes after later points.
    :param vanishing: some points disappear minutes after publication.
    :param moving_grid: intervals are aligned to the start of the query.
    :param spans: faults of the lag.
    :param flaps: intervals with an unexpected status.
    :param empty: intervals in which the timeseries is empty.
    """

    convention: Convention
    first: float
    every: float = 15.0
    delay: float = 0.0
    jitter: float = 0.0
    status_delay: float = 0.0
    cached: float = 0.0
    half_cached: bool = False
    clock: float = 0.0
    fetched: bool = False
    resets: bool = False
    stopped: Shown = "truth"
    plain: bool = False
    latest: Literal["sample", "point", "truth", "zero", "old"] = "sample"
    old_since: float = 0.0
    running: Literal["hidden", "so far", "zero", "low"] = "hidden"
    filled: bool = False
    zero_filled: bool = False
    zero_points: bool = False
    doubled: Literal["zero", "low"] | None = None
    unordered: bool = False
    vanishing: bool = False
    moving_grid: bool = False
    spans: list[Span] = field(default_factory=list)
    flaps: list[Flap] = field(default_factory=list)
    empty: list[tuple[float, float]] = field(default_factory=list)


def draw_behavior(
    random: Random, fault: Fault, convention: Convention, timeline: ConnectorTimeline, moment: float, first: float
) -> ExporterBehavior:
    """Generate a random exporter behavior.

    :param random: random number generator.
    :param fault: the fault to reproduce.
    :param convention: how points are aggregated.
    :param timeline: timeline of the connector, since some faults follow a restart.
    :param moment: reference time; faults happen near it.
    :param first: earliest time of the first measurement.
    """
    every = 60.0 if fault.sparse else random.choice((5.0, 15.0, 30.0, 60.0))
    delay = random.uniform(0.0, fault.delay)
    jitter = random.uniform(0.0, min(delay, 60.0))
    clock = random.uniform(-fault.clock, fault.clock)
    if fault.ahead:
        # The newest point must still be 90 s ahead just before the next one is published.
        clock = delay + jitter + (210.0 if convention.stamp == "start" else 150.0) + random.uniform(0.0, 150.0)
    return ExporterBehavior(
        convention=convention,
        first=first + random.uniform(0.0, every),
        every=every,
        delay=delay,
        jitter=jitter,
        status_delay=random.uniform(0.0, fault.status_delay),
        cached=random.uniform(0.0, fault.cached),
        half_cached=random.random() < 0.5,
        clock=clock,
        fetched=fault.fetched,
        resets=fault.resets,
        stopped=fault.stopped,
        plain=random.random() < 0.3,
        latest=_latest(random, fault),
        old_since=moment + random.uniform(-300.0, 60.0),
        running=_running(random, fault),
        filled=random.random() < 0.2 or fault.filled,
        zero_filled=fault.disagree == "gaps zero",
        zero_points=fault.disagree == "points zero",
        doubled=_too_low(random) if fault.doubled else None,
        unordered=fault.unordered,
        vanishing=fault.vanishing,
        moving_grid=fault.moving_grid,
        spans=[_span(random, moment, effect) for effect in fault.spans] + _zeros(random, fault, timeline),
        flaps=_flaps(random, moment) if fault.flaps else [],
        empty=_empty(random, fault, moment),
    )


def _latest(random: Random, fault: Fault) -> Literal["sample", "point", "truth", "zero", "old"]:
    # Both are valid for an exporter without faults.
    point = random.random() < 0.3
    match fault.disagree:
        case "points zero" | "gaps zero":
            return "truth"
        case "latest zero":
            return "zero"
        case "latest old":
            return "old"
        case _:
            return "point" if point or fault.latest_point else "sample"


def _running(random: Random, fault: Fault) -> Literal["hidden", "so far", "zero", "low"]:
    honest, wrong = random.random() < 0.2, _too_low(random)
    if fault.running:
        return wrong
    return "so far" if honest or fault.sparse else "hidden"


def _too_low(random: Random) -> Literal["zero", "low"]:
    return "low" if random.random() < 0.3 else "zero"


def _zeros(random: Random, fault: Fault, timeline: ConnectorTimeline) -> list[Span]:
    zeros = []
    for begin, end in timeline.stops():
        # A stop that no poll sees, plus the zeros after it, must stay below one minute.
        unseen = fault.stopped != "truth" and end - begin < MIN_SEEN_STOP
        longest = fault.zero_after - (end - begin if unseen else 0.0)
        if longest > 0.0:
            zeros.append(Span(end, end + random.uniform(min(20.0, longest), longest), "zero"))
    return zeros


def _empty(random: Random, fault: Fault, moment: float) -> list[tuple[float, float]]:
    if fault.series_empty == "always":
        return [_ALWAYS]
    return intervals(random, moment) if fault.series_empty else []


def intervals(random: Random, moment: float) -> list[tuple[float, float]]:
    """Generate three random outages of a few minutes near a reference time.

    :param random: random number generator.
    :param moment: reference time, in seconds.
    """
    begins = [moment + random.uniform(-300.0, 1200.0) for _ in range(3)]
    return [(begin, begin + random.expovariate(1 / 150.0)) for begin in begins]


def within(spans: list[tuple[float, float]], when: float) -> bool:
    """Return whether a time lies within one of the intervals.

    :param spans: (begin, end) pairs.
    :param when: time, in seconds.
    """
    return any(begin <= when < end for begin, end in spans)


def _span(random: Random, moment: float, effect: Effect) -> Span:
    begin = moment + random.uniform(-600.0, 120.0)
    return Span(begin, begin + random.lognormvariate(5.7, 0.9), effect)


def _flaps(random: Random, moment: float) -> list[Flap]:
    flaps = []
    when = moment - 900.0
    while when < moment + 3600.0:
        when += random.expovariate(1 / 240.0)
        flaps.append(Flap(when, when + random.uniform(5.0, 90.0), random.choice(_UNEXPECTED_STATUSES)))
    return flaps
