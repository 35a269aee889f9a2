# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Timeline of a simulated connector: its true status, and when it consumes records."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import groupby
from random import Random
from typing import NamedTuple

#: Seconds simulated before and after the reference time.
BEFORE, AFTER = 5400.0, 6000.0
#: Seconds. A stop is either short enough to affect a single point or long enough for a poll to see it. A stop in
#: between could affect two points unseen, which no client of the API can detect.
MAX_UNSEEN_STOP, MIN_SEEN_STOP = 45.0, 100.0
# Minimum seconds between two incidents.
_APART = 180.0


class Phase(NamedTuple):
    """A period with constant status.

    :param begin: start time, in seconds.
    :param status: the true status.
    :param running: whether records are consumed.
    :param crashed: it began with a crash, so fetched but uncommitted records are fetched again.
    """

    begin: float
    status: str
    running: bool
    crashed: bool = False


@dataclass(frozen=True, slots=True)
class ConnectorTimeline:
    """The phases of a connector in chronological order. The first one has no lower bound."""

    phases: tuple[Phase, ...]

    def at(self, when: float) -> Phase:
        """Return the phase at a point in time."""
        return self.phases[max(bisect_right(self.phases, when, key=_begin) - 1, 0)]

    def stops(self) -> list[tuple[float, float]]:
        """Return the intervals without consumption, as (begin, end)."""
        stops: list[tuple[float, float]] = []
        for running, phases in groupby(self.phases, key=_running):
            if running and stops:
                stops[-1] = (stops[-1][0], next(phases).begin)
            elif not running:
                stops.append((next(phases).begin, float("inf")))
        return stops


def _begin(phase: Phase) -> float:
    return phase.begin


def _running(phase: Phase) -> bool:
    return phase.running


def draw_timeline(
    random: Random, moment: float, *, restarted: bool, loops: bool = False, crashes: int = 0, rebalances: int = 0
) -> ConnectorTimeline:
    """Generate a random timeline around a reference time.

    :param random: random number generator.
    :param moment: reference time, in seconds; most incidents happen near it.
    :param restarted: the connector stops and restarts near the reference time.
    :param loops: add a crash loop.
    :param crashes: number of consecutive crashes after the reference time, each long enough for a poll to see.
    :param rebalances: number of consecutive rebalances near the reference time.
    """
    count = random.choice((1, 1, 2)) if restarted else random.choice((0, 0, 0, 1))
    incidents = [_incident(random, moment + random.gauss(-60.0, 300.0)) for _ in range(count)]
    if loops:
        incidents.append(_crash_loop(random, moment + random.uniform(-900.0, 300.0)))
    if crashes:
        incidents.append(_crashes(random, moment + random.uniform(-120.0, 60.0), crashes))
    if rebalances:
        incidents.append(_rebalances(random, moment + random.uniform(-60.0, 240.0), rebalances))
    if random.random() < 0.01:
        when = moment + random.uniform(-600.0, 1800.0)
        incidents.append([Phase(when, "Broken", False, True), Phase(when + 86400.0, "Active", True)])
    phases = [Phase(moment - BEFORE - 86400.0, "Active", True)]
    for incident in sorted(incidents, key=lambda one: one[0].begin):
        # Incidents in quick succession are separate faults: see the other parameters.
        if incident[0].begin > phases[-1].begin + _APART:
            phases.extend(incident)
    return ConnectorTimeline(tuple(phases))


def _incident(random: Random, when: float) -> list[Phase]:
    kind = random.choice(("pause", "crash", "restart", "rebalance", "rebalance"))
    if kind == "rebalance":
        return _rebalance(when, random.uniform(3.0, MAX_UNSEEN_STOP))
    back, stopped = when, []
    if kind == "pause":
        back += MIN_SEEN_STOP + random.lognormvariate(6.0, 1.0)
        stopped = [Phase(when, random.choice(("Paused", "Stopped")), False)]
    elif kind == "crash":
        back += MIN_SEEN_STOP + random.lognormvariate(4.8, 1.0)
        stopped = [Phase(when, random.choice(("Unassigned", "Stopped", "Unknown")), False, True)]
    up = back + random.uniform(5.0, MAX_UNSEEN_STOP)
    return [*stopped, Phase(back, "Starting", False), Phase(up, "Active", True)]


def _rebalance(when: float, seconds: float) -> list[Phase]:
    # The status stays Active while partitions are reassigned.
    return [Phase(when, "Active", False), Phase(when + seconds, "Active", True)]


def _crashes(random: Random, when: float, count: int) -> list[Phase]:
    phases: list[Phase] = []
    for _ in range(count):
        up = when + random.uniform(MIN_SEEN_STOP, 2 * MIN_SEEN_STOP)
        phases += [Phase(when, "Stopped", False, True), Phase(up, "Active", True)]
        when = up + random.uniform(60.0, 120.0)
    return phases


def _rebalances(random: Random, when: float, count: int) -> list[Phase]:
    phases: list[Phase] = []
    for _ in range(count):
        phases += _rebalance(when, random.uniform(15.0, 60.0))
        when = phases[-1].begin + random.uniform(10.0, 50.0)
    return phases


def _crash_loop(random: Random, when: float) -> list[Phase]:
    phases: list[Phase] = []
    period, down = random.uniform(30.0, 180.0), random.uniform(0.1, 0.6)
    for _ in range(random.randint(5, 25)):
        phases.append(Phase(when, random.choice(("Unassigned", "Starting")), False, True))
        phases.append(Phase(when + max(period * down * random.uniform(0.5, 1.5), 3.0), "Active", True))
        when = max(when + period * random.uniform(0.8, 1.2), phases[-1].begin + 3.0)
    return phases
