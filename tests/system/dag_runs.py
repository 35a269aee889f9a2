# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""One DAG run in Airflow's records: states, tries, XComs, logs and exceptions."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.airflow_records import AirflowRecords, TaskInstance

# The last line of a traceback, in the format of 2.11.
_RAISED = re.compile(r"^(?:\w+\.)+(\w+): (.*)$")


@dataclass(frozen=True)
class Raised:
    """An exception that ended a try.

    :param kind: class name.
    :param message: its message.
    """

    kind: str
    message: str


@dataclass(frozen=True)
class Run:
    """One run of a DAG."""

    records: AirflowRecords
    dag_id: str
    run_id: str

    @property
    def state(self) -> str | None:
        """State of the run."""
        return self.records.run_state(self.dag_id, self.run_id)

    @property
    def tasks(self) -> list[TaskInstance]:
        """Task instances of the run."""
        return self.records.task_instances(self.dag_id, self.run_id)

    @property
    def states(self) -> dict[str, str | None]:
        """States of the task instances by task id; of mapped ones by task id and index."""
        return {
            task.task_id if task.map_index < 0 else f"{task.task_id}[{task.map_index}]": task.state
            for task in self.tasks
        }

    def task(self, task_id: str, map_index: int = -1) -> TaskInstance:
        """Return one task instance."""
        (found,) = (task for task in self.tasks if (task.task_id, task.map_index) == (task_id, map_index))
        return found

    def xcom(self, task_id: str, key: str = "return_value", map_index: int = -1) -> Any:
        """Return an XCom of a task."""
        return self.records.xcom(self.dag_id, self.run_id, task_id, key, map_index)

    def log(self, task_id: str = "") -> str:
        """Return the logs of a task, or of all tasks."""
        return self.records.logs(self.dag_id, self.run_id, task_id)

    def log_files(self, task_id: str) -> list[Path]:
        """Return the log files of a task: one for each try, and the triggers'."""
        folder = self.records.home / "logs" / f"dag_id={self.dag_id}" / f"run_id={self.run_id}" / f"task_id={task_id}"
        return sorted(path for path in folder.rglob("*.log") if path.is_file())

    def was_deferred(self, task_id: str) -> bool:
        """Return whether a task was deferred: only then is there a trigger log."""
        return any(".trigger." in path.name for path in self.log_files(task_id))

    def tries(self, task_id: str, map_index: int = -1) -> int:
        """Return the number of tries of one task instance, without those that Airflow lost."""
        return self.task(task_id, map_index).try_number - len(self._lost_tries(task_id))

    def _lost_tries(self, task_id: str) -> set[int]:
        """Return the tries that the scheduler failed although nothing was wrong.

        Before Airflow 3.3 it does so if a trigger fires before the scheduler has noticed that the worker process which
        deferred has ended, as on a busy machine.
        """
        rows = self.records.query(
            "SELECT try_number FROM log WHERE event = 'state mismatch' AND dag_id = ? AND run_id = ? AND task_id = ?",
            self.dag_id,
            self.run_id,
            task_id,
        )
        return {row["try_number"] for row in rows}

    def attempts(self, task_id: str) -> list[str]:
        """Return the log of each try, without the triggers' and without tries that Airflow lost."""
        lost = {f"attempt={number}.log" for number in self._lost_tries(task_id)}
        files = [path for path in self.log_files(task_id) if ".trigger." not in path.name]
        return [path.read_text(encoding="utf-8") for path in files if path.name not in lost]

    def raised(self, task_id: str) -> list[Raised | None]:
        """Return for each try the exception that ended it, if any."""
        return [_raised(log) for log in self.attempts(task_id)]


_SECONDS = {"ms": 0.001, "s": 1, "min": 60, "h": 3600}


def seconds_of(duration: str) -> float:
    """Return a duration in seconds that a message shows, such as ``1 min 5 s``."""
    return sum(float(figure) * _SECONDS[unit] for figure, unit in re.findall(r"([\d.]+) (ms|s|min|h)\b", duration))


def _raised(log: str) -> Raised | None:
    """Return the last exception in a log; of a chain, the one raised last."""
    found = None
    for line in log.splitlines():
        if line.startswith("{"):
            for error in json.loads(line).get("error_detail") or ():
                if not error["is_cause"]:
                    found = Raised(error["exc_type"], error["exc_value"])
        elif match := _RAISED.match(line):
            found = Raised(match[1], match[2])
    return found
