# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Hosts with several addresses: all share one timeout, and each gets a part of it."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from urllib.parse import urlsplit

import pytest

from airflow_provider_streamkap.api import (
    ClientSettings,
    Credentials,
    MetricsQuery,
    StreamkapClient,
    StreamkapConnectionError,
    StreamkapTimeoutError,
)
from airflow_provider_streamkap.testing import StreamkapSimulator, scenarios
from tests.api.support import CREDENTIALS

HOST = "api.several-addresses.test"


@contextmanager
def silent(host: str, port: int = 0) -> Iterator[int]:
    """Open a port that does not respond to connection attempts."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind((host, port))
        listener.listen(0)
        # Linux drops further attempts when the backlog is full.
        for _ in range(4):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            with suppress(BlockingIOError):
                client.connect(("127.0.0.1" if host == "0.0.0.0" else host, listener.getsockname()[1]))
        yield listener.getsockname()[1]


def resolve(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """Resolve the host name to these addresses."""
    real = socket.getaddrinfo

    def look_up(host: str, port: int, *rest: object, **more: object) -> object:
        if host != HOST:
            return real(host, port, *rest, **more)  # type: ignore[arg-type]
        return [found for address in addresses for found in real(address, port, *rest, **more)]  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("no_proxy", "*")


def settings(port: int, timeout: float, credentials: Credentials = CREDENTIALS) -> ClientSettings:
    return ClientSettings(
        credentials, base_url=f"http://{HOST}:{port}", timeout=timeout, max_attempts=1, allow_http=True
    )


def test_timeout_is_shared_by_all_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve(monkeypatch, *(f"127.0.0.{last}" for last in range(1, 9)))
    began = time.monotonic()
    with (
        silent("0.0.0.0") as port,
        StreamkapClient(settings(port, 1)) as client,
        pytest.raises(StreamkapTimeoutError),
    ):
        client.get_destination_metrics(MetricsQuery("d1"))
    # The first one took eight seconds.
    assert time.monotonic() - began < 4


def test_unresponsive_address_leaves_time_for_next(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve(monkeypatch, "127.0.0.2", "127.0.0.1")
    with StreamkapSimulator() as simulator:
        simulator.add("d1", scenarios.steady())
        port = urlsplit(simulator.url).port
        assert port is not None
        credentials = Credentials(simulator.client_id, simulator.secret)
        with silent("127.0.0.2", port), StreamkapClient(settings(port, 4, credentials)) as client:
            assert client.get_destination_metrics(MetricsQuery("d1")).connector_status == "Active"


def test_all_addresses_refuse_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    resolve(monkeypatch, "127.0.0.1", "127.0.0.2")
    with (
        StreamkapClient(settings(port, 20)) as client,
        pytest.raises(StreamkapConnectionError, match="Connection refused"),
    ):
        client.get_destination_metrics(MetricsQuery("d1"))


def test_host_without_address(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve(monkeypatch)
    with (
        StreamkapClient(settings(1, 20)) as client,
        pytest.raises(StreamkapConnectionError, match=f"{HOST} has no address"),
    ):
        client.get_destination_metrics(MetricsQuery("d1"))
