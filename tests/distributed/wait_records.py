# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The waits of one run in Airflow's records: who runs them, their deadlines and their outcomes."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from scripts.airflow_records import moment
from tests.distributed.cluster import Cluster
from tests.system.dag_runs import Run
from tests.system.long_wait import decrypted

Key = tuple[str, int]
"""A task and its index."""

# At the end of a trigger's name.
_ID = re.compile(r"\(ID (\d+)\)")
_QUERY = (
    "SELECT ti.task_id, ti.map_index, ti.state, ti.try_number, ti.start_date, ti.hostname AS worker, ti.trigger_id,"
    " ti.trigger_timeout, trigger.kwargs, job.hostname AS triggerer, job.id AS job_id"
    " FROM task_instance ti LEFT JOIN trigger ON trigger.id = ti.trigger_id"
    " LEFT JOIN job ON job.id = trigger.triggerer_id WHERE ti.dag_id = ? AND ti.run_id = ?"
)


@dataclass(frozen=True)
class Promise:
    """The properties of a wait that must not change, whatever happens to Airflow.

    :param trigger: the id of its trigger, which is gone once it has fired.
    :param arguments: its trigger's arguments, including the deadline.
    :param start: when the task started.
    :param airflow_timeout: when Airflow's own timeout ends the deferral.
    :param tries: number of tries.
    """

    trigger: int
    arguments: str
    start: dt.datetime
    airflow_timeout: dt.datetime
    tries: int


@dataclass(frozen=True)
class Wait:
    """One wait at one point in time.

    :param key: its task id and map index.
    :param state: state of the task.
    :param worker: the host on which it last ran.
    :param triggerer: the host that runs its trigger.
    :param job_id: the job of that triggerer.
    :param promise: what must not change; None if it is not deferred.
    """

    key: Key
    state: str | None
    worker: str
    triggerer: str | None
    job_id: int | None
    promise: Promise | None


def waits(cluster: Cluster, run: Run) -> list[Wait]:
    """Return all waits of a run."""
    found = []
    for row in cluster.query(_QUERY, run.dag_id, run.run_id):
        promise = None
        if row["state"] == "deferred" and row["trigger_id"] is not None:
            promise = Promise(
                row["trigger_id"],
                decrypted(cluster, row["kwargs"]),
                moment(row["start_date"]),
                moment(row["trigger_timeout"]),
                row["try_number"],
            )
        key = (row["task_id"], row["map_index"])
        found.append(Wait(key, row["state"], row["worker"], row["triggerer"], row["job_id"], promise))
    return found


def promises(cluster: Cluster, run: Run) -> Mapping[Key, Promise | None]:
    """Return what must not change, by wait."""
    return {wait.key: wait.promise for wait in waits(cluster, run)}


def owners(cluster: Cluster, run: Run) -> Counter[str | None]:
    """Count the waits of each live triggerer by host name; None counts those without one."""
    rows = cluster.query("SELECT MAX(id) AS id FROM job WHERE job_type = 'TriggererJob' GROUP BY hostname")
    alive = {row["id"] for row in rows}
    return Counter(wait.triggerer if wait.job_id in alive else None for wait in waits(cluster, run))


def fired(cluster: Cluster) -> Counter[int]:
    """Count how often each trigger has fired, in any triggerer."""
    # A triggerer logs this to the task's log, or to its own log if it has already closed the former.
    files = (*(file for file in cluster.log_files() if ".trigger." in file.name), *cluster.home.glob("triggerer-*.out"))
    found: Counter[int] = Counter()
    for file in files:
        lines = file.read_text("utf-8", "replace").splitlines()
        found.update(int(match[1]) for line in lines if "Trigger fired event" in line and (match := _ID.search(line)))
    return found
