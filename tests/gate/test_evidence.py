# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""What a lag that carries a time rests on: points of their own, and looks that found the connector running."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airflow_provider_streamkap.api.errors import StreamkapConnectionError
from airflow_provider_streamkap.api.metrics import DestinationMetrics
from airflow_provider_streamkap.api.query import TIMESERIES, MetricsQuery
from airflow_provider_streamkap.api.watch import Observation
from airflow_provider_streamkap.course import GiveUp
from airflow_provider_streamkap.gate import DestinationGate, Reading
from airflow_provider_streamkap.wait import Again, DestinationWait, GaveUp, Opened, Step, WaitPlan

AFTER = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
DOWN = StreamkapConnectionError("connection refused")


class Clocked:
    """A wait for what was in Kafka at noon; times are seconds from then on."""

    def __init__(self, condition: dict[str, Any] | None = None, **plan: Any) -> None:
        gate = DestinationGate(**{"observed_after": AFTER, **(condition or {})})
        if "deadline" in plan:
            plan["deadline"] = AFTER.timestamp() + plan["deadline"]
        self.wait = DestinationWait(WaitPlan(("d1",), gate, **plan))

    def sees(self, now: float, stamp: float, status: str = "Active", lag: float | None = 0) -> Step:
        """Look at a moment and see a point that is stamped with another one."""
        at = AFTER + timedelta(seconds=now)
        reading = Reading(status, lag, None, AFTER + timedelta(seconds=stamp), at)
        return self.wait.observe({"d1": reading}, at.timestamp())

    def fails(self, now: float) -> Step:
        return self.wait.observe({"d1": DOWN}, AFTER.timestamp() + now)


def confirming(step: Step) -> bool:
    return isinstance(step, Again) and step.confirming


def test_a_point_that_is_seen_again_confirms_nothing_and_the_next_one_does() -> None:
    wait = Clocked()
    assert confirming(wait.sees(50, 60))
    assert confirming(wait.sees(70, 60))
    assert confirming(wait.sees(90, 60))
    assert wait.sees(130, 120) == Opened(("d1",))


def test_as_many_points_are_wanted_as_there_are_confirmations() -> None:
    wait = Clocked({"observed_after": None, "max_reading_age": 900}, confirmations=1)
    assert confirming(wait.sees(10, 0, lag=7)) is False
    assert wait.sees(70, 60) == Opened(("d1",))
    wait = Clocked(confirmations=3)
    assert confirming(wait.sees(50, 60))
    assert confirming(wait.sees(110, 120))
    assert wait.sees(170, 180) == Opened(("d1",))


def test_one_point_is_not_enough_where_the_gate_promises_to_be_right() -> None:
    with pytest.raises(ValueError, match="confirmations must be at least 2 with observed_after"):
        Clocked(confirmations=1)


def test_points_of_before_the_connector_was_first_seen_to_run_do_not_count() -> None:
    """A consumer that was stopped can leave points of 0 behind, and be Active when they are read."""
    wait = Clocked()
    assert confirming(wait.sees(600, 540))
    assert "the status has been seen to be Active only since 2026-03-01 12:10:00Z" in str(
        wait.wait.courses["d1"].missing
    )
    assert confirming(wait.sees(620, 599))
    assert confirming(wait.sees(640, 600))
    assert confirming(wait.sees(660, 600))
    assert wait.sees(680, 660) == Opened(("d1",))


def test_another_status_in_between_begins_anew() -> None:
    wait = Clocked()
    wait.sees(60, 60)
    wait.sees(120, 120, "Starting")
    assert confirming(wait.sees(180, 120))
    assert confirming(wait.sees(200, 180))
    assert confirming(wait.sees(220, 180))
    assert wait.sees(240, 240) == Opened(("d1",))


@pytest.mark.parametrize("gap", [91, 3600])
def test_what_happened_while_nobody_looked_is_not_known(gap: float) -> None:
    wait = Clocked()
    wait.sees(60, 60)
    assert confirming(wait.sees(60 + gap, 59 + gap))
    assert confirming(wait.sees(120 + gap, 119 + gap))
    assert wait.sees(180 + gap, 179 + gap) == Opened(("d1",))


def test_a_look_a_minute_is_enough() -> None:
    wait = Clocked()
    for minute in range(1, 30):
        assert not confirming(wait.sees(60 * minute + minute, 60 * minute, lag=5))
    assert confirming(wait.sees(1830, 1800))
    assert wait.sees(1890, 1860) == Opened(("d1",))


