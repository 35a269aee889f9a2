# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""A wait on a pipeline: first the source, then the destination, and what each poll requests."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from airflow_provider_streamkap.api.errors import (
    StreamkapConnectionError,
    StreamkapNotFoundError,
    StreamkapPermissionError,
)
from airflow_provider_streamkap.api.metrics import DestinationMetrics, SourceMetrics
from airflow_provider_streamkap.api.query import DESTINATION, SOURCE, MetricsQuery, SourceMetricsQuery
from airflow_provider_streamkap.api.sources import Source
from airflow_provider_streamkap.gate.conditions import DestinationGate, SourceGate
from airflow_provider_streamkap.gate.pipeline import PipelineParts, PipelinePoll, PipelineState
from airflow_provider_streamkap.gate.reading import LagPoint, Reading
from airflow_provider_streamkap.gate.source import ProofKind, SourcePoint, SourceReading
from airflow_provider_streamkap.gate.spec import FailurePolicy, VersionMismatchError, WaitSpec
from airflow_provider_streamkap.gate.state import FailureKind
from airflow_provider_streamkap.gate.target import PollResult, SourcePollResult
from airflow_provider_streamkap.gate.wait import Failed, NextStep, PollAgain, ResourceWait, Succeeded

MIDNIGHT = datetime(2026, 3, 1, tzinfo=UTC)
ZERO = MIDNIGHT.timestamp()
DOWN = StreamkapConnectionError("connection refused")
PARTS = PipelineParts("s1", "d1", "postgresql", ("orders",))

# Proves that everything that was committed before 59 was captured, by 177.
PROOF = "120:50/9000 180:70/3000 240:70/63000"


class Wait:
    """A wait on one pipeline, ``p1``, with manual input; times are seconds since midnight, when it starts."""

    def __init__(self, spec: dict[str, Any] | None = None, **source: Any) -> None:
        arguments: dict[str, Any] = {"started": ZERO, "deadline": ZERO + 3600, **(spec or {})}
        gate = arguments.pop("gate", DestinationGate(lag_source="timeseries"))
        self.wait = ResourceWait(
            WaitSpec(("p1",), gate, source_gate=SourceGate(**source), pipelines={"p1": PARTS}, **arguments)
        )
        self.poll(0)

    def poll(self, now: float, points: str | None = None, lags: str | None = None, **latest: Any) -> NextStep:
        """Add a poll of both sides.

        :param points: points of the source, as ``"60:50/9000"`` (timestamp:delay/since).
        :param lags: lag points of the destination, as ``"60:0"``.
        :param latest: latest metrics of the source; ``lag`` and ``status`` are those of the destination.
        """
        at = MIDNIGHT + timedelta(seconds=now)
        destination = Reading(latest.pop("status", "Active"), latest.pop("lag", 0), None, _lags(lags), at)
        values = {"state": "Streaming", "connected": True, "delay_ms": 50, "snapshot_running": False, **latest}
        source = SourceReading(points=_points(points), observed_at=at, **values)
        return self.add(now, source, destination)

    def add(self, now: float, source: Any, destination: Any) -> NextStep:
        self.step = self.wait.advance({"p1": PipelinePoll(source, destination)}, ZERO + now)
        return self.step

    @property
    def state(self) -> PipelineState:
        state = self.wait.resources["p1"]
        assert isinstance(state, PipelineState)
        return state

    @property
    def log(self) -> str:
        return self.wait.progress(self.step, self.wait.polled_at or 0) or ""

    @property
    def polled(self) -> list[tuple[Any, ...]]:
        """What the next round polls: kind, id, whether with the timeseries, whether with the record."""
        return [
            (target.kind, target.resource_id, target.window is not None, target.record)
            for target in self.wait.targets()
        ]


def _points(text: str | None) -> tuple[SourcePoint, ...] | None:
    if text is None:
        return None
    parts = [part.replace("/", ":").split(":") for part in text.split()]
    return tuple(SourcePoint(ZERO + float(at), float(delay), float(since)) for at, delay, since in parts)


def _lags(text: str | None) -> tuple[LagPoint, ...] | None:
    if text is None:
        return None
    return tuple(LagPoint(ZERO + float(at), float(lag)) for at, lag in (part.split(":") for part in text.split()))


