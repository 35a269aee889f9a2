# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""A DAG that is scheduled on a destination runs once each time the destination catches up."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from airflow_provider_streamkap.testing import Scenario, scenarios
from tests.system.conftest import Session
from tests.system.dag_runs import Run

pytestmark = pytest.mark.system

DAG_ID = "system_events"
BEHIND = "system_events_behind"
POLLS = "/destinations/tides/metrics"
DRAINED, LAGGING = scenarios.steady(), scenarios.stalled(lag=120)


@pytest.fixture(scope="module")
def runs(session: Session) -> list[Run]:
    """Let the destination drain twice; kill and restart the triggerer in between, and again afterwards."""
    airflow, tests = session.airflow, session.services.tests
    airflow.settle(session.started)

    def happened() -> list[Run]:
        rows = airflow.query("SELECT run_id FROM dag_run WHERE dag_id = ? ORDER BY id", DAG_ID)
        return [Run(airflow, DAG_ID, row["run_id"]) for row in rows]

    def switch_to(scenario: Scenario, until: Callable[[], bool]) -> None:
        tests.set("tides", scenario)
        requests_before = tests.count(POLLS)
        airflow.wait(
            lambda: tests.count(POLLS) >= requests_before + 5 and until(), 120, "The watcher does not see the change"
        )

    def restart() -> None:
        airflow.kill_part("triggerer")
        airflow.start_part("triggerer", "--skip-serve-logs")

    switch_to(LAGGING, lambda: True)
    switch_to(DRAINED, lambda: len(happened()) == 1)
    switch_to(LAGGING, lambda: True)
    restart()
    switch_to(LAGGING, lambda: True)
    switch_to(DRAINED, lambda: len(happened()) == 2)
    restart()
    # A destination that stays drained starts nothing, even in a triggerer that sees it for the first time.
    switch_to(DRAINED, lambda: True)
    ended = happened()
    for run in ended:
        airflow.finished(DAG_ID, run.run_id)
    return ended


def test_draining_twice_runs_twice(runs: list[Run]) -> None:
    assert [run.state for run in runs] == ["success", "success"]


@pytest.mark.usefixtures("runs")
def test_other_condition_on_destination_starts_its_own_dag(session: Session) -> None:
    (row,) = session.airflow.query("SELECT run_id FROM dag_run WHERE dag_id = ?", BEHIND)
    run = session.airflow.finished(BEHIND, row["run_id"])
    (snapshot,) = run.xcom("keep")
    assert snapshot["data"]["recordsLag"] == 120


def test_event_carries_snapshot(runs: list[Run]) -> None:
    for run in runs:
        (snapshot,) = run.xcom("keep")
        assert snapshot["destination_id"] == "tides"
        assert snapshot["data"]["recordsLag"] == 0
