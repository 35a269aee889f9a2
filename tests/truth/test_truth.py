# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""A small run of the simulation: the gate keeps its promise in a world in which others do not."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from airflow_provider_streamkap.course import GiveUp
from airflow_provider_streamkap.wait import GaveUp
from benchmarks.pages import marks
from benchmarks.truth import __main__ as command
from benchmarks.truth.faults import FAULTS, Fault
from benchmarks.truth.habits import CONVENTIONS
from benchmarks.truth.report import tables
from benchmarks.truth.trial import Outcome, Subject, subject
from benchmarks.truth.verdicts import Tally, Verdict, judge, share, verdicts
from benchmarks.truth.ways import DEFAULT, GRAIN, NAIVE, OBSERVED, WAYS, Way

PAGE = Path(__file__).parents[2] / "docs" / "truth.md"
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
FORGETFUL = next(way for way in WAYS if way.forgets)


@pytest.fixture(scope="module")
def seen() -> list[Verdict]:
    return list(verdicts(11, 2, (DEFAULT, OBSERVED, FORGETFUL, GRAIN, NAIVE), WORST))


def early(seen: list[Verdict], way: Way, *, borne: bool = True) -> Counter[str]:
    """Count the waits that opened early, by fault."""
    return Counter(
        one.fault.name for one in seen if one.way is way and one.fault.borne is borne and one.early is not None
    )


def test_what_promises_not_to_opens_never_early(seen: list[Verdict]) -> None:
    assert {one.way.name for one in seen if one.way.promises} == {OBSERVED.name, FORGETFUL.name}
    assert command.broken(seen) == []
    opened = Tally.of(one for one in seen if one.way is OBSERVED)
    assert len(opened.late) > opened.waits / 2


def test_the_default_opens_early_where_what_it_reads_is_old_or_stands_still(seen: list[Verdict]) -> None:
    found = early(seen, DEFAULT)
    assert found["zero while stopped, delayed by up to 8 minutes"] > 0
    assert found["frozen, stamp stands still"] > 0


def test_less_caution_opens_early_and_not_much_sooner(seen: list[Verdict]) -> None:
    naive, grain = early(seen, NAIVE), early(seen, GRAIN)
    assert sum(naive.values()) >= sum(grain.values()) > 0
    late = [share(Tally.of(one for one in seen if one.way is way).late, 0.5) or 0 for way in (NAIVE, GRAIN, OBSERVED)]
    assert late == sorted(late)
    assert late[-1] - late[0] < 180


def test_what_nobody_can_know_is_counted_and_not_left_out(seen: list[Verdict]) -> None:
    assert sum(early(seen, NAIVE, borne=False).values()) > 0
    assert {fault.name for fault in FAULTS if not fault.borne} >= {
        "frozen, stamp goes on, status Active",
        "status up to 10 minutes old, zero while stopped",
    }


def test_every_end_has_a_reason(seen: list[Verdict]) -> None:
    assert {one.gave_up for one in seen} <= {None, "lag", "status", "time", "unknown", "API", "broken", "unreachable"}


def test_the_same_seed_comes_to_the_same(seen: list[Verdict]) -> None:
    again = list(verdicts(11, 1, (OBSERVED, DEFAULT), WORST[:2]))
    wanted = [one for one in seen[: len(WORST) * len(CONVENTIONS) * 5] if one.fault in WORST[:2]]
    for way in (OBSERVED, DEFAULT):
        assert [one for one in again if one.way is way] == [one for one in wanted if one.way is way]
    assert list(verdicts(2, 1, (OBSERVED,), WORST[:2])) != [one for one in again if one.way is OBSERVED]


@pytest.fixture(scope="module")
def one() -> Subject:
    """Give a destination that takes a while to consume what was there at the moment."""
    made = (subject(str(seed), Fault("none"), CONVENTIONS[0]) for seed in range(100))
    return next(one for one in made if (one.topic.done(one.begin, 0) or 0) > one.begin + 60)


@pytest.mark.parametrize("way", [DEFAULT, OBSERVED])
def test_an_end_is_held_against_the_truth(one: Subject, way: Way) -> None:
    moment = one.moment if way.after else one.begin
    done = one.topic.done(moment, 0)
    assert done is not None
    verdict = judge(one, way, Outcome(done - 1))
    assert verdict.early == pytest.approx(1)
    assert verdict.pending == one.topic.pending(moment, done - 1) > 0
    verdict = judge(one, way, Outcome(done + 5))
    assert (verdict.early, verdict.pending) == (None, 0)
    assert verdict.late == pytest.approx(5)
    late = GaveUp(GiveUp.DEADLINE, "")
    assert judge(one, way, Outcome(done - 1, late, "lag is 5, above 0"))[-2:] == ("lag", True)
    assert judge(one, way, Outcome(done + 1, late, "status is Paused, not Active"))[-2:] == ("status", False)
    assert judge(one, way, Outcome(done + 1, GaveUp(GiveUp.BROKEN, ""), ""))[-2:] == ("broken", False)


def test_a_limit_allows_as_many_records_to_be_left(one: Subject) -> None:
    way = Way("", condition={"max_records_lag": 10**9})
    verdict = judge(one, way, Outcome(one.begin))
    assert verdict.early is None
    assert verdict.pending > 0


def test_the_tables_show_every_way_fault_and_convention_and_what_was_seen() -> None:
    seen = [
        Verdict(OBSERVED, FAULTS[0], CONVENTIONS[0], late=120.0),
        Verdict(OBSERVED, FAULTS[0], CONVENTIONS[0], early=30.0, pending=1234),
        Verdict(DEFAULT, FAULTS[-1], CONVENTIONS[0], gave_up="lag"),
        *(Verdict(way, FAULTS[0], convention, late=900.0) for way in WAYS for convention in CONVENTIONS),
        *(Verdict(way, fault, CONVENTIONS[1], gave_up="broken") for way in WAYS for fault in FAULTS),
    ]
    shown = tables(seen)
    assert all(f"| {row.name} " in shown for row in (*WAYS, *FAULTS))
    (row,) = [line for line in shown.splitlines() if line.startswith("| observed_after  ")]
    cells = [cell.strip() for cell in row.split("|")[1:-1]]
    assert cells[1:6] == ["1 of 23 (4.3 %)", "30 s", "1,234, 1,234", "15 min", "15 min"]
    assert cells[7] == "broken 17"
    assert "| nobody" not in shown
    assert len(command.broken(seen)) == 1


def test_the_page_shows_the_tables_of_these_configurations_and_no_broken_promise() -> None:
    page = PAGE.read_text(encoding="utf-8")
    begin, end = marks(command.RESULTS)
    told = page[page.index(begin) : page.index(end)]
    assert "promise not to open early, 0 waits did" in told
    rows = [line.split("|")[1].strip() for line in told.splitlines() if line.startswith("| ")]
    assert [row for row in rows if row in {way.name for way in WAYS}] == [way.name for way in WAYS]
    assert [row for row in rows if row in {fault.name for fault in FAULTS}] == [fault.name for fault in FAULTS]


def test_a_fault_has_one_name() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
    assert len({way.name for way in WAYS}) == len(WAYS)
