# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The connection test: actionable messages without secrets."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest

from airflow_provider_streamkap.hooks.streamkap import StreamkapHook
from airflow_provider_streamkap.testing import Fault, StreamkapSimulator, scenarios


@pytest.fixture
def project(streamkap: StreamkapSimulator, monkeypatch: pytest.MonkeyPatch) -> StreamkapSimulator:
    """Add a destination and set a connection with the default number of attempts."""
    monkeypatch.setenv("AIRFLOW_CONN_STREAMKAP_DEFAULT", streamkap.airflow_connection())
    streamkap.add("d1", scenarios.steady())
    return streamkap


def answer() -> tuple[bool, str]:
    """Run the connection test."""
    well, said = StreamkapHook().test_connection()
    assert "\n" not in said
    return well, said


def test_valid_connection(project: StreamkapSimulator) -> None:
    well, said = answer()
    assert well
    assert said.startswith(f"Connected to {project.url} for project ")
    assert "unknown" not in said
    assert said.endswith("Metrics can be read.")
    assert project.count("/metrics") == 1


def test_with_project_key(project: StreamkapSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_STREAMKAP_DEFAULT", project.airflow_connection(use_project_key=True))
    assert answer()[0]


def test_unreachable_host(project: StreamkapSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        connection = json.loads(project.airflow_connection()) | {"host": url}
        monkeypatch.setenv("AIRFLOW_CONN_STREAMKAP_DEFAULT", json.dumps(connection))
        well, said = answer()
    assert not well
    assert said.startswith(f"{url} cannot be reached: ")
    # A user is waiting, so there is only one attempt.
    assert "attempts" not in said


def test_host_times_out(project: StreamkapSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_STREAMKAP_DEFAULT", project.airflow_connection(timeout=0.2))
    project.inject(Fault.hang())
    well, said = answer()
    assert not well
    assert said.startswith(f"{project.url} cannot be reached: ")
    assert project.count() == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_rejected_credentials(project: StreamkapSimulator, status: int) -> None:
    project.refuse_credentials(status)
    well, said = answer()
    assert not well
    assert said.startswith(f"{project.url} was reached, but it rejected the credentials: ")
    assert project.count() == 1


@pytest.mark.parametrize(
    ("granted", "missing"),
    [
        (["read:destinations"], "read:destination_metrics"),
        (["read:destination_metrics"], "a permission"),
        ([], "a permission"),
    ],
)
def test_missing_permission(project: StreamkapSimulator, granted: list[str], missing: str) -> None:
    project.permissions = granted
    well, said = answer()
    assert not well
    assert said.startswith(f"Connected to {project.url} for project ")
    assert ", but a permission is missing: " in said
    assert missing in said


def test_project_without_destinations(project: StreamkapSimulator) -> None:
    project.remove("d1")
    well, said = answer()
    assert well
    assert "no destination" in said


def test_destination_without_metrics(project: StreamkapSimulator) -> None:
    project.inject(Fault.status(404), path="/metrics")
    well, said = answer()
    assert well
    assert "none yet" in said


@pytest.mark.parametrize("fault", [Fault.html(502), Fault.not_json(), Fault.empty(), Fault.status(500)])
@pytest.mark.parametrize("path", ["/auth/access-token", "/auth/whoami", "/destinations?", "/metrics"])
def test_other_service_responds(project: StreamkapSimulator, fault: Fault, path: str) -> None:
    project.inject(fault, path=path)
    well, said = answer()
    assert not well
    assert said.startswith(f"{project.url} was reached, but returned an unexpected response: ")
    assert project.count(path) == 1


def test_redirect_is_not_followed(project: StreamkapSimulator) -> None:
    project.inject(Fault.redirect("https://elsewhere.example.com/login"), path="/auth/whoami")
    well, said = answer()
    assert not well
    assert "elsewhere.example.com" in said


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"login": "", "password": ""}, "no credentials"),
        ({"host": "ftp://api.example.com"}, "host"),
        ({"host": "http://api.example.com"}, "allow_http"),
        ({"extra": {"timeout": "soon"}}, "timeout"),
    ],
)
def test_malformed_connection(
    project: StreamkapSimulator, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], named: str
) -> None:
    connection = json.loads(project.airflow_connection()) | change
    monkeypatch.setenv("AIRFLOW_CONN_STREAMKAP_DEFAULT", json.dumps(connection))
    well, said = answer()
    assert not well
    assert named in said
    # Airflow tests a form under a generated connection id.
    assert "Connection 'streamkap_default'" not in said
    assert project.count() == 0


def test_other_server_is_not_reported_as_rejected_credentials(project: StreamkapSimulator) -> None:
    project.inject(Fault.status(405), path="/auth/access-token")
    well, said = answer()
    assert not well
    assert said.startswith(f"{project.url} was reached, but returned an unexpected response: ")
    assert "does not look like the Streamkap API; check the host" in said


def test_unknown_extra_key_is_mentioned(project: StreamkapSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_STREAMKAP_DEFAULT", project.airflow_connection(timout=5))
    well, said = answer()
    assert well
    assert said.endswith(
        "Metrics can be read. Note: extra key 'timout' is unknown and ignored; did you mean 'timeout'?"
    )


def test_unreachable_proxy_is_named(project: StreamkapSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = project.airflow_connection(proxies="http://me:pr0xy-pass@127.0.0.1:1")
    monkeypatch.setenv("AIRFLOW_CONN_STREAMKAP_DEFAULT", connection)
    well, said = answer()
    assert not well
    assert "connection failed through the proxy http://127.0.0.1:1 (set in proxies)" in said
    assert "pr0xy-pass" not in said


@pytest.mark.parametrize("echoed", ["secret", "project_key_base64", "client_id"])
def test_no_message_contains_secret(project: StreamkapSimulator, monkeypatch: pytest.MonkeyPatch, echoed: str) -> None:
    use_project_key = echoed.startswith("project")
    monkeypatch.setenv("AIRFLOW_CONN_STREAMKAP_DEFAULT", project.airflow_connection(use_project_key=use_project_key))
    detail = f"what is {getattr(project, echoed)} to me, {project.secret}"
    project.inject(Fault.status(401, body={"detail": detail}), path="/auth/access-token")
    well, said = answer()
    assert not well
    assert not any(secret in said for secret in project.secrets)
