# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""What one exporter does, faults included: drawn once for each destination."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Literal, NamedTuple

from benchmarks.truth.faults import Effect, Fault, Shown
from benchmarks.truth.life import Life

_ODD = (None, "Unknown", "Unassigned", "Pending Update")


@dataclass(frozen=True, slots=True)
class Convention:
    """What the API's documentation leaves open.

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
    """A time in which the status shows something odd."""

    begin: float
    end: float
    status: str | None


@dataclass(frozen=True, slots=True)
class Habits:
    """How an exporter measures and tells; all times in seconds.

    :param convention: what its points mean.
    :param first: when it begins to measure.
    :param every: between two measurements.
    :param delay: for which a measurement is withheld, and ``sway`` by how much that varies.
    :param status_delay: by which the status is old.
    :param cached: by which a measurement is older than its time; with ``half_cached`` only what has arrived is.
    :param clock: by which its clock is ahead.
    :param fetched: it takes what has been fetched for consumed.
    :param resets: its counters begin anew with the connector.
    :param stopped: what it shows while the connector is stopped.
    :param plain: it writes times as ``2025-03-02 08:00:00``.
    :param partial: it tells of the minute that has not ended.
    :param filled: it fills the series up to now with nulls.
    :param spans: what is wrong with the lag, and when.
    :param flaps: odd statuses.
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
    partial: bool = False
    filled: bool = False
    spans: list[Span] = field(default_factory=list)
    flaps: list[Flap] = field(default_factory=list)


def habits(random: Random, fault: Fault, convention: Convention, life: Life, moment: float, first: float) -> Habits:
    """Draw an exporter's habits.

    :param random: where chance comes from.
    :param fault: what may be wrong.
    :param convention: what its points mean.
    :param life: the connector's, since some things go wrong after a restart.
    :param moment: near which faults lie, for that is where they matter.
    :param first: about when it begins to measure.
    """
    every = random.choice((5.0, 15.0, 30.0, 60.0))
    delay = random.uniform(0.0, fault.delay)
    zeros = [Span(end, end + random.uniform(5.0, fault.zero_after), "zero") for _, end in life.stops()]
    return Habits(
        convention=convention,
        first=first + random.uniform(0.0, every),
        every=every,
        delay=delay,
        sway=random.uniform(0.0, min(delay, 60.0)),
        status_delay=random.uniform(0.0, fault.status_delay),
        cached=random.uniform(0.0, fault.cached),
        half_cached=random.random() < 0.5,
        clock=random.uniform(-fault.clock, fault.clock),
        fetched=fault.fetched,
        resets=fault.resets,
        stopped=fault.stopped,
        plain=random.random() < 0.3,
        partial=random.random() < 0.2,
        filled=random.random() < 0.2,
        spans=[_span(random, moment, effect) for effect in fault.spans] + (zeros if fault.zero_after else []),
        flaps=_flaps(random, moment) if fault.flaps else [],
    )


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
