# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The course of a wait, round by round, with an injected clock."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from airflow_provider_streamkap.api.errors import (
    StreamkapConnectionError,
    StreamkapNotFoundError,
    StreamkapRequestError,
    StreamkapServerError,
    StreamkapTimeoutError,
)
from airflow_provider_streamkap.api.metrics import DestinationMetrics
from airflow_provider_streamkap.api.query import MetricsQuery
from airflow_provider_streamkap.gate.conditions import DestinationGate
from airflow_provider_streamkap.gate.reading import Reading
from airflow_provider_streamkap.gate.spec import FailurePolicy, WaitSpec
from airflow_provider_streamkap.gate.state import FailureKind
from airflow_provider_streamkap.gate.target import PollResult, PollTarget
from airflow_provider_streamkap.gate.wait import Failed, PollAgain, ResourceWait, Succeeded
from tests.gate.states import state_of

PATIENCE = ("max_poll_failures", "stall_after", "status_grace")

LATEST = DestinationGate(lag_source="latest")
GOOD, LAGGING, BROKEN = Reading("Active", 0), Reading("Active", 7), Reading("Broken", 0)
DOWN = StreamkapConnectionError("connection refused")
PLAIN_500 = StreamkapServerError("boom", status=500)
GONE = StreamkapNotFoundError("no such destination", status=404)
BARE = PollResult.without_metrics(PollTarget("d1"), datetime(2026, 3, 1, tzinfo=UTC))
assert not PLAIN_500.transient
assert not PLAIN_500.permanent


def start(ids: tuple[str, ...] = ("d1",), **spec: Any) -> ResourceWait:
    failure_policy = FailurePolicy(**{name: spec.pop(name) for name in PATIENCE if name in spec})
    return ResourceWait(WaitSpec(ids, LATEST, failure_policy, **{"confirm_interval": 10, **spec}))


def test_opens_after_consecutive_confirmations() -> None:
    wait = start(confirmations=3, confirm_interval=5)
    assert wait.advance({"d1": GOOD}, 0) == PollAgain(5, confirming=True)
    assert wait.advance({"d1": GOOD}, 5) == PollAgain(5, confirming=True)
    assert wait.advance({"d1": GOOD}, 10) == Succeeded(("d1",))


@pytest.mark.parametrize("spoiler", [LAGGING, DOWN, PLAIN_500, Reading(None, None), BARE])
def test_other_reading_in_between_restarts_confirmations(spoiler: Any) -> None:
    wait = start()
    assert wait.advance({"d1": GOOD}, 0) == PollAgain(10, confirming=True)
    later = wait.advance({"d1": spoiler}, 10)
    assert isinstance(later, PollAgain)
    assert (later.after, later.confirming) == (60, False)
    assert wait.advance({"d1": GOOD}, 70) == PollAgain(10, confirming=True)
    assert wait.advance({"d1": GOOD}, 80) == Succeeded(("d1",))


def test_default_confirmation_is_taken_one_minute_later() -> None:
    assert ResourceWait(WaitSpec(("d1",), LATEST)).advance({"d1": GOOD}, 0) == PollAgain(60, confirming=True)


def test_one_confirmation_opens_immediately() -> None:
    assert start(confirmations=1).advance({"d1": GOOD}, 0) == Succeeded(("d1",))


def test_fatal_status_ends_wait_immediately() -> None:
    step = start().advance({"d1": BROKEN}, 0)
    assert isinstance(step, Failed)
    assert step.kind is FailureKind.BROKEN
    assert step.message == (
        "destination d1: status is Broken, which is in fail_on_status; fix the connector in Streamkap (lag 0)"
    )


def test_rejection_ends_wait_immediately() -> None:
    step = start().advance({"d1": GONE}, 0)
    assert isinstance(step, Failed)
    assert step.kind is FailureKind.PERMANENT_ERROR
    assert "no such destination" in step.message


@pytest.mark.parametrize("failure", [DOWN, PLAIN_500])
def test_ten_consecutive_failed_polls_are_tolerated_and_eleven_are_not(failure: Any) -> None:
    wait = start(max_poll_failures=10)
    for poll in range(10):
        assert wait.advance({"d1": failure}, poll) == PollAgain(60, failing=True)
    step = wait.advance({"d1": failure}, 10)
    assert isinstance(step, Failed)
    assert step.kind is FailureKind.UNREACHABLE
    assert "11 polls in a row failed, more than max_poll_failures=10 allows" in step.message


