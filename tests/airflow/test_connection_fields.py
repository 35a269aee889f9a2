# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The fields of an Airflow connection, from the form, as JSON and as a URI."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from typing import Any

import pytest

from airflow_provider_streamkap._compat import BaseHook, Connection
from airflow_provider_streamkap.api.options import OPTIONS
from airflow_provider_streamkap.get_provider_info import get_provider_info
from airflow_provider_streamkap.hooks._connection import StreamkapConnection, parse_connection

SECRET = "s3cret-of-the-client"
KEY = json.dumps({"api": {"client_id": "key-client", "client_secret": "k3y-secret-inside"}})
ENVIRONMENT = {"STREAMKAP_CLIENT_ID": "env-id", "STREAMKAP_SECRET": "env-s3cret"}


def read(
    extra: Mapping[str, Any] | str | None = None, environ: Mapping[str, str] | None = None, **fields: Any
) -> StreamkapConnection:
    """Parse a connection with valid defaults and these changes."""
    text = extra if isinstance(extra, str) or extra is None else json.dumps(extra)
    conn = Connection(
        **{"conn_id": "sk", "conn_type": "streamkap", "login": "id", "password": SECRET, "extra": text} | fields
    )
    return parse_connection(conn, conn.extra_dejson, environ or {})


def refusal(*args: Any, **fields: Any) -> str:
    """Parse an invalid connection and return the error message."""
    with pytest.raises(ValueError) as caught:
        read(*args, **fields)
    shown = str(caught.value)
    assert shown.startswith("Connection 'sk': ")
    assert SECRET not in shown
    assert "k3y-secret-inside" not in shown
    # The exception chain must not contain more than the message.
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    return shown


def test_minimal_connection() -> None:
    connection = read()
    settings = connection.settings
    assert settings.base_url == "https://api.streamkap.com"
    assert settings.credentials.token_request() == {"client_id": "id", "secret": SECRET}
    assert (settings.timeout, settings.max_attempts, settings.verify, settings.proxies) == (30, 5, True, None)
    assert connection.max_concurrency == 16
    assert connection.app_url("d1") == "https://app.streamkap.com"


@pytest.mark.parametrize("key", [KEY, b64encode(KEY.encode()).decode(), f"\n{KEY}\n"])
@pytest.mark.parametrize("login", [None, "", "  "])
def test_password_without_login_is_project_key(key: str, login: str | None) -> None:
    credentials = read(login=login, password=key).settings.credentials
    assert credentials.token_request() == {"project_key": key.strip()}


def test_whitespace_around_credentials_is_stripped() -> None:
    request = read(login=" id\n", password=f" {SECRET}\n").settings.credentials.token_request()
    assert request == {"client_id": "id", "secret": SECRET}


@pytest.mark.parametrize(
    ("host", "port", "schema", "url"),
    [
        (None, None, None, "https://api.streamkap.com"),
        ("", None, "", "https://api.streamkap.com"),
        ("api.example.com", None, None, "https://api.example.com"),
        ("  https://api.example.com/  ", None, None, "https://api.example.com"),
        ("https://api.example.com/prefix/", None, None, "https://api.example.com/prefix"),
        ("api.example.com", 8443, None, "https://api.example.com:8443"),
        ("api.example.com", 8443, "https", "https://api.example.com:8443"),
        ("api.example.com/prefix", 8443, "https", "https://api.example.com:8443/prefix"),
        ("https://api.example.com/prefix/", 8443, None, "https://api.example.com:8443/prefix"),
        ("https://api.example.com", None, "http", "https://api.example.com"),
        ("127.0.0.1", 8790, "http", "http://127.0.0.1:8790"),
        ("localhost", 8790, "HTTP", "http://localhost:8790"),
        ("http://127.0.0.1:8790", None, None, "http://127.0.0.1:8790"),
        ("http://[::1]:8790", None, None, "http://[::1]:8790"),
        ("[::1]", 8790, "http", "http://[::1]:8790"),
        ("::1", 8790, "http", "http://[::1]:8790"),
    ],
)
def test_host_forms(host: str | None, port: int | None, schema: str | None, url: str) -> None:
    assert read(host=host, port=port, schema=schema).settings.base_url == url


