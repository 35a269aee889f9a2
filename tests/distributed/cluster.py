# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""A distributed Airflow: two triggerers, two Celery workers, Redis and PostgreSQL.

Every part has a name, which Airflow records as its host name. As on real machines, a supervisor restarts parts
that have exited, and counts the restarts.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from scripts.airflow_database import Postgres
from scripts.airflow_parts import StackError
from scripts.airflow_stack import AirflowStack
from scripts.stop_signals import no_interruption
from tests.distributed import hostnames
from tests.distributed.broker import Redis

ROOT = Path(__file__).parents[2]
DAGS = Path(__file__).parent / "dags"
TRIGGERERS = ("triggerer-1", "triggerer-2")
WORKERS = ("worker-1", "worker-2")
POOL = "waits"
SLOTS = 2
"""Tasks that each worker runs at once: starting one takes a core for seconds."""

# Number of exits after which a part is not restarted.
_TOO_OFTEN = 40
_COMMANDS: Mapping[str, tuple[str, ...]] = {
    "api-server": ("api-server",),
    "dag-processor": ("dag-processor",),
    "scheduler": ("scheduler", "--skip-serve-logs"),
    **dict.fromkeys(TRIGGERERS, ("triggerer", "--skip-serve-logs")),
    **{
        name: ("celery worker", "--skip-serve-logs", "--concurrency", str(SLOTS), "--celery-hostname", f"{name}@%h")
        for name in WORKERS
    },
}
_SETTINGS = {
    "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
    "AIRFLOW__CORE__HOSTNAME_CALLABLE": f"{hostnames.__name__}.{hostnames.of_part.__name__}",
    # Tasks beyond the workers' slots wait in Redis, and would be considered stuck.
    "AIRFLOW__CORE__PARALLELISM": "8",
    "AIRFLOW__CORE__MAX_ACTIVE_TASKS_PER_DAG": "128",
    # Losses are noticed within seconds: of a triggerer, of a task running in a worker, and of a task that a worker has
    # taken from Redis and not started.
    "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "20",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "30",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT": "60",
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT_CHECK_INTERVAL": "10",
    "AIRFLOW__CELERY__SYNC_PARALLELISM": "1",
}


class Cluster(AirflowStack):
    """The parts and their supervisor.

    :param home: directory for logs and generated files, which must be empty.
    :param connections: connection id to connection.
    """

    def __init__(self, home: Path, connections: Mapping[str, str]) -> None:
        self.redis = Redis(home)
        self.postgres = Postgres()
        self.ended: list[str] = []
        """The parts that ended by themselves, in the order in which they were found."""
        self._supervised = False
        path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        overrides = {**_SETTINGS, "PYTHONPATH": path, "AIRFLOW__CELERY__BROKER_URL": self.redis.url}
        super().__init__(
            Path(sys.executable), DAGS, connections, home=home, overrides=overrides, database=self.postgres
        )

    def start(self) -> None:
        """Start every part and return once all are alive."""
        self.redis.start()
        super().start()
        for name in WORKERS:
            self.launch(name)
        self.wait(self._workers_listen, self.start_timeout, "The workers are not ready")
        self.rest("POST", "/api/v2/pools", {"name": POOL, "slots": 20, "include_deferred": True})
        self._supervised = True

    def start_before_scheduler(self) -> None:
        """Start the parts that must run before the scheduler."""
        for name in ("api-server", "dag-processor", *TRIGGERERS):
            self.launch(name)

    def launch(self, name: str) -> None:
        """Start one part."""
        command, *options = _COMMANDS[name]
        self.start_part(command, *options, name=name)

    def start_part(self, part: str, *options: str, name: str = "", **variables: str) -> None:
        """Start one part under its own host name."""
        super().start_part(part, *options, name=name, **{hostnames.VARIABLE: name or part}, **variables)

    def stop(self) -> None:
        """Stop every process."""
        with no_interruption():
            self._supervised = False
            super().stop()
            self.redis.stop()

    def check(self, complaint: str = "Airflow is not whole") -> None:
        """Restart parts that have exited; :raises StackError: too many restarts."""
        if not self._supervised or len(self.ended) > _TOO_OFTEN:
            return super().check(complaint)
        for name in [name for name, process in self._processes.items() if process.poll() is not None]:
            self.ended.append(name)
            # Its remaining children must not keep running beside its successor.
            self.kill_part(name)
            self.launch(name)
        return None

    def _workers_listen(self) -> bool:
        return all(" ready." in (self.home / f"{name}.out").read_text("utf-8", "replace") for name in WORKERS)

    def is_whole(self, since: dt.datetime) -> bool:
        """Return whether every part with a heartbeat has sent one after a given time, and the API responds."""
        rows = self.query("SELECT hostname FROM job WHERE end_date IS NULL AND latest_heartbeat > ?", since)
        if not {"scheduler", "dag-processor", *TRIGGERERS} <= {row["hostname"] for row in rows}:
            return False
        with contextlib.suppress(OSError, StackError):
            return bool(self.rest("GET", "/api/v2/monitor/health"))
        return False

    def wait_out(self, seconds: float) -> None:
        """Wait while an outage lasts."""
        until = time.monotonic() + seconds
        self.wait(lambda: time.monotonic() >= until, seconds + 60, "The time does not pass")
