# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Waits on timestamped lag in each mode; the points they need are one minute apart."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airflow_provider_streamkap.gate.conditions import DestinationGate
from airflow_provider_streamkap.gate.spec import WaitSpec
from airflow_provider_streamkap.hooks._clients import ClientClock
from airflow_provider_streamkap.testing import Fault, Reporting, Scenario, StreamkapSimulator, scenarios
from benchmarks.fast_loop import FastClock, run_fast
from tests.airflow.log_capture import Logged
from tests.airflow.sensor_modes import MODES, TaskInstance, run, sensor
from tests.airflow.triggers import event_payload, fast_simulator, trigger
from tests.airflow_imports import TaskDeferred
from tests.client_clock import use_client_clock

METRICS = "/destinations/d1/metrics"


@pytest.fixture
def accelerated(airflow_database: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[StreamkapSimulator]:
    """Run a simulator and clients with a clock sixty times as fast, which yields a new point every second."""
    with fast_simulator() as simulator:
        monkeypatch.setenv("AIRFLOW_CONN_STREAMKAP_DEFAULT", simulator.airflow_connection(max_attempts=1))
        yield simulator


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("minutes_ago", [None, 30], ids=["default", "observed_after"])
def test_opens_on_points_measured_while_connector_was_running(
    accelerated: StreamkapSimulator, mode: str, minutes_ago: int | None
) -> None:
    accelerated.add("d1", scenarios.steady(), age=3600)
    begin = datetime.now(UTC).replace(microsecond=0)
    after = None if minutes_ago is None else begin - timedelta(minutes=minutes_ago)
    snapshot = run(sensor(mode, observed_after=after, confirm_interval=0.2, lag_source="auto"))
    evidence = snapshot["evidence"]
    assert evidence["lag_source"] == "timeseries"
    assert datetime.fromisoformat(evidence["measured_after"]) >= (after or begin)
    assert evidence["recordsLag"]["value"] == 0
    # Two points, both measured after the first poll.
    assert datetime.fromisoformat(evidence["recordsLag"]["timestamp"]) >= begin + timedelta(minutes=2)


AGE, BURST_AGO, DRAINS = 3600.0, 20.0, 100.0


def burst(elapsed: float) -> scenarios.Reading:
    """Return nothing until 20 s before the wait, then 5,000 records that take 100 s to drain."""
    left = AGE - BURST_AGO + DRAINS - elapsed
    return scenarios.Reading(records_lag=50 * left if 0 < left <= DRAINS else 0)


@pytest.mark.parametrize("mode", MODES)
def test_burst_not_yet_in_latest_lag_keeps_default_gate_closed(accelerated: StreamkapSimulator, mode: str) -> None:
    """``latest`` can be the newest minute's point and so up to two minutes old."""
    accelerated.add("d1", Scenario("burst", burst), age=AGE, reporting=Reporting(latest_delay=120))
    begin = datetime.now(UTC)
    early = run(sensor(mode, lag_source="latest", confirm_interval=0.5))
    assert datetime.fromisoformat(early["observed_at"]) < begin + timedelta(seconds=DRAINS - BURST_AGO)
    accelerated.add("d2", Scenario("burst", burst), age=AGE, reporting=Reporting(latest_delay=120))
    begin = datetime.fromisoformat(early["observed_at"])
    snapshot = run(sensor(mode, destination_id="d2", lag_source="auto", confirm_interval=0.2))
    measured = datetime.fromisoformat(snapshot["evidence"]["recordsLag"]["timestamp"])
    assert measured > begin + timedelta(seconds=DRAINS - BURST_AGO)


def test_default_falls_back_without_timeseries_and_logs_it(
    streamkap: StreamkapSimulator, monkeypatch: pytest.MonkeyPatch, logged: Logged
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_STREAMKAP_DEFAULT", streamkap.airflow_connection(timeout=3600))
    streamkap.add("d1", scenarios.steady())
    streamkap.inject(Fault.status(422), path="time_type=timeseries", times=None)
    clock = FastClock.start(200)
    with clock.patch_time(), use_client_clock(ClientClock(wall=clock.wall)):
        waiting = trigger(seconds=3600, gate=DestinationGate(), poke_interval=60, confirm_interval=60)
        event = run_fast(event_payload(waiting), speed=200)
    assert event["snapshot"]["evidence"] == {"lag_source": "latest"}
    assert logged.text.count("the latest lag is used") == 1
    assert 3 <= streamkap.count("time_type=latest") <= 5


@pytest.mark.parametrize("mode", MODES)
def test_status_condition_requests_no_timeseries(streamkap: StreamkapSimulator, mode: str) -> None:
    streamkap.add("d1", scenarios.steady())
    run(sensor(mode, max_records_lag=None, lag_source="auto"))
    assert streamkap.count("time_type=timeseries") == 0


def test_worker_is_not_occupied_while_points_accumulate(streamkap: StreamkapSimulator) -> None:
    streamkap.add("d1", scenarios.steady(), age=3600)
    task = sensor("deferred", observed_after=datetime.now(UTC) - timedelta(minutes=30), timeout=1)
    context: Any = {"ti": TaskInstance()}
    with pytest.raises(TaskDeferred) as deferral:
        task.execute(context)
    assert streamkap.count(METRICS) == 2
    _, arguments = deferral.value.trigger.serialize()
    history = arguments["state"]["resources"]["d1"]["history"]
    assert history["running_since"] == history["polled_at"] == pytest.approx(time.time(), abs=10)


def test_confirmation_due_after_deadline_is_awaited(streamkap: StreamkapSimulator) -> None:
    streamkap.add("d1", scenarios.steady())
    # Later than the half minute allowed for a poll in flight.
    waiting = trigger(seconds=0, confirm_interval=45)
    assert WaitSpec.from_dict(waiting.spec).max_confirm_seconds == 45

    async def event() -> str:
        (event,) = [event async for event in waiting.run()]
        return str(event.payload["outcome"])

    assert run_fast(asyncio.wait_for(event(), 3000), speed=20) == "opened"
