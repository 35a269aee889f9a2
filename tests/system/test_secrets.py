# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Nothing that a whole run leaves behind contains a secret: logs, database and triggers."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from pathlib import Path

import pytest

from tests.system.conftest import Session
from tests.system.dag_runs import Run
from tests.system.long_wait import LongWait
from tests.system.system_airflow import SystemAirflow

pytestmark = [pytest.mark.system, pytest.mark.deferrable]

STARTS = ("system_refused",)


def database(airflow: SystemAirflow) -> Iterator[tuple[str, str]]:
    """Yield each row of the metadata database as text, with the name of its table."""
    for table in airflow.database.tables():
        for values in airflow.query(f'SELECT * FROM "{table}"'):
            yield table, "\n".join(_text(value) for value in values.values())


def _text(value: object) -> str:
    if isinstance(value, dict | list):
        return json.dumps(value)
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def forms(secrets: Collection[str]) -> frozenset[str]:
    """Return secrets as they are, and JSON-encoded once and twice."""
    quoted = {secret.replace('"', '\\"') for secret in secrets}
    return frozenset((*secrets, *quoted, *(secret.replace("\\", "\\\\").replace('"', '\\"') for secret in quoted)))


def holders(airflow: SystemAirflow, words: Collection[str]) -> set[str]:
    """Return the names of the files and tables that contain one of these words."""
    files = (path for path in airflow.home.rglob("*") if path.is_file())
    found = {_name(airflow, path) for path in files if _holds(path.read_text("utf-8", "replace"), words)}
    return found | {f"table {table}" for table, text in database(airflow) if _holds(text, words)}


def _name(airflow: SystemAirflow, path: Path) -> str:
    return path.relative_to(airflow.home).as_posix()


def _holds(text: str, words: Collection[str]) -> bool:
    return any(word in text for word in words)


@pytest.fixture(scope="module")
def refused(airflow: SystemAirflow) -> Run:
    """Wait for the run of the tasks with bad credentials."""
    return airflow.finished("system_refused")


@pytest.fixture(scope="module")
def over(session: Session, refused: Run, long_wait: LongWait) -> SystemAirflow:
    """Wait until every first run has ended."""
    session.airflow.settle(session.started)
    return session.airflow


def test_tasks_with_bad_credentials_fail_as_expected(refused: Run) -> None:
    states = refused.states
    assert states.pop("wait-streamkap_project_key") == "success"
    assert set(states.values()) == {"failed"}, refused.log()
    for task_id, says in (
        ("snapshot-streamkap_refused", "credentials"),
        ("wait-streamkap_refused", "credentials"),
        ("snapshot-streamkap_proxied", "connection failed"),
        ("wait-streamkap_proxied", "2 polls in a row failed"),
    ):
        assert says in refused.log(task_id)


def test_search_detects_known_text(over: SystemAirflow) -> None:
    """If the search looked in the wrong places, it would not find this either."""
    found = holders(over, ("drains_with_project_key",))
    assert {"table xcom", "table rendered_task_instance_fields", "table serialized_dag"} <= found
    task = "logs/dag_id=system_refused/run_id=first/task_id=wait-streamkap_project_key"
    assert sum(name.startswith(task) for name in found) == 2, found


def test_no_record_contains_secret(session: Session, over: SystemAirflow) -> None:
    assert len(session.services.secrets) > 10
    assert holders(over, forms(session.services.secrets)) == set()


def test_trigger_contains_no_secret(session: Session, long_wait: LongWait) -> None:
    assert len(long_wait.triggers) >= 3
    for arguments in long_wait.triggers:
        assert "streamkap_tests" in arguments
        assert not _holds(arguments, forms(session.services.secrets))
