# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Client settings: validation, normalization and redaction."""

from __future__ import annotations

import base64
import dataclasses
import json
from typing import Any

import pytest

from airflow_provider_streamkap.api.checks import proxy_url
from airflow_provider_streamkap.api.settings import ClientSettings, Credentials
from tests.api.support import CREDENTIALS

KEY = json.dumps({"api": {"client_id": "ci", "client_secret": "deep-secret"}, "kafka": {"user": "u", "n": 1}})


def settings(**options: Any) -> ClientSettings:
    return ClientSettings(CREDENTIALS, **options)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "client_id and secret is missing"),
        ({"client_id": "a"}, "secret is missing"),
        ({"secret": "hunter22"}, "client_id is missing"),
        ({"client_id": " ", "secret": "\n"}, "client_id and secret is missing"),
        ({"client_id": "a", "secret": "hunter22", "project_key": "{}"}, "not both"),
        ({"secret": "hunter22", "project_key": "{}"}, "not both"),
        ({"client_id": 7, "secret": "hunter22"}, "client_id must be a string; got int"),
    ],
)
def test_credentials_must_be_given_exactly_once(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said) as caught:
        Credentials(**given)
    assert "hunter22" not in str(caught.value)


def test_token_request() -> None:
    assert Credentials("a", "b\n").token_request() == {"client_id": "a", "secret": "b"}
    assert Credentials(project_key=f"{KEY}\n").token_request() == {"project_key": KEY}


@pytest.mark.parametrize("key", [KEY, base64.b64encode(KEY.encode()).decode()])
def test_secret_inside_project_key_is_extracted(key: str) -> None:
    assert set(Credentials(project_key=key).secrets()) == {key, KEY, "deep-secret"}


@pytest.mark.parametrize("key", ["not a key", "[1, 2]", "[" * 100_000])
def test_any_text_can_be_project_key(key: str) -> None:
    assert Credentials(project_key=key).secrets() == (key,)


def test_repr_hides_credentials() -> None:
    proxies = {"https": "http://me:proxy-pass@proxy:1"}
    one = settings(proxies=proxies)
    two = ClientSettings(Credentials(project_key=KEY))
    shown = f"{one!r} {one} {two!r} {CREDENTIALS} {CREDENTIALS!r}"
    for secret in ("made-up-secret-value", "made-up-client-id", "deep-secret", "proxy-pass"):
        assert secret not in shown
    assert "client_id, secret=***" in shown
    assert "project_key=***" in shown


def test_equal_settings_have_equal_keys() -> None:
    one, two = (settings(base_url=url, proxies={"https": "http://p:1"}) for url in ("api.x.io/", "https://api.x.io"))
    assert one == two
    assert hash(one) == hash(two)
    assert dataclasses.replace(one, max_attempts=1).proxies == one.proxies
    assert one != settings(base_url="api.x.io")


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("https://api.streamkap.com", "https://api.streamkap.com"),
        ("https://api.streamkap.com/", "https://api.streamkap.com"),
        (" api.streamkap.com ", "https://api.streamkap.com"),
        ("api.streamkap.com:8443/prefix/v1/", "https://api.streamkap.com:8443/prefix/v1"),
        ("HTTPS://API.Streamkap.com", "https://api.streamkap.com"),
        ("http://localhost:8790", "http://localhost:8790"),
        ("http://127.0.0.2:1", "http://127.0.0.2:1"),
        ("http://[::1]:81/", "http://[::1]:81"),
        ("https://bücher.example/é", "https://xn--bcher-kva.example/%C3%A9"),
        ("https://straße.example", "https://xn--strae-oqa.example"),
        ("https://h/a%20b", "https://h/a%20b"),
        ("https://h/%7Eapi/%c3%a4", "https://h/~api/%C3%A4"),
        ("https://h/a%2fb", "https://h/a%2Fb"),
        ("https://stream_kap-1:443", "https://stream_kap-1:443"),
    ],
)
def test_base_url(given: str, used: str) -> None:
    assert settings(base_url=given).base_url == used


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("", "is empty"),
        (None, "is empty"),
        ("https://", "has no host"),
        ("ftp://host", "must start with https://"),
        ("https://me:pw@host", "must not contain a user"),
        ("https://host/?a=1", "query or fragment"),
        ("https://host/#a", "query or fragment"),
        ("https://host?", "query or fragment"),
        ("https://ho st", "whitespace"),
        ("https://host\n.evil", "whitespace"),
        ("https://good\\@evil", "whitespace, control characters or backslashes"),
        ("https:/host", "malformed scheme"),
        ("https:/host/prefix", "malformed scheme"),
        ("http:/host", "malformed scheme"),
        ("ftp:/host", "malformed scheme"),
        ("https//host", "malformed scheme"),
        ("https:///host", "has no host"),
        ("https:host", "no valid host and port"),
        ("https://https:/host", "malformed scheme"),
        ("https://host:port", "no valid host and port"),
        ("https://[host", "no valid host and port"),
        ("https://a*b.example", "no valid host and port"),
        ("https://a%62.example", "no valid host and port"),
        ("https://.example", "no valid host and port"),
        ("https://[::zz]", "no valid host and port"),
        ("https://a\u2024b.example", "no valid host and port"),
        ("https://\u2603.example", "no valid host and port"),
        (f"https://{'a' * 64}.com", "no valid host and port"),
        ("https://host/a/../b", "as a path segment"),
        ("https://host/%2e%2E/x", "as a path segment"),
        ("https://host/a/%2e", "as a path segment"),
        ("http://api.streamkap.com", "plain http"),
        ("http://127.evil.example", "plain http"),
        # Resolved by DNS like any other name.
        ("http://api.localhost", "plain http"),
    ],
)
def test_rejected_base_urls(given: Any, said: str) -> None:
    with pytest.raises(ValueError, match="base_url") as caught:
        settings(base_url=given)
    assert said in str(caught.value)


