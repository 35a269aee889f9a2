# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""A small run of the simulation: the gate keeps its promise in a world in which weaker rules do not."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random

import pytest

from airflow_provider_streamkap.api.errors import StreamkapServerError
from airflow_provider_streamkap.api.query import parse_timestamp
from airflow_provider_streamkap.gate.state import FailureKind
from airflow_provider_streamkap.gate.target import PollTarget
from airflow_provider_streamkap.gate.wait import Failed
from benchmarks.accuracy import __main__ as command
from benchmarks.accuracy.configurations import CONFIGURATIONS, DEFAULT, GRAIN, LATEST, NAIVE, OBSERVED, Configuration
from benchmarks.accuracy.connector_timeline import ConnectorTimeline, Phase
from benchmarks.accuracy.exporter_behavior import CONVENTIONS, Convention, draw_behavior
from benchmarks.accuracy.faults import FAULTS, Fault, combine, draw
from benchmarks.accuracy.metric_series import to_datetime, to_seconds
from benchmarks.accuracy.report import tables
from benchmarks.accuracy.trial import Outcome, SimulatedDestination, draw_destination, run_wait
from benchmarks.accuracy.verdicts import Tally, Verdict, judge, parallel_verdicts, quantile, verdicts
from benchmarks.doc_sections import markers

PAGE = Path(__file__).parents[2] / "docs" / "accuracy.md"
WORST = tuple(
    fault
    for fault in FAULTS
    if fault.name
    in (
        "none",
        "zero while stopped",
        "zero for up to 45 s after a restart",
        "frozen, stamp stands still",
        "zero while stopped, delayed by up to 8 minutes",
        "zero for minutes, status Active",
    )
)
STATELESS = next(config for config in CONFIGURATIONS if config.after and config.stateless)
COMPARED = (DEFAULT, LATEST, OBSERVED, STATELESS, GRAIN, NAIVE)


@pytest.fixture(scope="module")
def seen() -> list[Verdict]:
    return list(verdicts(11, 3, COMPARED, WORST))


def early(seen: list[Verdict], config: Configuration, *, covered: bool = True) -> Counter[str]:
    """Count the waits that opened early, by fault."""
    return Counter(
        one.fault.name
        for one in seen
        if one.config is config and one.fault.covered is covered and one.early is not None
    )


def test_what_promises_not_to_opens_never_early(seen: list[Verdict]) -> None:
    promised = {config.name for config in COMPARED if config.guaranteed}
    assert {OBSERVED.name, STATELESS.name} <= promised <= {DEFAULT.name, OBSERVED.name, STATELESS.name}
    assert command.broken_guarantees(seen) == []
    opened = Tally.of(one for one in seen if one.config is OBSERVED)
    assert len(opened.late) > opened.waits / 2


def test_the_latest_lag_opens_early_where_it_is_old_or_stands_still(seen: list[Verdict]) -> None:
    found = early(seen, LATEST)
    assert found["zero while stopped, delayed by up to 8 minutes"] > 0
    assert found["frozen, stamp stands still"] > 0


def test_less_caution_opens_early_and_not_much_sooner(seen: list[Verdict]) -> None:
    naive, grain = early(seen, NAIVE), early(seen, GRAIN)
    assert sum(naive.values()) >= sum(grain.values()) > 0
    late = [
        quantile(Tally.of(one for one in seen if one.config is config).late, 0.5) or 0
        for config in (NAIVE, GRAIN, OBSERVED)
    ]
    assert late == sorted(late)
    assert late[-1] - late[0] < 180


def test_what_nobody_can_know_is_counted_and_not_left_out(seen: list[Verdict]) -> None:
    assert sum(early(seen, NAIVE, covered=False).values()) > 0
    assert {fault.name for fault in FAULTS if not fault.covered} >= {
        "frozen, stamp goes on, status Active",
        "status up to 10 minutes old, zero while stopped",
    }


def test_every_end_has_a_reason(seen: list[Verdict]) -> None:
    assert {one.failure for one in seen} <= {None, "lag", "status", "time", "unknown", "API", "broken", "unreachable"}


def test_the_same_seed_comes_to_the_same(seen: list[Verdict]) -> None:
    again = list(verdicts(11, 1, (OBSERVED, DEFAULT), WORST[:2]))
    wanted = [one for one in seen[: len(WORST) * len(CONVENTIONS) * len(COMPARED)] if one.fault in WORST[:2]]
    for config in (OBSERVED, DEFAULT):
        assert [one for one in again if one.config is config] == [one for one in wanted if one.config is config]
    assert list(verdicts(2, 1, (OBSERVED,), WORST[:2])) != [one for one in again if one.config is OBSERVED]


