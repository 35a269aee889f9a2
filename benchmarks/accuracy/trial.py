# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Run one real wait on a simulated destination, with a simulated clock and no network."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from airflow_provider_streamkap.api.errors import StreamkapServerError
from airflow_provider_streamkap.api.metrics import DestinationMetrics
from airflow_provider_streamkap.api.query import PeriodQuery
from airflow_provider_streamkap.gate.reading import Reading
from airflow_provider_streamkap.gate.spec import WaitSpec
from airflow_provider_streamkap.gate.target import PollResult, PollTarget
from airflow_provider_streamkap.gate.wait import Failed, Succeeded
from benchmarks.accuracy.configurations import Configuration
from benchmarks.accuracy.connector_timeline import AFTER, BEFORE, draw_timeline
from benchmarks.accuracy.exporter import Exporter
from benchmarks.accuracy.exporter_behavior import Convention, draw_behavior, intervals, within
from benchmarks.accuracy.faults import Fault, draw
from benchmarks.accuracy.kafka import Topic, draw_traffic, simulate_topic
from benchmarks.accuracy.metric_series import to_datetime

ID = "67ad6e0af08a2365c729ba79"
HOUR = 3600.0
#: Timeout of each wait, in seconds.
TIMEOUT = HOUR


class AnsweredPoll(NamedTuple):
    """The result of one poll, and when it completed."""

    got: Reading | StreamkapServerError
    now: float


class SimulatedApi:
    """Poll a simulated destination with the real queries and parser.

    :param seed: random seed for response times and failing requests.
    :param exporter: simulated metrics.
    :param fault: which requests fail.
    :param moment: reference time, in seconds; outages happen near it.
    """

    def __init__(self, seed: str, exporter: Exporter, fault: Fault, moment: float) -> None:
        random = Random(seed)
        self.exporter = exporter
        self._seed, self._failing = seed, fault.failing
        self._outages = intervals(random, moment) if fault.failing else []
        self._series_outages = intervals(random, moment) if fault.series_fails else []
        self._results: dict[tuple[float, PollTarget], tuple[PollResult | StreamkapServerError, float]] = {}

    def poll(self, target: PollTarget, now: float) -> AnsweredPoll:
        """Poll once, and return the values that the gate checks.

        :param target: what to poll.
        :param now: time, in seconds.
        """
        result, now = self.request(target, now)
        return AnsweredPoll(result.reading if isinstance(result, PollResult) else result, now)

    def request(self, target: PollTarget, now: float) -> tuple[PollResult | StreamkapServerError, float]:
        """Poll once, and return the result and when it completed.

        Equal polls at the same time share the result, as they do in production.

        :param target: what to poll.
        :param now: time, in seconds.
        """
        key = (now, target)
        if key not in self._results:
            self._results[key] = self._request(target, now)
        return self._results[key]

    def _request(self, target: PollTarget, now: float) -> tuple[PollResult | StreamkapServerError, float]:
        random = Random(f"{self._seed}/{now}")
        newest = target.series_query(to_datetime(now))
        out = within(self._outages, now) or (newest is not None and within(self._series_outages, now))
        if out or (self._failing and random.random() < 0.1):
            return StreamkapServerError("Service Unavailable", status=503), now + random.expovariate(1.0)
        # Request the timeseries first, then the latest metrics, as the real client does.
        series = None
        if newest is not None:
            now += random.expovariate(2.0)
            series = self._metrics(newest, now)
        now += random.expovariate(2.0)
        return PollResult(self._metrics(target.latest_query(), now), series), now

    def _metrics(self, query: PeriodQuery, now: float) -> DestinationMetrics:
        return DestinationMetrics.parse(query, self.exporter.respond(query, now), to_datetime(now))


@dataclass(frozen=True, slots=True)
class SimulatedDestination:
    """One simulated destination: its ground truth and its metrics.

    :param fault: the kind of fault.
    :param drawn: the actual fault; differs from ``fault`` for a mix.
    :param convention: how points are aggregated.
    :param moment: reference time, in seconds.
    :param begin: start of the waits, in seconds.
    :param topic: the ground truth.
    :param api: the metrics.
    """

    fault: Fault
    drawn: Fault
    convention: Convention
    moment: float
    begin: float
    topic: Topic
    api: SimulatedApi


def draw_destination(seed: str, fault: Fault, convention: Convention) -> SimulatedDestination:
    """Generate a random destination.

    :param seed: random seed.
    :param fault: the kind of fault.
    :param convention: how points are aggregated.
    """
    random = Random(seed)
    # Data intervals end on the hour; manual runs start at any time.
    moment = 24 * HOUR if random.random() < 0.7 else 24 * HOUR + random.uniform(0.0, HOUR)
    # Usually the wait starts at once; sometimes it starts after upstream waits.
    begin = moment + (random.uniform(1.0, 20.0) if random.random() < 0.75 else random.uniform(20.0, 1800.0))
    drawn = draw(random, fault)
    timeline = draw_timeline(
        random,
        moment,
        restarted=drawn.stops,
        loops=drawn.loops,
        crashes=drawn.crashes,
        rebalances=drawn.rebalances,
    )
    topic = simulate_topic(draw_traffic(random, moment), timeline, moment - BEFORE, moment + AFTER)
    exporter = Exporter(
        random,
        topic,
        timeline,
        draw_behavior(random, drawn, convention, timeline, moment, moment - BEFORE),
        moment + AFTER,
    )
    return SimulatedDestination(
        fault, drawn, convention, moment, begin, topic, SimulatedApi(seed, exporter, drawn, moment)
    )


class Outcome(NamedTuple):
    """How one wait ended.

    :param ended: time of the end, in seconds.
    :param failure: why it failed; ``None`` if the gate opened.
    :param missing: the unmet condition at the end.
    :param requests: number of HTTP requests.
    """

    ended: float
    failure: Failed | None = None
    missing: str = ""
    requests: int = 0


def run_wait(destination: SimulatedDestination, config: Configuration) -> Outcome:
    """Run one wait to its end.

    :param destination: the destination.
    :param config: the configuration.
    """
    spec = WaitSpec(
        (ID,),
        config.gate(to_datetime(destination.moment)),
        deadline=_epoch(destination.begin + TIMEOUT),
        started=_epoch(destination.begin),
        **config.spec,
    )
    target = spec.target(ID)
    waiting, polled_at, requests = config.start_wait(spec), destination.begin, 0
    per_poll = 1 if target.series_query(to_datetime(polled_at)) is None else 2
    while True:
        got, now = destination.api.poll(target, polled_at)
        requests += per_poll
        step = waiting.advance({ID: got}, _epoch(now))
        if isinstance(step, Succeeded):
            return Outcome(now, requests=requests)
        if isinstance(step, Failed):
            return Outcome(now, step, waiting.resources[ID].reason or "not confirmed", requests)
        if config.stateless and not (step.confirming or step.failing):
            waiting = config.start_wait(spec)
        polled_at += step.after


def _epoch(when: float) -> float:
    return to_datetime(when).timestamp()
