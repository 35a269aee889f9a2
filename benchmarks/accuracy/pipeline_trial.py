# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Simulate one pipeline from the source's commits to the destination, and run real waits on it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from math import inf
from random import Random
from typing import Any, Literal

from airflow_provider_streamkap.api.errors import StreamkapServerError
from airflow_provider_streamkap.api.metrics import BEHIND_SOURCE, SINCE_LAST_EVENT, SourceMetrics
from airflow_provider_streamkap.api.query import SOURCE, TIMESERIES, PeriodQuery, SourceMetricsQuery
from airflow_provider_streamkap.api.sources import Source as SourceRecord
from airflow_provider_streamkap.gate.conditions import DestinationGate, SourceGate
from airflow_provider_streamkap.gate.pipeline import PipelineParts
from airflow_provider_streamkap.gate.spec import WaitSpec
from airflow_provider_streamkap.gate.state import FailureKind
from airflow_provider_streamkap.gate.target import PollResult, PollTarget, SourcePollResult
from airflow_provider_streamkap.gate.wait import Failed, NextStep, PollAgain, ResourceWait, Succeeded
from benchmarks.accuracy.connector_timeline import AFTER, BEFORE, ConnectorTimeline, Phase, draw_timeline
from benchmarks.accuracy.exporter import Exporter
from benchmarks.accuracy.exporter_behavior import CONVENTIONS, draw_behavior, intervals, within
from benchmarks.accuracy.faults import FAULTS
from benchmarks.accuracy.kafka import Topic, Traffic, simulate_topic
from benchmarks.accuracy.metric_series import to_datetime, to_seconds
from benchmarks.accuracy.source import TOPIC, Source, simulate_source
from benchmarks.accuracy.source_exporter import SourceExporter
from benchmarks.accuracy.source_faults import NO_FAULT, SourceFault, draw_source_fault
from benchmarks.accuracy.source_plan import SourcePlan, draw_plan
from benchmarks.accuracy.trial import HOUR, ID, TIMEOUT, Outcome, SimulatedApi

SOURCE_ID = "67ad6e0af08a2365c729ba78"
PIPELINE_ID = "67ad6e0af08a2365c729ba77"

# Most destinations have no fault: another simulation covers their faults.
_DESTINATION_FAULTS = tuple(fault for fault in FAULTS if fault.covered and not fault.alone and not fault.mix)
_ALWAYS_ACTIVE = ConnectorTimeline((Phase(-BEFORE, "Active", True),))


@dataclass(frozen=True, slots=True)
class PipelineConfiguration:
    """One kind of wait.

    :param name: the name in the tables.
    :param rule: the gate of the destination alone, or of the pipeline. The naive rule adds to the destination's gate
        that ``timestamp - SinceLastEvent - BehindSource`` of the source's newest points is not before the reference
        time.
    :param after: set ``observed_after`` to the reference time. Otherwise the reference time is the start of the wait.
    :param source: arguments of the pipeline's ``SourceGate``.
    :param guaranteed: must never open early under a covered fault that the responses contradict.
    """

    name: str
    rule: Literal["destination", "naive", "pipeline"]
    after: bool = True
    source: dict[str, Any] = field(default_factory=dict)
    guaranteed: bool = False


def _pipeline(idle_source: str, *, after: bool) -> PipelineConfiguration:
    name = f'pipeline, idle_source="{idle_source}"{", observed_after" if after else ""}'
    return PipelineConfiguration(name, "pipeline", after, {"idle_source": idle_source}, idle_source == "proof")


DESTINATION_ONLY = PipelineConfiguration("destination only", "destination", after=False)
DESTINATION_OBSERVED = PipelineConfiguration("destination only, observed_after", "destination")
NAIVE_SOURCE = PipelineConfiguration("naive, observed_after", "naive")
PROOF, PROOF_OBSERVED = _pipeline("proof", after=False), _pipeline("proof", after=True)
ASSUME, ASSUME_OBSERVED = _pipeline("assume", after=False), _pipeline("assume", after=True)

