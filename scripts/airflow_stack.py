# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""A whole Airflow for one test or demo: scheduler, triggerer and, on Airflow 3, DAG processor and API server.

``with AirflowStack(python, dags_folder) as stack:`` starts it on loopback with a database of its own,
and leaves no process behind, however the block is left. The stack's Airflow is that of ``python``, which need
not be the interpreter that runs this module, so one harness serves every supported version.

The parts are processes of their own rather than `airflow standalone`, which adds waits of its own, and whose
parts would outlive it when it is killed.
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

    :param python: interpreter of the environment whose Airflow is to run
    :param dags_folder: where the DAG files are
    :param connections: connection id to connection, as URI or JSON
    :param home: directory for database, logs and generated files; a temporary one if None
    :param overrides: further environment variables for every process; they win
    :param database: for its metadata; a file of SQLite in its home if None
    :param start_timeout: seconds until every part must be alive
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
        """Address of the user interface and of the REST API (Airflow 3)."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def is_3(self) -> bool:
        """Whether this is Airflow 3."""
        return self.version >= (3,)

    # Life and death

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
        """Create the database and start every part; :raises StackError: one ended, or is not alive in time."""
        self.home.mkdir(parents=True, exist_ok=True)
        self.database.start()
        self.airflow("db", "migrate")
        self.database.settle()
        self.start_before_scheduler()
        if self.is_3:
            # A scheduled DAG is due at once, and a task fails that finds no API server to report to.
            self.wait(self._api_answers, self.start_timeout, "The API server did not answer")
        self.start_part("scheduler", "--skip-serve-logs")
        if self.is_3:
            # At the first request of a worker the API server stands still for as long as it takes to build the
            # routes for workers, many seconds, and with it whatever has begun to write. Nothing has as yet.
            self.rest("GET", "/execution/health", timeout=self.start_timeout)
        self.wait(self._is_healthy, self.start_timeout, "Airflow did not come alive")

    def start_before_scheduler(self) -> None:
        """Start the parts that have to be there when the scheduler starts."""
        for part in BEFORE_SCHEDULER_3 if self.is_3 else BEFORE_SCHEDULER_2:
            # Without their log servers no port is opened beside the API's: the logs are read as files.
            self.start_part(part, *(["--skip-serve-logs"] if part == "triggerer" else []))

    def stop(self) -> None:
        """End every process, politely first, and remove a temporary home. May be called twice."""
        with no_interruption():
            self.end_parts()
            self.database.stop()
            if self._temporary:
                self._temporary.cleanup()

    def _is_healthy(self) -> bool:
        jobs = {row["job_type"] for row in self.query("SELECT job_type FROM job WHERE state = 'running'")}
        return all(JOBS[part] in jobs for part in self._processes if part in JOBS)

    def _api_answers(self) -> bool:
        try:
            self._token = str(self.rest("GET", "/auth/token")["access_token"])
        except OSError:
            return False
        return True

    # What can be asked of it

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
        Start a run of a DAG, once the DAG has been parsed, and return the run's id.

        :param logical_date: on Airflow 3 a run has none if this is None; on 2.11 it is then the current time
        :param timeout: seconds until the DAG must be known
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
        Wait until a DAG has been parsed.

        :raises StackError: at once if a DAG file cannot be imported, or when the time is up
        """

        def known() -> bool:
            for row in self.query("SELECT filename, stacktrace FROM import_error"):
                raise StackError(f"{row['filename']} cannot be imported:\n{row['stacktrace']}")
            return bool(self.query("SELECT 1 FROM serialized_dag WHERE dag_id = ?", dag_id))

        self.wait(known, timeout, f"The DAG {dag_id} was not parsed")

    def wait_for_run(self, dag_id: str, run_id: str, timeout: float = 180.0) -> str:
        """Wait until a run has ended and return ``success`` or ``failed``; :raises StackError: it has not in time."""
        self.wait(
            lambda: self.run_state(dag_id, run_id) in FINAL,
            timeout,
            f"The run {run_id} of {dag_id} did not end",
        )
        return str(self.run_state(dag_id, run_id))

    def rest(
        self, method: str, path: str, body: Mapping[str, object] | None = None, timeout: float = 120.0, tries: int = 5
    ) -> dict[str, Any]:
        """Ask the REST API; :raises StackError: if it refuses."""
        request = urllib.request.Request(
            f"{self.url}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "Authorization": f"Bearer {self._token}"},
        )
        # Proxies are for the rest of the world.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        while True:
            try:
                with opener.open(request, timeout=timeout) as answer:
                    parsed: dict[str, Any] = json.load(answer)
                    return parsed
            except urllib.error.HTTPError as error:
                told, tries = error.read()[:2000], tries - 1
                # The API server writes on its event loop. On SQLite that can wait for a worker's request which waits
                # for the event loop; it gives up then, with nothing written.
                if not tries or b"Database error" not in told:
                    raise StackError(f"{method} {path}: {error.code} {told!r}") from error
