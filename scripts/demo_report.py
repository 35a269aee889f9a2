# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Console output of the demo: task state changes and polls as they happen, and a summary table."""

from __future__ import annotations

import json
import re
import textwrap
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from scripts.airflow_records import AirflowRecords, TaskInstance

# The sensor's log line for a poll: the unmet conditions, then the elapsed time. Parentheses after a name contain an id.
POLL = re.compile(r"Poll \d+: (?P<found>.*?) \((?![0-9a-f]{24}\)).*\. Elapsed (?P<elapsed>.+?) of ")
TRANSIENT_STATES = frozenset({None, "scheduled", "queued"})
METRICS = {
    "connector_status": "{}",
    "recordsLag": "lag {}",
    "latency": "latency {} ms",
    "sinkRecordSendTotal": "sent {}",
}
HEAD = ("task", "state", "tries", "took", "waited for", "result")
WIDTHS = (36, 9, 5, 7, 38, 50)


def logged(lines: Iterable[str]) -> Iterator[str]:
    """Yield the messages of an Airflow 3 log, which consists of JSON lines."""
    for line in lines:
        if line.startswith("{"):
            yield str(json.loads(line).get("event", ""))


def named(text: str, names: Mapping[str, str]) -> str:
    """Replace destination ids with names."""
    for destination_id, name in names.items():
        text = text.replace(destination_id, name)
    return text


class Progress:
    """
    Print state changes and polls since the last call.

    :param records: records of the running Airflow
    :param runs: run ids by DAG id
    :param names: destination names by id
    """

    def __init__(self, records: AirflowRecords, runs: Mapping[str, str], names: Mapping[str, str]) -> None:
        self._records = records
        self._runs = runs
        self._names = names
        self._began = time.monotonic()
        self._states: dict[tuple[str, str, int], str | None] = {}
        self._read: dict[Path, int] = {}

    def print_new(self) -> None:
        """Print new state changes and polls."""
        for dag_id, run_id in filter(all, self._runs.items()):
            for task in self._records.task_instances(dag_id, run_id):
                key = (dag_id, task.task_id, task.map_index)
                if task.state not in TRANSIENT_STATES and task.state != self._states.get(key):
                    self._states[key] = task.state
                    self._print(dag_id, task.task_id, task.map_index, str(task.state))
            for path in self._records.log_files(dag_id, run_id):
                for message in self._new(path):
                    if POLL.match(message):
                        task_id = next(part[8:] for part in path.parts if part.startswith("task_id="))
                        self._print(dag_id, task_id, -1, named(message, self._names))

    def _new(self, path: Path) -> Iterator[str]:
        with path.open("rb") as log:
            log.seek(self._read.get(path, 0))
            text = log.read()
        # Leave an incomplete last line for the next call.
        whole = text[: text.rfind(b"\n") + 1]
        self._read[path] = self._read.get(path, 0) + len(whole)
        return logged(whole.decode(errors="replace").splitlines())

    def _print(self, dag_id: str, task_id: str, map_index: int, what: str) -> None:
        elapsed = time.monotonic() - self._began
        print(f"{elapsed:5.0f} s  {dag_id}.{label(task_id, map_index)}  {what}", flush=True)


def label(task_id: str, map_index: int) -> str:
    """Return the label of a task instance."""
    return task_id if map_index < 0 else f"{task_id}[{map_index}]"


def table(records: AirflowRecords, runs: Mapping[str, str], names: Mapping[str, str]) -> str:
    """Return the table: one row per task instance, mapped ones ordered by index."""
    lines = [row(HEAD), "  ".join("-" * width for width in WIDTHS)]
    for dag_id, run_id in runs.items():
        tasks = records.task_instances(dag_id, run_id)
        order = list(dict.fromkeys(task.task_id for task in tasks))
        for task in sorted(tasks, key=lambda task: (order.index(task.task_id), task.map_index)):
            why, waited = wait(records, dag_id, run_id, task)
            got = records.xcom(dag_id, run_id, task.task_id, map_index=task.map_index)
            name = f"{dag_id.removeprefix('streamkap_')}.{label(task.task_id, task.map_index)}"
            tries = str(task.try_number) if task.start and task.try_number else ""
            took = waited or (f"{task.seconds:.1f} s" if task.seconds else "")
            lines.append(row((name, task.state or "", tries, took, named(why, names), result(got, names))))
    return "\n".join(lines)


def row(cells: tuple[str, ...]) -> str:
    """Format one row; wrap long cells."""
    columns = [textwrap.wrap(cell, width) or [""] for cell, width in zip(cells, WIDTHS, strict=True)]
    height = max(map(len, columns))
    return "\n".join(
        "  ".join(
            (column[line] if line < len(column) else "").ljust(width)
            for column, width in zip(columns, WIDTHS, strict=True)
        ).rstrip()
        for line in range(height)
    )


def wait(records: AirflowRecords, dag_id: str, run_id: str, task: TaskInstance) -> tuple[str, str]:
    """
    Return what a task waited for and for how long, from its log.

    The start date in the database does not show this: in reschedule mode, each poke resets it.
    """
    messages = sorted(logged(records.logs(dag_id, run_id, task.task_id).splitlines()), key=_number)
    polls = [found for message in messages if (found := POLL.match(message))]
    return (polls[0]["found"], polls[-1]["elapsed"]) if polls else ("", "")


def _number(message: str) -> int:
    found = re.match(r"Poll (\d+)", message)
    return int(found[1]) if found else 0


def result(got: Any, names: Mapping[str, str]) -> str:
    """Summarize the return value of a task; format snapshots as metrics."""
    if isinstance(got, dict) and isinstance(got.get("data"), dict):
        return ", ".join(text.format(value(got["data"][name])) for name, text in METRICS.items() if name in got["data"])
    if isinstance(got, dict) and "complete_through" in got:
        return f"complete through {got['complete_through'][:19]}Z, proved by {got['evidence']['source']['kind']}"
    text = named("" if got is None else got if isinstance(got, str) else json.dumps(got), names)
    return text if len(text) <= 140 else f"{text[:137]}..."


def value(item: Any) -> str:
    """Format one metric: a number, a text, or the number of points."""
    if isinstance(item, list):
        return f"({len(item)} points)"
    if isinstance(item, float) and item.is_integer():
        item = int(item)
    return f"{item:,}" if isinstance(item, int) else "unknown" if item is None else str(item)