#: The waits that are compared.
PIPELINE_CONFIGURATIONS = (
    DESTINATION_ONLY,
    DESTINATION_OBSERVED,
    NAIVE_SOURCE,
    PROOF,
    PROOF_OBSERVED,
    ASSUME,
    ASSUME_OBSERVED,
)


@dataclass(frozen=True)
class SimulatedPipeline:
    """One simulated pipeline: its ground truth and its metrics.

    :param seed: random seed.
    :param fault: the kind of fault.
    :param moment: reference time, in seconds.
    :param begin: start of the waits, in seconds.
    :param source: the ground truth from the source to Kafka.
    :param topic: the ground truth from Kafka to the destination.
    :param exporter: the source's metrics.
    :param destination: the destination's metrics.
    """

    seed: str
    fault: SourceFault
    drawn: SourceFault
    moment: float
    begin: float
    source: Source
    topic: Topic
    exporter: SourceExporter
    destination: SimulatedApi

    @property
    def plan(self) -> SourcePlan:
        """The commits and incidents."""
        return self.source.plan

    def consumed_at(self, moment: float) -> float:
        """Return when every change committed before a time is consumed; infinite: never.

        :param moment: time, in seconds.
        """
        position = self.source.position(moment)
        done = None if position == inf else self.topic.consumed_at(position)
        return inf if done is None else done

    def missing_in(self, moment: float, when: float) -> str:
        """Return where the changes committed before ``moment`` are at ``when``, if they are not consumed.

        :param moment: time, in seconds.
        :param when: time, in seconds.
        """
        if self.source.captured_at(moment) > when:
            return "source"
        return "queue" if self.source.position(moment) > self.topic.arrived(when) else "Kafka"

    @cached_property
    def api(self) -> SimulatedSourceApi:
        """The API of the source."""
        return SimulatedSourceApi(self)


def draw_pipeline(seed: str, fault: SourceFault, at_once_before: float = -inf) -> SimulatedPipeline:
    """Generate a random pipeline.

    :param seed: random seed.
    :param fault: the kind of fault of the source.
    :param at_once_before: capture everything that was committed before this time at once, in seconds; everything else
        stays as it is.
    """
    random = Random(seed)
    moment = 24 * HOUR if random.random() < 0.7 else 24 * HOUR + random.uniform(0.0, HOUR)
    begin = moment + (random.uniform(1.0, 20.0) if random.random() < 0.75 else random.uniform(20.0, 1800.0))
    drawn = draw_source_fault(random, fault)
    plan = draw_plan(random, drawn, moment, begin)
    convention = random.choice(CONVENTIONS)
    behavior = draw_behavior(random, drawn.exporter, convention, _ALWAYS_ACTIVE, moment, moment - BEFORE)
    cached, flag_delay = random.uniform(0.0, drawn.cached), random.uniform(0.0, drawn.flag_delay)
    consumer_seed, exporter_seed = random.random(), random.random()
    destination_fault = FAULTS[0]
    if fault is not NO_FAULT and random.random() < 0.25:
        destination_fault = random.choice(_DESTINATION_FAULTS)

    source = simulate_source(plan, moment - BEFORE, moment + AFTER, at_once_before)
    exporter = SourceExporter(Random(exporter_seed), source, behavior, moment + AFTER, cached, flag_delay)
    consumer = Random(consumer_seed)
    timeline = _ALWAYS_ACTIVE
    if fault is not NO_FAULT:
        timeline = draw_timeline(
            consumer,
            moment,
            restarted=destination_fault.stops,
            crashes=destination_fault.crashes,
            rebalances=destination_fault.rebalances,
        )
    total = sum(event.records for event in plan.log if event.kind == "change")
    rate = total / (BEFORE + AFTER) * consumer.choice((3.0, 10.0, 50.0)) + 10.0
    traffic = Traffic(source.arrivals(), rate, consumer.choice((5.0, 10.0, 30.0, 60.0)))
    topic = simulate_topic(traffic, timeline, moment - BEFORE, moment + AFTER)
    shown = draw_behavior(consumer, destination_fault, convention, timeline, moment, moment - BEFORE)
    metrics = Exporter(consumer, topic, timeline, shown, moment + AFTER)
    api = SimulatedApi(seed, metrics, destination_fault, moment)
    return SimulatedPipeline(seed, fault, drawn, moment, begin, source, topic, exporter, api)


