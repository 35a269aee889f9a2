# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""A token is sent only to the configured host, and only for the requested resource."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

import pytest

from airflow_provider_streamkap.api.errors import StreamkapError, StreamkapRedirectError
from airflow_provider_streamkap.api.query import MetricsQuery
from airflow_provider_streamkap.api.settings import ClientSettings
from airflow_provider_streamkap.gate.target import PollTarget
from airflow_provider_streamkap.testing import Fault, StreamkapSimulator
from tests.api.support import CREDENTIALS, ID, AnyClient

# OTHER stands for the address of another host.
IDS = [
    "OTHER",
    "OTHER/destinations/d1/metrics",
    "//OTHER",
    "@OTHER",
    "\\\\OTHER",
    "/",
    "//",
    "./..",
    "../..",
    "../../auth/whoami",
    "..;/..;/auth/whoami",
    "%2e%2e/%2e%2e/auth/whoami",
    "%2E%2E%2Fauth%2Fwhoami",
    "..%2f..%2fauth",
    "..\\..\\auth",
    "d1/metrics?time_type=timeseries&",
    "d1?",
    "?",
    "#",
    "d1#",
    "d1/metrics#",
    "d1;a=b",
    # Each of these is one character that some normalization turns into dots, a slash or a question mark.
    "\u2025/\u2025",
    "\uff0e\uff0e\uff0fauth\uff0fwhoami",
    "d1\uff1fa",
    "\u2044auth",
    "d1 HTTP/1.1",
    # Unicode line breaks that are not control characters.
    "d1\u2028Host: OTHER",
    "\u202ed1",
    " ..",
    ".. ",
]
REFUSED = ["", " ", ".", "..", "d1\r\nHost: OTHER", "d1\nX: y", "\r", "d1\x00", "\t", "\x85", "d1\ud800", "\x7f"]


def named(odd: str, elsewhere: StreamkapSimulator) -> str:
    return odd.replace("OTHER", elsewhere.url)


def test_unusual_id_is_one_path_segment(
    any_client: AnyClient, simulator: StreamkapSimulator, elsewhere: StreamkapSimulator
) -> None:
    any_client.whoami()
    for odd in (named(item, elsewhere) for item in IDS):
        simulator.reset_requests()
        calls: list[Any] = [
            lambda odd=odd: any_client.metrics(MetricsQuery(odd)),
            lambda odd=odd: any_client.poll(PollTarget(odd)),
            lambda odd=odd: any_client.destination(odd),
        ]
        for call in calls:
            with pytest.raises(StreamkapError, match="404"):
                call()
        for sent, end in zip(simulator.requests, (["metrics"], ["metrics"], [], []), strict=True):
            _, first, segment, *rest = sent.raw_path.partition("?")[0].split("/")
            assert (first, unquote(segment), rest) == ("destinations", odd, end)
            assert segment.isascii()
            assert sent.headers["host"] == simulator.url.removeprefix("http://")


def test_rejected_id_sends_nothing(
    any_client: AnyClient, simulator: StreamkapSimulator, elsewhere: StreamkapSimulator
) -> None:
    for odd in (named(item, elsewhere) for item in REFUSED):
        with pytest.raises(ValueError, match="destination_id must"):
            any_client.metrics(MetricsQuery(odd))
        with pytest.raises(ValueError, match="destination_id must"):
            any_client.destination(odd)
    assert simulator.requests == []


@pytest.mark.parametrize("filters", [{"partial_name": "x&page=9#?"}, {"connector": "a\r\nb"}, {"tag_ids": "a&b"}])
def test_filter_stays_in_its_parameter(
    any_client: AnyClient, simulator: StreamkapSimulator, filters: dict[str, Any]
) -> None:
    any_client.whoami()
    simulator.reset_requests()
    assert any_client.destinations(**filters) == []
    (sent,) = simulator.requests
    ((name, value),) = filters.items()
    assert sent.query[name] == value
    assert sent.query["page"] == "1"
    assert sent.path == "/destinations"


@pytest.mark.parametrize("target", ["OTHER/", "//OTHER/", "OTHER/auth/access-token", "/elsewhere", "..", "\\\\OTHER"])
def test_no_call_follows_redirect(
    any_client: AnyClient, simulator: StreamkapSimulator, elsewhere: StreamkapSimulator, target: str
) -> None:
    host = elsewhere.url.removeprefix("http:" if target.startswith("OTHER") else "http://")
    any_client.whoami()
    simulator.inject(Fault.redirect(target.replace("OTHER", host), 307), times=None)
    for call in ("whoami", "metrics", "poll", "destination", "destinations"):
        simulator.reset_requests()
        with pytest.raises(StreamkapRedirectError):
            getattr(any_client, call)(*([PollTarget(ID)] if call == "poll" else []))
        assert len(simulator.requests) == 1


@pytest.mark.parametrize(
    "header", ["Location", "Content-Location", "Refresh", "Link", "Alt-Svc", "Proxy-Authenticate", "Set-Cookie"]
)
def test_no_header_changes_target_host(
    any_client: AnyClient, simulator: StreamkapSimulator, elsewhere: StreamkapSimulator, header: str
) -> None:
    value = f"{elsewhere.url}/" if header != "Set-Cookie" else "a=b; Path=/"
    body: Any = {"data": {"recordsLag": 1}}
    simulator.inject(Fault.status(200, headers={header: value}, body=body), path="/metrics")
    assert any_client.metrics().records_lag == 1
    assert any_client.metrics().records_lag == 7
    assert "cookie" not in simulator.requests[-1].headers


@pytest.mark.parametrize(
    "host",
    [
        "http://api.streamkap.com",
        "http://localhost.example.com",
        "http://127.0.0.1.example.com",
        "http://127.0.0.1@example.com",
        "http://2130706433",
        "http://0x7f000001",
        "http://0177.0.0.1",
        "http://0.0.0.0",
        "http://[::]",
        "http://192.168.0.1",
        "http://169.254.169.254",
        "HTTP://API.STREAMKAP.COM",
        "http:\\\\api.streamkap.com",
        "ftp://api.streamkap.com",
    ],
)
def test_hosts_without_https_are_rejected(host: str) -> None:
    with pytest.raises(ValueError, match="base_url"):
        ClientSettings(CREDENTIALS, base_url=host)


@pytest.mark.parametrize("host", ["http://localhost:1", "http://127.0.0.1:1", "http://127.8.9.1", "http://[::1]:1"])
def test_loopback_needs_no_https(host: str) -> None:
    assert ClientSettings(CREDENTIALS, base_url=host).base_url == host
