# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The exceptions: messages, redaction and pickling."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from airflow_provider_streamkap.api import errors
from airflow_provider_streamkap.api.errors import (
    MAX_DETAIL,
    StreamkapAuthError,
    StreamkapConnectionError,
    StreamkapError,
    StreamkapHTTPError,
    StreamkapNameError,
    StreamkapNotFoundError,
    StreamkapPermissionError,
    StreamkapRateLimitError,
    StreamkapRedirectError,
    StreamkapRequestError,
    StreamkapResponseError,
    StreamkapServerError,
    StreamkapTimeoutError,
    single_line,
)

TREE = {
    StreamkapError: (Exception, False, False),
    StreamkapConnectionError: (StreamkapError, True, False),
    StreamkapTimeoutError: (StreamkapConnectionError, True, False),
    StreamkapResponseError: (StreamkapError, True, False),
    StreamkapHTTPError: (StreamkapError, False, False),
    StreamkapNameError: (StreamkapError, False, True),
    StreamkapAuthError: (StreamkapHTTPError, False, True),
    StreamkapPermissionError: (StreamkapHTTPError, False, True),
    StreamkapNotFoundError: (StreamkapHTTPError, False, True),
    StreamkapRequestError: (StreamkapHTTPError, False, True),
    StreamkapRateLimitError: (StreamkapHTTPError, True, False),
    StreamkapServerError: (StreamkapHTTPError, False, False),
    StreamkapRedirectError: (StreamkapHTTPError, False, True),
}


def test_exception_hierarchy_is_complete() -> None:
    found = {item for item in vars(errors).values() if isinstance(item, type) and issubclass(item, StreamkapError)}
    assert found == set(TREE)


@pytest.mark.parametrize("kind", TREE)
def test_position_in_exception_hierarchy(kind: type[StreamkapError]) -> None:
    parent, transient, permanent = TREE[kind]
    error = kind("it happened")
    assert kind.__bases__ == (parent,)
    assert (error.transient, error.permanent) == (transient, permanent)
    assert str(error) == "it happened"
    assert (error.status, error.detail, error.request_id, error.method, error.url) == (None,) * 5
    assert error.attempts == 1


def test_message_carries_everything() -> None:
    error = StreamkapServerError(
        "503 Service Unavailable",
        status=503,
        detail="come back later",
        request_id="req-1",
        method="GET",
        url="https://me:pw@api.streamkap.com/destinations?access_token=abc&page=1",
        attempts=3,
        retry_after=2.5,
    )
    assert str(error) == (
        "GET https://api.streamkap.com/destinations?access_token=***&page=1: 503 Service Unavailable: come back later"
        " (request id req-1, 3 attempts)"
    )
    assert repr(error) == f"StreamkapServerError({str(error)!r})"
    assert error.retry_after == 2.5
    assert error.message == "503 Service Unavailable"


def test_status_is_appended_if_message_lacks_it() -> None:
    assert (
        str(StreamkapResponseError("the response is not JSON", status=200)) == "the response is not JSON (status 200)"
    )


def test_without_message() -> None:
    error = StreamkapError()
    error.args = ()
    assert str(error) == ""
    assert error.message == ""


def test_flags_can_be_set_per_instance() -> None:
    error = StreamkapConnectionError("certificate", transient=False, permanent=True)
    assert (error.transient, error.permanent) == (False, True)
    assert (StreamkapConnectionError.transient, StreamkapConnectionError.permanent) == (True, False)


@pytest.mark.parametrize("kind", TREE)
@pytest.mark.parametrize("copier", [copy.copy, copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))])
def test_survives_copying(kind: type[StreamkapError], copier: Any) -> None:
    error = kind(
        "it happened", status=500, detail={"a": [1]}, request_id="r", method="GET", url="https://h/", attempts=2
    )
    error.permanent = True
    if isinstance(error, StreamkapHTTPError):
        error.retry_after = 3.0
    twin = copier(error)
    assert type(twin) is kind
    assert twin is not error
    assert vars(twin) == vars(error)
    assert str(twin) == str(error)


@pytest.mark.parametrize(
    ("detail", "text"),
    [
        (None, ""),
        ("plain  text\nin two\tlines\x1b[31m", "plain text in two lines [31m"),
        ("a < b and <b>not a page</b>", "a < b and <b>not a page</b>"),
        (
            [{"loc": ["query", "page", 0], "msg": "too small", "type": "x"}, {"msg": "bare"}],
            "query.page.0: too small; bare",
        ),
        (["one", {"other": 1}, 2], 'one; {"other": 1}; 2'),
        ({"code": 7, "why": "ü"}, '{"code": 7, "why": "ü"}'),
        (42, "42"),
        ("lone \ud800 surrogate", "lone surrogate"),
    ],
)
def test_brief(detail: Any, text: str) -> None:
    assert single_line(detail) == text


def test_brief_is_brief() -> None:
    assert single_line("x" * 10_000) == "x" * MAX_DETAIL + "..."
    assert len(single_line([{"msg": "y" * 100}] * 10_000)) == MAX_DETAIL + 3
    assert len(single_line("<html>" + "<" * 1_000_000)) <= MAX_DETAIL + 3
