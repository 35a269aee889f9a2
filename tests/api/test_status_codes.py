# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Mapping of HTTP status codes to errors, and error details from response bodies."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from airflow_provider_streamkap.api.error_mapping import detail_of, http_error, retry_after
from airflow_provider_streamkap.api.errors import (
    StreamkapAuthError,
    StreamkapError,
    StreamkapHTTPError,
    StreamkapNotFoundError,
    StreamkapPermissionError,
    StreamkapRateLimitError,
    StreamkapRedirectError,
    StreamkapRequestError,
    StreamkapResponseError,
    StreamkapServerError,
)

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


def error_for(status: int, body: Any = b"", headers: dict[str, str] | None = None, **options: Any) -> StreamkapError:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return http_error(status, headers or {}, raw, now=NOW, **options)


@pytest.mark.parametrize(
    ("status", "kind", "transient", "permanent"),
    [
        (301, StreamkapRedirectError, False, True),
        (304, StreamkapRedirectError, False, True),
        (400, StreamkapRequestError, False, True),
        (401, StreamkapAuthError, False, True),
        (403, StreamkapPermissionError, False, True),
        (404, StreamkapNotFoundError, False, True),
        (408, StreamkapRequestError, False, False),
        (422, StreamkapRequestError, False, True),
        (425, StreamkapRequestError, False, False),
        (429, StreamkapRateLimitError, True, False),
        (499, StreamkapRequestError, False, True),
        (500, StreamkapServerError, False, False),
        (501, StreamkapServerError, False, False),
        (502, StreamkapServerError, True, False),
        (503, StreamkapServerError, True, False),
        (504, StreamkapServerError, True, False),
        (599, StreamkapServerError, False, False),
        (199, StreamkapResponseError, True, False),
        (600, StreamkapResponseError, True, False),
    ],
)
def test_status_to_error_class(status: int, kind: type[StreamkapError], transient: bool, permanent: bool) -> None:
    error = error_for(status)
    assert type(error) is kind
    assert (error.transient, error.permanent, error.status) == (transient, permanent, status)
    assert str(status) in str(error)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_rejection_during_sign_in_means_credentials(status: int) -> None:
    error = error_for(status, token_request=True)
    assert type(error) is StreamkapAuthError
    assert error.permanent
    assert "rejected the credentials" in str(error)


@pytest.mark.parametrize(
    ("status", "kind"), [(408, StreamkapRequestError), (425, StreamkapRequestError), (429, StreamkapRateLimitError)]
)
def test_some_sign_in_errors_are_not_rejected_credentials(status: int, kind: type) -> None:
    error = error_for(status, token_request=True)
    assert type(error) is kind
    assert not error.permanent


@pytest.mark.parametrize(
    "detail",
    [
        "Request timeout",
        "the call timed out",
        "Consumer group is REBALANCING",
        "Leader not available",
        "LEADER_NOT_AVAILABLE",
        [{"msg": "rebalance in progress"}],
        {"message": "worker times out"},
    ],
)
def test_transient_500(detail: Any) -> None:
    assert error_for(500, {"detail": detail}).transient


def test_other_500_is_permanent() -> None:
    error = error_for(500, {"detail": "Connector plugin not found"})
    assert not error.transient
    assert not error.permanent


def test_missing_permission_is_named() -> None:
    assert "the permission read:destination_metrics" in str(error_for(403, permission="read:destination_metrics"))
    assert "lack a permission" in str(error_for(403))


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("https://me:pw@elsewhere.example:81/a?token=b", "redirected to elsewhere.example;"),
        ("/login", "redirected to a path on the same host;"),
        ("http://[broken", "redirected to an invalid URL;"),
        ("", "redirected to an invalid URL;"),
    ],
)
def test_redirect_error_names_only_host(location: str, expected: str) -> None:
    text = str(error_for(302, headers={"location": location}))
    assert expected in text
    assert "pw" not in text
    assert "token=b" not in text


def test_context_and_secrets() -> None:
    error = error_for(
        422,
        {"detail": [{"loc": ["body", "secret"], "msg": "bad hunter22", "input": {"secret": "hunter22"}}]},
        secrets=["hunter22"],
        method="POST",
        url="https://h/auth",
        request_id="r",
        token_request=True,
    )
    assert error.detail == [{"loc": ["body", "secret"], "msg": "bad ***", "input": {"secret": "***"}}]
    assert (error.method, error.url, error.request_id) == ("POST", "https://h/auth", "r")
    assert "hunter22" not in str(error) + repr(vars(error))


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b'{"detail": "text"}', "text"),
        (b'{"detail": [{"msg": "m"}]}', [{"msg": "m"}]),
        (b'{"detail": {"a": NaN}}', {"a": None}),
        (b'{"detail": null, "message": "m"}', {"detail": None, "message": "m"}),
        (b'{"message": "m"}', {"message": "m"}),
        (b'["a"]', ["a"]),
        (b"null", "null"),
        (b"", None),
        (b"  ", None),
        (b"gone \x00 \xff", "gone \ufffd \ufffd"),
        (b"[" * 70 + b"]" * 70, "[" * 70 + "]" * 70),
    ],
)
def test_detail(body: bytes, detail: Any) -> None:
    assert detail_of(body) == detail


def test_large_body_is_truncated_as_text() -> None:
    body = json.dumps({"detail": "x" * 100_000}).encode()
    detail = detail_of(body)
    assert detail == body[:4096].decode()


@pytest.mark.parametrize(
    ("value", "date", "seconds"),
    [
        (None, None, None),
        ("120", None, 120.0),
        (" 1.5 ", None, 1.5),
        ("0", None, 0.0),
        ("-5", None, 0.0),
        ("1e400", None, None),
        ("9" * 400, None, None),
        ("NaN", None, None),
        ("Infinity", None, None),
        ("١٢", None, None),
        ("", None, None),
        ("soon", None, None),
        ("Sun, 01 Mar 2026 12:00:30 GMT", None, 30.0),
        ("Sun, 01 Mar 2026 12:00:30 -0000", None, 30.0),
        ("Sun, 01 Mar 2026 13:00:30 +0100", None, 30.0),
        ("Sun, 01 Mar 2026 11:00:00 GMT", None, 0.0),
        ("Sun, 01 Mar 2026 12:00:30 GMT", "Sun, 01 Mar 2026 12:00:20 GMT", 10.0),
        ("Sun, 01 Mar 2026 12:00:30 GMT", "rubbish", 30.0),
        ("Fri, 31 Dec 9999 23:59:59 -2359", None, None),
        ("Mon, 99 Foo 2026", None, None),
    ],
)
def test_retry_after(value: str | None, date: str | None, seconds: float | None) -> None:
    headers = {key: text for key, text in (("retry-after", value), ("date", date)) if text is not None}
    assert retry_after(headers, NOW) == seconds
    error = error_for(503, headers=headers)
    assert isinstance(error, StreamkapHTTPError)
    assert error.retry_after == seconds
