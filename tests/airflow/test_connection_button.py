# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The Test button of Airflow 3.3, with the requests that its form sends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import airflow
import pytest

from airflow_provider_streamkap.testing import StreamkapSimulator

pytestmark = pytest.mark.skipif(
    tuple(map(int, airflow.__version__.split(".")[:2])) < (3, 3), reason="earlier forms send other requests"
)

# Saves a connection as the form does, then tests it with the fields that the connection list returns.
PRESS = """
import json, sys
from airflow.api_fastapi.app import create_app
from fastapi.testclient import TestClient

saved = json.loads(sys.argv[1])
with TestClient(create_app(), raise_server_exceptions=False) as client:
    token = client.get("/auth/token").json()["access_token"]
    client.headers["Authorization"] = f"Bearer {token}"
    assert client.post("/api/v2/connections", json=saved).status_code == 201
    (listed,) = client.get("/api/v2/connections").json()["connections"]
    body = {name: listed[name] or "" for name in ("connection_id", "conn_type", "description", "host", "login",
            "password", "schema")}
    # A number in the form's JavaScript, where no port is 0.
    body |= {"extra": listed["extra"] or "{}", "port": listed["port"] or 0}
    response = client.post("/api/v2/connections/test", json=body)
    print(json.dumps([response.status_code, response.json()]))
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Create an Airflow home where every user is an administrator, and return its environment."""
    env = {
        **os.environ,
        "AIRFLOW_HOME": str(tmp_path_factory.mktemp("button")),
        "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    subprocess.run([sys.executable, "-m", "airflow", "db", "migrate"], check=True, capture_output=True, env=env)
    return env


def test_saved_connection_with_port_can_be_tested(home: dict[str, str], streamkap: StreamkapSimulator) -> None:
    host, _, port = streamkap.url.rpartition(":")
    saved: dict[str, Any] = {
        "connection_id": "streamkap_default",
        "conn_type": "streamkap",
        "host": host,
        "port": int(port),
        "login": streamkap.client_id,
        "password": streamkap.secret,
    }
    done = subprocess.run(
        [sys.executable, "-c", PRESS, json.dumps(saved)], capture_output=True, text=True, check=True, env=home
    )
    status, response = json.loads(done.stdout.splitlines()[-1])
    assert status == 200, response
    assert response["status"] is True
    assert response["message"].startswith("Connected to ")
