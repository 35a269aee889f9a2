# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The waits of one run as Airflow's records tell them: who runs them, until when, and what came of them."""

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

# At the end of the name of a trigger.
_ID = re.compile(r"\(ID (\d+)\)")
_QUERY = (
    "SELECT ti.task_id, ti.map_index, ti.state, ti.try_number, ti.start_date, ti.hostname AS worker, ti.trigger_id,"
    " ti.trigger_timeout, trigger.kwargs, job.hostname AS triggerer, job.id AS job_id"
    " FROM task_instance ti LEFT JOIN trigger ON trigger.id = ti.trigger_id"
    " LEFT JOIN job ON job.id = trigger.triggerer_id WHERE ti.dag_id = ? AND ti.run_id = ?"
)


@dataclass(frozen=True)
class Promise:
    """What nothing that happens to Airflow may change about a wait.

    :param trigger: the id of its trigger: one that has fired is not there again.
    :param arguments: what its trigger was given, the deadline among it.
    :param start: when the task started.
    :param airflow_timeout: when Airflow times the deferral out.
    :param tries: how often it was tried.
    """

    trigger: int
    arguments: str
    start: dt.datetime
    airflow_timeout: dt.datetime
    tries: int


@dataclass(frozen=True)
class Wait:
    """One wait at one moment.

    :param key: its task and index.
    :param state: state of the task.
    :param worker: the machine on which it last ran.
    :param triggerer: the machine that runs its trigger.
    :param job_id: the life of that triggerer in which it does.
    :param promise: what must stay; None if it is not deferred.
    """

    key: Key
    state: str | None
    worker: str
    triggerer: str | None
    job_id: int | None
    promise: Promise | None


def waits(cluster: Cluster, run: Run) -> list[Wait]:
    """Look at all waits of a run."""
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
    """Give what must stay of each wait."""
    return {wait.key: wait.promise for wait in waits(cluster, run)}


def owners(cluster: Cluster, run: Run) -> Counter[str | None]:
    """Count the waits of each triggerer that is alive, by its name; under None those that nobody runs."""
    rows = cluster.query("SELECT MAX(id) AS id FROM job WHERE job_type = 'TriggererJob' GROUP BY hostname")
    alive = {row["id"] for row in rows}
    return Counter(wait.triggerer if wait.job_id in alive else None for wait in waits(cluster, run))


def fired(cluster: Cluster) -> Counter[int]:
    """Count how often each trigger has fired, in whichever triggerer."""
    # A triggerer writes that into the log of the task, and into its own where it has closed that one before.
    files = (*(file for file in cluster.log_files() if ".trigger." in file.name), *cluster.home.glob("triggerer-*.out"))
    found: Counter[int] = Counter()
    for file in files:
        lines = file.read_text("utf-8", "replace").splitlines()
        found.update(int(match[1]) for line in lines if "Trigger fired event" in line and (match := _ID.search(line)))
    return found