# Order


def test_lag_that_was_measured_after_the_capture_opens() -> None:
    wait = Wait()
    for now in (60, 120, 180):
        wait.poll(now)
    assert isinstance(wait.poll(260, PROOF), PollAgain)
    assert isinstance(wait.poll(280, lags="60:0 120:0 180:0"), PollAgain)
    assert "the newest lag point is from 2026-03-01 00:03:00Z, but must be from 2026-03-01 00:03:57Z" in wait.log
    assert isinstance(wait.poll(300, lags="120:0 180:0 240:0"), Succeeded)


def test_settle_time_counts() -> None:
    wait = Wait(settle_seconds=180)
    for now in (60, 120, 180):
        wait.poll(now)
    wait.poll(260, PROOF)
    assert isinstance(wait.poll(320, lags="180:0 240:0 300:0"), PollAgain)
    assert isinstance(wait.poll(380, lags="180:0 240:0 300:0 360:0"), Succeeded)


def test_lag_does_not_open_without_proof() -> None:
    wait = Wait()
    for now in range(60, 3600, 60):
        step = wait.poll(now, "60:50/9000", "60:0 120:0 180:0 240:0")
        assert isinstance(step, PollAgain)
    assert "source: idle, so nothing shows" in wait.state.not_ready_text()
    end = wait.poll(3600)
    assert isinstance(end, Failed)
    assert end.kind is FailureKind.DEADLINE


def test_proof_does_not_open_while_lag_is_high() -> None:
    wait = Wait()
    wait.poll(260, PROOF)
    for now in range(320, 700, 60):
        step = wait.poll(now, lags=f"{now - 60}:5 {now}:5", lag=5)
        assert isinstance(step, PollAgain)
    assert wait.state.reason == "destination: lag 5 > 0"


def test_snapshot_that_could_have_distorted_the_proof_is_awaited() -> None:
    wait = Wait(settle_seconds=0)
    for now in (60, 120, 180):
        wait.poll(now)
    wait.poll(250, PROOF)
    assert isinstance(wait.poll(255, lags="120:0 180:0 240:0"), PollAgain)
    assert isinstance(wait.poll(265, lags="120:0 180:0 240:0"), PollAgain)
    assert wait.state.reason == (
        "destination: waiting for a poll of the source that shows whether a snapshot has started"
    )
    assert isinstance(wait.poll(285, lags="120:0 180:0 240:0"), Succeeded)


# Conditions on the source


def after_proof(**source: Any) -> Wait:
    """Return a wait that opens with the next good poll at 320."""
    wait = Wait(**source)
    for now in (60, 120, 180):
        wait.poll(now)
    wait.poll(260, PROOF)
    wait.poll(281, lags="120:0 180:0 240:0")
    return wait


@pytest.mark.parametrize(
    ("latest", "reason"),
    [
        ({"snapshots": (("pending", "orders"),)}, "a snapshot is pending"),
        ({"snapshot_state": "paused"}, "a snapshot is paused"),
    ],
)
def test_snapshot_keeps_gate_closed(latest: dict[str, Any], reason: str) -> None:
    wait = after_proof()
    # Long after the proof, a snapshot no longer affects it.
    assert isinstance(wait.poll(620, lags="480:0 540:0 600:0", **latest), PollAgain)
    assert (wait.state.reason or "").startswith(f"source: {reason}; destination: ")
    wait = after_proof(allow_snapshot=True)
    for now in (620, 680, 740):
        assert isinstance(wait.poll(now, lags=f"{now - 80}:0 {now - 20}:0", **latest), PollAgain)
    assert isinstance(wait.poll(800, lags="660:0 720:0 780:0", **latest), Succeeded)


def test_delay_above_limit_keeps_gate_closed() -> None:
    wait = after_proof(max_source_delay_ms=1000)
    assert isinstance(wait.poll(320, lags="180:0 240:0 300:0", delay_ms=1500), PollAgain)
    assert wait.state.reason == "source: delay 1.5 s > 1 s"
    assert isinstance(wait.poll(340, lags="180:0 240:0 300:0", delay_ms=None), PollAgain)
    assert wait.state.reason == "source: delay is unknown"
    wait.poll(360, lags="180:0 240:0 300:0")
    assert isinstance(wait.poll(380, lags="180:0 240:0 300:0"), Succeeded)