def test_a_look_that_fails_costs_the_points_that_were_counted_and_not_the_sight() -> None:
    wait = Clocked()
    wait.sees(50, 60)
    wait.fails(70)
    assert confirming(wait.sees(130, 120))
    assert wait.sees(170, 180) == Opened(("d1",))


def test_a_lag_in_between_begins_the_count_anew() -> None:
    wait = Clocked()
    wait.sees(50, 60)
    wait.sees(110, 120, lag=1)
    assert confirming(wait.sees(170, 180))
    assert wait.sees(230, 240) == Opened(("d1",))


def test_where_the_status_does_not_matter_only_the_points_do() -> None:
    wait = Clocked({"observed_after": None, "max_reading_age": 900, "connector_status": None})
    assert confirming(wait.sees(600, 540))
    assert wait.sees(620, 600) == Opened(("d1",))


def test_without_times_a_reading_is_confirmed_by_the_next_one() -> None:
    wait = DestinationWait(WaitPlan(("d1",), DestinationGate()))
    wait.observe({"d1": Reading("Active", 0)}, 0)
    assert wait.observe({"d1": Reading("Active", 0)}, 1) == Opened(("d1",))
    assert wait.memory()["courses"] == {"d1": {"curve": [[0, 0], [1, 0]], "fell_at": 1}}


def test_the_sight_is_kept_from_process_to_process_and_the_points_are_counted_anew() -> None:
    first = Clocked()
    first.sees(60, 60)
    memory = json.loads(json.dumps(first.wait.memory()))
    second = Clocked()
    second.wait = DestinationWait.recall(first.wait.plan, memory)
    assert second.wait.memory() == memory
    assert confirming(second.sees(130, 120))
    assert second.sees(190, 180) == Opened(("d1",))


def test_an_old_memory_is_no_sight() -> None:
    first = Clocked()
    first.sees(60, 60)
    second = Clocked()
    second.wait = DestinationWait.recall(first.wait.plan, first.wait.memory())
    assert confirming(second.sees(9000, 8940))
    assert confirming(second.sees(9020, 9000))
    assert second.sees(9080, 9060) == Opened(("d1",))


def test_a_run_looks_often_enough_to_see_the_connector_stop_and_no_oftener_than_asked() -> None:
    assert Clocked(confirm_interval=60).sees(50, 60) == Again(20, confirming=True)
    assert Clocked(confirm_interval=5).sees(50, 60) == Again(5, confirming=True)


def test_a_run_that_began_in_time_may_end_but_does_not_go_on_for_ever() -> None:
    wait = Clocked(deadline=100, started=AFTER.timestamp())
    assert confirming(wait.sees(90, 90))
    assert confirming(wait.sees(110, 90))
    assert confirming(wait.sees(159, 90))
    step = wait.sees(160, 90)
    assert isinstance(step, GaveUp)
    assert step.why is GiveUp.DEADLINE
    assert "there is no later reading of the lag yet that confirms it" in step.message
    wait = Clocked(deadline=100)
    wait.sees(90, 90)
    assert wait.sees(155, 150) == Opened(("d1",))
    assert wait.wait.plan.confirm_seconds == 60


def test_a_run_is_told_of_once_while_it_waits_for_the_next_point() -> None:
    wait = Clocked(started=AFTER.timestamp())
    told = [
        wait.wait.progress(wait.sees(now, stamp), AFTER.timestamp() + now)
        for now, stamp in ((50, 60), (70, 60), (90, 60), (110, 120))
    ]
    assert told[0] is not None
    assert "Passed 1 of 2 times" in told[0]
    assert told[1] is not None
    assert "no later reading of the lag yet" in told[1]
    assert told[2] is None
    assert told[3] is not None
    assert "The gate is open" in told[3]


def test_the_newest_point_is_the_newest_that_is_known() -> None:
    """A series can be filled up to now with nulls: then the last one would never be known."""
    at = "2026-03-01T12:0{}:00Z"
    points = [{"timestamp": at.format(minute), "value": value} for minute, value in enumerate((5, 0, None, None))]
    query = MetricsQuery("d1", TIMESERIES)
    series = DestinationMetrics.parse(query, {"data": {"recordsLag": points}}, AFTER)
    latest = DestinationMetrics.parse(MetricsQuery("d1"), {"data": {}}, AFTER)
    newest = Observation(latest, series).newest_lag
    assert newest is not None
    assert (newest.timestamp, newest.value) == (AFTER + timedelta(minutes=1), 0)
    nothing = DestinationMetrics.parse(query, {"data": {"recordsLag": points[2:]}}, AFTER)
    assert Observation(latest, nothing).newest_lag is None
