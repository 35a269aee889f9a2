# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Run a complete Airflow for a test or demo: scheduler, triggerer and, on Airflow 3, DAG processor and API server.

``with AirflowStack(python, dags_folder) as stack:`` starts Airflow on loopback with its own database and stops all
processes when the block ends, including on errors. The stack uses the Airflow of the interpreter ``python``, which can
differ from the one that runs this module, so one harness works for all supported versions.

The parts are separate processes instead of `airflow standalone`, which starts more slowly and leaves its child
processes behind when it is killed.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from scripts.airflow_database import Database, Sqlite
from scripts.airflow_parts import AirflowParts, StackError
from scripts.airflow_settings import LOOPBACK, airflow_environment, airflow_version, free_port
from scripts.stop_signals import no_interruption, signals_as_exceptions

BEFORE_SCHEDULER_2 = ("triggerer",)
BEFORE_SCHEDULER_3 = ("api-server", "dag-processor", "triggerer")
JOBS = {"scheduler": "SchedulerJob", "triggerer": "TriggererJob", "dag-processor": "DagProcessorJob"}
FINAL = frozenset({"success", "failed"})


class AirflowStack(AirflowParts):
    """
    A running Airflow.

    :param python: Python interpreter of the environment that contains Airflow
    :param dags_folder: directory of the DAG files
    :param connections: connection id to connection, as URI or JSON
    :param home: Airflow home, for database, logs and generated files; default: a temporary directory
    :param overrides: additional environment variables for all processes; they take precedence
    :param database: metadata database; default: an SQLite file in ``home``
    :param start_timeout: timeout in seconds for all parts to start
    """

    def __init__(
        self,
        python: Path,
        dags_folder: Path,
        connections: Mapping[str, str] | None = None,
        *,
        home: Path | None = None,
        overrides: Mapping[str, str] | None = None,
        database: Database | None = None,
        start_timeout: float = 240.0,
    ) -> None:
        self.version = airflow_version(python)
        self._temporary = tempfile.TemporaryDirectory(prefix="airflow-") if home is None else None
        folder = Path(self._temporary.name) if self._temporary else Path(str(home)).resolve()
        database = database or Sqlite(folder)
        self.port = free_port()
        environment = airflow_environment(
            python,
            folder,
            dags_folder.resolve(),
            database.url,
            connections=connections,
            overrides=overrides,
            port=self.port,
        )
        super().__init__(python, folder, database, environment)
        self.start_timeout = start_timeout
        self._token = ""

    @property
    def url(self) -> str:
        """URL of the web interface and the REST API (Airflow 3)."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def is_3(self) -> bool:
        """Whether this is Airflow 3."""
        return self.version >= (3,)

    # Lifecycle

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as undo:
            undo.callback(self.stop)
            undo.enter_context(signals_as_exceptions())
            self.start()
            self._undo = undo.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._undo.close()

    def start(self) -> None:
        """Create the database and start all parts; :raises StackError: if a part exits, or on timeout."""
        self.home.mkdir(parents=True, exist_ok=True)
        self.database.start()
        self.airflow("db", "migrate")
        self.database.settle()
        self.start_before_scheduler()
        if self.is_3:
            # Scheduled DAGs start at once, and their tasks fail without an API server.
            self.wait(self._api_responds, self.start_timeout, "The API server did not respond")
        self.start_part("scheduler", "--skip-serve-logs")
        if self.is_3:
            # On the first worker request, the API server builds its routes, which blocks it and any open write
            # transaction for many seconds. Trigger this now, while there are no writers.
            self.rest("GET", "/execution/health", timeout=self.start_timeout)
        self.wait(self._is_healthy, self.start_timeout, "Airflow did not become healthy")

    def start_before_scheduler(self) -> None:
        """Start the parts that must run before the scheduler."""
        for part in BEFORE_SCHEDULER_3 if self.is_3 else BEFORE_SCHEDULER_2:
            # Logs are read as files, so no log server is needed.
            self.start_part(part, *(["--skip-serve-logs"] if part == "triggerer" else []))

    def stop(self) -> None:
        """Stop all processes and remove a temporary home. Safe to call twice."""
        with no_interruption():
            self.end_parts()
            self.database.stop()
            if self._temporary:
                self._temporary.cleanup()

    def _is_healthy(self) -> bool:
        jobs = {row["job_type"] for row in self.query("SELECT job_type FROM job WHERE state = 'running'")}
        return all(JOBS[part] in jobs for part in self._processes if part in JOBS)

    def _api_responds(self) -> bool:
        try:
            self._token = str(self.rest("GET", "/auth/token")["access_token"])
        except OSError:
            return False
        return True

    # Operations

    def trigger_dag(
        self,
        dag_id: str,
        conf: Mapping[str, object] | None = None,
        *,
        run_id: str | None = None,
        logical_date: dt.datetime | None = None,
        timeout: float = 120.0,
    ) -> str:
        """
        Wait until a DAG is parsed, trigger a run and return the run id.

        :param logical_date: default: none on Airflow 3, the current time on 2.11
        :param timeout: timeout in seconds for the DAG to be parsed
        """
        self.wait_for_dag(dag_id, timeout)
        run_id = run_id or f"harness__{time.time_ns()}"
        date = logical_date.isoformat() if logical_date else None
        if self.is_3:
            body = {"dag_run_id": run_id, "logical_date": date, "conf": dict(conf or {})}
            self.rest("POST", f"/api/v2/dags/{dag_id}/dagRuns", body)
        else:
            when = ["--exec-date", date] if date else []
            self.airflow("dags", "trigger", dag_id, "--run-id", run_id, "--conf", json.dumps(dict(conf or {})), *when)
        return run_id

    def wait_for_dag(self, dag_id: str, timeout: float = 120.0) -> None:
        """
        Wait until a DAG is parsed.

        :raises StackError: if a DAG file has an import error, or on timeout
        """

        def known() -> bool:
            for row in self.query("SELECT filename, stacktrace FROM import_error"):
                raise StackError(f"{row['filename']} cannot be imported:\n{row['stacktrace']}")
            return bool(self.query("SELECT 1 FROM serialized_dag WHERE dag_id = ?", dag_id))

        self.wait(known, timeout, f"The DAG {dag_id} was not parsed")

    def wait_for_run(self, dag_id: str, run_id: str, timeout: float = 180.0) -> str:
        """Wait for the end of a run and return ``success`` or ``failed``; :raises StackError: on timeout."""
        self.wait(
            lambda: self.run_state(dag_id, run_id) in FINAL,
            timeout,
            f"The run {run_id} of {dag_id} did not end",
        )
        return str(self.run_state(dag_id, run_id))

    def rest(
        self, method: str, path: str, body: Mapping[str, object] | None = None, timeout: float = 120.0, tries: int = 5
    ) -> dict[str, Any]:
        """Send a request to the REST API; :raises StackError: on an error response."""
        request = urllib.request.Request(
            f"{self.url}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "Authorization": f"Bearer {self._token}"},
        )
        # Never use a proxy for loopback.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        while True:
            try:
                with opener.open(request, timeout=timeout) as response:
                    parsed: dict[str, Any] = json.load(response)
                    return parsed
            except urllib.error.HTTPError as error:
                detail, tries = error.read()[:2000], tries - 1
                # The API server writes on its event loop. With SQLite, this can deadlock with a worker's request until
                # the lock timeout. Nothing has been written then, so retry.
                if not tries or b"Database error" not in detail:
                    raise StackError(f"{method} {path}: {error.code} {detail!r}") from error
