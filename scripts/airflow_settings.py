# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The environment of a throw-away Airflow: which settings it runs under, from 2.11 to 3.3, and why.

Everything is said in environment variables: they outrank every ``airflow.cfg``, every process of one Airflow
inherits the same ones, and a version ignores a variable that it does not know, so that one set serves all.
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
    """Return a TCP port that is free on loopback at this moment."""
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
    Return the environment variables for every process of one throw-away Airflow.

    :param python: interpreter of the virtual environment that holds Airflow
    :param home: an own directory; logs and generated configuration go there
    :param dags_folder: where the DAG files are
    :param database: address of the metadata database, for SQLAlchemy
    :param connections: connection id to connection, as URI or JSON
    :param overrides: further variables, such as ``{"AIRFLOW__CORE__PARALLELISM": "4"}``; they win
    :param port: loopback port of the API server (Airflow 3)
    """
    # A developer's own Airflow, environment or connection must not leak into the one that is started here.
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
        # What is asked of this machine must not go through a proxy; what goes to the live service may.
        "NO_PROXY": ",".join(filter(None, (LOOPBACK, "localhost", env.get("NO_PROXY", "")))),
        "no_proxy": ",".join(filter(None, (LOOPBACK, "localhost", env.get("no_proxy", "")))),
        # Airflow's anonymous statistics would leave the machine.
        "SCARF_ANALYTICS": "false",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        # Colour codes make logs hard to search.
        "NO_COLOR": "1",
        "AIRFLOW__LOGGING__COLORED_CONSOLE_LOG": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database,
        # The shipped examples and connections cost seconds at every start.
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__LOAD_DEFAULT_CONNECTIONS": "False",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        # The processes start at the same time, so none may be the one that makes these up.
        "AIRFLOW__CORE__FERNET_KEY": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "AIRFLOW__API__SECRET_KEY": secrets.token_hex(32),
        "AIRFLOW__WEBSERVER__SECRET_KEY": secrets.token_hex(32),
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
        # Workers of Airflow 3 speak with the API server only. All-admins lets anybody in, hence loopback.
        "AIRFLOW__API__HOST": LOOPBACK,
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        # Two cores and one person waiting: few processes, short pauses, and patience with an API server that
        # is busy starting. A worker gives up its task after five seconds otherwise.
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",
        # A worker notes up to this many seconds late that its task has ended. With the usual five, a task that is
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