@pytest.mark.parametrize(
    ("uri", "url", "timeout"),
    [
        ("streamkap://id:s3cret@api.example.com", "https://api.example.com", 30),
        ("streamkap://id:s3cret@api.example.com:8443/https?timeout=5", "https://api.example.com:8443", 5),
        ("streamkap://id:s3cret@127.0.0.1:8790/http", "http://127.0.0.1:8790", 30),
        ("streamkap://id:s3cret@http%3A%2F%2F127.0.0.1:8790", "http://127.0.0.1:8790", 30),
        ("streamkap://id:s3cret@", "https://api.streamkap.com", 30),
    ],
)
def test_uris(uri: str, url: str, timeout: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SK", uri)
    conn = BaseHook.get_connection("sk")
    settings = parse_connection(conn, conn.extra_dejson, {}).settings
    assert (settings.base_url, settings.timeout) == (url, timeout)
    assert settings.credentials.token_request() == {"client_id": "id", "secret": "s3cret"}


@pytest.mark.parametrize(
    "host",
    [
        "ftp://api.example.com",
        "https://user:s3cret-of-the-client@api.example.com",
        "https://api.example.com?token=s3cret-of-the-client",
        "https://api.example.com/#x",
        "https://",
        "https://api.example.com:99999",
        "https://api.example.com:eight",
        "https:/api.example.com",
        "https//api.example.com",
        "ftp:/api.example.com",
        "two words.example.com",
        "http://api.example.com",
    ],
)
def test_invalid_hosts_are_rejected(host: str) -> None:
    assert "host" in refusal(host=host)
    assert "STREAMKAP_HOST" in refusal(host=None, environ={"STREAMKAP_HOST": host})


def test_second_port_is_rejected() -> None:
    assert "port" in refusal(host="https://api.example.com:8443", port=9443)
    assert read(host="https://api.example.com:8443", port=8443).settings.base_url == "https://api.example.com:8443"


def test_schema_that_is_not_a_url_scheme_is_rejected() -> None:
    assert "schema must be http or https" in refusal(host="api.example.com", schema="ftp")


# As sent by the forms of 2.11 to 3.1 (strings), as stored in JSON, and as sent by the form of 3.3 (empty fields).
@pytest.mark.parametrize(
    ("extra", "field", "value"),
    [
        ({"timeout": "12.5"}, "timeout", 12.5),
        ({"timeout": 12}, "timeout", 12),
        ({"timeout": ""}, "timeout", 30),
        ({"timeout": "  "}, "timeout", 30),
        ({"timeout": None}, "timeout", 30),
        ({"max_attempts": "3"}, "max_attempts", 3),
        ({"max_attempts": 3}, "max_attempts", 3),
        ({"max_attempts": 3.0}, "max_attempts", 3),
        ({"max_attempts": ""}, "max_attempts", 5),
        ({"verify": "false"}, "verify", False),
        ({"verify": False}, "verify", False),
        ({"verify": " True "}, "verify", True),
        ({"verify": True}, "verify", True),
        ({"verify": "/etc/ca.pem "}, "verify", "/etc/ca.pem"),
        ({"verify": ""}, "verify", True),
        ({"proxies": '{"https": "http://proxy:3128"}'}, "proxy_map", {"https": "http://proxy:3128"}),
        ({"proxies": {"https": "http://proxy:3128"}}, "proxy_map", {"https": "http://proxy:3128"}),
        ({"proxies": "http://p:1"}, "proxy_map", {"http": "http://p:1", "https": "http://p:1"}),
        ({"proxies": "proxy:3128"}, "proxy_map", {"http": "http://proxy:3128", "https": "http://proxy:3128"}),
        ({"proxies": ""}, "proxy_map", {}),
        ({"proxies": {}}, "proxy_map", {}),
        ({"proxies": "{}"}, "proxy_map", {}),
        ({"allow_http": "true"}, "allow_http", True),
        ({"allow_http": True}, "allow_http", True),
        ({"allow_http": "false"}, "allow_http", False),
        ({"allow_http": None}, "allow_http", False),
        ({"unknown": "kept apart"}, "timeout", 30),
    ],
)
def test_extras(extra: dict[str, Any], field: str, value: Any) -> None:
    found = getattr(read(extra).settings, field)
    assert found == value
    assert isinstance(found, (type(value), float))


def test_unrelated_extras_are_ignored() -> None:
    connection = read({"max_concurrency": "4", "app_url_template": "https://app.example.com/d/{destination_id}?t=1"})
    assert connection.max_concurrency == 4
    assert connection.app_url("a/b c?d") == "https://app.example.com/d/a%2Fb%20c%3Fd?t=1"


@pytest.mark.parametrize(
    ("extra", "field"),
    [
        ({"timeout": "soon"}, "timeout"),
        ({"timeout": True}, "timeout"),
        ({"timeout": [1]}, "timeout"),
        ({"timeout": 0}, "timeout"),
        ({"timeout": -1}, "timeout"),
        ({"timeout": "nan"}, "timeout"),
        ({"timeout": 1e400}, "timeout"),
        ({"max_attempts": 0}, "max_attempts"),
        ({"max_attempts": "2.5"}, "max_attempts"),
        ({"max_attempts": 2.5}, "max_attempts"),
        ({"max_attempts": True}, "max_attempts"),
        ({"max_attempts": "inf"}, "max_attempts"),
        ({"max_concurrency": 0}, "max_concurrency"),
        ({"verify": 1}, "verify"),
        ({"verify": {"a": 1}}, "verify"),
        ({"proxies": {"https": 5}}, "proxies"),
        ({"proxies": ["http://proxy:3128"]}, "proxies"),
        ({"proxies": f'{{"https": "http://user:{SECRET}@proxy:3128"'}, "proxies"),
        ({"proxies": f"socks5://user:{SECRET}@proxy:1080"}, "proxies"),
        ({"proxies": {"https": f"http://user:{SECRET}@:3128"}}, "proxies"),
        ({"allow_http": "maybe"}, "allow_http"),
        ({"allow_http": 1}, "allow_http"),
        ({"app_url_template": "javascript:alert(1)"}, "app_url_template"),
        ({"app_url_template": "https://me:pw@app.example.com/{destination_id}"}, "app_url_template"),
        ({"app_url_template": "https://{destination_id}.example.com/"}, "app_url_template"),
        ({"app_url_template": "https://app.example.com/\n{destination_id}"}, "app_url_template"),
        ({"app_url_template": "https:///{destination_id}"}, "app_url_template"),
        ({"app_url_template": "https://[app/{destination_id}"}, "app_url_template"),
        ({"app_url_template": 5}, "app_url_template"),
        ("[1]", "extra"),
    ],
)
def test_invalid_extras_are_rejected(extra: dict[str, Any] | str, field: str) -> None:
    assert field in refusal(extra)


def test_plain_http_needs_permission() -> None:
    assert "allow_http" in refusal(host="http://api.example.com")
    assert read({"allow_http": True}, host="http://api.example.com").settings.base_url == "http://api.example.com"


@pytest.mark.parametrize(
    ("fields", "request_"),
    [
        ({"login": None, "password": None}, {"client_id": "env-id", "secret": "env-s3cret"}),
        ({"login": "", "password": " "}, {"client_id": "env-id", "secret": "env-s3cret"}),
        ({"login": "id", "password": "own"}, {"client_id": "id", "secret": "own"}),
        ({"login": "id", "password": "own", "host": "h.example"}, {"client_id": "id", "secret": "own"}),
        # A client id from the environment is ignored if the connection has a project key.
        ({"login": None, "password": KEY}, {"project_key": KEY}),
    ],
)
def test_credentials_come_from_environment_if_connection_has_none(
    fields: dict[str, Any], request_: dict[str, str]
) -> None:
    assert read(environ=ENVIRONMENT, **fields).settings.credentials.token_request() == request_


@pytest.mark.parametrize(
    ("fields", "extra", "host"),
    [
        # The pair is never combined with credentials of the connection.
        ({"login": "id", "password": None}, {}, ""),
        ({"login": "id", "password": " "}, {}, ""),
        # A user who may edit connections must not be able to send the deployment's secret to another host,
        ({"login": None, "password": None, "host": "evil.example"}, {}, ""),
        ({"login": "", "password": "", "host": "https://api.streamkap.com"}, {}, ""),
        ({"login": "id", "password": None, "host": "evil.example"}, {}, ""),
        # to a machine in the middle,
        ({"login": None, "password": None}, {"verify": False}, ""),
        ({"login": None, "password": None}, {"verify": "false", "proxies": "http://evil.example:3128"}, ""),
        # or unencrypted to a proxy of their choice.
        ({"login": None, "password": None}, {"proxies": "http://evil.example:3128"}, "http://localhost:8790"),
    ],
)
def test_environment_secret_is_sent_to_no_other_host(fields: dict[str, Any], extra: dict[str, Any], host: str) -> None:
    said = refusal(extra, {**ENVIRONMENT, "STREAMKAP_HOST": host}, **fields)
    assert "no credentials" in said
    assert "env-s3cret" not in said


def test_environment_credentials_may_pass_through_tunneling_proxy() -> None:
    read_ = read({"proxies": "http://proxy.example:3128"}, ENVIRONMENT, login=None, password=None)
    assert read_.settings.credentials.token_request() == {"client_id": "env-id", "secret": "env-s3cret"}


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ({"timout": 5}, "extra key 'timout' is unknown and ignored; did you mean 'timeout'?"),
        ({"Verify": True}, "extra key 'Verify' is unknown and ignored; did you mean 'verify'?"),
        ({"extra__streamkap__proxies": ""}, "did you mean 'proxies'?"),
        ({"maxattempts": 5}, "did you mean 'max_attempts'?"),
        ({"colour": "blue"}, "known keys: timeout, max_attempts, "),
        ({"two\nlines" * 50: 1}, "'two lines"),
    ],
)
def test_unknown_extra_key_is_named_with_closest_known_key(extra: dict[str, Any], said: str) -> None:
    (found,) = read(extra).unknown
    assert said in found
    assert len(found) < 250
    assert "\n" not in found
    assert not read({"timeout": 5}).unknown


