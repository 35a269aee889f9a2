# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Deferrable sensors on a real scheduler and triggerer: the outcome of each wait, on every supported Airflow."""

from __future__ import annotations

import pytest

from tests.system.dag_runs import Run
from tests.system.dags.system_outcomes import SHORT
from tests.system.services import Services
from tests.system.system_airflow import SystemAirflow

pytestmark = [pytest.mark.system, pytest.mark.deferrable]

STARTS = ("system_outcomes",)


@pytest.fixture(scope="module")
def run(airflow: SystemAirflow) -> Run:
    """Wait for the run to end."""
    run = airflow.finished("system_outcomes")
    assert run.state == "failed"
    return run


@pytest.mark.parametrize(
    ("task_id", "state", "deferred"),
    [
        ("ready", "success", False),
        ("drains", "success", True),
        ("all_drain", "success", True),
        ("breaks", "failed", True),
        ("unknown", "failed", False),
        ("late", "failed", True),
        ("late_and_soft", "skipped", True),
    ],
)
def test_outcome_of_wait(run: Run, task_id: str, state: str, deferred: bool) -> None:
    task, log = run.task(task_id), run.log(task_id)
    assert (task.state, run.tries(task.task_id)) == (state, 1), log
    assert run.was_deferred(task_id) == deferred, log


@pytest.mark.parametrize(
    ("task_id", "kind", "says"),
    [
        ("breaks", "AirflowFailException", "status is Broken"),
        ("unknown", "AirflowFailException", "404 Not Found"),
        ("late", "AirflowSensorTimeout", "lag 120 > 0"),
    ],
)
def test_failure_reports_reason(run: Run, task_id: str, kind: str, says: str) -> None:
    (error,) = run.raised(task_id)
    assert error is not None
    assert error.kind == kind
    assert says in error.message


@pytest.mark.parametrize("task_id", ["late", "late_and_soft"])
def test_deadline_is_kept(run: Run, task_id: str) -> None:
    assert f" of {SHORT} s; next poll in " in run.log(task_id)
    seconds = run.task(task_id).seconds
    assert seconds is not None
    assert seconds >= SHORT


@pytest.mark.parametrize("task_id", ["ready", "drains"])
def test_result_in_xcom_is_dict(run: Run, task_id: str) -> None:
    snapshot = run.xcom(task_id)
    assert isinstance(snapshot, dict)
    assert snapshot["destination_id"] == task_id
    assert (snapshot["data"]["recordsLag"], snapshot["data"]["connector_status"]) == (0, "Active")


def test_list_of_ids_returns_snapshot_for_each(run: Run) -> None:
    lags = {id_: snapshot["data"]["recordsLag"] for id_, snapshot in run.xcom("all_drain").items()}
    assert lags == {"ready": 0, "drains_too": 0}


def test_failed_polls_were_tolerated_in_trigger(run: Run, services: Services) -> None:
    answers = [request.status for request in services.tests.requests if request.path == "/destinations/drains/metrics"]
    assert answers[:3] == [200, 503, 503]
    assert set(answers[3:]) == {200}
