# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Disabled certificate verification is reported at every use of the connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest

from airflow_provider_streamkap.api.network import tls_context
from airflow_provider_streamkap.api.settings import ClientSettings
from airflow_provider_streamkap.hooks.streamkap import StreamkapHook
from airflow_provider_streamkap.testing import StreamkapSimulator, scenarios
from tests.airflow.log_capture import Logged
from tests.airflow.sensor_modes import MODES, run, sensor
from tests.api.certificate_authority import Authority
from tests.api.support import CREDENTIALS

pytestmark = pytest.mark.filterwarnings("ignore:Unverified HTTPS request")


@pytest.fixture
def secure(authority: Authority, airflow_database: None) -> Iterator[StreamkapSimulator]:
    with StreamkapSimulator(ssl_context=authority.context) as running:
        running.add("d1", scenarios.steady())
        yield running


def warning_count(logged: Logged) -> int:
    return len(logged.starting("verify is false: the certificate of 127.0.0.1 is not verified"))


def ask() -> None:
    StreamkapHook().get_destination_metrics("d1")


def aask() -> None:
    asyncio.run(StreamkapHook().aget_destination_metrics("d1"))


def together() -> None:
    async def both() -> None:
        async with StreamkapHook().aclient():
            await StreamkapHook().aget_destination_metrics("d1")

    asyncio.run(both())


@pytest.mark.parametrize(("use", "times"), [(ask, 1), (aask, 1), (together, 2)])
def test_every_hook_call_warns(
    secure: StreamkapSimulator,
    monkeypatch: pytest.MonkeyPatch,
    logged: Logged,
    use: Callable[[], None],
    times: int,
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_STREAMKAP_DEFAULT", secure.airflow_connection(verify=False))
    for number in (1, 2, 3):
        use()
        assert warning_count(logged) == number * times


@pytest.mark.parametrize("mode", MODES)
def test_every_task_and_trigger_warns(
    secure: StreamkapSimulator, monkeypatch: pytest.MonkeyPatch, logged: Logged, mode: str
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_STREAMKAP_DEFAULT", secure.airflow_connection(verify=False))
    before = 0
    for _ in range(2):
        run(sensor(mode))
        assert warning_count(logged) > before
        before = warning_count(logged)


def test_connection_test_warns(secure: StreamkapSimulator, monkeypatch: pytest.MonkeyPatch, logged: Logged) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_STREAMKAP_DEFAULT", secure.airflow_connection(verify="false"))
    for number in (1, 2):
        assert StreamkapHook().test_connection()[0]
        assert warning_count(logged) == number


def test_verified_connection_does_not_warn(
    secure: StreamkapSimulator, authority: Authority, monkeypatch: pytest.MonkeyPatch, logged: Logged
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_STREAMKAP_DEFAULT", secure.airflow_connection(verify=authority.bundle))
    ask()
    ask()
    assert warning_count(logged) == 0


@pytest.mark.parametrize(
    "name", ["PYTHONHTTPSVERIFY", "CURL_SSL_NO_VERIFY", "REQUESTS_VERIFY", "NODE_TLS_REJECT_UNAUTHORIZED", "SSL_VERIFY"]
)
@pytest.mark.parametrize("value", ["0", "false", ""])
def test_no_environment_variable_disables_verification(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    context = tls_context(ClientSettings(CREDENTIALS), None)
    assert context.check_hostname
    assert context.verify_mode.name == "CERT_REQUIRED"
