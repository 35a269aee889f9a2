# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The outcome is the same in every mode on a real Airflow: state, tries, exception and XCom."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from tests.system.cases import CASES, MODES, RETRIES, task_id
from tests.system.dag_runs import Run
from tests.system.system_airflow import AIRFLOW, SystemAirflow

# The oldest and the newest version; tests/airflow covers those between them.
_BOTH_ENDS = [pytest.mark.deferrable] if AIRFLOW < (3,) or AIRFLOW >= (3, 3) else []
pytestmark = [pytest.mark.system, *_BOTH_ENDS]

STARTS = ("system_parity",)
SNAPSHOT = {"destination_id", "time_type", "observed_at", "data", "metadata", "evidence"}
CELLS = [(case, mode) for case in CASES for mode in MODES]


@pytest.fixture(scope="module")
def run(airflow: SystemAirflow) -> Run:
    """Wait for the run to end."""
    return airflow.finished("system_parity")


@pytest.mark.parametrize(("case", "mode"), CELLS)
def test_state_and_tries(run: Run, case: str, mode: str) -> None:
    task = run.task(task_id(case, mode))
    assert (task.state, run.tries(task.task_id)) == (CASES[case].state, CASES[case].tries), run.log(task.task_id)


@pytest.mark.parametrize(("case", "mode"), CELLS)
def test_every_try_raises_same_exception(run: Run, case: str, mode: str) -> None:
    expected, id_ = CASES[case], task_id(case, mode)
    raised = run.raised(id_)
    log = run.log(id_)
    if expected.state == "skipped":
        # 2.11 logs a skip as an exception, 3.x as a line.
        assert {error.kind for error in raised if error} <= {expected.raises}, log
        return
    if not expected.raises:
        assert raised == [None], log
        return
    assert len(raised) == expected.tries, log
    for error in raised:
        assert error is not None, log
        assert error.kind == expected.raises, log
        assert expected.says in error.message
        # It names its own destination.
        assert id_ in error.message


@pytest.mark.parametrize("mode", MODES)
def test_skip_reports_reason(run: Run, mode: str) -> None:
    assert "soft_fail" in run.log(task_id("deadline_soft", mode))


@pytest.mark.parametrize("case", [name for name, case in CASES.items() if case.state == "success"])
def test_snapshot_is_same_in_every_mode(run: Run, case: str) -> None:
    started = min(task.start for task in run.tasks if task.start)
    snapshots = {mode: run.xcom(task_id(case, mode)) for mode in MODES}
    for mode, snapshot in snapshots.items():
        assert set(snapshot) == SNAPSHOT
        assert snapshot.pop("destination_id") == task_id(case, mode)
        observed = datetime.fromisoformat(snapshot.pop("observed_at"))
        assert started < observed < started + timedelta(hours=1)
        assert (snapshot["data"]["recordsLag"], snapshot["data"]["connector_status"]) == (0, "Active")
    assert snapshots["poke"] == snapshots["reschedule"] == snapshots["deferred"]


@pytest.mark.parametrize("case", [name for name, case in CASES.items() if case.state != "success"])
@pytest.mark.parametrize("mode", MODES)
def test_snapshot_is_only_returned_on_success(run: Run, case: str, mode: str) -> None:
    assert run.xcom(task_id(case, mode)) is None


def test_tasks_run_in_their_named_mode(run: Run) -> None:
    """A sensor that waits in a mode other than requested would pass all of the above."""
    assert run.was_deferred(task_id("drained", "deferred"))
    assert not any(run.was_deferred(task_id(case, mode)) for case in CASES for mode in ("poke", "reschedule"))
    assert "UP_FOR_RESCHEDULE" in run.log(task_id("drained", "reschedule"))
    assert not any(
        "UP_FOR_RESCHEDULE" in run.log(task_id(case, mode)) for case in CASES for mode in ("poke", "deferred")
    )


def test_met_condition_needs_no_trigger(run: Run) -> None:
    assert not run.was_deferred(task_id("already_drained", "deferred"))


def test_retries_are_configured(run: Run) -> None:
    rows = run.records.query("SELECT DISTINCT max_tries FROM task_instance WHERE dag_id = ?", run.dag_id)
    assert [row["max_tries"] for row in rows] == [RETRIES]
