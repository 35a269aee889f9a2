# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""A hundred waits in progress, and what must hold after each failure."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from airflow_provider_streamkap.testing import StreamkapSimulator
from tests.distributed.cases import DESTINATIONS, INTERVAL, WAITS, WAITS_DAG
from tests.distributed.cluster import TRIGGERERS, Cluster
from tests.distributed.wait_records import Key, Promise, owners, promises
from tests.system.dag_runs import Run

# For a machine with two slow cores and other load.
PATIENCE = 240.0


@dataclass(frozen=True)
class LongWaits:
    """The waits and their environment.

    :param cluster: the Airflow.
    :param streamkap: the simulator.
    :param run: the run with the hundred waits.
    :param promises: what must not change, by wait.
    """

    cluster: Cluster
    streamkap: StreamkapSimulator
    run: Run
    promises: Mapping[Key, Promise | None]

    def polls(self, since: float) -> Counter[str]:
        """Count the successful polls of each destination after a given time."""
        found = [
            one.path.split("/")[2]
            for one in self.streamkap.requests
            if one.at >= since and _is_poll(one.path) and one.status == 200
        ]
        return Counter(found)

    def check_progress(self) -> float:
        """Wait until every destination was polled three times for all waits in live triggerers, then check the waits.

        :returns: polls per second during that time.
        """
        cluster = self.cluster

        def all_run() -> bool:
            owned = owners(cluster, self.run)
            return owned.total() == WAITS and None not in owned

        cluster.wait(all_run, PATIENCE, "Some waits are run by nobody")
        since = time.time()
        cluster.wait(
            lambda: all(self.polls(since)[id_] >= 3 for id_ in DESTINATIONS), PATIENCE, "Some waits do not go on"
        )
        seconds = time.time() - since
        poll_count = sum(_is_poll(one.path) for one in self.streamkap.requests if since <= one.at < since + seconds)
        # Every wait is unchanged: none has fired, none is lost, and no deadline has moved.
        assert promises(cluster, self.run) == self.promises
        # Each triggerer polls a destination once per interval for all of its waits; waits that arrived at different
        # times share a poll that is up to half an interval early. Without sharing there would be far more polls.
        rounds = seconds / INTERVAL + 1
        assert poll_count <= 2 * len(TRIGGERERS) * len(DESTINATIONS) * rounds
        return poll_count / seconds


def _is_poll(path: str) -> bool:
    return path.endswith("/metrics")


def defer_all(cluster: Cluster, streamkap: StreamkapSimulator) -> LongWaits:
    """Start the run and return once all of its waits are in the triggerers."""
    cluster.trigger_dag(WAITS_DAG, run_id="waits")
    run = Run(cluster, WAITS_DAG, "waits")

    def deferred() -> bool:
        states = Counter(task.state for task in run.tasks)
        return states == Counter(deferred=WAITS)

    cluster.wait(deferred, 2 * PATIENCE, "Not all waits are deferred")
    return LongWaits(cluster, streamkap, run, promises(cluster, run))