def test_successful_poll_resets_failure_budget() -> None:
    wait = start(max_poll_failures=1)
    for _ in range(5):
        assert wait.advance({"d1": DOWN}, 0) == PollAgain(60, failing=True)
        assert wait.advance({"d1": LAGGING}, 0) == PollAgain(60)


def test_any_number_of_failed_polls_can_be_tolerated() -> None:
    wait = start(max_poll_failures=None)
    assert {wait.advance({"d1": DOWN}, 0) for _ in range(100)} == {PollAgain(60, failing=True)}


def test_wait_resumes_where_another_process_stopped() -> None:
    first = start(max_poll_failures=2)
    first.advance({"d1": LAGGING}, 0)
    first.advance({"d1": DOWN}, 60)
    first.advance({"d1": DOWN}, 120)
    memory = json.loads(json.dumps(first.to_dict()))
    wait = ResourceWait.from_dict(first.spec, memory)
    assert (wait.polls, wait.to_dict()) == (3, memory)
    step = wait.advance({"d1": DOWN}, 180)
    assert isinstance(step, Failed)
    assert step.kind is FailureKind.UNREACHABLE


def test_memory_of_other_destinations_is_ignored() -> None:
    wait = ResourceWait.from_dict(start().spec, {"resources": {"another": {"failures": 5}}})
    assert wait.to_dict()["resources"] == {}


def test_passed_last_round_is_remembered() -> None:
    wait = ResourceWait(WaitSpec(("d1",), LATEST))
    wait.advance({"d1": GOOD}, 0)
    assert ResourceWait.from_dict(wait.spec, wait.to_dict()).passing
    wait.advance({"d1": LAGGING}, 60)
    assert not ResourceWait.from_dict(wait.spec, wait.to_dict()).passing


def test_last_poll_is_at_deadline_and_ends_wait() -> None:
    wait = start(deadline=100, started=0)
    assert wait.advance({"d1": LAGGING}, 10) == PollAgain(60)
    assert wait.advance({"d1": LAGGING}, 70) == PollAgain(30)
    step = wait.advance({"d1": LAGGING}, 100)
    assert isinstance(step, Failed)
    assert step.kind is FailureKind.DEADLINE
    assert "Elapsed 1 min 40 s of 1 min 40 s, 3 polls" in step.message
    assert "d1 not ready: lag 7 > 0" in step.message


def test_failing_polls_until_deadline_end_as_timeout() -> None:
    step = start(deadline=100, started=0).advance({"d1": DOWN}, 100)
    assert isinstance(step, Failed)
    assert step.kind is FailureKind.DEADLINE
    assert "1 failed poll" in step.message


def test_condition_met_at_deadline_can_still_be_confirmed() -> None:
    wait = start(deadline=100)
    assert wait.advance({"d1": GOOD}, 100) == PollAgain(10, confirming=True)
    assert wait.advance({"d1": GOOD}, 110) == Succeeded(("d1",))


def test_condition_not_confirmed_after_deadline_times_out() -> None:
    wait = start(deadline=100)
    wait.advance({"d1": GOOD}, 99)
    step = wait.advance({"d1": LAGGING}, 109)
    assert isinstance(step, Failed)
    assert step.kind is FailureKind.DEADLINE


def test_rejection_at_deadline_is_reported_as_rejection() -> None:
    step = start(deadline=100).advance({"d1": GONE}, 200)
    assert isinstance(step, Failed)
    assert step.kind is FailureKind.PERMANENT_ERROR


def test_several_destinations_must_pass_in_same_round() -> None:
    wait = start(("a", "b"))
    assert wait.advance({"a": GOOD, "b": LAGGING}, 0) == PollAgain(60)
    assert wait.advance({"a": LAGGING, "b": GOOD}, 0) == PollAgain(60)
    assert wait.advance({"a": GOOD, "b": GOOD}, 0) == PollAgain(10, confirming=True)
    assert wait.advance({"a": GOOD, "b": GOOD}, 0) == Succeeded(("a", "b"))


def test_each_of_several_destinations_has_its_own_budget_of_failures() -> None:
    wait = start(("a", "b"), max_poll_failures=1)
    assert isinstance(wait.advance({"a": DOWN, "b": GOOD}, 0), PollAgain)
    assert isinstance(wait.advance({"a": GOOD, "b": DOWN}, 0), PollAgain)
    step = wait.advance({"a": GOOD, "b": DOWN}, 0)
    assert isinstance(step, Failed)
    assert "destination b" in step.message
    assert "destination a" not in step.message


