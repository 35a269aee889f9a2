# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The hidden truth: which records lie in Kafka, and which of them have been consumed, at any moment.

A record counts as consumed once its offset is committed; a crash takes the consumer back to there.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from math import floor
from random import Random

from benchmarks.accuracy.life import AFTER, BEFORE, Life

# Records that come from sums of fractions are whole up to this.
_NEARLY = 1e-6


@dataclass(frozen=True, slots=True)
class Flow:
    """How records come and how fast they go.

    :param changes: by time (seconds) the records a second that arrive from then on, in order.
    :param rate: records a second that the consumer manages while it runs.
    :param commit_every: seconds between two commits.
    """

    changes: tuple[tuple[float, float], ...]
    rate: float
    commit_every: float


@dataclass(frozen=True, slots=True)
class Topic:
    """What really happened; every lookup is by seconds."""

    _times: list[float]
    _arrived: list[float]
    _fetched: list[float]
    _committed: list[int]

    def arrived(self, when: float) -> int:
        """Records in Kafka, ever since the beginning."""
        return floor(self._between(self._arrived, when) + _NEARLY)

    def fetched(self, when: float) -> int:
        """Records that the consumer has taken, whether or not it will have to take them again."""
        return floor(self._between(self._fetched, when) + _NEARLY)

    def committed(self, when: float) -> int:
        """Records that have been consumed for good."""
        return self._committed[max(bisect_right(self._times, when) - 1, 0)]

    def pending(self, of: float, when: float) -> int:
        """Records that were in Kafka at one moment and have not been consumed at another."""
        return max(self.arrived(of) - self.committed(when), 0)

    def done(self, of: float, limit: float) -> float | None:
        """The first moment at which no more than so many of a moment's records are pending; ``None``: never."""
        index = bisect_left(self._committed, self.arrived(of) - limit)
        return self._times[index] if index < len(self._times) else None

    def _between(self, values: list[float], when: float) -> float:
        times = self._times
        right = bisect_right(times, when)
        if right == 0 or right == len(times):
            return values[min(right, len(times) - 1)]
        left = right - 1
        share = (when - times[left]) / (times[right] - times[left])
        return values[left] + share * (values[right] - values[left])


def flow(random: Random, moment: float) -> Flow:
    """Make up a flow around a moment: bursts, of which the largest mostly comes shortly before it, and a trickle.

    :param random: where chance comes from.
    :param moment: seconds.
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
        # Something trickles in now and then: a record, and nothing for a while.
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
    # Mostly quick, now and then so slow that the wait must last.
    rate = size / random.choice((30.0, 120.0, 300.0, 600.0, 1200.0)) + 10.0
    return Flow(tuple(changes), rate, random.choice((5.0, 10.0, 30.0, 60.0)))


def consume(flow: Flow, life: Life, begin: float, end: float) -> Topic:
    """Let a connector's life meet a flow of records.

    :param flow: what arrives, and how fast it goes.
    :param life: when the connector runs.
    :param begin: seconds from which on to look.
    :param end: seconds up to which to look.
    """
    # At one moment: what arrives, then the connector's change, then a commit.
    events: list[tuple[float, int, float]] = [(when, 0, rate) for when, rate in flow.changes if begin <= when <= end]
    events += [(one.begin, 1, index) for index, one in enumerate(life.stretches) if begin < one.begin <= end]
    ticks = int((end - begin) / flow.commit_every)
    events += [(begin + tick * flow.commit_every, 2, 0.0) for tick in range(1, ticks + 1)]
    events.sort()
    arrived = fetched = arriving = 0.0
    running, committed = life.at(begin).running, 0
    times, all_arrived, all_fetched, all_committed = [begin], [0.0], [0.0], [0]

    def note(when: float) -> None:
        times.append(when)
        all_arrived.append(arrived)
        all_fetched.append(fetched)
        all_committed.append(committed)

    now = begin
    for when, kind, value in events:
        span, waiting = when - now, arrived - fetched
        arrived += arriving * span
        if running:
            if span > 0 and 0 < waiting < (flow.rate - arriving) * span:
                # Caught up on the way: the curve has a corner there.
                corner = waiting / (flow.rate - arriving)
                times.append(now + corner)
                all_arrived.append(arrived - arriving * (span - corner))
                all_fetched.append(all_arrived[-1])
                all_committed.append(committed)
            fetched = min(arrived, fetched + flow.rate * span)
        now = when
        if kind == 0:
            arriving = value
        elif kind == 1:
            stretch = life.stretches[int(value)]
            if stretch.crashed and running:
                note(when)
                fetched = float(committed)
            elif running:
                committed = floor(fetched + _NEARLY)
            running = stretch.running
        elif running:
            committed = floor(fetched + _NEARLY)
        note(when)
    return Topic(times, all_arrived, all_fetched, all_committed)
