# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""A redirect is rejected whatever its target, and its body is not read beyond the limit."""

from __future__ import annotations

import gzip
import socket
import time
from typing import Any

import pytest

from airflow_provider_streamkap.api.errors import StreamkapError
from airflow_provider_streamkap.api.settings import ClientSettings
from tests.api.conftest import MakeClient
from tests.api.raw_servers import Wire
from tests.api.support import CREDENTIALS, signed_in
from tests.security.memory_growth import measured, needs_linux
from tests.security.traceback_search import leaks

LOCATIONS = {
    "half an address": b"http://[",
    "not UTF-8": b"http://caf\xe9\xff\xfe/",
    "no host": b"https://",
    "nothing": b"",
    "a script": b"javascript:alert(1)",
    "a port out of range": b"http://example.com:99999/",
}


def redirect(location: bytes, body: bytes = b"", *headers: bytes) -> bytes:
    lines = [b"HTTP/1.1 302 Found", b"Location: " + location, b"Content-Length: %d" % len(body), *headers, b"", b""]
    return b"\r\n".join(lines) + body


@pytest.mark.parametrize("token_call", [False, True])
@pytest.mark.parametrize("location", LOCATIONS.values(), ids=LOCATIONS)
def test_any_redirect_raises_streamkap_error_without_secret(
    make: MakeClient, location: bytes, token_call: bool
) -> None:
    def respond(connection: socket.socket, _: bytes) -> None:
        connection.sendall(redirect(location))

    with Wire(respond) as wire:
        settings = ClientSettings(CREDENTIALS, base_url=wire.url, timeout=5, max_attempts=1)
        more: dict[str, Any] = {} if token_call else {"session": signed_in(settings)}
        any_client = make(settings, clock=time.monotonic, **more)
        with pytest.raises(StreamkapError) as caught:
            any_client.metrics()
    assert caught.value.status in (302, None)
    secrets = [secret for secret in (*CREDENTIALS.secrets(), "made-up-token") if secret]
    assert leaks(caught.value, secrets) == []


CALL_SCRIPT = """
import sys
from airflow_provider_streamkap.api import ClientSettings, Credentials, MetricsQuery, StreamkapClient, StreamkapError

def run():
    settings = ClientSettings(Credentials(client_id="a", secret="b"), base_url=sys.argv[1], timeout=20, max_attempts=1)
    with StreamkapClient(settings) as client:
        try:
            client.get_destination_metrics(MetricsQuery("d1"))
        except StreamkapError as error:
            return str(error)
"""


@needs_linux
def test_body_of_redirect_is_not_decompressed() -> None:
    body = gzip.compress(b"[]" * 64 * 2**20)

    def respond(connection: socket.socket, _: bytes) -> None:
        connection.sendall(redirect(b"/elsewhere", body, b"Content-Encoding: gzip"))

    with Wire(respond) as wire:
        grown, said = measured(CALL_SCRIPT, wire.url)
    assert "302" in said
    # 128 MiB once decompressed; requests used to keep all of it. The error shows only the beginning.
    assert grown < 100
