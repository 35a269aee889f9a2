# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""One wait on one destination, as production makes it, but for the clock and the wire."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from airflow_provider_streamkap.api.errors import StreamkapServerError
from airflow_provider_streamkap.api.metrics import DestinationMetrics
from airflow_provider_streamkap.api.query import MetricsQuery
from airflow_provider_streamkap.gate.reading import Reading
from airflow_provider_streamkap.gate.spec import WaitSpec
from airflow_provider_streamkap.gate.target import PollResult, PollTarget
from airflow_provider_streamkap.gate.wait import Failed, Succeeded
from benchmarks.accuracy.exporter import Exporter, moment_of
from benchmarks.accuracy.faults import Fault, draw
from benchmarks.accuracy.habits import Convention, habits, intervals, within
from benchmarks.accuracy.kafka import Topic, consume, flow
from benchmarks.accuracy.life import AFTER, BEFORE, live
from benchmarks.accuracy.ways import Way

ID = "67ad6e0af08a2365c729ba79"
HOUR = 3600.0
#: Seconds for which every wait lasts at most.
TIMEOUT = HOUR


class Look(NamedTuple):
    """The result of one poll, and when it was complete."""

    got: Reading | StreamkapServerError
    now: float


class Api:
    """Polls one destination at simulated times, with the real queries and the real parser.

    :param seed: decides how long responses take and which requests fail.
    :param exporter: responds in place of the API.
    :param fault: which requests fail.
    :param moment: seconds; outages happen near it.
    """

    def __init__(self, seed: str, exporter: Exporter, fault: Fault, moment: float) -> None:
        random = Random(seed)
        self.exporter = exporter
        self._seed, self._failing = seed, fault.failing
        self._outages = intervals(random, moment) if fault.failing else []
        self._series_outages = intervals(random, moment) if fault.series_fails else []
        self._looks: dict[tuple[float, PollTarget], Look] = {}

    def look(self, watch: PollTarget, now: float) -> Look:
        """Look once. Equal looks at one moment see the same, as they do where waits share a poll.

        :param watch: how to look.
        :param now: seconds.
        """
        key = (now, watch)
        if key not in self._looks:
            self._looks[key] = self._look(watch, now)
        return self._looks[key]

    def _look(self, watch: PollTarget, now: float) -> Look:
        random = Random(f"{self._seed}/{now}")
        newest = watch.newest(moment_of(now))
        out = within(self._outages, now) or (newest is not None and within(self._series_outages, now))
        if out or (self._failing and random.random() < 0.1):
            return Look(StreamkapServerError("Service Unavailable", status=503), now + random.expovariate(1.0))
        # First the points, then the status, each after a while: the order of the real exchange.
        series = None
        if newest is not None:
            now += random.expovariate(2.0)
            series = self._ask(newest, now)
        now += random.expovariate(2.0)
        return Look(PollResult(self._ask(watch.latest(), now), series).reading, now)

    def _ask(self, query: MetricsQuery, now: float) -> DestinationMetrics:
        return DestinationMetrics.parse(query, self.exporter.answer(query, now), moment_of(now))


@dataclass(frozen=True, slots=True)
class Subject:
    """One destination: the truth about it, and its metrics.

    :param fault: the kind of fault.
    :param drawn: what is wrong with its metrics; differs from ``fault`` if that is a mix.
    :param convention: the meaning of its points.
    :param moment: seconds; the waits are for what was in Kafka by then.
    :param begin: seconds at which the waits begin.
    :param topic: the truth.
    :param api: the metrics.
    """

    fault: Fault
    drawn: Fault
    convention: Convention
    moment: float
    begin: float
    topic: Topic
    api: Api


def subject(seed: str, fault: Fault, convention: Convention) -> Subject:
    """Draw one destination.

    :param seed: decides everything.
    :param fault: the kind of fault.
    :param convention: the meaning of its points.
    """
    random = Random(seed)
    # A data interval ends on the hour; a run that was started by hand, at any time.
    moment = 24 * HOUR if random.random() < 0.7 else 24 * HOUR + random.uniform(0.0, HOUR)
    # Mostly the wait begins at once, now and then after others have been waited for.
    begin = moment + (random.uniform(1.0, 20.0) if random.random() < 0.75 else random.uniform(20.0, 1800.0))
    drawn = draw(random, fault)
    life = live(
        random,
        moment,
        troubled=drawn.stops,
        loops=drawn.loops,
        crashes=drawn.crashes,
        rebalances=drawn.rebalances,
    )
    topic = consume(flow(random, moment), life, moment - BEFORE, moment + AFTER)
    exporter = Exporter(
        random, topic, life, habits(random, drawn, convention, life, moment, moment - BEFORE), moment + AFTER
    )
    return Subject(fault, drawn, convention, moment, begin, topic, Api(seed, exporter, drawn, moment))


class Outcome(NamedTuple):
    """How one wait ended.

    :param ended: seconds at which it did.
    :param gave_up: why it ended without success; ``None``: it opened.
    :param missing: what was missing at the end.
    :param requests: HTTP requests that it made.
    """

    ended: float
    gave_up: Failed | None = None
    missing: str = ""
    requests: int = 0


def wait(subject: Subject, way: Way) -> Outcome:
    """Let one wait run to its end.

    :param subject: the destination.
    :param way: how it is waited for.
    """
    spec = WaitSpec(
        (ID,),
        way.gate(moment_of(subject.moment)),
        deadline=_epoch(subject.begin + TIMEOUT),
        started=_epoch(subject.begin),
        **way.spec,
    )
    watch = spec.target(ID)
    waiting, asked, requests = way.wait(spec), subject.begin, 0
    per_poll = 1 if watch.newest(moment_of(asked)) is None else 2
    while True:
        got, now = subject.api.look(watch, asked)
        requests += per_poll
        step = waiting.advance({ID: got}, _epoch(now))
        if isinstance(step, Succeeded):
            return Outcome(now, requests=requests)
        if isinstance(step, Failed):
            return Outcome(now, step, waiting.resources[ID].missing or "not confirmed", requests)
        if way.forgets and not (step.confirming or step.failing):
            waiting = way.wait(spec)
        asked += step.after


def _epoch(when: float) -> float:
    return moment_of(when).timestamp()
