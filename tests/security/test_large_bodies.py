# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""A small response that expands to a large value must not exhaust the memory or block the event loop."""

from __future__ import annotations

import gzip
import socket

import pytest

from airflow_provider_streamkap.api.errors import StreamkapResponseError
from airflow_provider_streamkap.api.payload import MAX_VALUES, decode
from airflow_provider_streamkap.gate.target import PollTarget
from tests.api.raw_servers import Wire, ok
from tests.security.memory_growth import measured, needs_linux

# Returns the seconds for which the event loop was blocked, and what was raised.
CALL_SCRIPT = """
import asyncio, sys, time
from airflow_provider_streamkap.api import ClientSettings, Credentials, MetricsQuery, StreamkapError
from airflow_provider_streamkap.api.async_client import AsyncStreamkapClient
from airflow_provider_streamkap.gate.target import PollTarget
from airflow_provider_streamkap.polling.poll import poll

async def main():
    settings = ClientSettings(Credentials(client_id="a", secret="b"), base_url=sys.argv[1], timeout=60, max_attempts=1)
    calls = {
        "poll": lambda: client.call(lambda session: poll(session, PollTarget("d1"))),
        "metrics": lambda: client.get_destination_metrics(MetricsQuery("d1")),
        "whoami": lambda: client.whoami(),
    }
    longest, before, said = 0.0, time.monotonic(), ""
    async with AsyncStreamkapClient(settings) as client:
        call = asyncio.ensure_future(calls[sys.argv[2]]())
        while not call.done():
            await asyncio.sleep(0.001)
            longest, before = max(longest, time.monotonic() - before), time.monotonic()
        try:
            await call
        except StreamkapError as error:
            said = str(error)
    return longest, said

def run():
    return asyncio.run(main())
"""


def measure_call(body: bytes, call: str) -> tuple[float, float, str]:
    """Send requests to a server that always returns the same body, compressed."""
    compressed = gzip.compress(body)

    def respond(connection: socket.socket, head: bytes) -> None:
        token = head.startswith(b"POST") and call != "token"
        headers = ["Connection: close"] if token else ["Connection: close", "Content-Encoding: gzip"]
        connection.sendall(ok(b'{"accessToken": "abc", "expiresIn": 60}' if token else compressed, *headers))

    with Wire(respond) as wire:
        grown, (longest, said) = measured(CALL_SCRIPT, wire.url, "whoami" if call == "token" else call)
    return grown, longest, said


@needs_linux
@pytest.mark.parametrize("call", ["poll", "whoami", "token"])
def test_poll_token_and_identity_have_own_size_limits(call: str) -> None:
    grown, longest, said = measure_call(b"[" + b"[]," * (10 * 2**20) + b"[]]", call)
    assert "larger than 1 MiB" in said
    assert grown < 100
    assert longest < 2


@needs_linux
def test_requested_response_can_be_large_but_value_count_is_limited() -> None:
    grown, longest, said = measure_call(b"[" + b"[]," * (10 * 2**20) + b"[]]", "metrics")
    assert "contains more than 2,000,000 values" in said
    assert grown < 200
    assert longest < 2


def test_values_are_counted_before_parsing() -> None:
    assert len(decode(b"[" + b"1," * 1000 + b"1]")) == 1001
    with pytest.raises(StreamkapResponseError, match="more than 2,000,000 values") as caught:
        decode(b"[" + b"," * MAX_VALUES)
    assert caught.value.permanent


@pytest.mark.parametrize(("age", "limit"), [(None, 1), (600, 1), (7200, 3), (10**9, 32)])
def test_wait_with_old_observed_after_may_read_more(age: float | None, limit: int) -> None:
    assert PollTarget.with_timeseries("d1", age).series_limit == limit * 2**20
