# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Flows and their responses, without I/O: parsing, errors and redaction."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_streamkap.api.auth import Token
from airflow_provider_streamkap.api.destinations import Destination, DestinationsQuery
from airflow_provider_streamkap.api.errors import (
    StreamkapAuthError,
    StreamkapError,
    StreamkapNotFoundError,
    StreamkapPermissionError,
    StreamkapResponseError,
    StreamkapServerError,
)
from airflow_provider_streamkap.api.flows import ApiSession
from tests.api.scripted_session import BASE, response_of, scripted_session, token_response
from tests.api.support import CREDENTIALS, ID, QUERY


@pytest.mark.parametrize(
    "payload",
    [
        {},
        [],
        None,
        {"accessToken": ""},
        {"accessToken": None},
        {"accessToken": 7},
        {"accessToken": "two words"},
        {"accessToken": "line\r\nInjected: yes"},
        {"accessToken": "ümlaut"},
        {"access_token": "eyJhbGciOi.hidden"},
        b"<html>",
        b'{"accessToken": "hidd',
        b"",
    ],
)
def test_invalid_token_response_is_not_shown(session: ApiSession, payload: Any) -> None:
    game = scripted_session(session, tokens=[response_of(payload)])
    with pytest.raises(StreamkapResponseError) as caught:
        game.run(session.metrics(QUERY))
    assert caught.value.transient
    assert caught.value.method == "POST"
    assert "not shown" in str(caught.value)
    assert "hid" not in str(caught.value).replace("***", "")


def test_rejected_sign_in_shows_no_secret(session: ApiSession) -> None:
    echo = {"detail": [{"loc": ["body"], "msg": "made-up-secret-value is wrong", "input": CREDENTIALS.token_request()}]}
    with pytest.raises(StreamkapAuthError) as caught:
        scripted_session(session, tokens=[response_of(echo, 422)]).run(session.metrics(QUERY))
    assert caught.value.permanent
    assert "made-up-secret-value" not in str(caught.value) + repr(vars(caught.value))


def test_failed_sign_in_leaves_session_unchanged(session: ApiSession) -> None:
    with pytest.raises(StreamkapServerError):
        scripted_session(session, tokens=[response_of({}, 503)]).run(session.metrics(QUERY))
    assert scripted_session(session).run(session.metrics(QUERY)).records_lag == 3


def test_403_names_permission(session: ApiSession) -> None:
    with pytest.raises(StreamkapPermissionError, match="read:destination_metrics"):
        scripted_session(session, response_of({"detail": "no"}, 403)).run(session.metrics(QUERY))


@pytest.mark.parametrize(
    "body",
    [b"", b"<html><title>hi</title>", b"[]", b'{"data": 7}', b"[" * 100_000],
)
def test_invalid_response_shows_its_beginning(session: ApiSession, body: bytes) -> None:
    with pytest.raises(StreamkapResponseError) as caught:
        scripted_session(session, response_of(body, 200, x_request_id="req-1")).run(session.metrics(QUERY))
    assert caught.value.detail == ("hi" if body.startswith(b"<html") else body[:200].decode() or None)
    assert (caught.value.status, caught.value.request_id) == (200, "req-1")
    assert caught.value.transient


def test_shown_beginning_is_redacted(session: ApiSession) -> None:
    with pytest.raises(StreamkapResponseError) as caught:
        scripted_session(session, response_of(b"token first-token and made-up-secret-value")).run(
            session.metrics(QUERY)
        )
    assert caught.value.detail == "token *** and ***"


def test_204_is_empty_response(session: ApiSession) -> None:
    with pytest.raises(StreamkapResponseError, match="empty"):
        scripted_session(session, response_of(b"", 204)).run(session.metrics(QUERY))


def test_request_ids_are_sanitized(session: ApiSession) -> None:
    with pytest.raises(StreamkapError) as caught:
        scripted_session(session, response_of({}, 400, x_request_id="a\x1bb\ud800" + "c" * 300)).run(
            session.metrics(QUERY)
        )
    assert caught.value.request_id == "ab" + "c" * 196


def test_destination(session: ApiSession) -> None:
    game = scripted_session(session, response_of({"result": [{"id": ID, "config": {"password": "hunter22"}}]}))
    assert game.run(session.resource(Destination, ID)) == Destination(ID)
    assert game.requests[-1].path == f"/destinations/{ID}"


def test_empty_result_is_not_found(session: ApiSession) -> None:
    with pytest.raises(StreamkapNotFoundError, match=f"{BASE}/destinations/{ID}: there is no destination") as caught:
        scripted_session(session, response_of({"result": []})).run(session.resource(Destination, ID))
    assert caught.value.permanent


def test_invalid_id_is_rejected_before_any_request(session: ApiSession) -> None:
    with pytest.raises(ValueError, match="destination_id"):
        next(session.resource(Destination, ".."))


@pytest.mark.parametrize(
    "payload", [{"result": {"config": "hunter22"}}, [{"id": ID, "config": "hunter22"}], b"hunter22"]
)
def test_responses_about_destinations_are_never_shown(session: ApiSession, payload: Any) -> None:
    with pytest.raises(StreamkapResponseError, match="not shown because they can contain secrets") as caught:
        scripted_session(session, response_of(payload, content_type="text/x")).run(session.page(DestinationsQuery()))
    assert "bytes text/x" in str(caught.value)
    assert "hunter22" not in str(caught.value)


def test_destinations(session: ApiSession) -> None:
    game = scripted_session(session, response_of({"result": [{"id": "a"}, {"id": "b"}], "has_next": True}))
    page = game.run(session.page(DestinationsQuery("ord"), 2))
    assert [item.id for item in page.items] == ["a", "b"]
    assert game.requests[-1].params == (("page", "2"), ("page_size", "100"), ("partial_name", "ord"))


def test_whoami(session: ApiSession) -> None:
    game = scripted_session(session, response_of({"tenant_id": "t", "service_id": "s\0", "secret": "hunter22"}))
    assert game.run(session.whoami()) == {
        "tenant_id": "t",
        "service_id": "s\ufffd",
        "sub": None,
        "token_type": None,
        "project_key_id": None,
    }


def test_whoami_must_be_object(session: ApiSession) -> None:
    with pytest.raises(StreamkapResponseError, match="unexpected whoami response: expected an object"):
        scripted_session(session, response_of([])).run(session.whoami())


def test_repr_shows_no_secret(session: ApiSession) -> None:
    game = scripted_session(session)
    game.run(session.metrics(QUERY))
    shown = f"{session!r} {session} {game.steps!r} {token_response()!r} {Token('first-token', 1.0)!r}"
    for secret in ("first-token", "made-up-secret-value", "made-up-client-id", "Bearer"):
        assert secret not in shown


def test_default_wall_clock_is_aware(session: ApiSession) -> None:
    own = ApiSession(session.settings)
    assert scripted_session(own).run(own.metrics(QUERY)).observed_at.utcoffset() is not None


@pytest.mark.parametrize(
    ("age", "seconds"),
    [("140", 140), (" 7 ", 7), ("", 0), ("-5", 0), ("soon", 0), ("1.5", 0), ("\u0661", 0), ("9" * 400, 86_400)],
)
def test_cached_response_age_comes_from_header(session: ApiSession, age: str, seconds: float) -> None:
    fresh = scripted_session(session, response_of({"data": {}})).run(session.metrics(QUERY))
    cached = scripted_session(session, response_of({"data": {}}, age=age)).run(session.metrics(QUERY))
    assert (fresh.observed_at - cached.observed_at).total_seconds() == seconds