def test_timeout_names_blocking_destinations() -> None:
    wait = start(("a", "b"), deadline=10)
    step = wait.advance({"a": GOOD, "b": LAGGING}, 10)
    assert isinstance(step, Failed)
    assert "b: lag 7 > 0" in step.message
    assert "2 destinations" in step.message
    assert "a: lag" not in step.message


def test_timeout_while_confirming_or_before_any_reading() -> None:
    wait = start(deadline=10)
    assert wait.timeout_message(10).endswith("Last reading: none")
    wait.advance({"d1": GOOD}, 10)
    assert "d1 ready (status Active, lag 0)" in wait.timeout_message(11)


def test_progress_line_content() -> None:
    wait = start(deadline=3600, started=0)
    step = wait.advance({"d1": Reading("Active", 1200)}, 120)
    assert wait.progress(step, 120) == (
        "Poll 1: d1 not ready: lag 1,200 > 0 (status Active). Elapsed 2 min of 1 h; next poll in 1 min."
    )
    step = wait.advance({"d1": Reading("Active", 900)}, 180)
    assert wait.progress(step, 180) == (
        "Poll 2: d1 not ready: lag 900 > 0 (status Active). Draining at 5.0 records/s (was 1,200 records 1 min ago), "
        "about 3 min left. Elapsed 3 min of 1 h; next poll in 1 min."
    )
    step = wait.advance({"d1": GOOD}, 240)
    assert wait.progress(step, 240) == (
        "Poll 3: d1 ready (status Active, lag 0). Confirmed 1 of 2 times. Elapsed 4 min of 1 h; next poll in 10 s."
    )
    step = wait.advance({"d1": GOOD}, 250)
    assert wait.progress(step, 250) == (
        "Poll 4: d1 ready (status Active, lag 0). The gate is open. Elapsed 4 min 10 s of 1 h."
    )
    step = wait.advance({"d1": BROKEN}, 260)
    progress = wait.progress(step, 260)
    assert progress is not None
    assert "The wait failed (broken)" in progress


def test_progress_of_growing_or_constant_lag() -> None:
    wait = start()
    wait.advance({"d1": Reading("Active", 100)}, 0)
    progress = wait.progress(wait.advance({"d1": Reading("Active", 160)}, 60), 60)
    assert progress is not None
    assert "Growing at 1.0 records/s (was 100 records 1 min ago). " in progress
    wait = start()
    wait.advance({"d1": LAGGING}, 0)
    progress = wait.progress(wait.advance({"d1": LAGGING}, 60), 60)
    assert progress is not None
    assert "Lag unchanged for 1 min. " in progress


def test_progress_of_failed_poll_reports_failure_and_no_trend() -> None:
    wait = start()
    wait.advance({"d1": Reading("Active", 100)}, 0)
    wait.advance({"d1": LAGGING}, 60)
    progress = wait.progress(wait.advance({"d1": DOWN}, 120), 120)
    assert progress is not None
    assert "1 failed poll (connection refused" in progress
    assert "Draining" not in progress


def test_trend_is_unknown_after_clock_was_set_back() -> None:
    wait = start(started=0)
    wait.advance({"d1": Reading("Active", 500)}, 100)
    progress = wait.progress(wait.advance({"d1": Reading("Active", 400)}, 40), 40)
    assert progress == "Poll 2: d1 not ready: lag 400 > 0 (status Active). Elapsed 40 s; next poll in 1 min."


def test_unchanged_progress_is_logged_periodically() -> None:
    wait = start(started=0)
    progress = [wait.progress(wait.advance({"d1": LAGGING}, 60 * poll), 60 * poll) for poll in range(31)]
    assert [poll for poll, line in enumerate(progress) if line] == [0, 10, 20, 30]
    assert progress[10] is not None
    assert progress[10].startswith("Poll 11: unchanged for 10 polls: d1 not ready: lag 7 > 0")
    changed = wait.progress(wait.advance({"d1": Reading("Active", 6)}, 1900), 1900)
    assert changed is not None
    assert "unchanged" not in changed


def test_progress_of_many_names_only_blocking_destinations() -> None:
    ids = tuple(f"d{number}" for number in range(15))
    wait = start(ids)
    progress = wait.progress(wait.advance({id_: GOOD if id_ in ("d0", "d1") else LAGGING for id_ in ids}, 0), 0)
    assert progress is not None
    assert "2 of 15 ready; not ready: d2: lag 7 > 0" in progress
    assert "d11: " in progress
    assert "d12: " not in progress
    assert "and 3 more" in progress


