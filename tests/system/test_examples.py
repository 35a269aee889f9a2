# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The example DAGs, each run to completion on a real scheduler and triggerer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from airflow_provider_streamkap.testing import Scenario, scenarios
from scripts.airflow_records import moment
from tests.system.dag_runs import Run
from tests.system.services import UNREADABLE, Services
from tests.system.system_airflow import AIRFLOW, FIRST, SystemAirflow, examples

pytestmark = [pytest.mark.system, pytest.mark.deferrable]

STARTS = tuple(path.stem for path in examples())
SNAPSHOTS = "streamkap_scheduled_snapshots"
HOUR = timedelta(hours=1)


@pytest.mark.parametrize("dag_id", STARTS)
def test_every_example_succeeds(airflow: SystemAirflow, dag_id: str) -> None:
    run = airflow.finished(dag_id)
    assert run.state == "success", run.log()


def test_gate_opens_on_drained_destination(airflow: SystemAirflow) -> None:
    run = airflow.finished("streamkap_gate")
    assert run.states == {"wait_until_drained": "success", "transform": "success"}
    assert run.was_deferred("wait_until_drained")
    snapshot = run.xcom("wait_until_drained")
    evidence = snapshot["evidence"]
    assert evidence["lag_source"] == "timeseries"
    # Two points, one minute apart, both measured after the wait started.
    begun = datetime.fromisoformat(evidence["measured_after"])
    assert datetime.fromisoformat(evidence["recordsLag"]["timestamp"]) >= begun + timedelta(minutes=2)
    assert (snapshot["data"]["recordsLag"], snapshot["data"]["connector_status"]) == (0, "Active")
    assert run.xcom("transform") == f"lag was 0.0 at {snapshot['observed_at']}"


def test_deploy_waits_until_connector_is_active(airflow: SystemAirflow) -> None:
    run = airflow.finished("streamkap_wait_until_active")
    assert run.states == {"deploy": "success", "wait_until_active": "success", "announce": "success"}
    assert "status is Starting, not Active" in run.log("wait_until_active")
    assert run.xcom("wait_until_active")["data"]["connector_status"] == "Active"


def test_each_destination_is_stored_by_its_own_task(airflow: SystemAirflow, services: Services) -> None:
    run = airflow.finished("streamkap_many_destinations")
    ids = run.xcom("destinations")
    assert set(ids) == set(services.examples.destinations)
    for index, id_ in enumerate(ids):
        readable = id_ != UNREADABLE
        task = run.task("snapshot", index)
        assert (task.state, task.try_number) == ("success" if readable else "failed", 1)
        assert (run.xcom("snapshot", map_index=index) or {}).get("destination_id") == (id_ if readable else None)
    assert run.task("report").state == "success"
    report = run.xcom("report")
    assert report.keys() == set(ids) - {UNREADABLE}
    assert report[scenarios.DEMO_BROKEN] == "Broken"


def windows(services: Services) -> list[tuple[datetime, datetime]]:
    """Return the time ranges that the snapshots have requested so far."""
    queries = [
        one.query
        for one in services.examples.requests
        # Sensors request minutes.
        if one.query.get("time_type") == "timeseries" and one.query["time_interval"] != "1"
    ]
    assert {(query["time_interval"], query["time_unit"]) for query in queries} <= {("5", "minute")}
    ends = ("timestamp_from", "timestamp_to")
    requested = [tuple(datetime.fromisoformat(query[end]) for end in ends) for query in queries]
    return [(begun, ended) for begun, ended in requested]


def interval(run: Run) -> tuple[datetime, datetime]:
    """Return a run's data interval."""
    (row,) = run.records.query(
        "SELECT data_interval_start AS begun, data_interval_end AS ended FROM dag_run WHERE dag_id = ? AND run_id = ?",
        run.dag_id,
        run.run_id,
    )
    return moment(row["begun"]), moment(row["ended"])


