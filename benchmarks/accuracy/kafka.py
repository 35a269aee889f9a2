# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Ground truth: the records in Kafka, and how many of them are consumed, at any point in time.

A record counts as consumed once its offset is committed. After a crash the consumer resumes from the last commit.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from math import floor
from random import Random

from benchmarks.accuracy.connector_timeline import AFTER, BEFORE, ConnectorTimeline

# Tolerance for rounding errors in record counts.
_NEARLY = 1e-6


@dataclass(frozen=True, slots=True)
class Traffic:
    """Arrival rates of records, and the rate at which they are consumed.

    :param changes: arrival rates in records/s, as (start in seconds, rate) in chronological order.
    :param rate: consumer throughput in records/s.
    :param commit_every: seconds between two commits.
    """

    changes: tuple[tuple[float, float], ...]
    rate: float
    commit_every: float


@dataclass(frozen=True, slots=True)
class Topic:
    """Record counts of a topic over time, in seconds."""

    _times: list[float]
    _arrived: list[float]
    _fetched: list[float]
    _committed: list[int]

    def arrived(self, when: float) -> int:
        """Return the total number of records produced."""
        return floor(self._between(self._arrived, when) + _NEARLY)

    def fetched(self, when: float) -> int:
        """Return the number of records fetched, including any that a crash will make the consumer fetch again."""
        return floor(self._between(self._fetched, when) + _NEARLY)

    def committed(self, when: float) -> int:
        """Return the number of records whose offset is committed."""
        return self._committed[max(bisect_right(self._times, when) - 1, 0)]

    def pending(self, of: float, when: float) -> int:
        """Return the number of records produced by ``of`` that are not yet consumed at ``when``."""
        return max(self.arrived(of) - self.committed(when), 0)

    def drained_at(self, of: float, limit: float) -> float | None:
        """Return when at most ``limit`` records produced by ``of`` are pending; ``None`` if never."""
        return self.consumed_at(self.arrived(of) - limit)

    def consumed_at(self, count: float) -> float | None:
        """Return when the first ``count`` records are consumed; ``None`` if never."""
        index = bisect_left(self._committed, count)
        return self._times[index] if index < len(self._times) else None

    def _between(self, values: list[float], when: float) -> float:
        times = self._times
        right = bisect_right(times, when)
        if right == 0 or right == len(times):
            return values[min(right, len(times) - 1)]
        left = right - 1
        share = (when - times[left]) / (times[right] - times[left])
        return values[left] + share * (values[right] - values[left])


def draw_traffic(random: Random, moment: float) -> Traffic:
    """Generate random traffic around a reference time: bursts, the largest usually just before it, and a trickle.

    :param random: random number generator.
    :param moment: reference time, in seconds.
    """
    size = random.lognormvariate(8.0, 1.5)
    bursts = [(moment + random.uniform(-BEFORE, AFTER), random.lognormvariate(6.5, 1.5)) for _ in range(4)]
    if random.random() < 0.85:
        bursts.append((moment - random.expovariate(1 / random.choice((40.0, 240.0))), size))
    if random.random() < 0.3:
        bursts.append((moment + random.expovariate(1 / 240.0), size))
    deltas: list[tuple[float, float]] = []
    for begin, records in bursts:
        lasts = random.choice((1.0, 1.0, 10.0, 120.0))
        deltas += [(begin, records / lasts), (begin + lasts, -records / lasts)]
    busy = random.random()
    if busy < 0.1:
        deltas.append((moment - BEFORE, random.uniform(1.0, 30.0)))
    elif busy < 0.4:
        # A trickle: a few records at a time, with pauses in between.
        when = moment - BEFORE
        while when < moment + AFTER:
            records = float(random.randint(1, 20))
            deltas += [(when, records), (when + 1.0, -records)]
            when += random.expovariate(1 / 300.0)
    changes: list[tuple[float, float]] = []
    arriving = 0.0
    for when, delta in sorted(deltas):
        arriving = max(arriving + delta, 0.0)
        changes.append((when, 0.0 if arriving < _NEARLY else arriving))
    # Usually fast; sometimes so slow that the wait takes a long time.
    rate = size / random.choice((30.0, 120.0, 300.0, 600.0, 1200.0)) + 10.0
    return Traffic(tuple(changes), rate, random.choice((5.0, 10.0, 30.0, 60.0)))


def simulate_topic(traffic: Traffic, timeline: ConnectorTimeline, begin: float, end: float) -> Topic:
    """Simulate the consumption of records.

    :param traffic: arrival and consumption rates.
    :param timeline: when the connector runs.
    :param begin: start of the simulation, in seconds.
    :param end: end of the simulation, in seconds.
    """
    # Order of simultaneous events: arrival rate, connector phase, commit.
    events: list[tuple[float, int, float]] = [(when, 0, rate) for when, rate in traffic.changes if begin <= when <= end]
    events += [(one.begin, 1, index) for index, one in enumerate(timeline.phases) if begin < one.begin <= end]
    ticks = int((end - begin) / traffic.commit_every)
    events += [(begin + tick * traffic.commit_every, 2, 0.0) for tick in range(1, ticks + 1)]
    events.sort()
    arrived = fetched = arriving = 0.0
    running, committed = timeline.at(begin).running, 0
    times, all_arrived, all_fetched, all_committed = [begin], [0.0], [0.0], [0]

    def record(when: float) -> None:
        times.append(when)
        all_arrived.append(arrived)
        all_fetched.append(fetched)
        all_committed.append(committed)

    now = begin
    for when, kind, value in events:
        span, waiting = when - now, arrived - fetched
        arrived += arriving * span
        if running:
            if span > 0 and 0 < waiting < (traffic.rate - arriving) * span:
                # Caught up on the config: the curve has a corner there.
                corner = waiting / (traffic.rate - arriving)
                times.append(now + corner)
                all_arrived.append(arrived - arriving * (span - corner))
                all_fetched.append(all_arrived[-1])
                all_committed.append(committed)
            fetched = min(arrived, fetched + traffic.rate * span)
        now = when
        if kind == 0:
            arriving = value
        elif kind == 1:
            phase = timeline.phases[int(value)]
            if phase.crashed and running:
                record(when)
                fetched = float(committed)
            elif running:
                committed = floor(fetched + _NEARLY)
            running = phase.running
        elif running:
            committed = floor(fetched + _NEARLY)
        record(when)
    return Topic(times, all_arrived, all_fetched, all_committed)
