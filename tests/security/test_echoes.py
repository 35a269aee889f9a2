# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Servers and proxies that echo secrets: no part of a response that is shown contains them."""

from __future__ import annotations

import base64
import dataclasses
import html
import json
import socket
import time
from typing import Any
from urllib.parse import quote

import pytest

from airflow_provider_streamkap.api.errors import StreamkapError
from airflow_provider_streamkap.api.settings import ClientSettings
from airflow_provider_streamkap.hooks.streamkap import StreamkapHook
from airflow_provider_streamkap.testing import Fault, StreamkapSimulator, scenarios
from tests.airflow.log_capture import Logged
from tests.api.conftest import MakeClient
from tests.api.raw_servers import Wire
from tests.api.support import CREDENTIALS, settings_for, signed_in
from tests.security.traceback_search import shown

TOKEN = "t0ken/with+odd&chars-made-up"
FORMS = {TOKEN, html.escape(TOKEN), quote(TOKEN, safe=""), base64.b64encode(TOKEN.encode()).decode().rstrip("=")}


def echo(status: str = "400 Bad", headers: tuple[str, ...] = (), body: bytes = b"{}") -> bytes:
    """Return a response that echoes the token in one part."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


RESPONSES = {
    "request id": echo(headers=(f"X-Request-Id: {TOKEN}",)),
    "content type": echo(status="200 OK", headers=(f"Content-Type: {TOKEN}",), body=b"{"),
    "location": echo(status="302 Found", headers=(f"Location: https://{quote(TOKEN, safe='')}.example/",)),
    "page": echo(body=f"<html><body>{TOKEN.replace('/', '&#x2F;').replace('+', '&#43;')}</body></html>".encode()),
    "long page": echo(body=b"<html><body>" + b"x" * 480 + TOKEN.encode() + b"y" * 100_000),
    "detail": echo(body=json.dumps({"detail": [{"loc": [TOKEN], "msg": f"bad {quote(TOKEN)}"}]}).encode()),
    "base64": echo(body=base64.b64encode(TOKEN.encode())),
    "status": echo(status="200 OK", body=json.dumps({"data": {TOKEN: 1, "recordsLag": TOKEN}}).encode()),
    "timestamp": echo(
        status="200 OK", body=json.dumps({"data": {"recordsLag": [{"timestamp": TOKEN, "value": 1}]}}).encode()
    ),
}


@pytest.mark.parametrize("response", RESPONSES.values(), ids=RESPONSES)
def test_echoed_token_is_not_shown(make: MakeClient, response: bytes) -> None:
    def respond(connection: socket.socket, _: bytes) -> None:
        connection.sendall(response)

    with Wire(respond) as wire:
        settings = ClientSettings(CREDENTIALS, base_url=wire.url, timeout=5, max_attempts=1)
        any_client = make(settings, clock=time.monotonic, session=signed_in(settings, TOKEN))
        parts: list[str] = []
        try:
            metrics = any_client.metrics()
        except StreamkapError as error:
            parts = shown(error)
        else:
            parts = [str(metrics.undocumented)]
    assert parts
    assert [part for part in parts for form in FORMS if form in part] == []


def test_environment_proxy_password_is_not_shown(make: MakeClient, monkeypatch: pytest.MonkeyPatch) -> None:
    page = echo(status="503 Busy", body=b"<html><body>login me:pr0xy/passw0rd refused</body></html>")
    with Wire(lambda connection, _: connection.sendall(page)) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url.replace("http://", "http://me:pr0xy%2Fpassw0rd@"))
        monkeypatch.setenv("http_proxy", proxy.url.replace("http://", "http://me:pr0xy%2Fpassw0rd@"))
        settings = ClientSettings(CREDENTIALS, base_url="http://192.0.2.1", allow_http=True, timeout=5, max_attempts=1)
        any_client = make(settings, clock=time.monotonic, session=signed_in(settings))
        with pytest.raises(StreamkapError) as caught:
            any_client.metrics()
    assert caught.value.status == 503
    assert "passw0rd" not in str(caught.value)


def test_destinations_configuration_is_not_shown(make: MakeClient, simulator: StreamkapSimulator) -> None:
    key = "-----BEGIN PRIVATE KEY----- MIIE"
    problem = {"loc": ["config"], "msg": "not valid", "input": {"snowflake.private.key": key}, "ctx": {"given": key}}
    details: list[Any] = [[problem], {"sasl.jaas.config": key, "msg": "not valid"}, [[problem]]]
    for detail in details:
        simulator.inject(Fault.status(422, body={"detail": detail}), path="/destinations")
        with pytest.raises(StreamkapError) as caught:
            make(settings_for(simulator, max_attempts=1)).destinations()
        assert "not valid" in str(caught.value)
        assert "PRIVATE" not in "".join(shown(caught.value))


def test_connection_test_does_not_show_token(
    streamkap: StreamkapSimulator, monkeypatch: pytest.MonkeyPatch, logged: Logged
) -> None:
    streamkap.add("d1", scenarios.steady())
    secret = streamkap.secret
    streamkap.inject(
        Fault.json({"service_id": f"project of {quote(secret)}", "tenant_id": secret}), path="/auth/whoami"
    )
    works, message = StreamkapHook().test_connection()
    assert works
    assert secret not in message
    assert "project of ***" in message


def test_unusable_proxy_does_not_show_its_password(make: MakeClient, monkeypatch: pytest.MonkeyPatch) -> None:
    for url in ("socks5://me:pr0xy-passw0rd@proxy.example:1", "http://me:pr0xy-passw0rd@h..x:1"):
        for name in ("HTTPS_PROXY", "https_proxy"):
            monkeypatch.setenv(name, url)
        settings = ClientSettings(CREDENTIALS, base_url="https://api.example.com", timeout=5, max_attempts=1)
        with pytest.raises(StreamkapError) as caught:
            make(settings, clock=time.monotonic, session=signed_in(settings)).metrics()
        assert [part for part in shown(caught.value) if "passw0rd" in part] == []


def test_missing_ca_bundle_does_not_show_proxy_password(make: MakeClient) -> None:
    proxies = {"https": "http://me:pr0xy-passw0rd@127.0.0.1:1"}
    settings = ClientSettings(CREDENTIALS, base_url="https://api.example.com", proxies=proxies, verify="/not/there.pem")
    with pytest.raises(StreamkapError, match=r"/not/there\.pem") as caught:
        make(settings, clock=time.monotonic, session=signed_in(settings)).metrics()
    assert [part for part in shown(caught.value) if "passw0rd" in part] == []


def test_plain_http_to_loopback_does_not_leave_machine_through_proxy(
    make: MakeClient, simulator: StreamkapSimulator
) -> None:
    settings = settings_for(simulator, proxies={"http": "http://192.0.2.1:3128"}, max_attempts=1)
    with pytest.raises(
        StreamkapError, match="base_url uses plain http: credentials would be sent unencrypted"
    ) as caught:
        make(settings).metrics()
    assert caught.value.permanent
    with pytest.raises(StreamkapError, match="through the proxy") as caught:
        make(dataclasses.replace(settings, allow_http=True, timeout=0.2)).metrics()