def test_host_comes_from_environment_if_connection_has_none() -> None:
    environ = {"STREAMKAP_HOST": " https://eu.example.com "}
    assert read(environ=environ).settings.base_url == "https://eu.example.com"
    assert read(environ=environ, host="https://us.example.com").settings.base_url == "https://us.example.com"


@pytest.mark.parametrize(
    ("fields", "environ"),
    [
        ({"login": None, "password": None}, {}),
        ({"login": "id", "password": None}, {}),
        ({"login": "id", "password": ""}, {"STREAMKAP_CLIENT_ID": "env-id"}),
        ({"login": None, "password": None}, {"STREAMKAP_CLIENT_ID": "env-id", "STREAMKAP_SECRET": " "}),
        ({"login": None, "password": None}, {"STREAMKAP_SECRET": "env-s3cret"}),
    ],
)
def test_incomplete_credentials_are_rejected(fields: dict[str, Any], environ: dict[str, str]) -> None:
    said = refusal(environ=environ, **fields)
    assert "login" in said
    assert "password" in said
    assert "env-s3cret" not in said


def test_repr_contains_no_secret() -> None:
    proxies = {"https": f"http://user:{SECRET}@proxy:3128"}
    for connection in (read({"proxies": proxies}), read(login=None, password=KEY)):
        for text in (repr(connection), str(connection), repr(connection.settings)):
            assert SECRET not in text
            assert "k3y-secret-inside" not in text


def test_form_offers_every_supported_field() -> None:
    info: Any = get_provider_info()
    assert set(info["connection-types"][0]["conn-fields"]) == set(OPTIONS)
