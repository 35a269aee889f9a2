# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Gaps between polls, and differing clocks: neither may end a wait early or for the wrong reason."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from airflow_provider_streamkap.api.errors import StreamkapConnectionError
from airflow_provider_streamkap.api.metrics import DestinationMetrics
from airflow_provider_streamkap.api.query import MetricsQuery
from airflow_provider_streamkap.gate.conditions import DestinationGate
from airflow_provider_streamkap.gate.reading import Reading
from airflow_provider_streamkap.gate.spec import FailurePolicy, WaitSpec
from airflow_provider_streamkap.gate.state import FailureKind
from airflow_provider_streamkap.gate.target import PollResult
from airflow_provider_streamkap.gate.wait import Failed, PollAgain, ResourceWait, Succeeded
from tests.gate.states import state_of

LATEST = DestinationGate(lag_source="latest")
LAGGING, PAUSED = Reading("Active", 7), Reading("Paused", 0)
DOWN = StreamkapConnectionError("connection refused")


def begin(failure_policy: FailurePolicy | None = None, **spec: Any) -> ResourceWait:
    return ResourceWait(WaitSpec(("d1",), LATEST, failure_policy or FailurePolicy(), **spec))


def moved(wait: ResourceWait) -> ResourceWait:
    """Return the wait as restored by another process."""
    return ResourceWait.from_dict(wait.spec, json.loads(json.dumps(wait.to_dict())))


def observed(lead: float | None, lag: int = 7) -> PollResult:
    """Return the result of a poll where the API's clock is ahead by this many seconds."""
    payload = {"data": {"connector_status": "Active", "recordsLag": lag}}
    return PollResult(DestinationMetrics.parse(MetricsQuery("d1"), payload, datetime.now(UTC)), clock_lead=lead)


@pytest.mark.parametrize(
    ("failure_policy", "reading", "why"),
    [
        (FailurePolicy(None, stall_after=300), LAGGING, FailureKind.STALLED),
        (FailurePolicy(None, status_grace=300), PAUSED, FailureKind.STATUS),
    ],
)
class TestGaps:
    def test_polling_gap_does_not_count_against_destination(
        self, failure_policy: FailurePolicy, reading: Reading, why: FailureKind
    ) -> None:
        wait = begin(failure_policy)
        assert isinstance(wait.advance({"d1": reading}, 1), PollAgain)
        # Ten minutes without a triggerer, in which the destination may have recovered and failed again.
        wait = moved(wait)
        for now in (600, 660, 720, 780, 840):
            assert isinstance(wait.advance({"d1": reading}, now), PollAgain)
        step = wait.advance({"d1": reading}, 900)
        assert isinstance(step, Failed)
        assert step.kind is why
        assert "for 5 min" in step.message

    def test_consecutive_failed_polls_do_not_count_against_destination(
        self, failure_policy: FailurePolicy, reading: Reading, why: FailureKind
    ) -> None:
        wait = begin(failure_policy)
        assert isinstance(wait.advance({"d1": reading}, 0), PollAgain)
        for now in range(60, 600, 60):
            assert isinstance(wait.advance({"d1": DOWN}, now), PollAgain)
        assert isinstance(wait.advance({"d1": reading}, 600), PollAgain)

    def test_single_failed_poll_does_not_reset_timer(
        self, failure_policy: FailurePolicy, reading: Reading, why: FailureKind
    ) -> None:
        wait = begin(failure_policy)
        for now, seen in ((0, reading), (60, reading), (120, DOWN), (180, reading), (240, reading)):
            assert isinstance(wait.advance({"d1": seen}, now), PollAgain)
        assert isinstance(wait.advance({"d1": reading}, 300), Failed)

    def test_triggerer_restart_with_short_interval_is_a_gap(
        self, failure_policy: FailurePolicy, reading: Reading, why: FailureKind
    ) -> None:
        wait = begin(failure_policy, poke_interval=1)
        for now in range(0, 300, 25):
            assert isinstance(wait.advance({"d1": reading}, now), PollAgain)
        assert isinstance(wait.advance({"d1": reading}, 300), Failed)


def test_timeout_reports_polling_gap() -> None:
    wait = begin(started=0, deadline=600)
    wait.advance({"d1": LAGGING}, 2)
    step = moved(wait).advance({"d1": LAGGING}, 610)
    assert isinstance(step, Failed)
    assert "Not polled between 1970-01-01 00:00:02Z and 1970-01-01 00:10:10Z: no triggerer" in step.message
    assert "Last reading: d1 not ready: lag 7 > 0" in step.message


