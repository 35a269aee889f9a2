# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Templated arguments, rendered by Airflow, and no requests while a DAG is constructed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pendulum
import pytest

from airflow_provider_streamkap._compat import AirflowFailException, BaseOperator
from airflow_provider_streamkap.operators.streamkap import StreamkapDestinationMetricsOperator
from airflow_provider_streamkap.sensors.streamkap import StreamkapDestinationSensor
from airflow_provider_streamkap.testing import StreamkapSimulator, scenarios
from tests.airflow.sensor_modes import TaskInstance
from tests.airflow_imports import DAG

START, END = pendulum.datetime(2026, 3, 2, 6, tz="UTC"), pendulum.datetime(2026, 3, 2, 8, tz="Europe/Berlin")
CONTEXT: Any = {
    "params": {
        "ids": ["d1", "d2"],
        "id": "d1",
        "metrics": ["recordsLag", "latency"],
        "lag": "recordsLag",
    },
    "conn": "other",
    "data_interval_start": START,
    "data_interval_end": END,
}


def rendered(task: Any, native: bool = False) -> Any:
    """Render a task's templates as Airflow does before running it."""
    with DAG("dag", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC), render_template_as_native_obj=native):
        created = task()
    created.render_template_fields(CONTEXT)
    return created


@pytest.mark.parametrize("kind", [StreamkapDestinationSensor, StreamkapDestinationMetricsOperator])
def test_ids_and_connections_are_rendered(kind: Any) -> None:
    task = rendered(lambda: kind(task_id="t", destination_id="{{ params.id }}", streamkap_conn_id="{{ conn }}"))
    assert (task.destination_id, task.streamkap_conn_id) == ("d1", "other")
    task = rendered(lambda: kind(task_id="t", destination_id=["{{ params.id }}", "d2"]))
    assert task.destination_id == ["d1", "d2"]
    task = rendered(lambda: kind(task_id="t", destination_id="{{ params.ids }}"), native=True)
    assert task.destination_id == ["d1", "d2"]


@pytest.mark.parametrize("native", [False, True])
def test_timestamps_and_metrics_are_rendered(streamkap: StreamkapSimulator, native: bool) -> None:
    streamkap.add("d1", scenarios.steady(), age=10 * 365 * 86400)
    task = rendered(
        lambda: StreamkapDestinationMetricsOperator(
            task_id="t",
            destination_id="{{ params.id }}",
            time_type="timeseries",
            timestamp_from="{{ data_interval_start }}",
            timestamp_to="{{ data_interval_end }}",
            metrics="{{ params.metrics }}" if native else ["{{ params.lag }}", "latency"],
        ),
        native,
    )
    shot = task.execute({"ti": TaskInstance()})
    assert list(shot["data"]) == ["recordsLag", "latency"]
    (request,) = (request for request in streamkap.requests if "metrics" in request.path)
    assert request.query["timestamp_from"] == "2026-03-02T06:00:00Z"
    assert request.query["timestamp_to"] == "2026-03-02T07:00:00Z"


@pytest.mark.parametrize("ids", ["", [], ["d1", ""], {"d1": 1}, 5])
def test_sensor_rejects_invalid_rendered_ids(streamkap: StreamkapSimulator, ids: Any) -> None:
    task = StreamkapDestinationSensor(task_id="t", destination_id="{{ params.ids }}")
    task.destination_id = ids
    context: Any = {"ti": TaskInstance()}
    with pytest.raises(AirflowFailException, match="destination_id"):
        task.execute(context)
    assert streamkap.count() == 0


def test_rendered_fields_contain_no_secret(streamkap: StreamkapSimulator) -> None:
    for kind in (StreamkapDestinationSensor, StreamkapDestinationMetricsOperator):
        task: Any = rendered(lambda kind=kind: kind(task_id="t", destination_id="{{ params.id }}"))
        streamkap.add(f"d-{kind.__name__}", scenarios.steady())
        task.destination_id = f"d-{kind.__name__}"
        if isinstance(task, StreamkapDestinationSensor):
            task.confirm_interval, task.lag_source = 0, "latest"
        task.execute({"ti": TaskInstance()})
        fields = json.dumps({name: getattr(task, name) for name in task.template_fields})
        assert not any(secret in fields + repr(task) + repr(vars(task)) for secret in streamkap.secrets)


def test_constructing_operators_sends_no_request(
    streamkap: StreamkapSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A connection lookup would fail.
    monkeypatch.delenv("AIRFLOW_CONN_STREAMKAP_DEFAULT")
    with DAG("dag", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC)) as dag:
        wait: BaseOperator = StreamkapDestinationSensor(task_id="wait", destination_id="d1", deferrable=True)
        operator = StreamkapDestinationMetricsOperator
        shot = operator(
            task_id="shot", destination_id=["d1"], time_type="timesummary", timestamp_from="{{ data_interval_start }}"
        )
        many = operator.partial(task_id="many", metrics=["recordsLag"]).expand(destination_id=["d1", "d2"])
        waits = StreamkapDestinationSensor.partial(task_id="waits", poke_interval=5).expand(destination_id=shot.output)
        wait >> shot >> many >> waits
    assert set(dag.task_ids) == {"wait", "shot", "many", "waits"}
    assert streamkap.connections == 0
