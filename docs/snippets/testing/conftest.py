# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Fixtures for tests of DAGs: a separate Airflow and a Streamkap simulator."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

# Set these before Airflow is imported: a separate home for the tests, and the folder with your DAGs.
os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp()
os.environ["AIRFLOW__CORE__DAGS_FOLDER"] = str(Path(__file__).parents[1])
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"

from airflow_provider_streamkap.testing.pytest_plugin import streamkap_simulator


@pytest.fixture(scope="session")
def airflow_database():
    subprocess.run([sys.executable, "-m", "airflow", "db", "migrate"], check=True)


@pytest.fixture
def streamkap(streamkap_simulator, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_STREAMKAP_DEFAULT", streamkap_simulator.airflow_connection())
    return streamkap_simulator
