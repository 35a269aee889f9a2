# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Network failures in both clients: late, slow, truncated and garbled responses, all within the timeout."""

from __future__ import annotations

import http.client
import logging
import socket
import time
from pathlib import Path

import pytest

from airflow_provider_streamkap.api.errors import (
    StreamkapConnectionError,
    StreamkapResponseError,
    StreamkapTimeoutError,
)
from airflow_provider_streamkap.api.settings import ClientSettings
from airflow_provider_streamkap.testing import Fault, StreamkapSimulator
from tests.api.conftest import MakeClient
from tests.api.raw_servers import Serve, Wire, ok
from tests.api.support import CREDENTIALS, AnyClient, Kind, settings_for, signed_in

BODY = b'{"data": {"recordsLag": 5}, "metadata": {}}'


def asker_of(make: MakeClient, wire: Wire, timeout: float = 5.0) -> AnyClient:
    settings = ClientSettings(CREDENTIALS, base_url=wire.url, timeout=timeout, max_attempts=1)
    return make(settings, session=signed_in(settings), clock=time.monotonic)


@pytest.mark.parametrize(
    "fault",
    [Fault.slow(5), Fault.hang(), Fault.hang("body"), Fault.hang("middle"), Fault.drip(5)],
    ids=lambda fault: f"{fault.name}-{fault.stage}",
)
def test_response_arrives_in_time_or_call_times_out(
    make: MakeClient, simulator: StreamkapSimulator, fault: Fault
) -> None:
    any_client = make(settings_for(simulator, timeout=1, max_attempts=1), clock=time.monotonic)
    any_client.whoami()
    simulator.inject(fault, path="/metrics")
    started = time.monotonic()
    with pytest.raises(StreamkapTimeoutError, match=r"no complete response within 1\.0 s") as caught:
        any_client.metrics()
    assert 0.9 < time.monotonic() - started < 4.5
    assert caught.value.transient
    assert any_client.metrics().records_lag == 7


def test_remaining_time_limits_each_request(make: MakeClient, simulator: StreamkapSimulator) -> None:
    any_client = make(settings_for(simulator, timeout=30, max_attempts=3), clock=time.monotonic)
    any_client.whoami()
    simulator.inject(Fault.hang(), path="/metrics", times=None)
    started = time.monotonic()
    with pytest.raises(StreamkapTimeoutError, match=r"within 0\.\d s \(the time left until the deadline\)"):
        any_client.metrics(within=0.4)
    assert time.monotonic() - started < 20


def test_slowly_streamed_header(make: MakeClient) -> None:
    def serve(connection: socket.socket, head: bytes) -> None:
        for byte in ok(BODY):
            connection.sendall(bytes([byte]))
            if not wire.pause(0.05):
                return

    with Wire(serve) as wire:
        started = time.monotonic()
        with pytest.raises(StreamkapTimeoutError):
            asker_of(make, wire, timeout=0.4).metrics()
        assert time.monotonic() - started < 20


def test_slowly_streamed_body(make: MakeClient) -> None:
    def serve(connection: socket.socket, head: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        # Without a pause, so that there is always something to read, even when the time is up.
        while wire.pause(0):
            connection.sendall(b" ")

    with Wire(serve) as wire:
        started = time.monotonic()
        with pytest.raises(StreamkapTimeoutError):
            asker_of(make, wire, timeout=0.3).metrics()
        assert time.monotonic() - started < 20


def test_slow_response_leaves_next_call_its_full_timeout(make: MakeClient) -> None:
    def serve(connection: socket.socket, head: bytes) -> None:
        for _ in range(3):
            if not wire.pause(0.5):
                return
            connection.sendall(ok(BODY))
            connection.recv(65536)

    with Wire(serve) as wire:
        any_client = asker_of(make, wire, timeout=0.9)
        assert [any_client.metrics().records_lag for _ in range(3)] == [5, 5, 5]
        assert len(wire.lines) == 1


def send(*parts: bytes) -> Serve:
    def serve(connection: socket.socket, head: bytes) -> None:
        for part in parts:
            connection.sendall(part)

    return serve


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "parts",
    [
        [ok(BODY)],
        [b"HTTP/1.1 200 OK\r\n\r\n", BODY],
        [b"HTTP/1.0 200 OK\r\n\r\n", BODY],
        [CHUNKED, b"%x\r\n" % len(BODY), BODY, b"\r\n0\r\n\r\n"],
        [b"HTTP/1.1 100 Continue\r\n\r\n", ok(BODY)],
    ],
    ids=["length", "until-closed", "http-1.0", "chunked", "continue"],
)
def test_body_framings(make: MakeClient, parts: list[bytes]) -> None:
    with Wire(send(*parts)) as wire:
        assert asker_of(make, wire).metrics().records_lag == 5


