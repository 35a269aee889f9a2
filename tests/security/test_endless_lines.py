# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""A chunked response with endless lines: neither client reads until memory is exhausted."""

from __future__ import annotations

import socket

import pytest

from airflow_provider_streamkap.api.errors import StreamkapError
from airflow_provider_streamkap.api.settings import ClientSettings
from tests.api.raw_servers import Wire
from tests.api.support import CREDENTIALS, AnyClient
from tests.security.memory_growth import measured, needs_linux

CALL_SCRIPT = """
import asyncio, sys
from airflow_provider_streamkap.api import ClientSettings, Credentials, StreamkapClient, StreamkapError
from airflow_provider_streamkap.api.async_client import AsyncStreamkapClient

async def ask(settings):
    async with AsyncStreamkapClient(settings) as client:
        await client.whoami()

def run():
    settings = ClientSettings(Credentials(client_id="a", secret="b"), base_url=sys.argv[1], timeout=3, max_attempts=1)
    try:
        asyncio.run(ask(settings)) if sys.argv[2] == "async" else StreamkapClient(settings).whoami()
    except StreamkapError as error:
        return str(error)
"""
HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@needs_linux
@pytest.mark.parametrize("client", ["sync", "async"])
@pytest.mark.parametrize("start", [b"5;", b"2\r\n{}\r\n0\r\nTrailer: "], ids=["size", "trailer"])
def test_endless_chunk_line_is_aborted(client: str, start: bytes) -> None:
    def respond(connection: socket.socket, _: bytes) -> None:
        connection.sendall(HEAD + start)
        for _count in range(250):
            connection.sendall(b"a" * 2**20)

    with Wire(respond) as wire:
        grown, said = measured(CALL_SCRIPT, wire.url, client)
    assert said
    # 250 MiB were sent.
    assert grown < 200


def test_endless_header_is_aborted() -> None:
    interim = b"HTTP/1.1 100 Continue\r\n" + (b"X: " + b"a" * 60_000 + b"\r\n") * 500 + b"\r\n"

    def respond(connection: socket.socket, _: bytes) -> None:
        for _count in range(5):
            connection.sendall(interim)

    with Wire(respond) as wire:
        settings = ClientSettings(CREDENTIALS, base_url=wire.url, timeout=20, max_attempts=1)
        any_client = AnyClient("sync", settings)
        with pytest.raises(StreamkapError, match="the response is larger than 64 MiB"):
            any_client.whoami()
        any_client.close()
