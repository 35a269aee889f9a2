# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Compare the end of each wait with the truth, and count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import NamedTuple

from benchmarks.accuracy.faults import FAULTS, Fault
from benchmarks.accuracy.habits import CONVENTIONS, Convention
from benchmarks.accuracy.trial import Outcome, Subject, subject, wait
from benchmarks.accuracy.ways import Way

# What is missing at the deadline, by the words in which the gate says it.
_MISSING = (
    ("status", ("status is",)),
    ("time", ("or later", "no lag points", "waiting for a later point", "not confirmed")),
    ("stale", ("max_reading_age",)),
    ("unknown", ("is unknown",)),
    ("lag", (" > ",)),
    ("API", ("failed poll",)),
)


class Verdict(NamedTuple):
    """How one wait ended, and how it should have.

    :param requests: HTTP requests that it made.
    :param early: seconds by which it opened before all was consumed (infinite: for good); ``None``: it did not.
    :param pending: records of the moment in question that had not been consumed when it opened.
    :param late: seconds by which it opened after all was consumed; ``None``: it did not open, or early.
    :param gave_up: why it did not open, in a word; ``None``: it did.
    :param rightly: it did not open, and not all had been consumed.
    """

    way: Way
    fault: Fault
    convention: Convention
    requests: int = 0
    early: float | None = None
    pending: int = 0
    late: float | None = None
    gave_up: str | None = None
    rightly: bool = False


def judge(subject: Subject, way: Way, outcome: Outcome) -> Verdict:
    """Compare one end with the truth.

    A wait is for what was in Kafka at ``observed_after``, or without that when the wait began.

    :param subject: the destination.
    :param way: the way of waiting.
    :param outcome: how the wait ended.
    """
    moment = subject.moment if way.after else subject.begin
    done = subject.topic.done(moment, way.limit)
    about = Verdict(way, subject.fault, subject.convention, outcome.requests)
    if outcome.gave_up is not None:
        return about._replace(gave_up=_why(outcome), rightly=done is None or done > outcome.ended)
    about = about._replace(pending=subject.topic.pending(moment, outcome.ended))
    if about.pending > way.limit:
        return about._replace(early=float("inf") if done is None else done - outcome.ended)
    assert done is not None
    return about._replace(late=outcome.ended - max(done, moment, subject.begin))


def _why(outcome: Outcome) -> str:
    assert outcome.gave_up is not None
    if outcome.gave_up.kind.value != "deadline":
        return outcome.gave_up.kind.value
    return next((why for why, words in _MISSING if any(word in outcome.missing for word in words)), "other")


def verdicts(seed: int, rounds: int, ways: Iterable[Way], faults: Iterable[Fault] = FAULTS) -> Iterator[Verdict]:
    """Simulate: in each round one destination of each fault and each convention, waited for in every way.

    :param seed: decides everything.
    :param rounds: number of rounds.
    :param ways: the ways.
    :param faults: the faults.
    """
    ways, faults = tuple(ways), tuple(faults)
    for number in range(rounds):
        yield from _round(seed, ways, faults, number)


def parallel_verdicts(seed: int, rounds: int, ways: Iterable[Way], faults: Iterable[Fault] = FAULTS) -> list[Verdict]:
    """Return what :func:`verdicts` yields, simulated on all cores.

    :param seed: decides everything.
    :param rounds: number of rounds.
    :param ways: the ways.
    :param faults: the faults.
    """
    ways, faults = tuple(ways), tuple(faults)
    with ProcessPoolExecutor() as pool:
        done = [one for some in pool.map(partial(_round, seed, ways, faults), range(rounds)) for one in some]
    # Copies came back from the other processes; verdicts are told apart by identity.
    way, fault = {one.name: one for one in ways}, {one.name: one for one in faults}
    convention = {str(one): one for one in CONVENTIONS}
    return [
        one._replace(way=way[one.way.name], fault=fault[one.fault.name], convention=convention[str(one.convention)])
        for one in done
    ]


def _round(seed: int, ways: tuple[Way, ...], faults: tuple[Fault, ...], number: int) -> list[Verdict]:
    found = []
    for convention, fault in product(CONVENTIONS, faults):
        one = subject(f"{seed}/{number}/{convention}/{fault.name}", fault, convention)
        found += [judge(one, way, wait(one, way)) for way in ways]
    return found


@dataclass(frozen=True, slots=True)
class Tally:
    """The verdicts on some waits, counted."""

    waits: int
    requests: int
    early: tuple[float, ...]
    pending: tuple[int, ...]
    late: tuple[float, ...]
    gave_up: Counter[str]
    rightly: int

    @classmethod
    def of(cls, verdicts: Iterable[Verdict]) -> Tally:
        """Count.

        :param verdicts: what to count.
        """
        some = tuple(verdicts)
        early = [verdict for verdict in some if verdict.early is not None]
        return cls(
            waits=len(some),
            requests=sum(verdict.requests for verdict in some),
            early=tuple(sorted(verdict.early for verdict in early if verdict.early is not None)),
            pending=tuple(sorted(verdict.pending for verdict in early)),
            late=tuple(sorted(verdict.late for verdict in some if verdict.late is not None)),
            gave_up=Counter(verdict.gave_up for verdict in some if verdict.gave_up and not verdict.rightly),
            rightly=sum(verdict.rightly for verdict in some),
        )


def share(values: tuple[float, ...], part: float) -> float | None:
    """The value below which a share of the sorted values lies; ``None``: there are none."""
    return values[min(int(part * len(values)), len(values) - 1)] if values else None