@pytest.mark.parametrize("latest", [{"state": "Broken"}, {"source_status": "broken"}, {"status": "Broken"}])
def test_broken_side_fails(latest: dict[str, Any]) -> None:
    wait = Wait()
    if "source_status" in latest:
        reading = SourceReading(latest["source_status"], observed_at=MIDNIGHT, snapshot_running=False)
        step = wait.add(60, reading, Reading("Active", 0, observed_at=MIDNIGHT))
    else:
        step = wait.poll(60, **latest)
    assert isinstance(step, Failed)
    assert step.kind is FailureKind.BROKEN
    assert step.message.startswith("destination d1: " if "status" in latest else "source s1: ")


def test_source_that_is_not_connected_fails_after_grace() -> None:
    wait = Wait({"failure_policy": FailurePolicy(status_grace=100)})
    assert isinstance(wait.poll(60, connected=False), PollAgain)
    assert isinstance(wait.poll(120), PollAgain)
    assert isinstance(wait.poll(180, connected=False), PollAgain)
    assert isinstance(wait.poll(1180, connected=False), PollAgain)
    step = wait.poll(1280, connected=False)
    assert isinstance(step, Failed)
    assert step.kind is FailureKind.STATUS
    assert "source s1: the source has not been connected, or has had no metrics, for 1 min 40 s" in step.message


@pytest.mark.parametrize("side", ["source", "destination"])
def test_failed_polls_of_either_side_count(side: str) -> None:
    wait = Wait({"failure_policy": FailurePolicy(max_poll_failures=1)})
    good = {
        "source": SourceReading(observed_at=MIDNIGHT, snapshot_running=False),
        "destination": Reading("Active", 0, observed_at=MIDNIGHT),
    }
    step = wait.add(60, *(good | {side: DOWN}).values())
    assert isinstance(step, PollAgain)
    assert step.failing
    assert f"{side}: 1 failed poll" in wait.state.not_ready_text()
    step = wait.add(120, *(good | {side: DOWN}).values())
    assert isinstance(step, Failed)
    assert step.kind is FailureKind.UNREACHABLE
    assert f"2 polls in a row failed, more than max_poll_failures=1 allows; the state of the {side}" in step.message


def test_series_that_cannot_be_read_is_a_failed_poll() -> None:
    wait = Wait()
    latest = SourceMetrics.parse(SourceMetricsQuery("s1"), {"data": {}, "metadata": {}}, MIDNIGHT)
    step = wait.add(60, SourcePollResult(latest, series_error=DOWN), Reading("Active", 0, observed_at=MIDNIGHT))
    assert isinstance(step, PollAgain)
    assert step.failing


def test_series_without_points_yet_is_awaited() -> None:
    wait = Wait()
    latest = SourceMetrics.parse(SourceMetricsQuery("s1"), {"data": {"SnapshotRunning": 0}, "metadata": {}}, MIDNIGHT)
    missing = StreamkapNotFoundError("404 Not Found", status=404)
    step = wait.add(60, SourcePollResult(latest, series_error=missing), Reading("Active", 0, observed_at=MIDNIGHT))
    assert isinstance(step, PollAgain)
    assert not step.failing
    assert wait.state.reason == "source: the timeseries has no points"


def test_source_without_metrics_is_awaited() -> None:
    wait = Wait()
    latest = SourceMetrics.parse(SourceMetricsQuery("s1"), {"data": {}, "metadata": {}}, MIDNIGHT)
    wait.add(60, SourcePollResult(latest, measured=False), Reading("Active", 0, observed_at=MIDNIGHT))
    assert wait.state.reason == "source: no metrics yet"
    assert "no metrics (404), but the source exists" in wait.state.last_reading


def test_permanent_error_comes_first() -> None:
    wait = Wait()
    denied = StreamkapPermissionError("no permission", status=403)
    step = wait.add(60, denied, Reading("Broken", 0, observed_at=MIDNIGHT))
    assert isinstance(step, Failed)
    assert step.kind is FailureKind.PERMANENT_ERROR
    assert "source s1 could not be read" in step.message


