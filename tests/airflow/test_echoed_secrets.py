# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Secrets that the service echoes do not reach logs, XComs or exceptions."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_streamkap._compat import AirflowException
from airflow_provider_streamkap.hooks._clients import shared_clients
from airflow_provider_streamkap.hooks.streamkap import StreamkapHook
from airflow_provider_streamkap.operators.streamkap import StreamkapDestinationMetricsOperator
from airflow_provider_streamkap.testing import Fault, StreamkapSimulator, scenarios
from tests.airflow.leaks import leaks
from tests.airflow.log_capture import Logged
from tests.airflow.sensor_modes import MODES, TaskInstance, run, sensor

ECHOES: dict[str, Any] = {
    "400 text": lambda said: Fault.status(400, body={"detail": f"cannot serve {said}"}),
    "403 list": lambda said: Fault.status(403, body={"detail": [{"loc": ["header", said], "msg": said, "type": said}]}),
    "422 object": lambda said: Fault.status(422, body={"detail": {"headers": {"Authorization": said}, said: said}}),
    "500 text": lambda said: Fault.status(500, body=f"Traceback: {said}".encode()),
    "502 page": lambda said: Fault.status(502, body=f"<html><title>Bad {said}</title>{said}</html>".encode()),
    "200 no JSON": lambda said: Fault.status(200, body=f"{said} is no JSON".encode()),
    "200 odd JSON": lambda said: Fault.json({"data": said, "headers": said}),
    "redirect": lambda said: Fault.redirect(f"https://user:{said}@elsewhere.example.com/{said}?token={said}"),
    "request id": lambda said: Fault.status(503, headers={"X-Request-Id": said}),
}


def said_by(streamkap: StreamkapSimulator) -> str:
    """Sign in and return every secret that the service has received and could echo."""
    streamkap.add("d1", scenarios.steady())
    hook = StreamkapHook()
    hook.get_destination_metrics("d1")
    # An earlier simulator can have had the same port, but not the same credentials.
    session = shared_clients.sessions[hook.connection().settings]
    assert session._token
    assert session._token.access in streamkap.secrets
    credentials = hook.connection().settings.credentials
    return " and ".join([session._token.access, *credentials.secrets()])


def ended(mode: str, ti: TaskInstance) -> tuple[Any, BaseException]:
    """Run a failing task and return it with its exception."""
    context: Any = {"ti": ti}
    operator = StreamkapDestinationMetricsOperator(task_id="shot", destination_id="d1")
    waiting = sensor("poke" if mode == "operator" else mode, max_poll_failures=1)
    with pytest.raises(AirflowException) as caught:
        operator.execute(context) if mode == "operator" else run(waiting, ti)
    return operator if mode == "operator" else waiting, caught.value


@pytest.mark.parametrize("mode", ["poke", "deferred", "operator"])
@pytest.mark.parametrize("echo", ECHOES)
def test_secrets_echoed_by_service_are_hidden(
    streamkap: StreamkapSimulator, monkeypatch: pytest.MonkeyPatch, logged: Logged, echo: str, mode: str
) -> None:
    # A project key contains a secret, which could be echoed as well.
    connection = streamkap.airflow_connection(max_attempts=1, use_project_key=True)
    monkeypatch.setenv("AIRFLOW_CONN_STREAMKAP_DEFAULT", connection)
    streamkap.inject(ECHOES[echo](said_by(streamkap)), path="/metrics", times=None)
    ti = TaskInstance()
    task, error = ended(mode, ti)
    assert leaks(streamkap, logged, ti, error, task) == []


@pytest.mark.parametrize("mode", ["poke", "deferred", "operator"])
@pytest.mark.parametrize("path", ["/metrics", "/auth/access-token"])
def test_retry_log_contains_no_secret(
    streamkap: StreamkapSimulator, monkeypatch: pytest.MonkeyPatch, logged: Logged, path: str, mode: str
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_STREAMKAP_DEFAULT", streamkap.airflow_connection(max_attempts=2))
    body: dict[str, Any] = {"detail": f"too busy for {said_by(streamkap)}"}
    streamkap.revoke_tokens()
    streamkap.inject(Fault.status(429, retry_after=0, body=body), path=path, times=None)
    ti = TaskInstance()
    task, error = ended(mode, ti)
    assert any("too busy for ***" in line and "attempt 1 of 2" in line for line in logged.lines)
    assert leaks(streamkap, logged, ti, error, task) == []


@pytest.mark.parametrize("mode", MODES)
def test_error_for_invalid_connection_contains_no_secret(
    streamkap: StreamkapSimulator, monkeypatch: pytest.MonkeyPatch, logged: Logged, mode: str
) -> None:
    connection = json.loads(streamkap.airflow_connection()) | {"host": f"https://{streamkap.secret}@api.example.com"}
    monkeypatch.setenv("AIRFLOW_CONN_STREAMKAP_DEFAULT", json.dumps(connection))
    ti, task = TaskInstance(), sensor(mode)
    logged.lines.append("the lines follow")
    with pytest.raises(AirflowException) as caught:
        run(task, ti)
    assert leaks(streamkap, logged, ti, caught.value, task) == []
