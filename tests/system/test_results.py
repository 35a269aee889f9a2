# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The result of a deferred sensor works like any other: keys, mapped tasks, outlets and callbacks."""

from __future__ import annotations

import pytest

from tests.system.dag_runs import Run
from tests.system.dags.system_results import CALLED_BACK
from tests.system.system_airflow import SystemAirflow

pytestmark = [pytest.mark.system, pytest.mark.deferrable]

STARTS = ("system_results",)


@pytest.fixture(scope="module")
def run(airflow: SystemAirflow) -> Run:
    """Wait for the run to end."""
    run = airflow.finished("system_results")
    assert run.state == "success", run.log()
    return run


def test_each_snapshot_key_is_its_own_xcom(run: Run) -> None:
    assert run.was_deferred("keys")
    assert run.xcom("keys", "destination_id") == "drains_for_keys"
    assert run.xcom("keys", "data")["recordsLag"] == 0


def test_task_can_be_mapped_over_snapshots(run: Run) -> None:
    assert run.was_deferred("each")
    lags = [run.xcom("lag_of", map_index=index) for index in range(2)]
    assert sorted(lags) == [["drains_for_each", 0], ["ready", 0]]


@pytest.mark.parametrize("task_id", ["keys", "each", "skips"])
def test_callbacks_are_called(airflow: SystemAirflow, run: Run, task_id: str) -> None:
    assert run.was_deferred(task_id)
    assert (airflow.home / CALLED_BACK / task_id).exists()


def test_outlet_triggers_downstream_dag(airflow: SystemAirflow, run: Run) -> None:
    dag_id = "system_results_landed"

    def runs() -> list[str]:
        return [row["run_id"] for row in airflow.query("SELECT run_id FROM dag_run WHERE dag_id = ?", dag_id)]

    airflow.wait(lambda: bool(runs()), 60, "The asset has started no run")
    (run_id,) = runs()
    assert airflow.finished(dag_id, run_id).states == {"landed": "success"}
