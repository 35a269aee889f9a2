# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Compare the outcome of each wait with the ground truth, and aggregate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import NamedTuple

from benchmarks.accuracy.configurations import Configuration
from benchmarks.accuracy.exporter_behavior import CONVENTIONS, Convention
from benchmarks.accuracy.faults import FAULTS, Fault
from benchmarks.accuracy.trial import Outcome, SimulatedDestination, draw_destination, run_wait

# Unmet condition at the deadline, by the wording of the gate's message.
_MISSING = (
    ("status", ("status is",)),
    ("time", ("or later", "no lag points", "waiting for a later point", "not confirmed")),
    ("stale", ("max_reading_age",)),
    ("unknown", ("is unknown",)),
    ("lag", (" > ",)),
    ("API", ("failed poll",)),
)


class Verdict(NamedTuple):
    """The outcome of one wait compared with the ground truth.

    :param requests: number of HTTP requests.
    :param early: seconds by which it opened before everything was consumed (infinite: never consumed); ``None`` if it
        did not open early.
    :param pending: records that were in Kafka at the reference time and still pending when the gate opened.
    :param late: seconds from full consumption to opening; ``None`` if it did not open, or opened early.
    :param failure: reason why it did not open; ``None`` if it opened.
    :param correctly_closed: it did not open, and records were still pending.
    """

    config: Configuration
    fault: Fault
    convention: Convention
    requests: int = 0
    early: float | None = None
    pending: int = 0
    late: float | None = None
    failure: str | None = None
    correctly_closed: bool = False


def judge(destination: SimulatedDestination, config: Configuration, outcome: Outcome) -> Verdict:
    """Compare one outcome with the ground truth.

    The reference time is ``observed_after``, or else the start of the wait.

    :param destination: the destination.
    :param config: the configuration.
    :param outcome: how the wait ended.
    """
    moment = destination.moment if config.after else destination.begin
    done = destination.topic.drained_at(moment, config.limit)
    verdict = Verdict(config, destination.fault, destination.convention, outcome.requests)
    if outcome.failure is not None:
        return verdict._replace(failure=_why(outcome), correctly_closed=done is None or done > outcome.ended)
    verdict = verdict._replace(pending=destination.topic.pending(moment, outcome.ended))
    if verdict.pending > config.limit:
        return verdict._replace(early=float("inf") if done is None else done - outcome.ended)
    assert done is not None
    return verdict._replace(late=outcome.ended - max(done, moment, destination.begin))


def _why(outcome: Outcome) -> str:
    assert outcome.failure is not None
    if outcome.failure.kind.value != "deadline":
        return outcome.failure.kind.value
    return next((why for why, words in _MISSING if any(word in outcome.missing for word in words)), "other")


def verdicts(
    seed: int, rounds: int, configs: Iterable[Configuration], faults: Iterable[Fault] = FAULTS
) -> Iterator[Verdict]:
    """Simulate one destination per round, fault and convention, and run one wait on it per configuration.

    :param seed: random seed.
    :param rounds: number of rounds.
    :param configs: the configurations.
    :param faults: the faults.
    """
    configs, faults = tuple(configs), tuple(faults)
    for number in range(rounds):
        yield from _round(seed, configs, faults, number)


def parallel_verdicts(
    seed: int, rounds: int, configs: Iterable[Configuration], faults: Iterable[Fault] = FAULTS
) -> list[Verdict]:
    """Run :func:`verdicts` on all cores and return the results as a list.

    :param seed: random seed.
    :param rounds: number of rounds.
    :param configs: the configurations.
    :param faults: the faults.
    """
    configs, faults = tuple(configs), tuple(faults)
    with ProcessPoolExecutor() as pool:
        done = [one for some in pool.map(partial(_round, seed, configs, faults), range(rounds)) for one in some]
    # Worker processes return copies, but verdicts are grouped by identity: restore the original objects.
    config, fault = {one.name: one for one in configs}, {one.name: one for one in faults}
    convention = {str(one): one for one in CONVENTIONS}
    return [
        one._replace(
            config=config[one.config.name], fault=fault[one.fault.name], convention=convention[str(one.convention)]
        )
        for one in done
    ]


def _round(seed: int, configs: tuple[Configuration, ...], faults: tuple[Fault, ...], number: int) -> list[Verdict]:
    found = []
    for convention, fault in product(CONVENTIONS, faults):
        one = draw_destination(f"{seed}/{number}/{convention}/{fault.name}", fault, convention)
        found += [judge(one, config, run_wait(one, config)) for config in configs]
    return found


@dataclass(frozen=True, slots=True)
class Tally:
    """Aggregated verdicts."""

    waits: int
    requests: int
    early: tuple[float, ...]
    pending: tuple[int, ...]
    late: tuple[float, ...]
    failure: Counter[str]
    correctly_closed: int

    @classmethod
    def of(cls, verdicts: Iterable[Verdict]) -> Tally:
        """Aggregate verdicts.

        :param verdicts: the verdicts.
        """
        some = tuple(verdicts)
        early = [verdict for verdict in some if verdict.early is not None]
        return cls(
            waits=len(some),
            requests=sum(verdict.requests for verdict in some),
            early=tuple(sorted(verdict.early for verdict in early if verdict.early is not None)),
            pending=tuple(sorted(verdict.pending for verdict in early)),
            late=tuple(sorted(verdict.late for verdict in some if verdict.late is not None)),
            failure=Counter(verdict.failure for verdict in some if verdict.failure and not verdict.correctly_closed),
            correctly_closed=sum(verdict.correctly_closed for verdict in some),
        )


def quantile(values: tuple[float, ...], part: float) -> float | None:
    """Return the quantile of sorted values; ``None`` if there are none."""
    return values[min(int(part * len(values)), len(values) - 1)] if values else None
