# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Tests of the quickstart DAG; each test runs the whole DAG."""

import pytest
from airflow.models import DagBag

from airflow_provider_streamkap.testing import Fault, scenarios

ORDERS = "67ad6e0af08a2365c729ba79"


@pytest.fixture
def run(airflow_database):
    """Return a function that runs the DAG in this process and returns the state of each task."""

    def run():
        dag = DagBag().get_dag("after_streamkap")
        wait = dag.get_task("wait_until_drained")
        wait.poke_interval = wait.confirm_interval = 0.1
        # By default, the sensor requires points of the timeseries, which has only one per minute.
        wait.lag_source = "latest"
        return {ti.task_id: ti.state for ti in dag.test().get_task_instances()}

    return run


def test_transforms_after_draining(streamkap, run):
    streamkap.add(ORDERS, scenarios.draining(lag=20, rate=10))
    assert run() == {"wait_until_drained": "success", "transform": "success"}


def test_survives_an_outage(streamkap, run):
    streamkap.add(ORDERS, scenarios.sequence([120, 40, 0, 0]))
    streamkap.inject(Fault.status(503), path="/metrics", times=2)
    assert run() == {"wait_until_drained": "success", "transform": "success"}


def test_fails_on_broken_destination(streamkap, run):
    streamkap.add(ORDERS, scenarios.broken())
    assert run() == {"wait_until_drained": "failed", "transform": "upstream_failed"}
