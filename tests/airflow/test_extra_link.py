# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The "Streamkap" extra link: its target, and that the address is stored before a task is deferred."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import airflow
import pytest

from airflow_provider_streamkap._compat import AirflowFailException
from airflow_provider_streamkap.links.streamkap import StreamkapLink
from airflow_provider_streamkap.operators.streamkap import StreamkapDestinationMetricsOperator
from airflow_provider_streamkap.plugin import StreamkapPlugin
from airflow_provider_streamkap.sensors.streamkap import StreamkapDestinationSensor
from airflow_provider_streamkap.testing import Fault, StreamkapSimulator, scenarios
from tests.airflow.log_capture import Logged
from tests.airflow.sensor_modes import MODES, TaskInstance, run, sensor
from tests.airflow_imports import DAG, TaskDeferred

KEY = StreamkapLink().xcom_key
FRONT_PAGE = "https://app.streamkap.com"
TEMPLATE = "https://app.example.com/destinations/{destination_id}/metrics?id={destination_id}"


@pytest.mark.parametrize(
    ("template", "id_", "url"),
    [
        (None, "d1", FRONT_PAGE),
        ("", "d1", FRONT_PAGE),
        (TEMPLATE, "d1", "https://app.example.com/destinations/d1/metrics?id=d1"),
        ("https://app.example.com/all", "d1", "https://app.example.com/all"),
        ("https://app.example.com/{other}/{destination_id}", "d1", "https://app.example.com/{other}/d1"),
        (
            "https://app.example.com/d/{destination_id}",
            "a/b?c=d&e#f g\u00fc",
            "https://app.example.com/d/a%2Fb%3Fc%3Dd%26e%23f%20g%C3%BC",
        ),
    ],
)
def test_operator_stores_link(
    streamkap: StreamkapSimulator, monkeypatch: pytest.MonkeyPatch, template: str | None, id_: str, url: str
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_STREAMKAP_DEFAULT", streamkap.airflow_connection(app_url_template=template))
    streamkap.add(id_, scenarios.steady())
    ti = TaskInstance()
    context: Any = {"ti": ti}
    StreamkapDestinationMetricsOperator(task_id="shot", destination_id=[id_, id_]).execute(context)
    assert ti.pushed == {KEY: url}


def test_link_is_stored_even_if_request_is_rejected(
    streamkap: StreamkapSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    # This is when a user wants to open the link.
    monkeypatch.setenv("AIRFLOW_CONN_STREAMKAP_DEFAULT", streamkap.airflow_connection(app_url_template=TEMPLATE))
    streamkap.inject(Fault.status(403), times=None)
    for task in (StreamkapDestinationMetricsOperator(task_id="shot", destination_id="d1"), sensor("poke")):
        ti = TaskInstance()
        context: Any = {"ti": ti}
        with pytest.raises(AirflowFailException):
            task.execute(context)
        assert ti.pushed[KEY].startswith("https://app.example.com/destinations/d1/")


def test_link_is_stored_before_deferral(streamkap: StreamkapSimulator) -> None:
    streamkap.add("d1", scenarios.steady(lag=120))
    ti = TaskInstance()
    context: Any = {"ti": ti}
    with pytest.raises(TaskDeferred):
        sensor("deferred").execute(context)
    assert ti.pushed == {KEY: FRONT_PAGE}


@pytest.mark.parametrize("mode", MODES)
def test_link_is_stored_in_every_mode(streamkap: StreamkapSimulator, mode: str) -> None:
    streamkap.add("d1", scenarios.sequence([scenarios.Reading(records_lag=9), scenarios.Reading(records_lag=0)]))
    ti = TaskInstance()
    run(sensor(mode), ti)
    assert ti.pushed == {KEY: FRONT_PAGE}


class Refusing(TaskInstance):
    """An XCom backend that cannot store the link."""

    def xcom_push(self, key: str, value: Any) -> None:
        """Raise an error."""
        raise PermissionError("this bucket is read-only")


@pytest.mark.parametrize("context", [{}, {"ti": Refusing()}], ids=["an empty context", "a backend that refuses"])
def test_failing_to_store_link_does_not_fail_task(streamkap: StreamkapSimulator, context: Any) -> None:
    streamkap.add("d1", scenarios.steady())
    operator = StreamkapDestinationMetricsOperator(task_id="shot", destination_id="d1")
    assert operator.execute(context)["data"]["recordsLag"] == 0
    assert sensor("poke").execute(context)["data"]["recordsLag"] == 0


@pytest.mark.parametrize("mode", MODES)
def test_failing_to_store_link_is_logged_in_every_mode(
    streamkap: StreamkapSimulator, mode: str, logged: Logged
) -> None:
    streamkap.add("d1", scenarios.steady())
    assert run(sensor(mode), Refusing())["data"]["recordsLag"] == 0
    assert "button, so it opens the front page: PermissionError: this bucket is read-only" in logged.text


def test_link_is_registered_with_operators_and_airflow() -> None:
    for kind in (StreamkapDestinationSensor, StreamkapDestinationMetricsOperator):
        (link,) = kind.operator_extra_links
        assert (type(link), link.name) == (StreamkapLink, "Streamkap")
        (link,) = kind(task_id="t", destination_id="d1").operator_extra_links
        assert type(link) is StreamkapLink
    assert [type(link) for link in StreamkapPlugin.operator_extra_links] == [StreamkapLink]
    # A global link would appear on every task.
    assert list(StreamkapPlugin.global_operator_extra_links) == []


@contextmanager
def stored(value: Any) -> Iterator[Any]:
    """Store a task's address in Airflow and return the task's key."""
    run_id = uuid4().hex
    key = SimpleNamespace(dag_id="dag", task_id="wait", run_id=run_id, map_index=-1, try_number=1)
    if airflow.__version__.startswith("2."):
        models = importlib.import_module("airflow.models")
        with importlib.import_module("airflow.utils.session").create_session() as session:
            if value is not None:
                with DAG("dag", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC)):
                    task = sensor("poke")
                session.add(models.DagRun("dag", run_id, execution_date=datetime.now(UTC), run_type="manual"))
                session.flush()
                session.add(models.TaskInstance(task, run_id=run_id))
                session.flush()
                models.XCom.set(KEY, value, dag_id="dag", task_id="wait", run_id=run_id, session=session)
        yield key
        return
    comms = importlib.import_module("airflow.sdk.execution_time.comms")
    runner = importlib.import_module("airflow.sdk.execution_time.task_runner")

    class Supervisor:
        def send(self, message: Any) -> Any:
            requested = (message.key, message.dag_id, message.task_id, message.run_id, message.map_index)
            assert requested == (KEY, "dag", "wait", run_id, -1)
            return comms.XComResult(key=KEY, value=value)

    # Airflow passes the supervisor connection to a task this way.
    vars(runner)["SUPERVISOR_COMMS"] = Supervisor()
    try:
        yield key
    finally:
        del vars(runner)["SUPERVISOR_COMMS"]


@pytest.mark.parametrize(
    ("value", "url"),
    [
        ("https://app.example.com/d/d1", "https://app.example.com/d/d1"),
        (None, FRONT_PAGE),
        (5, FRONT_PAGE),
        ("javascript:alert(1)", FRONT_PAGE),
        ("https://me:pw@app.example.com/", FRONT_PAGE),
        ("/relative", FRONT_PAGE),
    ],
)
def test_link_points_to_address_stored_by_task(airflow_database: None, value: Any, url: str) -> None:
    with stored(value) as key:
        assert StreamkapLink().get_link(sensor("poke"), ti_key=key) == url


def test_link_falls_back_to_home_page_if_address_is_unreadable(logged: Logged) -> None:
    assert StreamkapLink().get_link(sensor("poke"), ti_key=None) == FRONT_PAGE
    assert "Cannot read the URL of the Streamkap button" in logged.text
