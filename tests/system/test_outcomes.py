# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Deferrable sensors on a real scheduler and triggerer: what each wait ends in, on every supported Airflow."""

from __future__ import annotations

import pytest

from tests.system.dags.system_outcomes import SHORT
from tests.system.runs import Run
from tests.system.services import Services
from tests.system.stack import AIRFLOW, SystemAirflow

pytestmark = [pytest.mark.system, pytest.mark.deferrable]

STARTS = ("system_outcomes",)


@pytest.fixture(scope="module")
def run(airflow: SystemAirflow) -> Run:
    """Wait for the run of all of them."""
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
        ("ends_in_trigger", "success", True),
        ("fails_in_trigger", "failed", True),
        ("starts_in_trigger", "success", True),
    ],
)
def test_how_a_wait_ends(run: Run, task_id: str, state: str, deferred: bool) -> None:
    task, log = run.task(task_id), run.log(task_id)
    assert (task.state, task.try_number) == (state, 1), log
    assert run.was_deferred(task_id) == deferred, log


@pytest.mark.parametrize(
    ("task_id", "kind", "says"),
    [
        ("breaks", "AirflowFailException", "status is Broken"),
        ("unknown", "AirflowFailException", "404 Not Found"),
        ("late", "AirflowSensorTimeout", "lag is 120, above 0"),
    ],
)
def test_a_failure_says_why(run: Run, task_id: str, kind: str, says: str) -> None:
    (error,) = run.raised(task_id)
    assert error is not None
    assert error.kind == kind
    assert says in error.message


@pytest.mark.parametrize("task_id", ["late", "late_and_soft", "fails_in_trigger"])
def test_the_deadline_is_kept(run: Run, task_id: str) -> None:
    assert f" of {SHORT} s elapsed" in run.log(task_id)
    seconds = run.task(task_id).seconds
    assert seconds is not None
    assert seconds >= SHORT


@pytest.mark.parametrize("task_id", ["drains", "ends_in_trigger"])
def test_the_snapshot_is_what_the_gate_passed_on(run: Run, task_id: str) -> None:
    snapshot = run.xcom(task_id)
    assert snapshot["destination_id"] in (task_id, "drains_in_trigger")
    assert (snapshot["data"]["recordsLag"], snapshot["data"]["connector_status"]) == (0, "Active")


def test_a_list_of_ids_returns_a_snapshot_for_each(run: Run) -> None:
    lags = {id_: snapshot["data"]["recordsLag"] for id_, snapshot in run.xcom("all_drain").items()}
    assert lags == {"ready": 0, "drains_too": 0}


def test_bad_polls_were_borne_in_the_trigger(run: Run, services: Services) -> None:
    answers = [request.status for request in services.tests.requests if request.path == "/destinations/drains/metrics"]
    assert answers[:3] == [200, 503, 503]
    assert set(answers[3:]) == {200}


def test_a_wait_that_ends_in_the_trigger_takes_no_worker_again(run: Run) -> None:
    # 3.1 and 3.2 begin every task in a worker.
    begun = int((3, 1) <= AIRFLOW < (3, 3))
    starts = {"drains": 2, "ends_in_trigger": 1, "fails_in_trigger": 1, "starts_in_trigger": begun}
    for task_id, workers in starts.items():
        (log,) = run.attempts(task_id) or ("",)
        assert worker_starts(log) == workers, log


def worker_starts(log: str) -> int:
    """Count how often a worker took the task, by what Airflow logs then; 3.0 has no groups."""
    return log.count("::group::Pre ") or log.count("DAG bundles loaded")