@pytest.mark.parametrize(
    "parts",
    [
        [ok(BODY)[:-1]],
        [CHUNKED, b"%x\r\n" % len(BODY), BODY[:-1]],
    ],
    ids=["length", "chunk"],
)
def test_truncated_body(make: MakeClient, parts: list[bytes]) -> None:
    with (
        Wire(send(*parts)) as wire,
        pytest.raises(StreamkapResponseError, match="the response was truncated") as caught,
    ):
        asker_of(make, wire).metrics()
    assert caught.value.transient
    assert caught.value.status == 200


@pytest.mark.parametrize(
    "said", [b"SSH-2.0-OpenSSH_9.6\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", b"HTTP/1.1 200 OK\r\nA: " + b"x" * 99_999]
)
def test_response_that_is_not_http(make: MakeClient, said: bytes) -> None:
    with Wire(send(said)) as wire, pytest.raises(StreamkapResponseError, match="the response is not HTTP") as caught:
        asker_of(make, wire).metrics()
    assert caught.value.transient
    assert "OpenSSH" not in str(caught.value)


def test_invalid_chunk(make: MakeClient) -> None:
    # aiohttp does not notice that a connection is unusable if the header arrived in a separate packet.
    refused = pytest.raises((StreamkapResponseError, StreamkapTimeoutError))
    with Wire(send(CHUNKED, b"zz\r\n")) as wire, refused as caught:
        asker_of(make, wire, timeout=0.5).metrics()
    assert caught.value.transient


def test_connection_closed_immediately(make: MakeClient) -> None:
    with Wire(send()) as wire, pytest.raises(StreamkapConnectionError, match="connection failed") as caught:
        asker_of(make, wire).metrics()
    assert type(caught.value) is StreamkapConnectionError


def test_cookies_are_not_stored(make: MakeClient) -> None:
    heads: list[bytes] = []

    def serve(connection: socket.socket, head: bytes) -> None:
        heads.append(head)
        connection.sendall(ok(BODY, "Set-Cookie: session=abc; Path=/", "Connection: close"))

    with Wire(serve) as wire:
        # By name: aiohttp accepts no cookies from IP addresses.
        settings = ClientSettings(CREDENTIALS, base_url=wire.url.replace("127.0.0.1", "localhost"))
        any_client = make(settings, session=signed_in(settings))
        any_client.metrics()
        any_client.metrics()
    assert len(heads) == 2
    assert b"cookie" not in heads[1].lower()
    assert b"authorization: bearer made-up-token" in heads[1].lower()


def test_undecodable_header(make: MakeClient, caplog: pytest.LogCaptureFixture) -> None:
    answer = b"HTTP/1.1 503 No\r\nX-Request-Id: a\xff\xfeb\r\nContent-Length: 0\r\n\r\n"
    with Wire(send(answer)) as wire, caplog.at_level(logging.WARNING), pytest.raises(Exception, match="503") as caught:
        asker_of(make, wire).metrics()
    str(caught.value).encode()


@pytest.mark.parametrize(
    "headers",
    [
        [f"X-Large: {'x' * 60_000}"],
        [f"X-Trace-{number}: {number}" for number in range(500)],
        [f"Set-Cookie: session-{number}={'c' * 1000}" for number in range(400)],
        [f"{'X' * 9000}: 1"],
    ],
    ids=["one large", "many", "many large", "a long name"],
)
def test_large_headers_are_accepted(make: MakeClient, headers: list[str]) -> None:
    with Wire(lambda connection, head: connection.sendall(ok(BODY, *headers))) as wire:
        assert asker_of(make, wire).metrics().records_lag == 5


def test_endless_header_is_rejected(make: MakeClient) -> None:
    def serve(connection: socket.socket, head: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nX-Endless: ")
        while wire.pause(0):
            connection.sendall(b"x" * 65536)

    with Wire(serve) as wire, pytest.raises(StreamkapResponseError) as caught:
        asker_of(make, wire, timeout=30).metrics()
    assert "xxxx" not in str(caught.value)


def test_header_limit_of_other_libraries_is_unchanged() -> None:
    assert http.client._MAXHEADERS == 100  # type: ignore[attr-defined]


def test_vcrpy_cassette_is_replayed(
    make: MakeClient, simulator: StreamkapSimulator, tmp_path: Path, kind: Kind
) -> None:
    vcr = pytest.importorskip("vcr")
    cassette = str(tmp_path / "cassette.yaml")
    with vcr.use_cassette(cassette, record_mode="once") as recorded:
        assert make(settings_for(simulator)).metrics().records_lag == 7
        assert len(recorded) == 2
    seen = simulator.count()
    with vcr.use_cassette(cassette, record_mode="none") as played:
        assert make(settings_for(simulator)).metrics().records_lag == 7
        assert played.play_count == 2
    assert simulator.count() == seen