@pytest.fixture(scope="module")
def one() -> SimulatedDestination:
    """Give a destination that takes a while to consume what was there at the moment."""
    made = (draw_destination(str(seed), Fault("none"), CONVENTIONS[0]) for seed in range(100))
    return next(one for one in made if (one.topic.drained_at(one.begin, 0) or 0) > one.begin + 60)


@pytest.mark.parametrize("config", [DEFAULT, OBSERVED])
def test_an_end_is_held_against_the_truth(one: SimulatedDestination, config: Configuration) -> None:
    moment = one.moment if config.after else one.begin
    done = one.topic.drained_at(moment, 0)
    assert done is not None
    verdict = judge(one, config, Outcome(done - 1))
    assert verdict.early == pytest.approx(1)
    assert verdict.pending == one.topic.pending(moment, done - 1) > 0
    verdict = judge(one, config, Outcome(done + 5))
    assert (verdict.early, verdict.pending) == (None, 0)
    assert verdict.late == pytest.approx(5)
    late = Failed(FailureKind.DEADLINE, "")
    assert judge(one, config, Outcome(done - 1, late, "lag 5 > 0"))[-2:] == ("lag", True)
    assert judge(one, config, Outcome(done + 1, late, "status is Paused, not Active"))[-2:] == ("status", False)
    assert judge(one, config, Outcome(done + 1, Failed(FailureKind.BROKEN, ""), ""))[-2:] == ("broken", False)


def test_a_limit_allows_as_many_records_to_be_left(one: SimulatedDestination) -> None:
    config = Configuration("", condition={"max_records_lag": 10**9})
    verdict = judge(one, config, Outcome(one.begin))
    assert verdict.early is None
    assert verdict.pending > 0


def test_the_tables_show_every_way_fault_and_convention_and_what_was_seen() -> None:
    seen = [
        Verdict(OBSERVED, FAULTS[0], CONVENTIONS[0], requests=287, late=120.0),
        Verdict(OBSERVED, FAULTS[0], CONVENTIONS[0], early=30.0, pending=1234),
        Verdict(DEFAULT, FAULTS[-1], CONVENTIONS[0], failure="lag"),
        *(
            Verdict(config, FAULTS[0], convention, late=900.0)
            for config in CONFIGURATIONS
            for convention in CONVENTIONS
        ),
        *(Verdict(config, fault, CONVENTIONS[1], failure="broken") for config in CONFIGURATIONS for fault in FAULTS),
    ]
    shown = tables(seen)
    assert all(f"| {row.name} " in shown for row in (*CONFIGURATIONS, *FAULTS))
    (row,) = [line for line in shown.splitlines() if line.startswith("| observed_after  ")]
    cells = [cell.strip() for cell in row.split("|")[1:-1]]
    assert cells[1:6] == ["1 of 41 (2.4 %)", "30 s", "1,234, 1,234", "15 min", "15 min"]
    assert cells[6:8] == ["7.0", ""]
    assert cells[8] == "broken 35"
    assert len(command.broken_guarantees(seen)) == 1


def test_the_page_shows_the_tables_of_these_configurations_and_no_broken_promise() -> None:
    page = PAGE.read_text(encoding="utf-8")
    begin, end = markers(command.RESULTS)
    results = page[page.index(begin) : page.index(end)]
    assert "guaranteed configurations opened early in 0 waits" in results
    rows = [line.split("|")[1].strip() for line in results.splitlines() if line.startswith("| ")]
    assert [row for row in rows if row in {config.name for config in CONFIGURATIONS}] == [
        config.name for config in CONFIGURATIONS
    ]
    assert [row for row in rows if row in {fault.name for fault in FAULTS}] == [fault.name for fault in FAULTS]


def test_all_cores_find_the_same_as_one() -> None:
    one = list(verdicts(3, 2, (DEFAULT, OBSERVED), WORST[:2]))
    assert parallel_verdicts(3, 2, (DEFAULT, OBSERVED), WORST[:2]) == one
    assert {id(verdict.config) for verdict in one} == {id(DEFAULT), id(OBSERVED)}


def test_a_wait_counts_one_request_a_poll_or_two_with_the_timeseries(one: SimulatedDestination) -> None:
    never = Configuration("", condition={"connector_status": "Elsewhere", "lag_source": "latest"})
    dated = Configuration("", after=True, condition={"connector_status": "Elsewhere"})
    undated, observed = run_wait(one, never), run_wait(one, dated)
    assert undated.failure is not None
    assert observed.requests == 2 * undated.requests > 100


