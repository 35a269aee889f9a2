# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Both clients with unusual responses: errors, compression, size, redirects."""

from __future__ import annotations

import zlib
from typing import Any

import pytest

from airflow_provider_streamkap.api.errors import (
    StreamkapRedirectError,
    StreamkapRequestError,
    StreamkapResponseError,
    StreamkapServerError,
)
from airflow_provider_streamkap.testing import Fault, StreamkapSimulator
from tests.api.conftest import MakeClient
from tests.api.support import QUERY, AnyClient, settings_for

METRICS = "/metrics"
SIGN_IN = "/auth/access-token"


def test_html_is_described_by_its_title(make: MakeClient, simulator: StreamkapSimulator) -> None:
    simulator.inject(Fault.html(status=502), path=METRICS)
    with pytest.raises(StreamkapServerError) as caught:
        make(settings_for(simulator, max_attempts=1)).metrics()
    assert "502 Bad Gateway" in str(caught.value)
    assert "<" not in str(caught.value)


@pytest.mark.parametrize("detail", ["why", [{"loc": ["query", "page"], "msg": "why"}], {"reason": "why"}])
def test_error_details(any_client: AnyClient, simulator: StreamkapSimulator, detail: Any) -> None:
    simulator.inject(Fault.status(400, body={"detail": detail}), path=METRICS)
    with pytest.raises(StreamkapRequestError, match="why") as caught:
        any_client.metrics()
    assert caught.value.detail == detail
    assert caught.value.url == f"{simulator.url}{QUERY.path}?time_type=latest&time_interval=1&time_unit=hour"


def test_compressed_responses(any_client: AnyClient, simulator: StreamkapSimulator) -> None:
    body = zlib.compress(b'{"data": {"recordsLag": 5}}')
    simulator.inject(Fault.gzip(), path=METRICS)
    simulator.inject(Fault.status(200, headers={"Content-Encoding": "deflate"}, body=body), path=METRICS)
    assert [any_client.metrics().records_lag for _ in range(2)] == [7, 5]


@pytest.mark.parametrize(
    ("encoding", "body", "said"),
    [
        ("br", b"\x0b\x02\x80{}\x03", "unsupported content encoding: 'br'"),
        ("gzip", b"no gzip", "cannot be decompressed"),
        ("deflate", zlib.compress(b'{"data": {}}')[:-6], "its compressed stream is incomplete"),
    ],
)
def test_badly_compressed_responses(
    make: MakeClient, simulator: StreamkapSimulator, encoding: str, body: bytes, said: str
) -> None:
    simulator.inject(Fault.status(200, headers={"Content-Encoding": encoding}, body=body), path=METRICS)
    with pytest.raises(StreamkapResponseError, match=said) as caught:
        make(settings_for(simulator, max_attempts=1)).metrics()
    assert caught.value.transient


@pytest.mark.parametrize("compressed", [False, True])
def test_response_size_limit(any_client: AnyClient, simulator: StreamkapSimulator, compressed: bool) -> None:
    limit = 32 * 1024 * 1024
    simulator.inject(Fault.oversized(limit, compressed=compressed), path=METRICS)
    simulator.inject(Fault.oversized(limit + 1, compressed=compressed), path=METRICS)
    assert any_client.metrics().undocumented == {"padding": "padding has more than 4,096 characters"}
    with pytest.raises(StreamkapResponseError, match=r"larger than 32 MiB\. Use a shorter period") as caught:
        any_client.metrics()
    assert caught.value.permanent
    assert any_client.metrics().records_lag == 7


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_token_never_follows_redirect(any_client: AnyClient, simulator: StreamkapSimulator, status: int) -> None:
    with StreamkapSimulator() as other:
        for path in (METRICS, SIGN_IN):
            simulator.revoke_tokens()
            simulator.inject(Fault.redirect(f"{other.url}{QUERY.path}", status), path=path)
            with pytest.raises(StreamkapRedirectError, match="redirected to 127"):
                any_client.metrics()
            any_client.whoami()
        assert other.requests == []
        assert other.connections == 0