def test_plain_http_has_to_be_allowed() -> None:
    assert settings(base_url="http://streamkap.internal", allow_http=True).base_url == "http://streamkap.internal"


@pytest.mark.parametrize("name", ["timeout", "max_elapsed"])
@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), 1e300, True, None, "soon", [], 10**400])
def test_rejected_seconds(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"{name} must be a number of seconds"):
        settings(**{name: value})


@pytest.mark.parametrize("value", [0, -1, 1.5, True, None, "x", "1.5"])
def test_rejected_attempts(value: Any) -> None:
    with pytest.raises(ValueError, match="max_attempts must be an integer of at least 1"):
        settings(max_attempts=value)


@pytest.mark.parametrize("value", ["maybe", 1, None])
def test_rejected_flags(value: Any) -> None:
    with pytest.raises(ValueError, match="allow_http must be true or false; got"):
        settings(allow_http=value)


def test_flags_can_be_strings() -> None:
    assert settings(allow_http=" True ").allow_http is True
    assert settings(allow_http="false").allow_http is False


def test_numbers_can_be_strings() -> None:
    read = settings(timeout="2.5", max_elapsed="60", max_attempts="3")
    assert (read.timeout, read.max_elapsed, read.max_attempts) == (2.5, 60.0, 3)


def test_connect_timeout_is_part_of_timeout() -> None:
    assert settings().connect_timeout == 10.0
    assert settings(timeout=4).connect_timeout == 4.0


@pytest.mark.parametrize(
    ("given", "used"), [(True, True), (False, False), ("true", True), (" False ", False), ("/a", "/a")]
)
def test_verify(given: bool | str, used: bool | str) -> None:
    assert settings(verify=given).verify == used


@pytest.mark.parametrize("value", [None, "", " ", 1, []])
def test_rejected_verify(value: Any) -> None:
    with pytest.raises(ValueError, match="verify must be true, false, or the path"):
        settings(verify=value)


def test_proxies() -> None:
    given = {"https": "proxy:3128", "http": "https://p", "all": None, "no_proxy": "a,b"}
    used = {"all": None, "http": "https://p", "https": "http://proxy:3128", "no_proxy": "a,b"}
    assert settings(proxies=given).proxy_map == used
    assert settings(proxies={}).proxies is None
    assert settings().proxy_map == {}


def test_one_proxy_url_is_for_both_schemes() -> None:
    assert settings(proxies="p:1").proxy_map == {"http": "http://p:1", "https": "http://p:1"}


@pytest.mark.parametrize(
    "value",
    [7, [1], (1, 2), ("ab", 3), {"https": 7}, {1: "http://p"}, {1: "p", "https": "p"}, "[1]", '"http://p"', "5"],
)
def test_rejected_proxies(value: Any) -> None:
    with pytest.raises(ValueError, match="proxies must be one proxy URL, or proxy URLs by scheme"):
        settings(proxies=value)


@pytest.mark.parametrize("value", ["socks5://me:pw@p:1", "http://", "http://p:port", "http://p:0", "http://[p"])
def test_rejected_proxy_urls_are_not_shown(value: str) -> None:
    with pytest.raises(ValueError, match="proxies: a proxy must be an http:// or https:// URL") as caught:
        settings(proxies={"https": value})
    assert "pw" not in str(caught.value)


def test_no_proxy_url() -> None:
    assert proxy_url(None) is None
    assert proxy_url(" ") is None