class SimulatedSourceApi:
    """Poll a simulated source with the real queries and parsers.

    :param pipeline: the pipeline.
    """

    def __init__(self, pipeline: SimulatedPipeline) -> None:
        random, fault = Random(f"{pipeline.seed}/API"), pipeline.drawn.exporter
        self._seed, self._exporter, self._failing = pipeline.seed, pipeline.exporter, fault.failing
        self._outages = intervals(random, pipeline.moment) if fault.failing else []
        self._series_outages = intervals(random, pipeline.moment) if fault.series_fails else []
        self._responses: dict[tuple[PeriodQuery, float], SourceMetrics] = {}

    def fails(self, now: float, *, series: bool = False) -> bool:
        """Return whether requests fail at a time.

        :param now: time, in seconds.
        :param series: whether a timeseries is requested.
        """
        out = within(self._outages, now) or (series and within(self._series_outages, now))
        return out or (self._failing and Random(f"{self._seed}/source/{now}").random() < 0.1)

    def metrics(self, query: PeriodQuery, now: float) -> SourceMetrics:
        """Request metrics.

        :param query: the query.
        :param now: time of the response, in seconds.
        """
        key = query, now
        if key not in self._responses:
            self._responses[key] = SourceMetrics.parse(query, self._exporter.respond(query, now), to_datetime(now))
        return self._responses[key]

    def record(self, now: float) -> SourceRecord:
        """Request the source itself.

        :param now: time of the response, in seconds.
        """
        return SourceRecord.parse(self._exporter.record(now))


def run_pipeline_wait(pipeline: SimulatedPipeline, config: PipelineConfiguration) -> Outcome:
    """Run one wait to its end.

    :param pipeline: the pipeline.
    :param config: the configuration.
    """
    wait = _WAITS[config.rule](pipeline, config)
    polled_at = pipeline.begin
    while True:
        step, now = wait.poll(polled_at)
        if isinstance(step, Succeeded):
            return Outcome(now, requests=wait.requests)
        if isinstance(step, Failed):
            return Outcome(now, step, wait.missing, wait.requests)
        polled_at += step.after


class _Wait:
    """A wait and its polls."""

    requests = 0
    missing = ""

    def __init__(self, pipeline: SimulatedPipeline, config: PipelineConfiguration) -> None:
        self.pipeline = pipeline
        self.gate = DestinationGate(observed_after=to_datetime(pipeline.moment) if config.after else None)
        self.moment = pipeline.moment if config.after else pipeline.begin
        self.started = to_datetime(pipeline.begin).timestamp()
        self.deadline = self.started + TIMEOUT

    def poll(self, now: float) -> tuple[NextStep, float]:
        """Poll once; return the next step, and when the poll completed."""
        raise NotImplementedError


class _DestinationWait(_Wait):
    def __init__(self, pipeline: SimulatedPipeline, config: PipelineConfiguration) -> None:
        super().__init__(pipeline, config)
        self.spec = WaitSpec((ID,), self.gate, deadline=self.deadline, started=self.started)
        self.wait, self.target = ResourceWait(self.spec), self.spec.target(ID)

    def poll(self, now: float) -> tuple[NextStep, float]:
        got, now = self.pipeline.destination.poll(self.target, now)
        self.requests += 2
        step = self.wait.advance({ID: got}, to_datetime(now).timestamp())
        self.missing = self.wait.resources[ID].reason or "not confirmed"
        return step, now