# What is polled


@pytest.mark.parametrize("interval", [20, 60, 120, 300, 600])
def test_at_most_three_requests_per_round(interval: int) -> None:
    wait = Wait()
    series, status = (SOURCE, "s1", True, False), (SOURCE, "s1", False, True)
    rounds = []
    for number in range(1, 31):
        requested, destination = wait.polled
        assert destination == (DESTINATION, "d1", False, False)
        wait.poll(interval * number)
        if requested == status:
            wait.state.source.status_at = wait.state.source.last_success_at
        rounds.append(requested)
    assert set(rounds) == {series, status}
    assert (status, status) not in pairwise(rounds)
    # The status about every five minutes, or every other time.
    assert rounds.count(status) in {2: [2, 3], 6: [6, 7], 12: [12, 13]}.get(interval * 30 // 300, [15])


def test_lag_is_read_once_source_is_proved() -> None:
    wait = Wait()
    wait.poll(60)
    wait.poll(260, PROOF)
    assert wait.polled == [(SOURCE, "s1", False, False), (DESTINATION, "d1", True, False)]


def test_status_is_requested_about_every_five_minutes() -> None:
    wait = Wait()
    latest = SourceMetrics.parse(SourceMetricsQuery("s1"), {"data": {}, "metadata": {}}, MIDNIGHT)
    record = Source.parse({"id": "s1", "connector_status": "Active"})
    assert wait.state.source.needs_status
    wait.add(60, SourcePollResult(latest, record=record), Reading("Active", 0, observed_at=MIDNIGHT))
    assert wait.state.source.status_at == ZERO + 60
    assert not wait.state.source.needs_status


def test_point_that_may_complete_the_proof_is_polled_soon() -> None:
    wait = Wait()
    for now in (60, 120):
        assert wait.poll(now) == PollAgain(60)
    assert wait.poll(190, "120:50/0 180:70/3000") == PollAgain(20)
    # The status of the source can wait.
    assert wait.poll(210, "120:50/0 180:70/3000") == PollAgain(20)
    assert wait.polled[0] == (SOURCE, "s1", True, False)
    # The source is done, so read the lag at once.
    assert wait.poll(250, PROOF) == PollAgain(1)
    assert wait.poll(251, lags="120:5 180:5", lag=5) == PollAgain(60)


def test_round_of_results() -> None:
    spec = WaitSpec(
        ("p1", "p2"),
        DestinationGate(lag_source="timeseries"),
        source_gate=SourceGate(),
        pipelines={"p1": PARTS, "p2": PARTS},
    )
    results = [SourceReading(), Reading("a", 1), SourceReading(), Reading("b", 2)]
    assert ResourceWait(spec).round_of(results) == {
        "p1": PipelinePoll(results[0], results[1]),  # type: ignore[arg-type]
        "p2": PipelinePoll(results[2], results[3]),  # type: ignore[arg-type]
    }
    destination = ResourceWait(WaitSpec(("d1", "d2"), DestinationGate()))
    assert [target.resource_id for target in destination.targets()] == ["d1", "d2"]
    assert destination.round_of([DOWN, results[1]]) == {"d1": DOWN, "d2": results[1]}


# Log, result and serialization


def test_log_names_side_that_is_missing() -> None:
    wait = Wait()
    wait.poll(60, "60:50/9000", status="Paused")
    log = wait.log
    assert "p1 not ready: source: idle, so nothing shows" in log
    assert "; destination: status is Paused, not Active (source: state Streaming, delay 50 ms; destination:" in log
    wait.poll(260, PROOF)
    wait.poll(281, lags="120:0 180:0 240:0 300:5")
    assert "p1 not ready: destination: lag 5 > 0" in wait.log


def test_idle_source_is_explained_once() -> None:
    wait = Wait()
    warnings = []
    for now in range(60, 900, 60):
        wait.poll(now)
        warnings += wait.wait.warnings
    (warning,) = warnings
    assert "Source s1 is connected, streaming and idle. That proves nothing" in warning


def test_assumption_is_logged_and_in_result() -> None:
    wait = Wait(idle_source="assume")
    warnings = []
    for now in range(60, 600, 60):
        wait.poll(now, lags=None if now < 300 else f"{now - 60}:0 {now}:0")
        warnings += wait.wait.warnings
    assert isinstance(wait.step, Succeeded)
    (warning,) = warnings
    assert "assuming, without proof, that it has captured everything" in warning
    assert wait.state.source.history.proof is not None
    assert wait.state.source.history.proof.kind is ProofKind.ASSUMED


def results(now: datetime) -> PipelinePoll:
    """Return parsed responses of both sides."""
    source = {"data": {"state": "Streaming"}, "metadata": {}}
    destination = {"data": {"recordsLag": 0, "connector_status": "Active"}, "metadata": {}}
    return PipelinePoll(
        SourcePollResult(SourceMetrics.parse(SourceMetricsQuery("s1"), source, now), clock_lead=None),
        PollResult(DestinationMetrics.parse(MetricsQuery("d1"), destination, now), clock_lead=2.5),
    )


def test_result_has_both_sides_and_evidence() -> None:
    wait = after_proof()
    assert isinstance(wait.poll(320, lags="180:0 240:0 300:0"), Succeeded)
    result = wait.wait.snapshots({"p1": results(MIDNIGHT)})["p1"]
    assert json.loads(json.dumps(result)) == result
    assert result["pipeline_id"] == "p1"
    assert result["source"]["data"]["state"] == "Streaming"
    assert result["destination"]["data"]["recordsLag"] == 0
    assert "metadata" not in result["source"]
    assert result["evidence"]["source"] == {
        "kind": "captured_event",
        "captured_by": "2026-03-01T00:02:57+00:00",
    }
    assert result["evidence"]["destination"]["recordsLag"]["timestamp"] == "2026-03-01T00:05:00+00:00"
    assert result["complete_through"] == "2026-03-01T00:00:59.930000+00:00"


def test_result_without_one_side_is_missing() -> None:
    wait = Wait()
    assert wait.wait.snapshots({"p1": replace(results(MIDNIGHT), source=DOWN)}) == {}
    (snapshot,) = wait.wait.snapshots({"p1": results(MIDNIGHT)}).values()
    assert snapshot["complete_through"] is None


def test_clock_of_either_side_counts() -> None:
    assert results(MIDNIGHT).clock_lead == 2.5
    assert PipelinePoll(DOWN, DOWN).clock_lead is None


def test_wait_continues_in_another_process() -> None:
    wait = after_proof()
    spec = WaitSpec.from_dict(json.loads(json.dumps(wait.wait.spec.to_dict())))
    assert spec == wait.wait.spec
    restored = ResourceWait.from_dict(spec, json.loads(json.dumps(wait.wait.to_dict())))
    assert restored.resources["p1"].to_dict() == wait.state.to_dict()
    wait.wait = restored
    assert wait.polled == [(SOURCE, "s1", False, False), (DESTINATION, "d1", True, False)]
    assert isinstance(wait.poll(320, lags="180:0 240:0 300:0"), PollAgain)
    assert isinstance(wait.poll(340, lags="180:0 240:0 300:0"), Succeeded)


def test_state_before_first_poll_is_empty() -> None:
    wait = ResourceWait(Wait().wait.spec)
    assert wait.resources["p1"].to_dict() == {}
    assert wait.resources["p1"].last_reading == ""


def test_unknown_condition_on_source_is_an_error() -> None:
    spec = Wait().wait.spec.to_dict()
    spec["source_gate"]["of_another_version"] = 1
    with pytest.raises(VersionMismatchError):
        WaitSpec.from_dict(spec)


def test_timeout_names_pipelines() -> None:
    spec = replace(Wait().wait.spec, resource_ids=("p1", "p2"), pipelines={"p1": PARTS, "p2": PARTS})
    assert "Timed out waiting for 2 pipelines." in ResourceWait(spec).timeout_message(ZERO)


@pytest.mark.parametrize("gate", [DestinationGate(), DestinationGate(max_records_lag=None)])
def test_pipeline_requires_timestamped_lag(gate: DestinationGate) -> None:
    with pytest.raises(ValueError, match="a pipeline requires max_records_lag and lag_source='timeseries'"):
        WaitSpec(("p1",), gate, source_gate=SourceGate(), pipelines={"p1": PARTS})
