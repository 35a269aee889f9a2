# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Missing arguments, and values that Airflow cannot store, on a real scheduler and triggerer."""

from __future__ import annotations

import pytest

from tests.system.dag_runs import Run
from tests.system.system_airflow import SystemAirflow

pytestmark = [pytest.mark.system, pytest.mark.deferrable]

STARTS = ("system_arguments",)


@pytest.fixture(scope="module")
def run(airflow: SystemAirflow) -> Run:
    """Wait for the run to end."""
    return airflow.finished("system_arguments")


@pytest.mark.parametrize(
    ("task_id", "map_index", "says"),
    [
        ("upstream", -1, "observed_after is set in the DAG, but is None in this run"),
        ("mapped", 0, "observed_after is set in the DAG, but is None in this run"),
        ("no_interval", -1, "observed_after cannot be rendered from"),
    ],
)
def test_given_arguments_are_not_dropped_and_not_retried(run: Run, task_id: str, map_index: int, says: str) -> None:
    task = run.task(task_id, map_index)
    assert (task.state, run.tries(task_id, map_index)) == ("failed", 1), run.log(task_id)
    (error,) = run.raised(task_id)
    assert error is not None
    assert error.kind == "AirflowFailException"
    assert says in error.message


def test_mapped_task_output_can_select_metrics(run: Run) -> None:
    assert run.task("lazy").state == "success", run.log("lazy")
    assert set(run.xcom("lazy")["data"]) == {"recordsLag", "latency"}


def test_deferred_wait_survives_numbers_above_64_bits(run: Run) -> None:
    task = run.task("huge")
    assert (task.state, run.tries(task.task_id)) == ("success", 1), run.log("huge")
    assert run.was_deferred("huge")
    data = run.xcom("huge")["data"]
    assert data["nobodyAsked"] == [None, None]
    assert data["recordsLag"] == 0
