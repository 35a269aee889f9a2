# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""A hundred waits while parts of a distributed Airflow are lost, one after the other."""

from __future__ import annotations

import datetime as dt
import time
from collections import Counter

import pytest

from airflow_provider_streamkap.testing import scenarios
from tests.distributed.cases import COUNTED, DEADLINE_DAG, DESTINATIONS, LATE_SECONDS, POOL, WAITS, destination
from tests.distributed.cluster import TRIGGERERS, WORKERS
from tests.distributed.long_waits import PATIENCE, LongWaits
from tests.distributed.wait_records import Key, fired, owners, waits
from tests.system.dag_runs import Run

pytestmark = pytest.mark.distributed

_FAILED = "SELECT task_id, map_index, hostname FROM task_instance_history WHERE dag_id = ? AND run_id = ?"
_WRITTEN = "SELECT COUNT(*) AS number FROM xcom WHERE dag_id = ? AND run_id = ? AND key = 'return_value'"
POLLS = 10
"""Of a destination in each triggerer, more than all of its waits together need to end."""
SLACK = 60
"""Seconds by which a slow machine may be late."""


def test_hundred_waits_are_deferred_and_share_polls(long_waits: LongWaits) -> None:
    assert len(long_waits.promises) == WAITS
    assert None not in long_waits.promises.values()
    rate = long_waits.check_progress()
    # The distribution is random: the first triggerer to look takes what is available.
    assert set(owners(long_waits.cluster, long_waits.run)) <= set(TRIGGERERS)
    pool = long_waits.cluster.rest("GET", f"/api/v2/pools/{POOL}")
    assert (pool["deferred_slots"], pool["open_slots"]) == (COUNTED, 0)
    print(f"{rate:.1f} polls in a second for {dict(owners(long_waits.cluster, long_waits.run))}")
    assert long_waits.cluster.ended == []


def test_waits_survive_triggerer_kill(long_waits: LongWaits) -> None:
    cluster = long_waits.cluster
    cluster.trigger_dag(DEADLINE_DAG, run_id="late")
    late = Run(cluster, DEADLINE_DAG, "late")

    def deferred() -> bool:
        found = owners(cluster, late)
        return found.total() == 1 and None not in found

    cluster.wait(deferred, LATE_SECONDS / 2, "The wait with a deadline is not deferred")
    shares = owners(cluster, long_waits.run)
    owner = {wait.key[0]: wait.triggerer for wait in waits(cluster, late)}["late"]
    if not shares[owner]:
        (owner,) = shares
    assert owner in TRIGGERERS
    (other,) = set(TRIGGERERS) - {owner}
    mine = shares[owner]
    assert mine > 0
    killed = time.time()
    cluster.kill_part(owner)
    cluster.wait(
        lambda: {wait.triggerer for wait in waits(cluster, long_waits.run)} == {other}, PATIENCE, "Nobody takes over"
    )
    print(f"{mine} waits of {owner} were taken over {time.time() - killed:.0f} s after it was killed")
    long_waits.check_progress()
    cluster.launch(owner)
    cluster.wait_for_run(DEADLINE_DAG, "late", LATE_SECONDS + PATIENCE)
    assert late.states == {"late": "failed"}
    for task in late.tasks:
        (error,) = filter(None, late.raised(task.task_id))
        assert error.kind == "AirflowSensorTimeout"
        assert task.seconds is not None
        print(f"{task.task_id} ended after {task.seconds:.0f} s: {error.message}")
        assert LATE_SECONDS - 1 <= task.seconds < LATE_SECONDS + SLACK
        assert task.try_number == 1
    long_waits.check_progress()
    assert cluster.ended == []


