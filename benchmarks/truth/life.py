# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""A destination's connector through time: when it runs, and what its true status is."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

#: Seconds before and after the moment in question that are simulated.
BEFORE, AFTER = 5400.0, 6000.0


class Stretch(NamedTuple):
    """A time in which nothing about the connector changes.

    :param begin: seconds at which it begins.
    :param status: the true status.
    :param running: whether records are consumed.
    :param crashed: it began with a crash: what was fetched and not yet committed is lost sight of.
    """

    begin: float
    status: str
    running: bool
    crashed: bool = False


@dataclass(frozen=True, slots=True)
class Life:
    """A connector's stretches, in order of time; the first one reaches back for ever."""

    stretches: tuple[Stretch, ...]

    def at(self, when: float) -> Stretch:
        """The stretch that a moment lies in."""
        return self.stretches[max(bisect_right(self.stretches, when, key=_begin) - 1, 0)]

    def stops(self) -> list[tuple[float, float]]:
        """The times in which nothing is consumed, as (begin, end)."""
        ends = [*(stretch.begin for stretch in self.stretches[1:]), float("inf")]
        return [(one.begin, end) for one, end in zip(self.stretches, ends, strict=True) if not one.running]


def _begin(stretch: Stretch) -> float:
    return stretch.begin


def live(random: Random, moment: float, *, troubled: bool, loops: bool) -> Life:
    """Make up a life around a moment.

    :param random: where chance comes from.
    :param moment: seconds; most troubles lie near it, for that is where they matter.
    :param troubled: it is stopped and started about the moment.
    :param loops: for a while it crashes and comes up again, over and over.
    """
    count = random.choice((1, 1, 2)) if troubled else random.choice((0, 0, 0, 1))
    incidents = [_incident(random, moment + random.gauss(-60.0, 300.0)) for _ in range(count)]
    if loops:
        incidents.append(_crash_loop(random, moment + random.uniform(-900.0, 300.0)))
    if random.random() < 0.01:
        when = moment + random.uniform(-600.0, 1800.0)
        incidents.append([Stretch(when, "Broken", False, True), Stretch(when + 86400.0, "Active", True)])
    stretches = [Stretch(moment - BEFORE - 86400.0, "Active", True)]
    for incident in sorted(incidents, key=lambda one: one[0].begin):
        # One trouble at a time: what would begin within another one does not happen.
        if incident[0].begin > stretches[-1].begin:
            stretches.extend(incident)
    return Life(tuple(stretches))


def _incident(random: Random, when: float) -> list[Stretch]:
    kind = random.choice(("pause", "crash", "restart", "rebalance", "rebalance"))
    if kind == "pause":
        back = when + random.lognormvariate(6.0, 1.0)
        stopped = [Stretch(when, random.choice(("Paused", "Stopped")), False)]
    elif kind == "crash":
        back = when + random.lognormvariate(4.8, 1.0)
        stopped = [Stretch(when, random.choice(("Unassigned", "Stopped", "Unknown")), False, True)]
    elif kind == "restart":
        back = when
        stopped = []
    else:
        # The connector counts as running while its consumers agree on who reads what.
        return [Stretch(when, "Active", False), Stretch(when + random.uniform(3.0, 45.0), "Active", True)]
    up = back + random.uniform(5.0, 60.0)
    return [*stopped, Stretch(back, "Starting", False), Stretch(up, "Active", True)]


def _crash_loop(random: Random, when: float) -> list[Stretch]:
    stretches: list[Stretch] = []
    period, down = random.uniform(30.0, 180.0), random.uniform(0.1, 0.6)
    for _ in range(random.randint(5, 25)):
        stretches.append(Stretch(when, random.choice(("Unassigned", "Starting")), False, True))
        stretches.append(Stretch(when + max(period * down * random.uniform(0.5, 1.5), 3.0), "Active", True))
        when = max(when + period * random.uniform(0.8, 1.2), stretches[-1].begin + 3.0)
    return stretches
