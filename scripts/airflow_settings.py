# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Settings of a temporary Airflow instance, for Airflow 2.11 to 3.3.

All settings are environment variables: they override ``airflow.cfg``, child processes inherit them, and Airflow ignores
unknown ones, so one set works for all versions.
"""

from __future__ import annotations

import base64
import os
import secrets
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path

LOOPBACK = "127.0.0.1"
STREAMKAP_VARIABLES = ("STREAMKAP_HOST", "STREAMKAP_CLIENT_ID", "STREAMKAP_SECRET", "STREAMKAP_DESTINATION_ID")


def free_port() -> int:
    """Return a TCP port that is currently free on loopback."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def airflow_version(python: Path) -> tuple[int, ...]:
    """
    Return the Airflow version of an environment, such as ``(3, 3, 2)``, without importing Airflow.

    :param python: the environment's interpreter
    """
    code = "import importlib.metadata as m; print(m.version('apache-airflow'))"
    text = subprocess.run([str(python), "-c", code], check=True, capture_output=True, text=True).stdout
    return tuple(int(part) for part in text.strip().split(".")[:3])


def airflow_environment(
    python: Path,
    home: Path,
    dags_folder: Path,
    database: str,
    *,
    connections: Mapping[str, str] | None = None,
    overrides: Mapping[str, str] | None = None,
    port: int = 0,
) -> dict[str, str]:
    """
    Return the environment variables for all processes of a temporary Airflow instance.

    :param python: Python interpreter of the environment that contains Airflow
    :param home: Airflow home, for logs and generated configuration
    :param dags_folder: directory of the DAG files
    :param database: SQLAlchemy URL of the metadata database
    :param connections: connection id to connection, as URI or JSON
    :param overrides: additional variables, such as ``{"AIRFLOW__CORE__PARALLELISM": "4"}``; they take precedence
    :param port: loopback port of the API server (Airflow 3)
    """
    # Do not inherit settings of the developer's own Airflow, virtual environment or connections.
    foreign = ("AIRFLOW", "_AIRFLOW", "VIRTUAL_ENV", "PYTHONHOME", "COVERAGE_", "COV_CORE_", "PYTEST_")
    env = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(foreign) and name not in STREAMKAP_VARIABLES
    }
    bin_folder = python.parent
    url = f"http://{LOOPBACK}:{port}"
    env |= {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags_folder),
        # SequentialExecutor and the 2.11 scheduler call `airflow` by name.
        "PATH": os.pathsep.join((str(bin_folder), env.get("PATH", os.defpath))),
        # Bypass proxies for loopback, but not for the live service.
        "NO_PROXY": ",".join(filter(None, (LOOPBACK, "localhost", env.get("NO_PROXY", "")))),
        "no_proxy": ",".join(filter(None, (LOOPBACK, "localhost", env.get("no_proxy", "")))),
        # Disable Airflow's usage statistics.
        "SCARF_ANALYTICS": "false",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        # Disable color codes, which make logs hard to search.
        "NO_COLOR": "1",
        "AIRFLOW__LOGGING__COLORED_CONSOLE_LOG": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database,
        # Loading the bundled examples and connections takes seconds at every start.
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__LOAD_DEFAULT_CONNECTIONS": "False",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        # The processes start at the same time and must share these keys, so none may generate its own.
        "AIRFLOW__CORE__FERNET_KEY": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "AIRFLOW__API__SECRET_KEY": secrets.token_hex(32),
        "AIRFLOW__WEBSERVER__SECRET_KEY": secrets.token_hex(32),
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
        # Airflow 3 workers connect only to the API server. All-admins disables the login, so bind to loopback.
        "AIRFLOW__API__HOST": LOOPBACK,
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        # Tuned for two cores: few processes and short intervals. While the API server is starting, it is slow to
        # respond, and by default a worker fails its task after five seconds.
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",
        # A worker detects the end of its task with up to this delay in seconds. With the default of 5, a task that is
        # deferred or rescheduled for less is queued again before that, and the scheduler fails it.
        "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
        "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
        "AIRFLOW__SCHEDULER__PARSING_PROCESSES": "1",
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.5",
        "AIRFLOW__SCHEDULER__TRIGGER_TIMEOUT_CHECK_INTERVAL": "2",
    }
    for connection_id, connection in (connections or {}).items():
        env[f"AIRFLOW_CONN_{connection_id.upper()}"] = connection
    env |= overrides or {}
    return env
