# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""A destination's connector through time: when it runs, and what its true status is."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import groupby
from random import Random
from typing import NamedTuple

#: Seconds before and after the moment in question that are simulated.
BEFORE, AFTER = 5400.0, 6000.0
#: A stop is either so short that it spoils one point, or so long that a wait sees it. In between it could spoil two
#: points without being seen, which no client of the API can detect.
HIDDEN, SEEN = 45.0, 100.0
# Seconds between the end of an incident and the beginning of the next.
_APART = 180.0


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
        stops: list[tuple[float, float]] = []
        for running, stretches in groupby(self.stretches, key=_running):
            if running and stops:
                stops[-1] = (stops[-1][0], next(stretches).begin)
            elif not running:
                stops.append((next(stretches).begin, float("inf")))
        return stops


def _begin(stretch: Stretch) -> float:
    return stretch.begin


def _running(stretch: Stretch) -> bool:
    return stretch.running


def live(
    random: Random, moment: float, *, troubled: bool, loops: bool = False, crashes: int = 0, rebalances: int = 0
) -> Life:
    """Draw a life around a moment.

    :param random: source of chance.
    :param moment: seconds; most incidents happen near it, because that is where they matter.
    :param troubled: the connector is stopped and started near the moment.
    :param loops: for a while it crashes and restarts again and again.
    :param crashes: number of crashes in a row after the moment, each long enough to be seen.
    :param rebalances: number of rebalances in a row near the moment.
    """
    count = random.choice((1, 1, 2)) if troubled else random.choice((0, 0, 0, 1))
    incidents = [_incident(random, moment + random.gauss(-60.0, 300.0)) for _ in range(count)]
    if loops:
        incidents.append(_crash_loop(random, moment + random.uniform(-900.0, 300.0)))
    if crashes:
        incidents.append(_crashes(random, moment + random.uniform(-120.0, 60.0), crashes))
    if rebalances:
        incidents.append(_rebalances(random, moment + random.uniform(-60.0, 240.0), rebalances))
    if random.random() < 0.01:
        when = moment + random.uniform(-600.0, 1800.0)
        incidents.append([Stretch(when, "Broken", False, True), Stretch(when + 86400.0, "Active", True)])
    stretches = [Stretch(moment - BEFORE - 86400.0, "Active", True)]
    for incident in sorted(incidents, key=lambda one: one[0].begin):
        # Incidents in quick succession are faults of their own: see the other parameters.
        if incident[0].begin > stretches[-1].begin + _APART:
            stretches.extend(incident)
    return Life(tuple(stretches))


def _incident(random: Random, when: float) -> list[Stretch]:
    kind = random.choice(("pause", "crash", "restart", "rebalance", "rebalance"))
    if kind == "rebalance":
        return _rebalance(when, random.uniform(3.0, HIDDEN))
    back, stopped = when, []
    if kind == "pause":
        back += SEEN + random.lognormvariate(6.0, 1.0)
        stopped = [Stretch(when, random.choice(("Paused", "Stopped")), False)]
    elif kind == "crash":
        back += SEEN + random.lognormvariate(4.8, 1.0)
        stopped = [Stretch(when, random.choice(("Unassigned", "Stopped", "Unknown")), False, True)]
    up = back + random.uniform(5.0, HIDDEN)
    return [*stopped, Stretch(back, "Starting", False), Stretch(up, "Active", True)]


def _rebalance(when: float, seconds: float) -> list[Stretch]:
    # The status stays Active while the consumers agree on who reads what.
    return [Stretch(when, "Active", False), Stretch(when + seconds, "Active", True)]


def _crashes(random: Random, when: float, count: int) -> list[Stretch]:
    stretches: list[Stretch] = []
    for _ in range(count):
        up = when + random.uniform(SEEN, 2 * SEEN)
        stretches += [Stretch(when, "Stopped", False, True), Stretch(up, "Active", True)]
        when = up + random.uniform(60.0, 120.0)
    return stretches


def _rebalances(random: Random, when: float, count: int) -> list[Stretch]:
    stretches: list[Stretch] = []
    for _ in range(count):
        stretches += _rebalance(when, random.uniform(15.0, 60.0))
        when = stretches[-1].begin + random.uniform(10.0, 50.0)
    return stretches


def _crash_loop(random: Random, when: float) -> list[Stretch]:
    stretches: list[Stretch] = []
    period, down = random.uniform(30.0, 180.0), random.uniform(0.1, 0.6)
    for _ in range(random.randint(5, 25)):
        stretches.append(Stretch(when, random.choice(("Unassigned", "Starting")), False, True))
        stretches.append(Stretch(when + max(period * down * random.uniform(0.5, 1.5), 3.0), "Active", True))
        when = max(when + period * random.uniform(0.8, 1.2), stretches[-1].begin + 3.0)
    return stretches
