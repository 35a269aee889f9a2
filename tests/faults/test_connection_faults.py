# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Faults before the server is reached: connection refused, DNS failure, TLS failure."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest

from airflow_provider_streamkap.testing import StreamkapSimulator, scenarios
from tests.airflow import sensor_modes
from tests.api.certificate_authority import Authority
from tests.faults import matrix_cell as cells
from tests.faults.dropping_proxy import DroppingProxy
from tests.faults.matrix import BEFORE
from tests.faults.matrix_cell import COUNT, Cell, connection, expected, observe, simulated_clock
from tests.faults.surfaces import SimulatedClock

HOST = "streamkap.test"


@dataclass(frozen=True)
class Arranged:
    """A simulator behind a fault.

    :param simulator: the server, once it is reached.
    :param hits: counts the attempts that hit the fault; None if nothing can count them.
    :param host: URL used for the connection; None: the simulator's own.
    :param extra: fields of the connection's extra.
    """

    simulator: StreamkapSimulator
    hits: Callable[[], int] | None = None
    host: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)


Arrange = Callable[[int | None, SimulatedClock, Authority, pytest.MonkeyPatch], Any]


@contextmanager
def refused(
    times: int | None, time: SimulatedClock, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Arranged]:
    """Refuse connections until this many attempts have failed."""
    with socket.socket() as bound:
        # Bound but not listening: connections are refused, and nothing else can take the port.
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(("127.0.0.1", 0))
        simulator = StreamkapSimulator(port=bound.getsockname()[1])
        failed, fire = 0, sensor_modes.fire

        def count_failure(*_: Any) -> None:
            nonlocal failed
            failed += 1
            if failed == times:
                simulator.start()

        def fire_later(trigger: Any) -> Any:
            count_failure()
            return fire(trigger)

        # A failed attempt is followed by a backoff or a deferral.
        time.on_sleep = count_failure
        monkeypatch.setattr(sensor_modes, "fire", fire_later)
        yield Arranged(simulator)
        simulator.stop()


@contextmanager
def dns(
    times: int | None, time: SimulatedClock, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Arranged]:
    """Fail to resolve a name this many times."""
    resolve, lookups = socket.getaddrinfo, 0

    def failed() -> int:
        return lookups if times is None else min(lookups, times)

    def look_up(host: Any, *rest: Any, **more: Any) -> Any:
        nonlocal lookups
        if host not in (HOST, HOST.encode()):
            return resolve(host, *rest, **more)
        lookups += 1
        if times is None or lookups <= times:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return resolve("127.0.0.1", *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("no_proxy", "*")
    with StreamkapSimulator() as simulator:
        yield Arranged(simulator, failed, f"http://{HOST}:{urlsplit(simulator.url).port}", {"allow_http": True})


@contextmanager
def handshake(
    times: int | None, time: SimulatedClock, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Arranged]:
    """Abort this many TLS handshakes."""
    with StreamkapSimulator(ssl_context=authority.context) as simulator:
        port = urlsplit(simulator.url).port
        assert port is not None
        with DroppingProxy(port, times) as front:
            host = f"https://127.0.0.1:{front.port}"
            yield Arranged(simulator, lambda: front.hits, host, {"verify": authority.bundle})


@contextmanager
def certificate(
    times: int | None, time: SimulatedClock, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Arranged]:
    """Use a certificate from an unknown authority, which no later attempt can fix."""
    with StreamkapSimulator(ssl_context=authority.context) as simulator:
        yield Arranged(simulator, lambda: simulator.connections)


ARRANGE: dict[str, Arrange] = {"refused": refused, "dns": dns, "handshake": handshake, "certificate": certificate}


@pytest.mark.parametrize("cell", cells.of(BEFORE), ids=str)
def test_every_cell_matches_expectation(
    cell: Cell, authority: Authority, monkeypatch: pytest.MonkeyPatch, airflow_database: None
) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)
    want = expected(cell)
    with (
        simulated_clock() as time,
        ARRANGE[cell.row.arrange](COUNT[cell.times], time, authority, monkeypatch) as arranged,
    ):
        simulator = arranged.simulator
        simulator.add("d1", scenarios.steady())
        url = arranged.host or simulator.url
        monkeypatch.setenv("AIRFLOW_CONN_BEFORE", connection(simulator, **arranged.extra).replace(simulator.url, url))
        # Refused connections reach no server; the seconds slept show how many attempts there were.
        actual = observe(cell, simulator, time, "before", "d1", arranged.hits or (lambda: want.hits))
    # Attempts that failed earlier did not reach the token call.
    assert actual.tokens == want.tokens - want.hits
    assert (actual.raised, actual.hits, actual.metrics, actual.waited) == (
        want.raised,
        want.hits,
        want.metrics,
        want.waited,
    )
