# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The hidden truth, where it can be worked out by hand."""

from __future__ import annotations

from random import Random

import pytest

from benchmarks.accuracy.connector_timeline import (
    AFTER,
    BEFORE,
    MAX_UNSEEN_STOP,
    MIN_SEEN_STOP,
    ConnectorTimeline,
    Phase,
    draw_timeline,
)
from benchmarks.accuracy.kafka import Topic, Traffic, draw_traffic, simulate_topic

RUNS = Phase(-1e6, "Active", True)
# A hundred records within a second, of which ten are taken each second.
BURST = Traffic(((10.0, 100.0), (11.0, 0.0)), rate=10.0, commit_every=5.0)


def topic(*phases: Phase) -> Topic:
    return simulate_topic(BURST, ConnectorTimeline((RUNS, *phases)), 0.0, 100.0)


def test_records_arrive_are_fetched_and_then_committed() -> None:
    made = topic()
    assert [made.arrived(when) for when in (0, 10, 10.5, 11, 99)] == [0, 0, 50, 100, 100]
    assert [made.fetched(when) for when in (10, 12, 20, 99)] == [0, 20, 100, 100]
    assert [made.committed(when) for when in (14.9, 15, 19.9, 20)] == [0, 50, 50, 100]
    assert [made.pending(10.5, when) for when in (10.5, 15)] == [50, 0]
    assert made.pending(12, 16) == 50
    assert (made.drained_at(12, 0), made.drained_at(12, 50), made.drained_at(5, 0)) == (20, 15, 0)


def test_a_crash_takes_the_consumer_back_to_what_it_has_committed() -> None:
    made = topic(Phase(13, "Stopped", False, crashed=True), Phase(30, "Active", True))
    assert [made.fetched(when) for when in (12.9, 14, 29, 35)] == [29, 0, 0, 50]
    assert made.drained_at(12, 0) == 40


def test_a_stop_in_good_order_commits_first() -> None:
    made = topic(Phase(13, "Paused", False), Phase(30, "Active", True))
    assert [made.committed(when) for when in (12.9, 13, 34.9, 35)] == [0, 30, 30, 80]


def test_what_is_never_consumed_is_never_done() -> None:
    made = topic(Phase(13, "Broken", False, crashed=True))
    assert made.drained_at(12, 0) is None
    assert made.drained_at(12, 100) == 0


@pytest.mark.parametrize("seed", range(20))
def test_whatever_happens_nothing_is_consumed_before_it_arrives_or_given_back(seed: int) -> None:
    random = Random(seed)
    timeline = draw_timeline(random, 0, restarted=True, loops=seed % 2 == 0)
    made = simulate_topic(draw_traffic(random, 0), timeline, -BEFORE, AFTER)
    whens = [random.uniform(-BEFORE, AFTER) for _ in range(500)]
    whens.sort()
    committed = [made.committed(when) for when in whens]
    assert committed == sorted(committed)
    assert [made.arrived(when) for when in whens] == sorted(made.arrived(when) for when in whens)
    assert all(made.committed(when) <= made.fetched(when) <= made.arrived(when) for when in whens)
    done = made.drained_at(whens[250], 0)
    if done is not None:
        assert made.pending(whens[250], done) == 0
        assert made.pending(whens[250], done - 1e-3) > 0 or done <= -BEFORE


def test_a_stop_lasts_until_the_connector_runs_again() -> None:
    timeline = ConnectorTimeline(
        (RUNS, Phase(10, "Paused", False), Phase(20, "Starting", False), Phase(25, "Active", True))
    )
    assert timeline.stops() == [(10, 25)]
    assert ConnectorTimeline((RUNS, Phase(10, "Paused", False))).stops() == [(10, float("inf"))]
    assert [timeline.at(when).status for when in (-9e9, 9, 10, 24, 99)] == [
        "Active",
        "Active",
        "Paused",
        "Starting",
        "Active",
    ]


def test_rebalances_in_a_row_stop_consumption_while_the_status_stays_active() -> None:
    timeline = draw_timeline(Random(1), 0, restarted=False, rebalances=6)
    assert len(timeline.stops()) >= 6
    assert {phase.status for phase in timeline.phases} == {"Active"}
    assert all(15 <= end - begin <= 60 for begin, end in timeline.stops()[-6:])


@pytest.mark.parametrize("seed", range(20))
def test_a_single_stop_either_spoils_one_point_or_is_long_enough_to_be_seen(seed: int) -> None:
    timeline = draw_timeline(Random(seed), 0, restarted=True)
    assert all(end - begin <= MAX_UNSEEN_STOP or end - begin >= MIN_SEEN_STOP for begin, end in timeline.stops())


def test_crashes_in_a_row_are_long_enough_to_be_seen() -> None:
    timeline = draw_timeline(Random(2), 0, restarted=False, crashes=8)
    crashes = [begin for begin, end in timeline.stops() if end - begin >= MIN_SEEN_STOP]
    assert len(crashes) == 8
    assert {timeline.at(begin).status for begin in crashes} == {"Stopped"}
