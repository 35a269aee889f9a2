# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The Airflow shared by all system tests: all their DAGs in one folder, with the interpreter of the tests.

There is a REST API on every version, so that the tests start, repeat and inspect runs the same way: on 2.11 it is
part of the web server, which the harness does not start.
"""

from __future__ import annotations

import datetime as dt
import os
import shutil
import sys
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from urllib.error import URLError

from scripts.airflow_database import Postgres
from scripts.airflow_parts import StackError
from scripts.airflow_settings import LOOPBACK, airflow_version
from scripts.airflow_stack import AirflowStack
from tests.system.dag_runs import Run

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "example_dags"
DAGS = Path(__file__).parent / "dags"
AIRFLOW = airflow_version(Path(sys.executable))
"""The Airflow version under test, such as ``(3, 3, 2)``."""

# Needs Airflow's task state store, and is rejected without it.
NEEDS_3 = {"streamkap_on_caught_up.py", "system_events.py"}
"""DAG files that need Airflow 3."""
NEEDS_STORE = DAGS / "system_memory.py"
AIRFLOW_HAS_STATE_STORE = AIRFLOW >= (3, 3)

FIRST = "first"
_SETTINGS = {
    # Scheduled runs would interfere with the first inspection of the parsed DAGs.
    "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "True",
    # Waits are cheap, but starting a task takes one core for two seconds: more concurrency only delays all of them.
    "AIRFLOW__CORE__PARALLELISM": "6",
    "AIRFLOW__CORE__MAX_ACTIVE_TASKS_PER_DAG": "64",
    # 2.11 would run one task at a time.
    "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
    # A killed triggerer is declared dead soon.
    "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "10",
}


def examples() -> list[Path]:
    """Return the example DAGs that this Airflow can run."""
    return _runnable(EXAMPLES.glob("*.py"))


def _runnable(files: Iterable[Path]) -> list[Path]:
    return sorted(file for file in files if AIRFLOW >= (3,) or file.name not in NEEDS_3)


class SystemAirflow(AirflowStack):
    """The stack, with the DAGs of the tests and the examples.

    :param home: its directory, which must be empty.
    :param connections: connection id to connection.
    """

    def __init__(self, home: Path, connections: Mapping[str, str]) -> None:
        folder = home / "dags"
        folder.mkdir()
        files = [
            *examples(),
            *(file for file in DAGS.glob("system_*.py") if AIRFLOW >= (3,) or file.name not in NEEDS_3),
        ]
        for file in files:
            shutil.copy(file, folder)
        self.dag_ids = {file.stem for file in files if file != NEEDS_STORE or AIRFLOW_HAS_STATE_STORE}
        # The DAG files of the tests import a table from the tests.
        path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        overrides = {**_SETTINGS, "PYTHONPATH": path}
        python = Path(sys.executable)
        super().__init__(python, folder, connections, home=home, overrides=overrides, database=Postgres())
        # The web server of 2.11 accepts anonymous requests.
        (home / "webserver_config.py").write_text('AUTH_ROLE_PUBLIC = "Admin"\n')

    def start(self) -> None:
        """Start every part; return once all are alive and all DAGs are parsed, none of them active."""
        super().start()
        if not self.is_3:
            self.start_part("webserver", "--workers", "1", "--hostname", LOOPBACK, "--port", str(self.port))
        self.wait(self._is_parsed, self.start_timeout, "The DAGs were not parsed")
        self.wait(self._rest_answers, self.start_timeout, "The REST API does not answer")

    @property
    def api(self) -> str:
        """The path prefix of the REST API."""
        return "/api/v2" if self.is_3 else "/api/v1"

    def _is_parsed(self) -> bool:
        errors = self.import_errors()
        refused = set() if AIRFLOW_HAS_STATE_STORE else {NEEDS_STORE.name}
        if wrong := {file: error for file, error in errors.items() if file not in refused}:
            raise StackError("\n".join(f"{file} cannot be imported:\n{error}" for file, error in wrong.items()))
        known = {row["dag_id"] for row in self.query("SELECT dag_id FROM serialized_dag")}
        return self.dag_ids <= known and errors.keys() == refused

    def import_errors(self) -> dict[str, str]:
        """Return the DAG files with import errors, by name, and the errors."""
        rows = self.query("SELECT filename, stacktrace FROM import_error")
        return {Path(row["filename"]).name: row["stacktrace"] for row in rows}

    def _rest_answers(self) -> bool:
        with suppress(URLError, ConnectionError, StackError):
            return bool(self.rest("GET", f"{self.api}/version"))
        return False

    def activate(self) -> None:
        """Activate all DAGs."""
        self.rest("PATCH", f"{self.api}/dags?dag_id_pattern=~&limit=100", {"is_paused": False})

    def begin(self, dag_id: str, run_id: str = FIRST, logical_date: dt.datetime | None = None) -> Run:
        """Start a run; without a logical date it has none on 3.x, and the current time on 2.11."""
        body: dict[str, object] = {"dag_run_id": run_id}
        if logical_date is not None or self.is_3:
            body["logical_date"] = logical_date.isoformat() if logical_date else None
        self.rest("POST", f"{self.api}/dags/{dag_id}/dagRuns", body)
        return Run(self, dag_id, run_id)

    def repeat(self, run: Run) -> None:
        """Clear all tasks of a finished run, so that it runs again."""
        self.rest("POST", f"{self.api}/dags/{run.dag_id}/dagRuns/{run.run_id}/clear", {"dry_run": False})

    def finished(self, dag_id: str, run_id: str = FIRST, timeout: float = 900) -> Run:
        """Wait until a run has ended."""
        self.wait_for_run(dag_id, run_id, timeout)
        return Run(self, dag_id, run_id)

    def settle(self, dag_ids: Collection[str]) -> None:
        """Wait until the first runs of these DAGs have ended."""
        for dag_id in dag_ids:
            self.finished(dag_id)

    def links(self, run: Run, task_id: str, map_index: int = -1) -> dict[str, str | None]:
        """Return the extra links that Airflow's interface shows for a task, by name."""
        path = f"{self.api}/dags/{run.dag_id}/dagRuns/{run.run_id}/taskInstances/{task_id}/links"
        answer = self.rest("GET", f"{path}?map_index={map_index}")
        links: dict[str, str | None] = answer.get("extra_links", answer)
        return links
