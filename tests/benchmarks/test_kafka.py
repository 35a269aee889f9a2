# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The ground truth, in cases that can be computed by hand."""

from __future__ import annotations

from random import Random

import pytest

from benchmarks.accuracy.kafka import Flow, Topic, consume, flow
from benchmarks.accuracy.life import AFTER, BEFORE, HIDDEN, SEEN, Life, Stretch, live

RUNS = Stretch(-1e6, "Active", True)
# A hundred records within one second, of which ten are consumed per second.
BURST = Flow(((10.0, 100.0), (11.0, 0.0)), rate=10.0, commit_every=5.0)


def topic(*stretches: Stretch) -> Topic:
    return consume(BURST, Life((RUNS, *stretches)), 0.0, 100.0)


def test_records_arrive_are_fetched_and_then_committed() -> None:
    truth = topic()
    assert [truth.arrived(when) for when in (0, 10, 10.5, 11, 99)] == [0, 0, 50, 100, 100]
    assert [truth.fetched(when) for when in (10, 12, 20, 99)] == [0, 20, 100, 100]
    assert [truth.committed(when) for when in (14.9, 15, 19.9, 20)] == [0, 50, 50, 100]
    assert [truth.pending(10.5, when) for when in (10.5, 15)] == [50, 0]
    assert truth.pending(12, 16) == 50
    assert (truth.done(12, 0), truth.done(12, 50), truth.done(5, 0)) == (20, 15, 0)


def test_crash_resets_consumer_to_committed_offset() -> None:
    truth = topic(Stretch(13, "Stopped", False, crashed=True), Stretch(30, "Active", True))
    assert [truth.fetched(when) for when in (12.9, 14, 29, 35)] == [29, 0, 0, 50]
    assert truth.done(12, 0) == 40


def test_graceful_stop_commits_first() -> None:
    truth = topic(Stretch(13, "Paused", False), Stretch(30, "Active", True))
    assert [truth.committed(when) for when in (12.9, 13, 34.9, 35)] == [0, 30, 30, 80]


def test_unconsumed_records_are_never_done() -> None:
    truth = topic(Stretch(13, "Broken", False, crashed=True))
    assert truth.done(12, 0) is None
    assert truth.done(12, 100) == 0


@pytest.mark.parametrize("seed", range(20))
def test_nothing_is_consumed_before_arrival_or_returned(seed: int) -> None:
    random = Random(seed)
    life = live(random, 0, troubled=True, loops=seed % 2 == 0)
    truth = consume(flow(random, 0), life, -BEFORE, AFTER)
    whens = [random.uniform(-BEFORE, AFTER) for _ in range(500)]
    whens.sort()
    committed = [truth.committed(when) for when in whens]
    assert committed == sorted(committed)
    assert [truth.arrived(when) for when in whens] == sorted(truth.arrived(when) for when in whens)
    assert all(truth.committed(when) <= truth.fetched(when) <= truth.arrived(when) for when in whens)
    done = truth.done(whens[250], 0)
    if done is not None:
        assert truth.pending(whens[250], done) == 0
        assert truth.pending(whens[250], done - 1e-3) > 0 or done <= -BEFORE


def test_stop_lasts_until_connector_runs_again() -> None:
    life = Life((RUNS, Stretch(10, "Paused", False), Stretch(20, "Starting", False), Stretch(25, "Active", True)))
    assert life.stops() == [(10, 25)]
    assert Life((RUNS, Stretch(10, "Paused", False))).stops() == [(10, float("inf"))]
    assert [life.at(when).status for when in (-9e9, 9, 10, 24, 99)] == [
        "Active",
        "Active",
        "Paused",
        "Starting",
        "Active",
    ]


def test_repeated_rebalances_stop_consumption_while_status_is_active() -> None:
    life = live(Random(1), 0, troubled=False, rebalances=6)
    assert len(life.stops()) >= 6
    assert {stretch.status for stretch in life.stretches} == {"Active"}
    assert all(15 <= end - begin <= 60 for begin, end in life.stops()[-6:])


@pytest.mark.parametrize("seed", range(20))
def test_single_stop_affects_one_point_or_is_long_enough_to_detect(seed: int) -> None:
    life = live(Random(seed), 0, troubled=True)
    assert all(end - begin <= HIDDEN or end - begin >= SEEN for begin, end in life.stops())


def test_repeated_crashes_are_long_enough_to_detect() -> None:
    life = live(Random(2), 0, troubled=False, crashes=8)
    crashes = [begin for begin, end in life.stops() if end - begin >= SEEN]
    assert len(crashes) == 8
    assert {life.at(begin).status for begin in crashes} == {"Stopped"}
