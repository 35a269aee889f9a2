# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The wait in the triggerer: its serialized settings, its outcomes, and its handling of invalid connections."""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
import json
import time
from typing import Any

import pytest

from airflow_provider_streamkap._compat import AirflowFailException
from airflow_provider_streamkap._results import result_of_event
from airflow_provider_streamkap.gate.conditions import DestinationGate
from airflow_provider_streamkap.gate.spec import FailurePolicy, WaitSpec
from airflow_provider_streamkap.sensors.streamkap import StreamkapDestinationSensor
from airflow_provider_streamkap.testing import Fault, StreamkapSimulator, scenarios
from airflow_provider_streamkap.triggers.streamkap import StreamkapWaitTrigger
from benchmarks.fast_loop import run_fast
from tests.airflow.sensor_modes import TaskInstance, fire, rebuilt_trigger
from tests.airflow.triggers import event_payload, trigger
from tests.airflow_imports import TaskDeferred

METRICS = "/destinations/d1/metrics"
DRAINED, LAGGING = scenarios.Reading(records_lag=0), scenarios.Reading(records_lag=120)

# All of them differ from the defaults.
SETTINGS: dict[str, Any] = {
    "destination_id": ["d1"],
    "max_records_lag": 5,
    "connector_status": ["Active", "Paused"],
    "max_latency_ms": 9000,
    "observed_after": "2026-03-02T07:00:00+00:00",
    "max_reading_age": 600,
    "lag_source": "timeseries",
    "confirmations": 3,
    "confirm_interval": 0.01,
    "require": "any",
    "fail_on_status": ("Broken", "Stopped"),
    "status_grace": 70,
    "stall_after": 80,
    "max_poll_failures": 4,
    "poke_interval": 0.5,
    "timeout": 90,
    "streamkap_conn_id": "other",
}


@pytest.fixture
def other(streamkap: StreamkapSimulator, monkeypatch: pytest.MonkeyPatch) -> StreamkapSimulator:
    """Point the connection `other` to the simulator."""
    monkeypatch.setenv("AIRFLOW_CONN_OTHER", streamkap.airflow_connection(max_attempts=1))
    return streamkap


def handed_over(**arguments: Any) -> Any:
    """Return the trigger to which a sensor defers, as the triggerer has it."""
    context: Any = {"ti": TaskInstance()}
    with pytest.raises(TaskDeferred) as deferral:
        StreamkapDestinationSensor(task_id="wait", deferrable=True, **arguments).execute(context)
    return rebuilt_trigger(deferral.value.trigger)


def test_every_sensor_setting_reaches_triggerer(other: StreamkapSimulator) -> None:
    other.add("d1", scenarios.steady(lag=120))
    waiting = handed_over(**SETTINGS)
    spec = WaitSpec.from_dict(waiting.spec)
    assert spec.gate == DestinationGate(
        5, ["Active", "Paused"], 9000, ["Broken", "Stopped"], SETTINGS["observed_after"], 600, "timeseries"
    )
    assert spec.failure_policy == FailurePolicy(4, 80, 70)
    assert (spec.require, spec.poke_interval, spec.confirmations, spec.confirm_interval) == ("any", 0.5, 3, 0.01)
    assert spec.deadline is not None
    assert spec.started is not None
    assert (spec.deadline - spec.started, waiting.streamkap_conn_id, waiting.keyed) == (90, "other", True)
    # A new setting must be added to the table above, or it could be lost in serialization.
    for part in (spec, spec.gate, spec.failure_policy):
        for field in dataclasses.fields(part):
            # Only a wait on pipelines has the gate of sources; see test_pipeline_sensor.py.
            if field.init and field.default is not dataclasses.MISSING and field.name != "source_gate":
                assert getattr(part, field.name) != field.default, f"{type(part).__name__}.{field.name}"


def test_every_argument_of_trigger_survives_serialization() -> None:
    arguments: dict[str, Any] = {
        "streamkap_conn_id": "other",
        "spec": {"resource_ids": ["d1"]},
        "keyed": True,
        "state": {"polls": 3},
    }
    assert {*arguments, "unknown"} == set(inspect.signature(StreamkapWaitTrigger).parameters)
    assert json.loads(json.dumps(StreamkapWaitTrigger(**arguments).serialize()[1])) == arguments


def test_serialized_trigger_contains_no_secret(other: StreamkapSimulator) -> None:
    other.add("d1", scenarios.steady(lag=120))
    waiting = handed_over(**SETTINGS)
    row = repr(waiting) + str(waiting) + json.dumps(waiting.serialize())
    assert not any(secret in row for secret in (*other.secrets, other.client_id, other.url))


