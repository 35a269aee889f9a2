# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""A hundred waits under way, and what has to be so after each failure."""

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

# Of a machine that has two slow cores and other things to do.
PATIENCE = 240.0


@dataclass(frozen=True)
class Scene:
    """What happens.

    :param cluster: the Airflow.
    :param streamkap: what is waited for.
    :param run: the run of a hundred waits.
    :param promises: what must stay of each.
    """

    cluster: Cluster
    streamkap: StreamkapSimulator
    run: Run
    promises: Mapping[Key, Promise | None]

    def polls(self, since: float) -> Counter[str]:
        """Count the polls of each destination after a moment that were answered well."""
        found = [
            one.path.split("/")[2]
            for one in self.streamkap.requests
            if one.at >= since and _is_poll(one.path) and one.status == 200
        ]
        return Counter(found)

    def go_on(self) -> float:
        """Wait until every destination is polled thrice, for all waits in triggerers that are alive; then judge.

        :returns: the polls in a second of the time in which they were waited for.
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
        asked = sum(_is_poll(one.path) for one in self.streamkap.requests if since <= one.at < since + seconds)
        # Every wait is still the same: none has fired, none is lost, and none may last longer than it might.
        assert promises(cluster, self.run) == self.promises
        # Each triggerer polls a destination once in an interval for all of its waits; waits that came at different
        # times share a poll that is up to half an interval early. Each for itself they would ask far oftener.
        rounds = seconds / INTERVAL + 1
        assert asked <= 2 * len(TRIGGERERS) * len(DESTINATIONS) * rounds
        return asked / seconds


def _is_poll(path: str) -> bool:
    return path.endswith("/metrics")


def defer_all(cluster: Cluster, streamkap: StreamkapSimulator) -> Scene:
    """Begin the run, and return once all of its waits are in the triggerers."""
    cluster.trigger_dag(WAITS_DAG, run_id="waits")
    run = Run(cluster, WAITS_DAG, "waits")

    def deferred() -> bool:
        states = Counter(task.state for task in run.tasks)
        return states == Counter(deferred=WAITS)

    cluster.wait(deferred, 2 * PATIENCE, "Not all waits are deferred")
    return Scene(cluster, streamkap, run, promises(cluster, run))