class _NaiveWait(_DestinationWait):
    """Also wait until the newest points of the source add up to a commit at the reference time or later."""

    captured = False

    def poll(self, now: float) -> tuple[NextStep, float]:
        self.requests += 1
        self.captured = self.captured or self.is_captured(now)
        step, now = super().poll(now)
        if isinstance(step, Succeeded) and not self.captured:
            deadline = self.pipeline.begin + TIMEOUT
            if now >= deadline:
                return Failed(FailureKind.DEADLINE, ""), now
            return self.again(min(self.spec.poke_interval, deadline - now)), now
        return step, now

    def again(self, after: float) -> NextStep:
        self.missing = "source"
        return PollAgain(after)

    def is_captured(self, now: float) -> bool:
        if self.pipeline.api.fails(now, series=True):
            return False
        since = PollTarget.with_timeseries(ID).series_query(to_datetime(now))
        assert since is not None
        query = SourceMetricsQuery(SOURCE_ID, TIMESERIES, 1, "minute", timestamp_from=since.timestamp_from)
        metrics = self.pipeline.api.metrics(query, now)
        behind = {point.timestamp: point.value for point in metrics.points(BEHIND_SOURCE)}
        for point in reversed(metrics.points(SINCE_LAST_EVENT)):
            delay = behind.get(point.timestamp)
            if point.value is not None and delay is not None and min(point.value, delay) >= 0:
                return to_seconds(point.timestamp) - (point.value + delay) / 1000 >= self.moment
        return False


class _PipelineWait(_Wait):
    def __init__(self, pipeline: SimulatedPipeline, config: PipelineConfiguration) -> None:
        super().__init__(pipeline, config)
        parts = PipelineParts(source_id=SOURCE_ID, destination_id=ID, connector=pipeline.plan.family, topics=(TOPIC,))
        spec = WaitSpec(
            (PIPELINE_ID,),
            replace(self.gate, lag_source="timeseries"),
            deadline=self.deadline,
            started=self.started,
            source_gate=SourceGate(**config.source),
            pipelines={PIPELINE_ID: parts},
        )
        self.wait = ResourceWait(spec)

    def poll(self, now: float) -> tuple[NextStep, float]:
        results: list[PollResult | SourcePollResult | StreamkapServerError] = []
        done = now
        for target in self.wait.targets():
            if target.kind is SOURCE:
                source, at = self.poll_source(target, now)
                results.append(source)
            else:
                destination, at = self.pipeline.destination.request(target, now)
                self.requests += 1 + (target.window is not None)
                results.append(destination)
            done = max(done, at)
        at = to_datetime(done).timestamp()
        step = self.wait.advance(self.wait.round_of(results), at)
        self.missing = step.message if isinstance(step, Failed) else ""
        return step, done

    def poll_source(self, target: PollTarget, now: float) -> tuple[SourcePollResult | StreamkapServerError, float]:
        api, random = self.pipeline.api, Random(f"{self.pipeline.seed}/source/times/{now}")
        series = record = None
        newest = target.series_query(to_datetime(now))
        if api.fails(now, series=newest is not None):
            self.requests += 1
            return StreamkapServerError("Service Unavailable", status=503), now + random.expovariate(1.0)
        if target.record or newest is not None:
            now += random.expovariate(2.0)
            self.requests += 1
        if target.record:
            record = api.record(now)
        elif newest is not None:
            series = api.metrics(newest, now)
        now += random.expovariate(2.0)
        self.requests += 1
        return SourcePollResult(api.metrics(target.latest_query(), now), series, record=record), now


_WAITS: dict[str, type[_Wait]] = {"destination": _DestinationWait, "naive": _NaiveWait, "pipeline": _PipelineWait}
