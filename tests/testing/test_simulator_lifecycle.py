# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Start, stop and restart; addresses and ports; many concurrent clients."""

from __future__ import annotations

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from airflow_provider_streamkap.testing import Fault, StreamkapSimulator, scenarios
from tests.testing.support import Api, Clock


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if "simulator" in thread.name]


def test_starts_and_stops_quickly_and_leaves_nothing_behind() -> None:
    before = threads()
    simulator = StreamkapSimulator()
    begin = time.monotonic()
    for _ in range(10):
        with simulator:
            client = Api(simulator)
            client.token()
            client.close()
    assert time.monotonic() - begin < 10
    assert threads() == before
    assert "stopped" in repr(simulator)


@pytest.mark.parametrize("fault", [Fault.hang(), Fault.hang("middle"), Fault.slow(600), Fault.drip(60000)])
def test_stopping_aborts_hanging_requests(api: Api, fault: Fault) -> None:
    api.simulator.inject(fault)
    asking = threading.Thread(target=api.fails, args=("/auth/whoami",))
    asking.start()
    assert api.simulator.wait_for_requests(1)
    begin = time.monotonic()
    api.simulator.stop()
    asking.join()
    assert time.monotonic() - begin < 10


def test_restarts_on_same_port_with_same_state(api: Api) -> None:
    simulator = api.simulator
    simulator.add("d1", scenarios.draining(lag=7))
    url = simulator.url
    simulator.stop()
    simulator.stop()
    with pytest.raises(OSError, match="refused"):
        api.get("/auth/whoami")
    simulator.start()
    assert simulator.url == url
    assert api.metrics("d1")["recordsLag"] == 7


def test_cannot_be_started_twice(simulator: StreamkapSimulator) -> None:
    with pytest.raises(RuntimeError, match="already"):
        simulator.start()


def test_has_no_address_before_start() -> None:
    with pytest.raises(RuntimeError, match="start it first"):
        _ = StreamkapSimulator().url


def test_port_in_use_is_error(simulator: StreamkapSimulator) -> None:
    port = int(simulator.url.rpartition(":")[2])
    with pytest.raises(OSError, match="in use"):
        StreamkapSimulator(port=port).start()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.168.0.1", "example.org", "127.0.0.1.example.org"])
def test_listens_on_loopback_only(host: str) -> None:
    with pytest.raises(ValueError, match="loopback"):
        StreamkapSimulator(host=host)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.0.0.2", "::1"])
def test_every_loopback_address_is_accepted(host: str) -> None:
    with StreamkapSimulator(host=host) as simulator:
        client = Api(simulator)
        assert client.token().status_code == 200
        client.close()


@pytest.mark.parametrize("wrong", [-1, 65536])
def test_port_is_validated(wrong: int) -> None:
    with pytest.raises(ValueError, match="port"):
        StreamkapSimulator(port=wrong)


@pytest.mark.parametrize("wrong", [0, -1, float("nan")])
def test_lifetime_is_validated(wrong: float) -> None:
    with pytest.raises(ValueError, match="token_lifetime"):
        StreamkapSimulator(token_lifetime=wrong)


def test_many_clients_at_once(api: Api, clock: Clock) -> None:
    for number in range(20):
        api.simulator.add(f"d{number}", scenarios.sequence([5, 4, 3, 2, 1]))
    headers = dict(api.session.headers)

    def drain(number: int) -> list[float]:
        client = Api(api.simulator)
        client.session.headers.update(headers)
        seen = [client.metrics(f"d{number}")["recordsLag"] for _ in range(5)]
        client.close()
        return seen

    with ThreadPoolExecutor(10) as pool:
        assert list(pool.map(drain, range(20))) == [[5, 4, 3, 2, 1]] * 20
    assert api.simulator.count("/metrics") == 100
    numbers = [record.number for record in api.simulator.requests]
    assert numbers == sorted(set(numbers))


def test_invalid_requests_do_not_affect_other_clients(api: Api) -> None:
    host, _, port = api.simulator.url.removeprefix("http://").partition(":")
    for nonsense in (b"", b"\x16\x03\x01", b"GET\r\n\r\n", b"GET / HTTP/1.1\r\nContent-Length: 9\r\n\r\nx"):
        with socket.create_connection((host, int(port)), timeout=5) as connection:
            connection.sendall(nonsense)
    assert api.get("/auth/whoami").status_code == 200