def kind(name: str) -> Fault:
    return next(fault for fault in FAULTS if fault.name == name)


def test_a_fault_that_is_no_mix_is_drawn_as_itself() -> None:
    assert all(draw(Random(1), fault) is fault for fault in FAULTS if not fault.mix)


@pytest.mark.parametrize("mix", [fault for fault in FAULTS if fault.mix], ids=lambda fault: fault.name)
def test_a_mix_draws_two_to_four_kinds_with_the_properties_of_all(mix: Fault) -> None:
    known = {fault.name for fault in FAULTS if not fault.mix}
    drawn = [draw(Random(seed), mix) for seed in range(200)]
    parts = [fault.name.split(" + ") for fault in drawn]
    assert {len(part) for part in parts} == {2, 3, 4}
    assert {name for part in parts for name in part} <= known
    assert any(fault.covered is False for fault in drawn) is (mix.mix == "all")


def test_a_mix_of_covered_kinds_has_none_whose_contradiction_others_hide() -> None:
    mix = next(fault for fault in FAULTS if fault.mix == "covered")
    names = {name for seed in range(500) for name in draw(Random(seed), mix).name.split(" + ")}
    assert names == {fault.name for fault in FAULTS if fault.covered and not fault.alone and not fault.mix}


def test_combined_faults_add_up_and_share_what_shifts_times() -> None:
    kinds = [kind("zero while stopped, delayed by up to 8 minutes"), kind("readings cached for up to 45 s")]
    combined = combine(Random(1), [*kinds, kind("gaps in the timeseries")], share=1 / 3)
    assert (combined.stopped, combined.stops, combined.delay) == ("zero", True, 480)
    assert (combined.cached, combined.spans, combined.covered) == (15, ("gap", "gap"), True)
    assert combine(Random(1), [kinds[0], kind("zero for minutes, status Active")]).covered is False
    either = {combine(Random(seed), [kind("null while stopped"), kinds[0]]).stopped for seed in range(20)}
    assert either == {"null", "zero"}


@pytest.mark.parametrize("convention", CONVENTIONS, ids=str)
@pytest.mark.parametrize("name", ["stamps 90 s to 5 minutes ahead", "stamps ahead, delayed by up to 8 minutes"])
def test_stamps_that_are_ahead_can_be_recognized_in_each_response(name: str, convention: Convention) -> None:
    for seed in range(4):
        one = draw_destination(str(seed), kind(name), convention)
        leads = [newest_stamp(one, when) - when for when in range(int(one.begin), int(one.begin) + 900, 7)]
        assert min(leads) >= 90
        assert max(leads) <= 500


def newest_stamp(one: SimulatedDestination, when: float) -> float:
    query = PollTarget.with_timeseries("d1").series_query(to_datetime(when))
    assert query is not None
    points = one.api.exporter.respond(query, when)["data"]["recordsLag"]
    return max(to_seconds(parse_timestamp(point["timestamp"])) for point in points)


def test_the_timeseries_may_fail_while_latest_can_be_read() -> None:
    one = draw_destination("1", kind("timeseries fails for minutes"), CONVENTIONS[0])
    whens = range(int(one.begin), int(one.begin) + 1200, 20)
    dated = [
        isinstance(one.api.poll(PollTarget.with_timeseries("d1"), when).got, StreamkapServerError) for when in whens
    ]
    assert set(dated) == {True, False}
    assert not any(isinstance(one.api.poll(PollTarget("d1"), when).got, StreamkapServerError) for when in whens)


@pytest.mark.parametrize(
    "name",
    [
        "points are 0, latest is right",
        "running minute is 0 or too low",
        "2 rebalances that show 0, status Active",
        "stamps ahead, delayed by up to 8 minutes",
    ],
)
def test_a_fault_opens_a_rule_early_that_takes_points_at_their_word(name: str) -> None:
    assert early(list(verdicts(1, 12, (NAIVE,), [kind(name)])), NAIVE, covered=kind(name).covered)[name] > 0


def test_an_honest_exporter_may_show_the_newest_point_as_latest() -> None:
    drawn = [
        draw_behavior(
            Random(seed), kind("none"), CONVENTIONS[0], ConnectorTimeline((Phase(0, "Active", True),)), 0, 0
        ).latest
        for seed in range(100)
    ]
    assert set(drawn) == {"sample", "point"}
    assert drawn.count("point") < 50


def test_a_fault_has_one_name() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
    assert len({config.name for config in CONFIGURATIONS}) == len(CONFIGURATIONS)
