# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Compare the outcome of each wait for a pipeline with the ground truth."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import NamedTuple

from airflow_provider_streamkap.api.query import TIMESERIES, SourceMetricsQuery
from airflow_provider_streamkap.gate.target import PollTarget
from benchmarks.accuracy.metric_series import to_datetime
from benchmarks.accuracy.pipeline_trial import (
    PIPELINE_CONFIGURATIONS,
    SOURCE_ID,
    PipelineConfiguration,
    SimulatedPipeline,
    draw_pipeline,
    run_pipeline_wait,
)
from benchmarks.accuracy.source_faults import NO_FAULT, SOURCE_FAULTS, SourceFault
from benchmarks.accuracy.trial import Outcome

#: Pipelines without a fault, for each pipeline with a certain fault.
HONEST = 10
# Seconds between the responses that are compared with those of a world without delays.
_COMPARE_EVERY = 20.0


class PipelineVerdict(NamedTuple):
    """The outcome of one wait for a pipeline, compared with the ground truth.

    :param seed: the seed of the pipeline.
    :param config: name of the configuration.
    :param fault: name of the fault.
    :param covered: whether the guarantee covers the fault.
    :param honest: neither the source nor the destination has a fault.
    :param proof: what proves the progress of the capture; empty: nothing.
    :param early: seconds by which it opened before every change committed before the reference time was consumed
        (infinite: never consumed); ``None`` if it did not open early.
    :param where: where the oldest missing change was when it opened early: ``source``, ``queue`` or ``Kafka``.
    :param contradicted: it opened early, and a response of the source's API up to then would have been different, had
        every change been captured and written to Kafka when it was committed; or only the destination was late.
    :param late: seconds from full consumption to opening; ``None`` if it did not open, or opened early.
    :param failure: reason why it did not open; ``None`` if it opened.
    :param correctly_closed: it did not open, and a change was not consumed.
    :param requests: number of HTTP requests.
    """

    seed: str
    config: str
    fault: str
    covered: bool
    honest: bool
    family: str
    heartbeat: str
    traffic: str
    proof: str
    early: float | None = None
    where: str = ""
    contradicted: bool = False
    late: float | None = None
    failure: str | None = None
    correctly_closed: bool = False
    requests: int = 0


def judge_pipeline(pipeline: SimulatedPipeline, config: PipelineConfiguration, outcome: Outcome) -> PipelineVerdict:
    """Compare one outcome with the ground truth.

    The reference time is ``observed_after``, or else the start of the wait.

    :param pipeline: the pipeline.
    :param config: the configuration.
    :param outcome: how the wait ended.
    """
    plan, moment = pipeline.plan, pipeline.moment if config.after else pipeline.begin
    verdict = PipelineVerdict(
        pipeline.seed,
        config.name,
        pipeline.fault.name,
        pipeline.fault.covered,
        pipeline.fault is NO_FAULT,
        plan.family,
        plan.heartbeat,
        plan.traffic,
        plan.proof,
        requests=outcome.requests,
    )
    done = pipeline.consumed_at(moment)
    if outcome.failure is not None:
        return verdict._replace(failure=outcome.failure.kind.value, correctly_closed=done > outcome.ended)
    if done > outcome.ended:
        where = pipeline.missing_in(moment, outcome.ended)
        # The faults of the destinations are those that the destination's gate covers.
        contradicted = where == "Kafka" or _is_contradicted(pipeline, moment, outcome.ended)
        return verdict._replace(early=done - outcome.ended, where=where, contradicted=contradicted)
    return verdict._replace(late=outcome.ended - max(done, moment, pipeline.begin))


def _is_contradicted(pipeline: SimulatedPipeline, moment: float, ended: float) -> bool:
    """Return whether any response of the source differs from that of a world without delays before ``moment``."""
    ideal = draw_pipeline(pipeline.seed, pipeline.fault, at_once_before=moment)
    now = pipeline.begin
    while now <= ended:
        since = PollTarget.with_timeseries(SOURCE_ID).series_query(to_datetime(now))
        assert since is not None
        for query in (
            SourceMetricsQuery(SOURCE_ID),
            SourceMetricsQuery(SOURCE_ID, TIMESERIES, 1, "minute", timestamp_from=since.timestamp_from),
        ):
            if pipeline.exporter.respond(query, now) != ideal.exporter.respond(query, now):
                return True
        now += _COMPARE_EVERY
    return False


def pipeline_verdicts(
    seed: int,
    rounds: int,
    configs: Sequence[PipelineConfiguration] = PIPELINE_CONFIGURATIONS,
    faults: Sequence[SourceFault] = SOURCE_FAULTS,
    *,
    parallel: bool = False,
) -> list[PipelineVerdict]:
    """Simulate one pipeline per round and fault (several without a fault), and run one wait on it per configuration.

    :param seed: random seed.
    :param rounds: number of rounds.
    :param configs: the configurations.
    :param faults: the faults.
    :param parallel: use all cores. The results are the same.
    """
    work = partial(_pipeline_round, seed, configs, faults)
    if not parallel:
        return [verdict for number in range(rounds) for verdict in work(number)]
    with ProcessPoolExecutor() as pool:
        return [verdict for some in pool.map(work, range(rounds)) for verdict in some]


def _pipeline_round(
    seed: int, configs: Sequence[PipelineConfiguration], faults: Sequence[SourceFault], number: int
) -> list[PipelineVerdict]:
    verdicts = []
    for fault in faults:
        honest = fault.name == NO_FAULT.name
        # Worker processes get copies of the faults.
        known = NO_FAULT if honest else fault
        for copy in range(HONEST if honest else 1):
            pipeline = draw_pipeline(f"{seed}/{number}/{copy}/{fault.name}", known)
            verdicts += [judge_pipeline(pipeline, config, run_pipeline_wait(pipeline, config)) for config in configs]
    return verdicts


def open_share(verdicts: Sequence[PipelineVerdict], seconds: float) -> float:
    """Return the share of waits that opened within a number of seconds, of those that should have opened."""
    due = [one for one in verdicts if not one.correctly_closed]
    return sum(one.late is not None and one.late <= seconds for one in due) / max(len(due), 1)