def test_timeout_without_last_poll_reports_age_of_last_reading() -> None:
    wait = begin(started=0, deadline=600)
    wait.advance({"d1": LAGGING}, 2)
    said = moved(wait).timeout_message(700)
    assert "Not polled between 1970-01-01 00:00:02Z and 1970-01-01 00:11:40Z: no triggerer" in said
    assert "Last reading (11 min 38 s ago): d1 not ready: lag 7 > 0" in said


def test_timeout_without_gap_mentions_none() -> None:
    wait = begin(started=0, deadline=120)
    for now in (0, 60):
        wait.advance({"d1": LAGGING}, now)
    step = wait.advance({"d1": LAGGING}, 120)
    assert isinstance(step, Failed)
    assert "Not polled" not in step.message


@pytest.mark.parametrize(("skew", "direction"), [(180, "ahead of"), (-180, "behind")])
def test_wait_keeps_its_timeout_on_machine_with_different_clock(skew: int, direction: str) -> None:
    first = begin(started=1000, deadline=1060, poke_interval=5)
    assert isinstance(first.advance({"d1": observed(10)}, 1001), PollAgain)
    wait = moved(first)
    # The other clock shows 1002 + skew, so the API's is ahead of it by 10 - skew.
    step = wait.advance({"d1": observed(10 - skew)}, 1002 + skew)
    assert isinstance(step, PollAgain)
    (warning,) = wait.warnings
    assert f"is 3 min {direction} the clock of the machine where the wait began" in warning
    assert "Elapsed 2 s of 1 min; " in str(wait.progress(step, 1002 + skew))
    assert isinstance(wait.advance({"d1": observed(10 - skew)}, 1059 + skew), PollAgain)
    assert not wait.warnings
    step = wait.advance({"d1": observed(10 - skew)}, 1060 + skew)
    assert isinstance(step, Failed)
    assert "Elapsed 1 min of 1 min" in step.message
    assert "Not polled" not in step.message


def test_wait_starting_in_future_keeps_its_timeout() -> None:
    first = begin(started=1000, deadline=1060, poke_interval=5)
    first.advance({"d1": observed(None)}, 1001)
    wait = moved(first)
    assert isinstance(wait.advance({"d1": DOWN}, 822), PollAgain)
    assert "2 min 58 s behind the clock" in wait.warnings[0]
    assert isinstance(wait.advance({"d1": observed(None)}, 882), Failed)


@pytest.mark.parametrize(("first_lead", "lead"), [(3.0, 0.5), (None, 180), (180, None)])
def test_equal_or_incomparable_clocks_change_nothing(first_lead: float | None, lead: float | None) -> None:
    first = begin(started=1000, deadline=1060)
    first.advance({"d1": observed(first_lead)}, 1001)
    wait = moved(first)
    wait.advance({"d1": observed(lead)}, 1002)
    assert not wait.warnings
    assert wait.spec == first.spec


def test_points_are_compared_with_start_on_reading_clock() -> None:
    first = ResourceWait(WaitSpec(("d1",), DestinationGate(), started=1000, deadline=1600))
    first.advance({"d1": observed(0)}, 1001)
    wait = moved(first)
    wait.advance({"d1": observed(180)}, 822)
    assert state_of(wait).history.measured_after == 820


def test_clock_of_starting_machine_stays_reference() -> None:
    first = begin(started=1000, deadline=1060)
    first.advance({"d1": observed(0)}, 1001)
    second = moved(first)
    second.advance({"d1": observed(100)}, 902)
    assert second.to_dict()["clock_lead"] == 0


def test_servers_with_different_clocks_do_not_restart_wait() -> None:
    first = ResourceWait(WaitSpec(("d1",), LATEST, confirmations=3, started=1000, deadline=9000))
    first.advance({"d1": observed(0)}, 1001)
    wait = moved(first)
    assert isinstance(wait.advance({"d1": observed(0, lag=0)}, 1002), PollAgain)
    assert isinstance(wait.advance({"d1": observed(100, lag=0)}, 1003), PollAgain)
    assert isinstance(wait.advance({"d1": observed(-100, lag=0)}, 1004), Succeeded)
    assert not wait.warnings