def test_progress_line_of_many_is_short_and_shows_one_error() -> None:
    ids = tuple(f"67ad6e0af08a2365c729b{number:03}" for number in range(300))
    wait = start(ids)
    away = StreamkapTimeoutError(
        "no complete response within 30.0 s", method="GET", url=f"https://example.com/{'x' * 90}"
    )
    progress = wait.progress(wait.advance(dict.fromkeys(ids, away), 0), 0)
    assert progress is not None
    assert len(progress) < 900
    assert f"{ids[9]}: 1 failed poll; and 290 more; last error: GET https://example.com/" in progress
    assert progress.count("no complete response within 30.0 s") == 1


def test_message_of_many_errors_shows_three() -> None:
    ids = tuple(f"d{number}" for number in range(15))
    step = start(ids).advance(dict.fromkeys(ids, GONE), 0)
    assert isinstance(step, Failed)
    assert "destination d2 could not be read" in step.message
    assert step.message.endswith("; and 12 more")


def test_progress_of_many_when_all_are_ready() -> None:
    wait = start(("a", "b"))
    progress = wait.progress(wait.advance({"a": GOOD, "b": GOOD}, 0), 0)
    assert progress is not None
    assert progress.startswith("Poll 1: 2 of 2 ready. Confirmed 1 of 2 times. ")


def test_destination_that_was_not_read_is_not_a_failed_poll() -> None:
    wait = start(("a", "b"), max_poll_failures=0)
    step = wait.advance({"a": GOOD}, 0)
    assert step == PollAgain(60, failing=True)
    assert "1 of 2 ready; not ready: b: not read yet" in str(wait.progress(step, 0))
    assert list(wait.to_dict()["resources"]) == ["a", "b"]
    assert wait.snapshots({"a": BARE}).keys() == {"a"}
    assert wait.advance({"a": GOOD, "b": GOOD}, 60) == PollAgain(10, confirming=True)


def test_progress_without_own_clock() -> None:
    wait = start()
    progress = wait.progress(wait.advance({"d1": LAGGING}, 0), 0)
    assert progress is not None
    assert "Elapsed time tracked by Airflow" in progress
    wait = start(started=0)
    progress = wait.progress(wait.advance({"d1": LAGGING}, 5), 5)
    assert progress is not None
    assert ". Elapsed 5 s; " in progress


def test_any_of_several_destinations_suffices_and_only_passing_ones_are_returned() -> None:
    wait = start(("a", "b"), require="any")
    assert wait.advance({"a": LAGGING, "b": GOOD}, 0) == PollAgain(10, confirming=True)
    assert wait.advance({"a": GOOD, "b": LAGGING}, 10) == PollAgain(10, confirming=True)
    assert wait.advance({"a": GOOD, "b": GOOD}, 20) == Succeeded(("a",))


def test_any_of_several_destinations_fails_only_when_none_can_pass() -> None:
    wait = start(("a", "b"), require="any")
    assert wait.advance({"a": BROKEN, "b": LAGGING}, 0) == PollAgain(60)
    step = wait.advance({"a": BROKEN, "b": GONE}, 60)
    assert isinstance(step, Failed)
    assert step.kind is FailureKind.PERMANENT_ERROR
    wait = start(("a", "b"), require="any")
    wait.advance({"a": GONE, "b": GOOD}, 0)
    assert wait.advance({"a": GONE, "b": GOOD}, 10) == Succeeded(("b",))


def test_constant_lag_stalls_and_message_shows_its_history() -> None:
    wait = start(stall_after=300)
    lags = [(0, 500), (60, 400), (120, 400), (180, 450), (240, 450), (300, 450)]
    for now, lag in lags:
        assert isinstance(wait.advance({"d1": Reading("Active", lag)}, now), PollAgain)
    step = wait.advance({"d1": Reading("Active", 450)}, 360)
    assert isinstance(step, Failed)
    assert step.kind is FailureKind.STALLED
    assert "has not fallen for 5 min (stall_after: 5 min)" in step.message
    assert "500 (6 min ago), 400 (5 min ago), 400 (4 min ago), 450 (3 min ago), 450 (0 s ago)" in step.message


