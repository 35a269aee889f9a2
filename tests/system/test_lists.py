# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Lists of destinations on a real Airflow: concurrent reads, and a silent API occupies no worker."""

from __future__ import annotations

import re

import pytest

from tests.system.dag_runs import Run
from tests.system.dags.system_lists import LISTED, MISSING, SILENT
from tests.system.system_airflow import SystemAirflow

pytestmark = [pytest.mark.system, pytest.mark.deferrable]

STARTS = ("system_lists",)
# The snapshots of a list omit the names and units.
KEYS = {"destination_id", "time_type", "observed_at", "data"}


@pytest.fixture(scope="module")
def run(airflow: SystemAirflow) -> Run:
    """Wait for the run to end."""
    return airflow.finished("system_lists")


def test_all_tasks_succeed(run: Run) -> None:
    assert run.states == {"silent": "success", "poked": "success", "skipping": "success"}, run.log()


def test_silent_api_occupies_worker_for_at_most_ten_seconds(run: Run) -> None:
    log = run.log("silent")
    assert "Polling 5 destinations once before deferring (timeout 10 s)" in log
    elapsed = re.search(r"Poll 1: 0 of 5 ready; .* Elapsed (\d+) s of 10 min", log)
    assert elapsed is not None, log
    assert 9 <= int(elapsed[1]) <= 15
    # While it is running.
    assert "Read 0 of 5 destinations in " in log
    assert "Deferring: not all destinations were read" in log
    assert run.was_deferred("silent")


@pytest.mark.parametrize(("task_id", "ids"), [("silent", SILENT), ("poked", LISTED), ("skipping", LISTED)])
def test_results_are_complete_and_small(run: Run, task_id: str, ids: list[str]) -> None:
    snapshots = run.xcom(task_id)
    # Airflow 3 stores XComs as JSONB on PostgreSQL, which does not preserve the order.
    assert set(snapshots) == set(ids)
    assert all(set(snapshot) - {"evidence"} == KEYS for snapshot in snapshots.values())


def test_unreadable_destinations_are_named(run: Run) -> None:
    skipped = run.xcom("skipping", "skipped")
    assert list(skipped) == [MISSING]
    assert "404 Not Found" in skipped[MISSING]
    assert f"Skipped 1 of 41 destinations that could not be read: {MISSING}: " in run.log("skipping")
