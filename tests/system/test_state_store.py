# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""A rescheduled sensor remembers earlier pokes in Airflow's task state store, each poke in its own process."""

from __future__ import annotations

import pytest

from tests.system.dag_runs import Run
from tests.system.dags.system_memory import PATIENCE
from tests.system.services import Services
from tests.system.system_airflow import SystemAirflow

pytestmark = pytest.mark.system

STARTS = ("system_memory",)


@pytest.fixture(scope="module")
def run(airflow: SystemAirflow) -> Run:
    """Wait for the run to end."""
    return airflow.finished("system_memory")


def polls(run: Run, services: Services, task_id: str) -> list[list[float]]:
    """Return the request times of each try for the destination named like the task."""
    at = [request.at for request in services.tests.requests if request.path == f"/destinations/{task_id}/metrics"]
    tries = []
    for log in run.attempts(task_id):
        # Each poke but the last one released the worker.
        pokes = log.count("marking task as UP_FOR_RESCHEDULE") + 1
        tries.append(at[:pokes])
        at = at[pokes:]
    assert at == []
    return tries


@pytest.mark.parametrize(
    ("task_id", "tries", "says"),
    [
        ("stalls", 2, f"(stall_after: {PATIENCE} s); check the connector in Streamkap"),
        ("unwanted", 1, f"(status_grace: {PATIENCE} s); it is Paused"),
    ],
)
def test_limits_expire_at_expected_time(run: Run, services: Services, task_id: str, tries: int, says: str) -> None:
    task, log = run.task(task_id), run.log(task_id)
    assert (task.state, run.tries(task.task_id)) == ("failed", tries), log
    errors = run.raised(task_id)
    assert len(errors) == tries
    for error in errors:
        assert error is not None
        # A retry may help, so the task's own retries apply.
        assert error.kind == "AirflowException"
        assert says in error.message
    poll_times = polls(run, services, task_id)
    assert len(poll_times) == tries
    for first, *between, last in poll_times:
        # The sensor reads its clock shortly after the request has arrived.
        assert last - first > PATIENCE - 1
        assert all(moment - first < PATIENCE for moment in between)


def test_stall_message_shows_lag_history(run: Run) -> None:
    error = run.raised("stalls")[0]
    assert error is not None
    assert "(status Active, lag 120" in error.message
    assert error.message.endswith(" s ago), 120 (0 s ago)")