def test_slowly_falling_lag_or_lag_within_limit_does_not_stall() -> None:
    wait = start(stall_after=100)
    for step in range(50):
        assert isinstance(wait.advance({"d1": Reading("Active", 1000 - step)}, 60 * step), PollAgain)
    wait = start(stall_after=100)
    for step in range(50):
        assert isinstance(wait.advance({"d1": Reading("Paused", 0)}, 60 * step), PollAgain)
    # Time without lag does not count against a later lag.
    assert isinstance(wait.advance({"d1": Reading("Active", 5)}, 3060), PollAgain)


def test_unknown_lag_neither_starts_nor_ends_stall() -> None:
    wait = start(stall_after=100)
    for step in range(10):
        assert isinstance(wait.advance({"d1": Reading("Active", None)}, 60 * step), PollAgain)
    assert isinstance(wait.advance({"d1": LAGGING}, 600), PollAgain)
    assert isinstance(wait.advance({"d1": Reading("Active", None)}, 660), PollAgain)
    assert isinstance(wait.advance({"d1": LAGGING}, 720), Failed)


def test_stall_is_remembered_by_another_process() -> None:
    first = start(stall_after=100)
    first.advance({"d1": LAGGING}, 1000)
    wait = ResourceWait.from_dict(first.spec, json.loads(json.dumps(first.to_dict())))
    assert isinstance(wait.advance({"d1": LAGGING}, 1060), PollAgain)
    assert isinstance(wait.advance({"d1": LAGGING}, 1100), Failed)


@pytest.mark.parametrize("odd", ["Paused", "Stopped", "Unknown", None])
def test_unexpected_status_is_tolerated_for_grace_period(odd: str | None) -> None:
    wait = start(status_grace=100)
    assert isinstance(wait.advance({"d1": Reading(odd, 0)}, 0), PollAgain)
    assert isinstance(wait.advance({"d1": Reading("Active", 7)}, 90), PollAgain)
    assert isinstance(wait.advance({"d1": Reading(odd, 0)}, 180), PollAgain)
    assert isinstance(wait.advance({"d1": Reading(odd, 0)}, 270), PollAgain)
    step = wait.advance({"d1": Reading(odd, 0)}, 280)
    assert isinstance(step, Failed)
    assert step.kind is FailureKind.STATUS
    assert step.message == (
        "destination d1: the status has not been Active for 1 min 40 s (status_grace: 1 min 40 s); it is "
        f"{odd or 'unknown'} (lag 0)"
    )


def test_wait_without_metrics_continues_and_reports_it() -> None:
    wait = start(max_poll_failures=0)
    for poll in range(3):
        assert wait.advance({"d1": BARE}, poll) == PollAgain(60)
    progress = wait.progress(PollAgain(60), 3)
    assert progress is not None
    assert "d1 not ready: no metrics yet" in progress
    assert wait.advance({"d1": GOOD}, 4) == PollAgain(10, confirming=True)


@pytest.mark.parametrize(
    "gate", [LATEST, DestinationGate(0, None, lag_source="latest"), DestinationGate(None, "Active")]
)
def test_missing_metrics_are_tolerated_for_status_grace_period(gate: DestinationGate) -> None:
    wait = ResourceWait(WaitSpec(("d1",), gate, FailurePolicy(status_grace=100)))
    assert isinstance(wait.advance({"d1": BARE}, 0), PollAgain)
    assert isinstance(wait.advance({"d1": LAGGING}, 50), PollAgain | Succeeded)
    assert isinstance(wait.advance({"d1": BARE}, 60), PollAgain)
    wait = ResourceWait.from_dict(wait.spec, json.loads(json.dumps(wait.to_dict())))
    assert isinstance(wait.advance({"d1": BARE}, 159), PollAgain)
    step = wait.advance({"d1": BARE}, 160)
    assert isinstance(step, Failed)
    assert step.kind is FailureKind.STATUS
    assert "for 1 min 40 s (status_grace: 1 min 40 s); no metrics yet" in step.message
    assert "any status" not in step.message


def test_fatal_status_takes_precedence_over_expired_limits() -> None:
    wait = start(status_grace=0, stall_after=0)
    step = wait.advance({"d1": Reading("Broken", 7)}, 0)
    assert isinstance(step, Failed)
    assert step.kind is FailureKind.BROKEN


def test_lag_history_stays_short_in_long_wait() -> None:
    wait = start()
    for step in range(1000):
        wait.advance({"d1": Reading("Active", 5000 - step)}, 60 * step)
    assert len(state_of(wait).recent_lags) == 12
    assert len(json.dumps(wait.to_dict())) < 500


