# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""A small run of the simulation of pipelines: what a destination alone cannot show, and how it is counted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airflow_provider_streamkap.gate.state import FailureKind
from airflow_provider_streamkap.gate.wait import Failed
from benchmarks.accuracy import __main__ as command
from benchmarks.accuracy.pipeline_report import pipeline_tables
from benchmarks.accuracy.pipeline_trial import (
    DESTINATION_OBSERVED,
    NAIVE_SOURCE,
    PIPELINE_CONFIGURATIONS,
    PROOF_OBSERVED,
    SimulatedPipeline,
    draw_pipeline,
    run_pipeline_wait,
)
from benchmarks.accuracy.pipeline_verdicts import PipelineVerdict, judge_pipeline, open_share, pipeline_verdicts
from benchmarks.accuracy.source_faults import FAMILIES, HEARTBEATS, SOURCE_FAULTS, SourceFault
from benchmarks.accuracy.trial import Outcome
from benchmarks.doc_sections import markers

PAGE = Path(__file__).parents[2] / "docs" / "accuracy.md"


def kind(name: str) -> SourceFault:
    return next(fault for fault in SOURCE_FAULTS if fault.name == name)


STALLED = kind("stalled while connected, to the end")
BEHIND = kind("incremental snapshot of less than a minute while behind")


def test_a_stalled_source_opens_the_destination_gate_early_although_the_source_shows_it() -> None:
    found = pipeline_verdicts(1, 4, [DESTINATION_OBSERVED], [STALLED])
    early = [one for one in found if one.early is not None]
    assert early
    assert {one.where for one in early} == {"source"}
    assert all(one.contradicted for one in early)


def test_points_at_their_word_open_early_during_a_snapshot() -> None:
    found = pipeline_verdicts(1, 6, [NAIVE_SOURCE], [BEHIND])
    assert any(one.early is not None for one in found)


def test_the_proof_opens_never_early_where_the_others_do() -> None:
    found = pipeline_verdicts(1, 2, [PROOF_OBSERVED], [STALLED, BEHIND])
    assert command.broken_pipeline_guarantees(found) == []


@pytest.fixture(scope="module")
def one() -> SimulatedPipeline:
    """Return a pipeline that takes a while to consume what was committed before the moment."""
    made = (draw_pipeline(str(seed), kind("capture is minutes behind")) for seed in range(100))
    return next(one for one in made if one.begin + 120 < one.consumed_at(one.moment) < one.begin + 3000)


def test_an_end_is_compared_with_the_truth(one: SimulatedPipeline) -> None:
    done = one.consumed_at(one.moment)
    verdict = judge_pipeline(one, DESTINATION_OBSERVED, Outcome(done - 1))
    assert verdict.early == pytest.approx(1)
    assert verdict.where in ("queue", "Kafka")
    captured = one.source.captured_at(one.moment)
    assert judge_pipeline(one, DESTINATION_OBSERVED, Outcome(captured - 1)).where == "source"
    verdict = judge_pipeline(one, DESTINATION_OBSERVED, Outcome(done + 5))
    assert verdict.early is None
    assert verdict.late == pytest.approx(5)
    failed = Failed(FailureKind.DEADLINE, "")
    verdicts = [judge_pipeline(one, DESTINATION_OBSERVED, Outcome(done + by, failed)) for by in (-1, 1)]
    assert [(verdict.failure, verdict.correctly_closed) for verdict in verdicts] == [
        ("deadline", True),
        ("deadline", False),
    ]
    assert open_share([verdict, *verdicts], 10) == 0.5


def test_the_destination_alone_takes_two_requests_a_poll_and_the_naive_rule_three(one: SimulatedPipeline) -> None:
    alone, naive = run_pipeline_wait(one, DESTINATION_OBSERVED), run_pipeline_wait(one, NAIVE_SOURCE)
    assert alone.requests % 2 == 0
    assert naive.requests % 3 == 0


def test_the_same_seed_gives_the_same_on_one_core_and_on_all() -> None:
    some = pipeline_verdicts(5, 2, [DESTINATION_OBSERVED, PROOF_OBSERVED], SOURCE_FAULTS[1:3])
    assert pipeline_verdicts(5, 2, [DESTINATION_OBSERVED, PROOF_OBSERVED], SOURCE_FAULTS[1:3], parallel=True) == some
    assert pipeline_verdicts(6, 2, [DESTINATION_OBSERVED], SOURCE_FAULTS[1:3]) != some[::2]


def verdict(fault: str = "none", config: str = PROOF_OBSERVED.name, **values: Any) -> PipelineVerdict:
    made = PipelineVerdict("1", config, fault, kind(fault).covered, fault == "none", "mysql", "none", "quiet", "")
    return made._replace(**values)


def test_the_tables_show_each_fault_database_and_heartbeat() -> None:
    seen = [
        verdict(late=120.0),
        verdict(late=600.0),
        verdict(failure="deadline"),
        verdict(early=30.0, where="queue", contradicted=True),
        *(verdict(fault.name, config.name, late=60.0) for fault in SOURCE_FAULTS for config in PIPELINE_CONFIGURATIONS),
    ]
    shown = pipeline_tables(seen)
    names = (*(fault.name for fault in SOURCE_FAULTS), *FAMILIES, *HEARTBEATS)
    assert all(f"| {name} " in shown for name in names)
    (row,) = [line for line in shown.splitlines() if line.startswith(f"| {PROOF_OBSERVED.name} ")]
    cells = [cell.strip() for cell in row.split("|")[1:-1]]
    covered = 4 + sum(fault.covered for fault in SOURCE_FAULTS)
    assert cells[1:5] == [f"1 of {covered} ({100 / covered:.1f} %)", "queue 1", "1", "30 s"]
    assert len(command.broken_pipeline_guarantees(seen)) == 1


def test_the_page_shows_each_wait_and_fault() -> None:
    page = PAGE.read_text(encoding="utf-8")
    begin, end = markers(command.PIPELINE_RESULTS)
    results = page[page.index(begin) : page.index(end)]
    rows = [line.split("|")[1].strip() for line in results.splitlines() if line.startswith("| ")]
    assert [row for row in rows if row in {config.name for config in PIPELINE_CONFIGURATIONS}] == [
        config.name for config in PIPELINE_CONFIGURATIONS
    ]
    assert {fault.name for fault in SOURCE_FAULTS} <= set(rows)