def check_hour(run: Run) -> None:
    """Check what a run stored for an hour."""
    assert run.state == "success", run.log()
    data = run.xcom("snapshot")["data"]
    assert set(data) == {"recordsLag", "latency", "sinkRecordSendTotal"}
    # In steps of five minutes, whichever of its ends is excluded, and without an incomplete step.
    assert {len(points) for points in data.values()} <= {11, 12, 13}
    assert run.xcom("store") == sum(len(points) for points in data.values())


def test_scheduled_run_stores_its_hour(airflow: SystemAirflow, services: Services) -> None:
    def runs() -> list[dict[str, str]]:
        return airflow.query("SELECT run_id FROM dag_run WHERE dag_id = ? AND run_type = 'scheduled'", SNAPSHOTS)

    airflow.wait(lambda: bool(runs()), 60, "The scheduler has started no run")
    run = airflow.finished(SNAPSHOTS, runs()[0]["run_id"])
    check_hour(run)
    begun, ended = interval(run)
    assert ended - begun == HOUR
    assert (begun, ended) in windows(services)


def test_run_without_logical_date_stores_hour_before_it(airflow: SystemAirflow, services: Services) -> None:
    run = airflow.finished(SNAPSHOTS)
    check_hour(run)
    if AIRFLOW < (3,):
        assert interval(run) in windows(services)
        return
    (row,) = airflow.query(
        "SELECT logical_date, run_after FROM dag_run WHERE dag_id = ? AND run_id = ?", SNAPSHOTS, FIRST
    )
    assert row["logical_date"] is None
    due = moment(row["run_after"])
    assert (due - HOUR, due) in windows(services)


def test_storing_past_hour_is_idempotent(airflow: SystemAirflow, services: Services) -> None:
    past = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=2)
    airflow.begin(SNAPSHOTS, "past", past)
    run = airflow.finished(SNAPSHOTS, "past")
    check_hour(run)
    window, first = interval(run), run.xcom("snapshot")
    assert window[1] - window[0] == HOUR
    assert windows(services).count(window) == 1
    airflow.repeat(run)
    airflow.wait(lambda: run.state not in ("success", "failed"), 60, "The run was not started again")
    airflow.finished(SNAPSHOTS, "past")
    check_hour(run)
    repeated = run.xcom("snapshot")
    assert windows(services).count(window) == 2
    assert repeated.pop("observed_at") > first.pop("observed_at")
    assert repeated == first


THRESHOLD_TASKS = {"read_metrics": "success", "choose_job": "success"}


# These come last, because they reset the destination of the snapshots.


@pytest.fixture(scope="module")
def looks(airflow: SystemAirflow, services: Services) -> Callable[[str, Scenario], Run]:
    """Return a function that runs the threshold example on a destination with given readings and waits for its end."""
    airflow.finished("streamkap_thresholds")

    def look(run_id: str, scenario: Scenario) -> Run:
        services.examples.set(scenarios.DEMO_STEADY, scenario)
        airflow.begin("streamkap_thresholds", run_id)
        return airflow.finished("streamkap_thresholds", run_id)

    return look


def test_caught_up_stream_gets_full_job(airflow: SystemAirflow) -> None:
    run = airflow.finished("streamkap_thresholds")
    assert run.states == {**THRESHOLD_TASKS, "full_job": "success", "light_job": "skipped"}


def test_lagging_stream_gets_light_job(looks: Callable[[str, Scenario], Run]) -> None:
    run = looks("lagging", scenarios.steady(lag=1_001))
    assert run.states == {**THRESHOLD_TASKS, "full_job": "skipped", "light_job": "success"}


def test_unknown_stream_gets_light_job(looks: Callable[[str, Scenario], Run]) -> None:
    run = looks("unknown", scenarios.null_lag())
    assert run.states == {**THRESHOLD_TASKS, "full_job": "skipped", "light_job": "success"}
    assert run.xcom("read_metrics")["data"]["recordsLag"] is None
