# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Read runs, task instances, XCom and logs of an Airflow from its metadata database and home directory.

The database is used instead of the REST API, because the API differs between Airflow 2.11 and 3, and the web server of
2.11 takes longer to start than most tests run. The required columns have the same names in all versions.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.airflow_database import Database


@dataclass(frozen=True)
class TaskInstance:
    """One row of Airflow's ``task_instance``: the last try of a task in one run."""

    task_id: str
    map_index: int
    state: str | None
    try_number: int
    start: dt.datetime | None
    end: dt.datetime | None
    operator: str | None

    @property
    def seconds(self) -> float | None:
        """Seconds from start to end, including deferral; None if either is missing."""
        return (self.end - self.start).total_seconds() if self.start and self.end else None


class AirflowRecords:
    """
    The records of one Airflow.

    :param home: its ``AIRFLOW_HOME``
    :param database: its metadata database
    """

    def __init__(self, home: Path, database: Database) -> None:
        self.home = home
        self.database = database

    def run_state(self, dag_id: str, run_id: str) -> str | None:
        """Return the state of a run, or None if there is no such run."""
        rows = self.query("SELECT state FROM dag_run WHERE dag_id = ? AND run_id = ?", dag_id, run_id)
        return rows[0]["state"] if rows else None

    def task_instances(self, dag_id: str, run_id: str) -> list[TaskInstance]:
        """Return the task instances of a run, in the order in which they started."""
        rows = self.query(
            "SELECT task_id, map_index, state, try_number, start_date, end_date, operator FROM task_instance"
            " WHERE dag_id = ? AND run_id = ? ORDER BY start_date IS NULL, start_date, task_id, map_index",
            dag_id,
            run_id,
        )
        return [
            TaskInstance(
                task_id=row["task_id"],
                map_index=row["map_index"],
                state=row["state"],
                try_number=row["try_number"],
                start=_date(row["start_date"]),
                end=_date(row["end_date"]),
                operator=row["operator"],
            )
            for row in rows
        ]

    def xcom(self, dag_id: str, run_id: str, task_id: str, key: str = "return_value", map_index: int = -1) -> Any:
        """Return the value that a task pushed, decoded from JSON once; None if it pushed nothing."""
        rows = self.query(
            "SELECT value FROM xcom WHERE dag_id = ? AND run_id = ? AND task_id = ? AND key = ? AND map_index = ?",
            dag_id,
            run_id,
            task_id,
            key,
            map_index,
        )
        stored = rows[0]["value"] if rows else None
        # SQLite returns a JSON number as a number.
        return json.loads(stored) if isinstance(stored, str | bytes) else stored

    def logs(self, dag_id: str = "", run_id: str = "", task_id: str = "") -> str:
        """Return the logs of a DAG, a run or a task, including trigger logs, ordered by path."""
        files = self.log_files(dag_id, run_id, task_id)
        return "\n".join(path.read_text(encoding="utf-8", errors="replace") for path in files)

    def log_files(self, dag_id: str = "", run_id: str = "", task_id: str = "") -> list[Path]:
        """Return the log files of a DAG, a run or a task."""
        parts = {"dag_id": dag_id, "run_id": run_id, "task_id": task_id}
        pattern = "/".join(f"{kind}={name or '*'}" for kind, name in parts.items())
        return sorted(path for path in (self.home / "logs").glob(f"{pattern}/**/*") if path.is_file())

    def query(self, sql: str, *parameters: object) -> list[dict[str, Any]]:
        """Query the metadata database; ``?`` is the placeholder for a parameter."""
        return self.database.query(sql, *parameters)


def moment(stored: str | dt.datetime) -> dt.datetime:
    """Convert a stored date to an aware datetime: SQLite returns text without a time zone, PostgreSQL a datetime."""
    return stored if isinstance(stored, dt.datetime) else dt.datetime.fromisoformat(stored).replace(tzinfo=dt.UTC)


def _date(stored: str | dt.datetime | None) -> dt.datetime | None:
    return moment(stored) if stored else None