def test_waits_survive_postgresql_outage(long_waits: LongWaits) -> None:
    cluster = long_waits.cluster
    before = time.time()
    cluster.postgres.halt()
    cluster.wait_out(5)
    cluster.postgres.start()
    back = dt.datetime.now(dt.UTC)
    cluster.wait(lambda: cluster.is_whole(back), PATIENCE, "Airflow does not come back")
    long_waits.check_progress()
    print(f"all went on {time.time() - before:.0f} s after the outage began; parts that ended: {cluster.ended}")
    # A supervisor restarts the others; the workers, which are not affected, keep running.
    assert not {*cluster.ended} & {*WORKERS}
    cluster.ended.clear()


def test_waits_survive_streamkap_outage(long_waits: LongWaits) -> None:
    before = time.time()
    long_waits.streamkap.stop()
    long_waits.cluster.wait_out(30)
    long_waits.streamkap.start()
    long_waits.check_progress()
    print(f"all went on {time.time() - before:.0f} s after the outage began")
    assert long_waits.cluster.ended == []


def test_waits_survive_token_revocation(long_waits: LongWaits) -> None:
    before = long_waits.streamkap.token_calls
    since = time.time()
    long_waits.streamkap.revoke_tokens()
    long_waits.check_progress()
    refused = sum(one.status == 401 for one in long_waits.streamkap.requests if one.at >= since)
    renewed = long_waits.streamkap.token_calls - before
    print(f"{renewed} new tokens, {refused} requests refused")
    # Each triggerer requests a new token once. Polls in flight at that time were rejected, too.
    assert 1 <= renewed <= len(TRIGGERERS)
    assert 1 <= refused <= len(TRIGGERERS) * len(DESTINATIONS)
    assert long_waits.cluster.ended == []


def test_worker_killed_while_resuming_tasks_and_all_succeed(long_waits: LongWaits) -> None:
    cluster, run = long_waits.cluster, long_waits.run
    victim = WORKERS[0]

    def running() -> set[Key]:
        return {wait.key for wait in waits(cluster, run) if wait.state == "running" and wait.worker == victim}

    began, requests_before = time.time(), long_waits.streamkap.count()
    for id_ in DESTINATIONS:
        long_waits.streamkap.set(id_, scenarios.steady())
    lost: set[Key] = set()
    while not lost:
        # Nothing is left of its work if all of its tasks ended at that moment.
        cluster.wait(lambda: bool(running()), PATIENCE, "The worker resumes nothing")
        cluster.kill_part(victim)
        lost = running()
        cluster.launch(victim)
    cluster.wait_for_run(run.dag_id, run.run_id, 3 * PATIENCE)
    print(f"a worker was killed while it resumed {len(lost)} tasks; all had ended {time.time() - began:.0f} s later")
    assert run.state == "success"
    assert Counter(task.state for task in run.tasks) == Counter(success=WAITS)
    # Only the tasks of that worker were retried, once.
    failed = cluster.query(_FAILED, run.dag_id, run.run_id)
    assert {row["hostname"] for row in failed} <= {victim}
    retried = {(task.task_id, task.map_index): task.try_number for task in run.tasks if task.try_number > 1}
    assert retried == {(row["task_id"], row["map_index"]): 2 for row in failed}
    print(f"tried again: {len(retried)}")
    counts = fired(cluster)
    assert {promise.trigger for promise in long_waits.promises.values() if promise is not None} <= counts.keys()
    assert set(counts.values()) == {1}
    for task_id, map_index in long_waits.promises:
        snapshot = run.xcom(task_id, map_index=map_index)
        assert snapshot["destination_id"] == destination(map_index)
        assert snapshot["data"]["recordsLag"] == 0
    written = cluster.query(_WRITTEN, run.dag_id, run.run_id)
    assert written == [{"number": WAITS}]
    # The last polls of the waits; for a retried task its token, its checks before deferring and its trigger's polls.
    assert long_waits.streamkap.count() - requests_before <= POLLS * len(TRIGGERERS) * len(DESTINATIONS) + 20 * len(
        retried
    )
    assert cluster.ended == []