def test_plan_survives_json_round_trip() -> None:
    gate = DestinationGate(5, ["Active"], 10, (), "2026-01-01T00:00:00+01:00", 600, "timeseries")
    spec = WaitSpec(("a", "b"), gate, FailurePolicy(3, 60, 120), "any", 5, 3, 1, 1e9, 0)
    assert WaitSpec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec


def test_only_timestamped_gate_watches_timeseries() -> None:
    assert start().spec.target("d1").window is None
    gate = DestinationGate(observed_after="2026-01-01T00:00:00Z")
    assert WaitSpec(("d1",), gate).target("d1").window == 3600
    assert WaitSpec(("d1",), DestinationGate(max_reading_age=7200)).target("d1").window == 7320
    assert WaitSpec(("d1",), DestinationGate()).target("d1").window == 3600
    assert WaitSpec(("d1",), DestinationGate(None)).target("d1").window is None


def test_unreadable_timeseries_is_failed_poll_unless_fallback_is_allowed() -> None:
    latest = DestinationMetrics.parse(
        MetricsQuery("d1"), {"data": {"connector_status": "Active", "recordsLag": 0}}, datetime.now(UTC)
    )
    seen = PollResult(latest, series_error=StreamkapRequestError("no such time_type", status=422))
    step = ResourceWait(WaitSpec(("d1",), DestinationGate(lag_source="timeseries"))).advance({"d1": seen}, 0)
    assert isinstance(step, Failed)
    assert step.kind is FailureKind.PERMANENT_ERROR
    assert "no such time_type" in step.message
    step = ResourceWait(WaitSpec(("d1",), DestinationGate())).advance({"d1": seen}, 0)
    assert step == PollAgain(75, confirming=True)


def test_confirmations_of_several_destinations_follow_slowest() -> None:
    wait = start(("a", "b"), confirmations=3)
    wait.advance({"a": GOOD, "b": LAGGING}, 0)
    step = wait.advance({"a": GOOD, "b": GOOD}, 60)
    assert "Confirmed 1 of 3 times" in str(wait.progress(step, 60))
    wait = start(("a", "b"), confirmations=3, require="any")
    wait.advance({"a": GOOD, "b": LAGGING}, 0)
    step = wait.advance({"a": GOOD, "b": GOOD}, 60)
    assert "Confirmed 2 of 3 times" in str(wait.progress(step, 60))


def test_snapshot_names_evidence_that_opened_gate() -> None:
    seen = PollResult(
        DestinationMetrics.parse(
            MetricsQuery("d1"), {"data": {"connector_status": "Active", "recordsLag": 0}}, datetime.now(UTC)
        )
    )
    wait = start(confirmations=1)
    assert wait.advance({"d1": seen}, 0) == Succeeded(("d1",))
    assert wait.snapshots({"d1": seen})["d1"]["evidence"] == {"lag_source": "latest"}
    wait = ResourceWait(WaitSpec(("d1",), DestinationGate(None), confirmations=1))
    assert wait.advance({"d1": seen}, 0) == Succeeded(("d1",))
    assert "evidence" not in wait.snapshots({"d1": seen})["d1"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"confirmations": 0}, "confirmations must be an integer of at least 1"),
        ({"confirmations": 1.5}, "confirmations"),
        ({"confirmations": True}, "confirmations"),
        ({"confirm_interval": -1}, "confirm_interval"),
        ({"confirm_interval": None}, "confirm_interval"),
        ({"max_poll_failures": -1}, "max_poll_failures"),
        ({"max_poll_failures": 2.5}, "max_poll_failures"),
        ({"max_poll_failures": True}, "max_poll_failures"),
        ({"ids": ()}, "resource_ids must contain at least one id"),
        ({"stall_after": -1}, "stall_after"),
        ({"status_grace": float("nan")}, "status_grace"),
        ({"require": "most"}, "require must be 'all' or 'any'; got 'most'"),
    ],
)
def test_invalid_plan_is_rejected(arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        start(**arguments)


def test_time_needed_for_confirmations() -> None:
    assert start(confirmations=3, confirm_interval=5).spec.max_confirm_seconds == 10


def test_result_of_destination_that_could_not_be_read_is_missing() -> None:
    wait = start()
    wait.advance({"d1": DOWN}, 60)
    assert wait.snapshots({"d1": DOWN}) == {}
