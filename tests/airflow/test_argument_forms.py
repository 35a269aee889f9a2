# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Accepted forms of arguments: templates, timedeltas, numbers as strings."""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airflow_provider_streamkap._compat import AirflowFailException, AirflowSensorTimeout
from airflow_provider_streamkap.gate.conditions import DestinationGate
from airflow_provider_streamkap.gate.edges import EdgeDetector
from airflow_provider_streamkap.sensors.streamkap import StreamkapDestinationSensor
from airflow_provider_streamkap.testing import StreamkapSimulator, scenarios
from airflow_provider_streamkap.triggers.event import StreamkapDestinationEventTrigger
from tests.airflow.sensor_modes import TaskInstance, fast_sensor_arguments
from tests.airflow_imports import DAG

CONDITION = {
    "max_records_lag": "{{ params.lag }}",
    "connector_status": ["{{ params.status }}", "Active"],
    "max_latency_ms": "{{ params.latency }}",
}


def run(native: bool, params: dict[str, Any], **arguments: Any) -> Any:
    """Render and execute a sensor as a worker does."""
    began = datetime(2026, 1, 1, tzinfo=UTC)
    with DAG("dag", schedule=None, start_date=began, render_template_as_native_obj=native):
        task = copy.copy(
            StreamkapDestinationSensor(**fast_sensor_arguments("poke", **{**CONDITION, "timeout": 1, **arguments}))
        )
    context: Any = {"ti": TaskInstance(), "params": params}
    task.render_template_fields(context)
    return task.execute(context)


@pytest.mark.parametrize("native", [False, True])
def test_condition_can_be_templated(streamkap: StreamkapSimulator, native: bool) -> None:
    streamkap.add("d1", scenarios.steady(lag=70, status="Paused"))
    snapshot = run(native, {"lag": 100, "status": "Paused", "latency": 5e3})
    assert snapshot["data"]["recordsLag"] == 70
    with pytest.raises(AirflowSensorTimeout, match="lag 70 > 50"):
        run(native, {"lag": 50, "status": "Paused", "latency": 5e3}, timeout=0)


@pytest.mark.parametrize("native", [False, True])
@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"lag": "many"}, "max_records_lag must be a number; got 'many'"),
        ({"lag": -1}, "max_records_lag must be a number from 0 to"),
        ({"lag": None}, "max_records_lag is set in the DAG, but is"),
        ({"lag": ""}, "max_records_lag is set in the DAG, but is"),
        ({"latency": "slow"}, "max_latency_ms must be a number; got 'slow'"),
        ({"status": ""}, "connector_status must be a status"),
        ({"status": "Broken"}, "'Broken' is in both connector_status and fail_on_status"),
    ],
)
def test_condition_rendered_to_invalid_value_fails_without_retry(
    streamkap: StreamkapSimulator, native: bool, params: dict[str, Any], says: str
) -> None:
    streamkap.add("d1", scenarios.steady())
    with pytest.raises(AirflowFailException, match=says):
        run(native, {"lag": 100, "status": "Paused", "latency": 5e3, **params})
    assert streamkap.count() == 0


def test_literal_arguments_are_still_validated_at_parse_time() -> None:
    with pytest.raises(ValueError, match="max_records_lag must be a number; got 'many'"):
        StreamkapDestinationSensor(**fast_sensor_arguments("poke", max_records_lag="many"))
    with pytest.raises(ValueError, match="confirmations"):
        StreamkapDestinationSensor(**fast_sensor_arguments("poke", **CONDITION, confirmations=0))


def test_intervals_can_be_timedeltas() -> None:
    created = StreamkapDestinationSensor(
        **fast_sensor_arguments(
            "poke",
            confirm_interval=timedelta(minutes=1),
            stall_after=timedelta(minutes=2),
            status_grace=timedelta(minutes=3),
            max_reading_age=timedelta(minutes=4),
        )
    )
    assert (created.confirm_interval, created.stall_after, created.status_grace, created.max_reading_age) == (
        60,
        120,
        180,
        240,
    )
    _, arguments = StreamkapDestinationEventTrigger("d1", poke_interval=timedelta(minutes=2)).serialize()
    assert arguments["poke_interval"] == 120


@pytest.mark.parametrize("name", ["confirm_interval", "stall_after", "status_grace", "max_reading_age"])
def test_negative_timedelta_is_rejected(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be a number from 0 to"):
        StreamkapDestinationSensor(**fast_sensor_arguments("poke", **{name: timedelta(seconds=-1)}))


@pytest.mark.parametrize("confirmations", [0, -1, 1.5, True, None, "2"])
def test_confirmations_are_validated_consistently(confirmations: Any) -> None:
    message = "confirmations must be an integer of at least 1"
    with pytest.raises(ValueError, match=message):
        EdgeDetector(DestinationGate(), confirmations=confirmations)
    with pytest.raises(ValueError, match=message):
        StreamkapDestinationEventTrigger("d1", confirmations=confirmations)
    with pytest.raises(ValueError, match=message):
        StreamkapDestinationSensor(**fast_sensor_arguments("poke", confirmations=confirmations))


@pytest.mark.parametrize("limit", [2**63, 10**400, 1e300, float("inf"), float("nan"), -1, True, "1"])
def test_limit_above_64_bits_is_rejected(limit: Any) -> None:
    with pytest.raises(ValueError, match="max_records_lag must be a number from 0 to"):
        DestinationGate(max_records_lag=limit)


def test_status_is_shown_without_line_breaks_and_escape_sequences(streamkap: StreamkapSimulator) -> None:
    status = "\x1b[31mBro\nken\x1b[0m" + "x" * 4_000
    streamkap.add("d1", scenarios.steady(status=status))
    with pytest.raises(AirflowSensorTimeout) as caught:
        run(False, {"lag": 0, "status": "Paused", "latency": 1}, timeout=0)
    message = str(caught.value)
    assert "[31mBro ken" in message
    assert message.isprintable()
    assert len(message) < 3_000


@pytest.mark.parametrize("id_", ["orders", "65d4f0e1a2b3c4d5e6f70819"])
def test_nonexistent_id_is_reported_as_unknown(streamkap: StreamkapSimulator, id_: str) -> None:
    with pytest.raises(AirflowFailException) as caught:
        run(False, {"lag": 0, "status": "Paused", "latency": 1}, destination_id=id_)
    message = str(caught.value)
    assert f"404 Not Found: destination '{id_}' does not exist in this project, or these credentials do not" in message
    assert "An id has 24 hexadecimal digits" in message
    assert ("pass the id, not the name" in message) == (id_ == "orders")
    assert "not there yet" not in message
