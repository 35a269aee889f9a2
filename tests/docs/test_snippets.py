# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Every Python snippet of the documentation runs and does what its page describes."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airflow_provider_streamkap._compat import AirflowSensorTimeout, AirflowSkipException
from airflow_provider_streamkap.api import DESTINATION
from airflow_provider_streamkap.hooks.streamkap import StreamkapHook
from airflow_provider_streamkap.testing import StreamkapSimulator, scenarios
from tests.docs.conftest import CUSTOMERS, ORDERS
from tests.docs.pages import SNIPPETS, dag_of, snippet


class TaskInstance:
    """The parts of a task instance that a task uses."""

    def xcom_push(self, key: str, value: Any) -> None:
        """Store an XCom, which must be JSON."""
        json.dumps(value, allow_nan=False)


END = datetime(2026, 3, 2, tzinfo=UTC)


def execute(task: Any, end: datetime = END, **more: Any) -> Any:
    """Render and run a task.

    :param end: the end of the data interval.
    :param more: attributes to override.
    """
    interval = {"data_interval_start": end - timedelta(days=1), "data_interval_end": end}
    context: Any = {"ti": TaskInstance(), "task_reschedule_count": 0, **interval}
    task.render_template_fields(context)
    for name, value in more.items():
        setattr(task, name, value)
    return task.execute(context)


AT_ONCE: dict[str, Any] = {
    "deferrable": False,
    "lag_source": "latest",
    "poke_interval": 0.05,
    "confirm_interval": 0.01,
    "timeout": 20.0,
}


def test_every_snippet_is_tested() -> None:
    tested = {"after_streamkap.py", "sensors.py", "snapshots.py", "hook_tasks.py", "async_hook.py", "api_client.py"}
    assert {path.name for path in SNIPPETS.glob("*.py")} == tested


def test_quickstart_waits_and_passes_snapshot_on(
    streamkap: StreamkapSimulator, capsys: pytest.CaptureFixture[str]
) -> None:
    streamkap.add(ORDERS, scenarios.sequence([120, 0, 0]))
    dag = dag_of(snippet("after_streamkap.py"), "after_streamkap")
    snapshot = execute(dag.get_task("wait_until_drained"), **AT_ONCE)
    dag.get_task("transform").python_callable(snapshot)
    assert f"lag 0 seen at {snapshot['observed_at']}" in capsys.readouterr().out
    assert dag.get_task("transform").upstream_task_ids == {"wait_until_drained"}


def test_waiting_for_several_destinations(streamkap: StreamkapSimulator) -> None:
    streamkap.add(ORDERS, scenarios.sequence([120, 100]))
    streamkap.add(CUSTOMERS, scenarios.steady())
    dag = dag_of(snippet("sensors.py"), "sensors")
    assert list(execute(dag.get_task("wait_for_all"), **AT_ONCE)) == [ORDERS, CUSTOMERS]
    assert streamkap.count(f"/destinations/{ORDERS}/metrics") == 3


def test_waiting_by_name(streamkap: StreamkapSimulator) -> None:
    streamkap.add(ORDERS, scenarios.steady(), name="orders")
    streamkap.add(CUSTOMERS, scenarios.steady(), name="customers")
    StreamkapHook().forget_names(DESTINATION)
    dag = dag_of(snippet("sensors.py"), "sensors")
    waited = execute(dag.get_task("wait_by_name"), **AT_ONCE)
    assert {name: shot["destination_id"] for name, shot in waited.items()} == {"orders": ORDERS, "customers": CUSTOMERS}
    read = execute(dag_of(snippet("snapshots.py"), "snapshots").get_task("latest_by_name"))
    assert [shot["destination_name"] for shot in read.values()] == list(read) == ["orders", "customers"]
    lags = dag_of(snippet("hook_tasks.py"), "hook_tasks").get_task("lag_by_name").python_callable()
    assert lags == {"orders": 0, "customers": 0}


def test_waiting_for_lag_observed_after_interval(streamkap: StreamkapSimulator) -> None:
    streamkap.add(ORDERS, scenarios.steady())
    task = dag_of(snippet("sensors.py"), "sensors").get_task("wait_for_the_day")
    with pytest.raises(AirflowSensorTimeout, match=r"must be from 2126-03-02 00:01:00Z or later"):
        execute(task, datetime(2126, 3, 2, tzinfo=UTC), **{**AT_ONCE, "lag_source": "auto", "timeout": 0.2})
    assert streamkap.count("time_type=timeseries")


def test_timeout_and_stall_options(streamkap: StreamkapSimulator) -> None:
    streamkap.add(ORDERS, scenarios.stalled(lag=5))
    dag = dag_of(snippet("sensors.py"), "sensors")
    with pytest.raises(AirflowSkipException):
        execute(dag.get_task("wait_impatiently"), **{**AT_ONCE, "timeout": 0.3})
    streamkap.set(ORDERS, scenarios.steady(status="Starting"))
    execute(dag.get_task("wait_impatiently"), **AT_ONCE)


def test_taking_snapshots(streamkap: StreamkapSimulator) -> None:
    streamkap.add(ORDERS, scenarios.steady(lag=7))
    streamkap.add(CUSTOMERS, scenarios.steady())
    dag = dag_of(snippet("snapshots.py"), "snapshots")
    shown = json.loads((SNIPPETS / "latest.json").read_text(encoding="utf-8"))
    latest = execute(dag.get_task("latest"))
    assert {**latest, "observed_at": ""} == {**shown, "observed_at": ""}
    summaries = execute(dag.get_task("summary_of_the_interval"))
    assert [summaries[id_]["time_type"] for id_ in (ORDERS, CUSTOMERS)] == ["timesummary", "timesummary"]
    streamkap.add_source("s1", name="shop")
    source = execute(dag.get_task("source"))
    assert (source["source_id"], source["source_name"]) == ("s1", "shop")
    assert source["data"] == {"state": "Streaming", "StreamingMilliSecondsBehindSource": 0, "SnapshotRunning": 0}


def test_using_hook(streamkap: StreamkapSimulator) -> None:
    streamkap.add(ORDERS, scenarios.steady(lag=7), age=10**9)
    streamkap.add(CUSTOMERS, scenarios.broken(), name="customers")
    dag = dag_of(snippet("hook_tasks.py"), "hook_tasks")
    assert dag.get_task("peak_lag").python_callable() == 7
    assert dag.get_task("broken_destinations").python_callable() == [{"id": CUSTOMERS, "name": "customers"}]
    for source, since in (("quiet", 3_600_001), ("busy", 0), ("restarted", -1)):
        streamkap.add_source(source, metrics={"StreamingMilliSecondsSinceLastEvent": since})
        streamkap.add_pipeline(source, source, ORDERS, name=f"{source} to orders")
    assert dag.get_task("quiet_pipelines").python_callable() == ["quiet to orders"]


def test_using_async_hook(streamkap: StreamkapSimulator) -> None:
    streamkap.add(ORDERS, scenarios.steady(lag=7))
    lags = asyncio.run(snippet("async_hook.py").lags([ORDERS, "unknown"]))
    assert lags == {ORDERS: 7, "unknown": None}


def test_using_client_without_airflow(streamkap: StreamkapSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    streamkap.add(ORDERS, scenarios.steady(lag=7))
    monkeypatch.setenv("STREAMKAP_HOST", streamkap.url)
    monkeypatch.setenv("STREAMKAP_CLIENT_ID", streamkap.client_id)
    monkeypatch.setenv("STREAMKAP_SECRET", streamkap.secret)
    assert snippet("api_client.py").lag_of(ORDERS) == 7
