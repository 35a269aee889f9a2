# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Parsing DAGs sends no requests, in the DAG processor or elsewhere."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from airflow_provider_streamkap.testing import StreamkapSimulator
from tests.system.conftest import Session
from tests.system.system_airflow import AIRFLOW_HAS_STATE_STORE, NEEDS_STORE, ROOT, SystemAirflow, examples

pytestmark = [pytest.mark.system, pytest.mark.deferrable]


def test_dag_processor_sends_no_request(session: Session) -> None:
    parsed = {row["dag_id"] for row in session.airflow.query("SELECT dag_id FROM serialized_dag")}
    assert {file.stem for file in examples()} <= parsed
    assert session.requests_while_parsing == 0


@pytest.mark.parametrize("file", examples(), ids=lambda file: file.stem)
def test_importing_example_sends_no_request(file: os.PathLike[str]) -> None:
    with StreamkapSimulator() as simulator:
        subprocess.run(
            [sys.executable, os.fspath(file)],
            check=True,
            cwd=ROOT,
            env={**os.environ, "AIRFLOW_CONN_STREAMKAP_DEFAULT": simulator.airflow_connection()},
        )
        assert (simulator.count(), simulator.connections) == (0, 0)


def test_rescheduled_sensor_needing_memory_is_rejected_without_state_store(airflow: SystemAirflow) -> None:
    error = airflow.import_errors().get(NEEDS_STORE.name, "")
    for said in (
        "stall_after and status_grace need the results of earlier polls",
        "set deferrable=True or mode='poke'",
    ):
        assert (said in error) != AIRFLOW_HAS_STATE_STORE
