# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The shell commands on the connection page create the documented connection."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from airflow_provider_streamkap.hooks._connection import StreamkapConnection
from airflow_provider_streamkap.hooks.streamkap import StreamkapHook
from tests.docs.pages import SNIPPETS


def connection_after(script: str, monkeypatch: pytest.MonkeyPatch) -> StreamkapConnection:
    """Run a script, import its exported variables, and read the connection."""
    command = ["sh", "-c", '. "$1"; exec env -0', "sh", str(SNIPPETS / script)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env={"PATH": os.environ["PATH"]})
    exported = dict(pair.split("=", 1) for pair in done.stdout.split("\0") if "=" in pair)
    for name, value in exported.items():
        if "STREAMKAP" in name:
            monkeypatch.setenv(name, value)
    return StreamkapHook().connection()


def test_connection_in_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = connection_after("connection_environment.sh", monkeypatch).settings
    assert settings.base_url == "https://api.streamkap.com"
    assert settings.credentials.token_request() == {"client_id": "my-client-id", "secret": "my-secret"}
    assert settings.timeout == 20
    assert settings.proxy_map == {"https": "http://proxy.example:3128"}


def test_connection_completed_by_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = connection_after("connection_vendor_environment.sh", monkeypatch).settings
    assert settings.base_url == "https://api.streamkap.com"
    assert settings.credentials.token_request() == {"client_id": "my-client-id", "secret": "my-secret"}


@pytest.mark.system
def test_connections_from_command_line(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "AIRFLOW_HOME": str(tmp_path),
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])),
    }

    def run(*command: str) -> str:
        return subprocess.run(command, check=True, capture_output=True, text=True, cwd=tmp_path, env=environment).stdout

    (tmp_path / "project-key.json").write_text('{"api": {"client_id": "id", "client_secret": "s"}}', encoding="utf-8")
    run("airflow", "db", "migrate")
    run("sh", "-e", str(SNIPPETS / "connection_cli.sh"))
    exported = tmp_path / "connections.json"
    run("airflow", "connections", "export", str(exported))
    created = json.loads(exported.read_text(encoding="utf-8"))
    pair, key = created["streamkap_default"], created["streamkap_other"]
    assert (pair["conn_type"], pair["login"], pair["password"]) == ("streamkap", "my-client-id", "my-secret")
    assert json.loads(pair["extra"]) == {"timeout": 20}
    assert json.loads(key["password"]) == {"api": {"client_id": "id", "client_secret": "s"}}
    assert not key["login"]
