# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""A chunked response whose lines do not end: neither client reads on until the memory is full."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.api.wire import Wire

# Asks a server once, and prints the MiB by which the process has grown, and what was raised.
GROWTH = """
import asyncio, json, re, sys
from pathlib import Path
from airflow_provider_streamkap.api import ClientSettings, Credentials, StreamkapClient, StreamkapError
from airflow_provider_streamkap.api.async_client import AsyncStreamkapClient

def peak():
    return int(re.search("VmHWM:[^0-9]*([0-9]+) kB", Path("/proc/self/status").read_text())[1]) / 1024

async def ask(settings):
    async with AsyncStreamkapClient(settings) as client:
        await client.whoami()

settings = ClientSettings(Credentials(client_id="a", secret="b"), base_url=sys.argv[1], timeout=10, max_attempts=1)
first, said = peak(), ""
try:
    asyncio.run(ask(settings)) if sys.argv[2] == "async" else StreamkapClient(settings).whoami()
except StreamkapError as error:
    said = str(error)
print(json.dumps([peak() - first, said]))
"""
HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("client", ["sync", "async"])
@pytest.mark.parametrize("start", [b"5;", b"2\r\n{}\r\n0\r\nTrailer: "], ids=["size", "trailer"])
def test_a_line_that_does_not_end_is_given_up(client: str, start: bytes) -> None:
    def respond(connection: socket.socket, _: bytes) -> None:
        connection.sendall(HEAD + start)
        for _count in range(250):
            connection.sendall(b"a" * 2**20)

    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with Wire(respond) as wire:
        command = [sys.executable, "-c", GROWTH, wire.url, client]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=env, timeout=120)
    grown, said = json.loads(done.stdout.splitlines()[-1])
    assert said
    # 250 MiB were sent.
    assert grown < 200
