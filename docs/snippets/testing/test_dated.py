# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Test a wait for lag measured after a given time, with a clock that runs sixty times as fast."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from airflow.models import DagBag

from airflow_provider_streamkap.hooks._clients import ClientClock, shared_clients
from airflow_provider_streamkap.testing import StreamkapSimulator, scenarios

ORDERS = "67ad6e0af08a2365c729ba79"


@pytest.fixture
def fast_streamkap(monkeypatch):
    start = time.time()

    def clock():
        return start + (time.time() - start) * 60

    fast = ClientClock(wall=lambda: datetime.fromtimestamp(clock(), UTC))
    monkeypatch.setattr(shared_clients, "clock", fast)
    with StreamkapSimulator(clock=clock) as simulator:
        monkeypatch.setenv("AIRFLOW_CONN_STREAMKAP_DEFAULT", simulator.airflow_connection())
        yield simulator


def test_succeeds_on_lag_measured_after_given_time(airflow_database, fast_streamkap):
    fast_streamkap.add(ORDERS, scenarios.steady(), age=3600)
    dag = DagBag().get_dag("after_streamkap")
    wait = dag.get_task("wait_until_drained")
    wait.observed_after = datetime.now(UTC) - timedelta(minutes=30)
    wait.poke_interval = wait.confirm_interval = 0.2
    assert {ti.state for ti in dag.test().get_task_instances()} == {"success"}