def test_fires_once_with_snapshot(streamkap: StreamkapSimulator) -> None:
    streamkap.add("d1", scenarios.sequence([LAGGING, DRAINED, DRAINED]))
    event = fire(trigger())
    assert event["outcome"] == "opened"
    assert event["snapshot"]["data"]["recordsLag"] == 0
    assert streamkap.count(METRICS) == 3


def test_deadline_is_unchanged_after_rerun(streamkap: StreamkapSimulator) -> None:
    streamkap.add("d1", scenarios.steady(lag=120))
    waiting = trigger(seconds=0.5, poke_interval=0.05)
    row = waiting.serialize()
    deadline = row[1]["spec"]["deadline"]
    assert fire(waiting)["outcome"] == "deadline"
    assert time.time() >= deadline
    assert waiting.serialize() == row
    # Run again, and rebuilt by a restarted triggerer: both are late and poll once.
    for late in (waiting, rebuilt_trigger(waiting)):
        streamkap.reset_requests()
        event = fire(late)
        assert event["outcome"] == "deadline"
        assert ", 1 poll." in event["message"]
        assert streamkap.count(METRICS) == 1


def test_restart_during_wait_keeps_deadline(streamkap: StreamkapSimulator) -> None:
    streamkap.add("d1", scenarios.steady(lag=120))
    waiting = trigger(seconds=0.6, poke_interval=0.05)

    async def cut_off() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(event_payload(waiting), 0.3)

    asyncio.run(cut_off())
    restarted: Any = rebuilt_trigger(waiting)
    assert restarted.spec["deadline"] == waiting.spec["deadline"]
    assert fire(restarted)["outcome"] == "deadline"


def test_late_trigger_still_succeeds_if_gate_is_open(streamkap: StreamkapSimulator) -> None:
    streamkap.add("d1", scenarios.steady())
    event = fire(trigger(seconds=-3600))
    assert event["outcome"] == "opened"
    assert streamkap.count(METRICS) == 2


@pytest.mark.parametrize("path", [METRICS, "/auth/access-token"])
def test_poll_hanging_beyond_deadline_is_cancelled(
    streamkap: StreamkapSimulator, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    connection = streamkap.airflow_connection(max_attempts=1, timeout=3600)
    monkeypatch.setenv("AIRFLOW_CONN_STREAMKAP_DEFAULT", connection)
    streamkap.add("d1", scenarios.steady())
    streamkap.inject(Fault.hang(), path=path, times=None)
    # A poll in flight may take half a minute, which is 1.5 s here.
    event = run_fast(event_payload(trigger(seconds=-1)), speed=20)
    assert event["outcome"] == "deadline"
    assert "Last reading: none" in event["message"]
    assert streamkap.count(path) == 1


@pytest.mark.parametrize(
    ("connection", "said"),
    [
        (None, "streamkap_default"),
        ({"password": ""}, "no credentials"),
        ({"extra": {"timeout": "soon"}}, "Connection 'streamkap_default': extra timeout"),
        ({"host": "http://api.example.com"}, "allow_http"),
        ({"password": "wrong"}, "rejected the credentials"),
    ],
)
def test_invalid_connection_is_rejected(
    streamkap: StreamkapSimulator, monkeypatch: pytest.MonkeyPatch, connection: dict[str, Any] | None, said: str
) -> None:
    streamkap.add("d1", scenarios.steady())
    monkeypatch.delenv("AIRFLOW_CONN_STREAMKAP_DEFAULT")
    if connection is not None:
        changed = json.loads(streamkap.airflow_connection(max_attempts=1)) | connection
        monkeypatch.setenv("AIRFLOW_CONN_STREAMKAP_DEFAULT", json.dumps(changed))
    event = fire(trigger())
    assert event["outcome"] == "permanent_error"
    assert said in event["message"]
    with pytest.raises(AirflowFailException, match=said):
        result_of_event(event)
    assert streamkap.count(METRICS) == 0


def test_failures_before_deferral_count(streamkap: StreamkapSimulator) -> None:
    streamkap.add("d1", scenarios.steady())
    streamkap.inject(Fault.status(500), path=METRICS, times=None)
    waiting = handed_over(destination_id="d1", lag_source="latest", max_poll_failures=2, poke_interval=0.02)
    event = fire(waiting)
    assert event["outcome"] == "unreachable"
    # One of the three was the check before deferring.
    assert streamkap.count(METRICS) == 3
