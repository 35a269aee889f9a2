# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""How one exporter measures and reports, faults included: drawn once for each destination."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Literal, NamedTuple

from benchmarks.accuracy.faults import Effect, Fault, Shown
from benchmarks.accuracy.life import SEEN, Life

_ODD = (None, "Unknown", "Unassigned", "Pending Update")
_ALWAYS = (float("-inf"), float("inf"))


@dataclass(frozen=True, slots=True)
class Convention:
    """What the API's documentation does not define.

    :param stamp: a point carries the start or the end of its interval.
    :param value: a point is the last value of its interval, or their mean.
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
    """A time in which something is wrong with the lag."""

    begin: float
    end: float
    effect: Effect


class Flap(NamedTuple):
    """A time in which the status shows an odd value."""

    begin: float
    end: float
    status: str | None


@dataclass(frozen=True, slots=True)
class Habits:
    """How an exporter measures and reports; all times in seconds.

    :param convention: the meaning of its points.
    :param first: time of the first measurement.
    :param every: time between two measurements.
    :param delay: time from a measurement to its publication, which varies by ``sway``.
    :param status_delay: age of the status.
    :param cached: time by which a measurement is older than its stamp; with ``half_cached`` only the count of arrived
        records is.
    :param clock: time by which its clock is ahead.
    :param fetched: it counts fetched records as consumed.
    :param resets: its counters restart with the connector.
    :param stopped: the lag it shows while the connector is stopped.
    :param plain: it writes times as ``2025-03-02 08:00:00``.
    :param latest: the source of the lag in ``latest``: the newest measurement, the newest complete minute's point, the
        truth, always zero, or (``old``) the newest measurement at ``old_since``.
    :param old_since: see ``latest``.
    :param running: the point of the running minute: not published, the value so far, zero, or far too low. The last
        two are published only until the minute ends.
    :param filled: missing points, up to now, are null points.
    :param zero_filled: missing points are zero points.
    :param zero_points: all points are zero.
    :param doubled: each stamp has a second value, which is zero or far too low.
    :param unordered: points are in any order, and some are published minutes after their successors.
    :param vanishing: some points are removed minutes after they were published.
    :param moving_grid: the minutes start at the seconds of the query's start.
    :param spans: faults of the lag.
    :param flaps: odd statuses.
    :param empty: times in which the timeseries is empty.
    """

    convention: Convention
    first: float
    every: float = 15.0
    delay: float = 0.0
    sway: float = 0.0
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


def habits(random: Random, fault: Fault, convention: Convention, life: Life, moment: float, first: float) -> Habits:
    """Draw an exporter's habits.

    :param random: source of chance.
    :param fault: what can be wrong.
    :param convention: the meaning of its points.
    :param life: the connector's, since some faults follow a restart.
    :param moment: faults happen near it, because that is where they matter.
    :param first: about the time of the first measurement.
    """
    every = 60.0 if fault.sparse else random.choice((5.0, 15.0, 30.0, 60.0))
    delay = random.uniform(0.0, fault.delay)
    sway = random.uniform(0.0, min(delay, 60.0))
    clock = random.uniform(-fault.clock, fault.clock)
    if fault.ahead:
        # Just before a new point is published, the newest one is still 90 s ahead.
        clock = delay + sway + (210.0 if convention.stamp == "start" else 150.0) + random.uniform(0.0, 150.0)
    return Habits(
        convention=convention,
        first=first + random.uniform(0.0, every),
        every=every,
        delay=delay,
        sway=sway,
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
        spans=[_span(random, moment, effect) for effect in fault.spans] + _zeros(random, fault, life),
        flaps=_flaps(random, moment) if fault.flaps else [],
        empty=_empty(random, fault, moment),
    )


def _latest(random: Random, fault: Fault) -> Literal["sample", "point", "truth", "zero", "old"]:
    # An honest exporter may do either of the two.
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


def _zeros(random: Random, fault: Fault, life: Life) -> list[Span]:
    zeros = []
    for begin, end in life.stops():
        # A stop that no poll sees must stay below a minute together with the zeros after it.
        unseen = fault.stopped != "truth" and end - begin < SEEN
        longest = fault.zero_after - (end - begin if unseen else 0.0)
        if longest > 0.0:
            zeros.append(Span(end, end + random.uniform(min(20.0, longest), longest), "zero"))
    return zeros


def _empty(random: Random, fault: Fault, moment: float) -> list[tuple[float, float]]:
    if fault.series_empty == "always":
        return [_ALWAYS]
    return intervals(random, moment) if fault.series_empty else []


def intervals(random: Random, moment: float) -> list[tuple[float, float]]:
    """Draw three intervals of minutes near a moment, in which something does not work.

    :param random: source of chance.
    :param moment: seconds.
    """
    begins = [moment + random.uniform(-300.0, 1200.0) for _ in range(3)]
    return [(begin, begin + random.expovariate(1 / 150.0)) for begin in begins]


def within(spans: list[tuple[float, float]], when: float) -> bool:
    """Return whether a moment lies in one of several intervals.

    :param spans: pairs of begin and end.
    :param when: seconds.
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
        flaps.append(Flap(when, when + random.uniform(5.0, 90.0), random.choice(_ODD)))
    return flaps
