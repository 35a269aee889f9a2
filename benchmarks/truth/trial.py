# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""One wait on one destination, as production makes it, but for the clock and the wire."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from airflow_provider_streamkap.api.errors import StreamkapServerError
from airflow_provider_streamkap.api.metrics import DestinationMetrics, MetricsQuery
from airflow_provider_streamkap.api.watch import Observation, Watch
from airflow_provider_streamkap.gate import Reading
from airflow_provider_streamkap.wait import GaveUp, Opened, WaitPlan
from benchmarks.truth.exporter import Exporter, moment_of
from benchmarks.truth.faults import Fault
from benchmarks.truth.habits import Convention, habits
from benchmarks.truth.kafka import Topic, consume, flow
from benchmarks.truth.life import AFTER, BEFORE, live
from benchmarks.truth.ways import Way

ID = "67ad6e0af08a2365c729ba79"
HOUR = 3600.0
#: Seconds for which every wait lasts at most.
TIMEOUT = HOUR


class Look(NamedTuple):
    """What one look brought, and when it was complete."""

    got: Reading | StreamkapServerError
    now: float


class Api:
    """Answers looks at one destination, at simulated times, by the real queries and the real parser.

    :param seed: decides how long answers take and which calls fail.
    :param exporter: what there is to be told.
    :param fault: whether calls fail.
    :param moment: seconds; outages lie near it.
    """

    def __init__(self, seed: str, exporter: Exporter, fault: Fault, moment: float) -> None:
        random = Random(seed)
        self._seed, self._exporter, self._failing = seed, exporter, fault.failing
        begins = [moment + random.uniform(-300.0, 1200.0) for _ in range(3 * fault.failing)]
        self._outages = [(begin, begin + random.expovariate(1 / 150.0)) for begin in begins]
        self._looks: dict[tuple[float, Watch], Look] = {}

    def look(self, watch: Watch, now: float) -> Look:
        """Look once. Equal looks at one moment see the same, as they do where waits share a poll.

        :param watch: how to look.
        :param now: seconds.
        """
        key = (now, watch)
        if key not in self._looks:
            self._looks[key] = self._look(watch, now)
        return self._looks[key]

    def _look(self, watch: Watch, now: float) -> Look:
        random = Random(f"{self._seed}/{now}")
        out = any(begin <= now < end for begin, end in self._outages)
        if out or (self._failing and random.random() < 0.1):
            return Look(StreamkapServerError("Service Unavailable", status=503), now + random.expovariate(1.0))
        # First the points, then the status, each after a while: the order of the real exchange.
        newest = watch.newest(moment_of(now))
        series = None
        if newest is not None:
            now += random.expovariate(2.0)
            series = self._ask(newest, now)
        now += random.expovariate(2.0)
        return Look(Observation(self._ask(watch.latest(), now), series).reading, now)

    def _ask(self, query: MetricsQuery, now: float) -> DestinationMetrics:
        return DestinationMetrics.parse(query, self._exporter.answer(query, now), moment_of(now))


@dataclass(frozen=True, slots=True)
class Subject:
    """One destination: its truth, and what is told of it.

    :param fault: what is wrong with what is told.
    :param convention: what points mean.
    :param moment: seconds; what was in Kafka by then is to be waited for.
    :param begin: seconds at which the waits begin.
    :param topic: the truth.
    :param api: what is told.
    """

    fault: Fault
    convention: Convention
    moment: float
    begin: float
    topic: Topic
    api: Api


def subject(seed: str, fault: Fault, convention: Convention) -> Subject:
    """Make up one destination.

    :param seed: decides everything.
    :param fault: what is wrong with what is told of it.
    :param convention: what its points mean.
    """
    random = Random(seed)
    # A data interval ends on the hour; a run that was started by hand, at any time.
    moment = 24 * HOUR if random.random() < 0.7 else 24 * HOUR + random.uniform(0.0, HOUR)
    # Mostly the wait begins at once, now and then after others have been waited for.
    begin = moment + (random.uniform(1.0, 20.0) if random.random() < 0.75 else random.uniform(20.0, 1800.0))
    life = live(random, moment, troubled=fault.stops, loops=fault.loops)
    topic = consume(flow(random, moment), life, moment - BEFORE, moment + AFTER)
    told = habits(random, fault, convention, life, moment, moment - BEFORE)
    exporter = Exporter(random, topic, life, told, moment + AFTER)
    return Subject(fault, convention, moment, begin, topic, Api(seed, exporter, fault, moment))


class Outcome(NamedTuple):
    """How one wait ended.

    :param ended: seconds at which it did.
    :param gave_up: why it ended without success; ``None``: it opened.
    :param missing: what was missing at the end.
    """

    ended: float
    gave_up: GaveUp | None = None
    missing: str = ""


def wait(subject: Subject, way: Way) -> Outcome:
    """Let one wait run to its end.

    :param subject: the destination.
    :param way: how it is waited for.
    """
    plan = WaitPlan(
        (ID,),
        way.gate(moment_of(subject.moment)),
        deadline=_epoch(subject.begin + TIMEOUT),
        started=_epoch(subject.begin),
        **way.plan,
    )
    watch = plan.watch(ID)
    waiting, asked = way.wait(plan), subject.begin
    while True:
        got, now = subject.api.look(watch, asked)
        step = waiting.observe({ID: got}, _epoch(now))
        if isinstance(step, Opened):
            return Outcome(now)
        if isinstance(step, GaveUp):
            return Outcome(now, step, waiting.courses[ID].missing or "not confirmed")
        if way.forgets and not (step.confirming or step.failing):
            waiting = way.wait(plan)
        asked += step.after


def _epoch(when: float) -> float:
    return moment_of(when).timestamp()
