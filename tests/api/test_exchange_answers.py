# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The core and its answers, without any I/O: what is made of them, and what is never shown."""

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
from tests.api.play import BASE, answer, play, token_answer
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
def test_a_token_answer_that_is_not_understood_is_not_shown(session: ApiSession, payload: Any) -> None:
    game = play(session, tokens=[answer(payload)])
    with pytest.raises(StreamkapResponseError) as caught:
        game.run(session.metrics(QUERY))
    assert caught.value.transient
    assert caught.value.method == "POST"
    assert "not shown" in str(caught.value)
    assert "hid" not in str(caught.value).replace("***", "")


def test_a_refused_sign_in_shows_no_secret(session: ApiSession) -> None:
    echo = {"detail": [{"loc": ["body"], "msg": "made-up-secret-value is wrong", "input": CREDENTIALS.token_request()}]}
    with pytest.raises(StreamkapAuthError) as caught:
        play(session, tokens=[answer(echo, 422)]).run(session.metrics(QUERY))
    assert caught.value.permanent
    assert "made-up-secret-value" not in str(caught.value) + repr(vars(caught.value))


def test_a_failed_sign_in_keeps_the_session_as_it_was(session: ApiSession) -> None:
    with pytest.raises(StreamkapServerError):
        play(session, tokens=[answer({}, 503)]).run(session.metrics(QUERY))
    assert play(session).run(session.metrics(QUERY)).records_lag == 3


def test_a_403_names_the_permission(session: ApiSession) -> None:
    with pytest.raises(StreamkapPermissionError, match="read:destination_metrics"):
        play(session, answer({"detail": "no"}, 403)).run(session.metrics(QUERY))


@pytest.mark.parametrize(
    "body",
    [b"", b"<html><title>hi</title>", b"[]", b'{"data": 7}', b"[" * 100_000],
)
def test_an_answer_that_is_not_understood_shows_its_start(session: ApiSession, body: bytes) -> None:
    with pytest.raises(StreamkapResponseError) as caught:
        play(session, answer(body, 200, x_request_id="req-1")).run(session.metrics(QUERY))
    assert caught.value.detail == ("hi" if body.startswith(b"<html") else body[:200].decode() or None)
    assert (caught.value.status, caught.value.request_id) == (200, "req-1")
    assert caught.value.transient


def test_the_start_is_redacted(session: ApiSession) -> None:
    with pytest.raises(StreamkapResponseError) as caught:
        play(session, answer(b"token first-token and made-up-secret-value")).run(session.metrics(QUERY))
    assert caught.value.detail == "token *** and ***"


def test_a_204_is_an_empty_answer(session: ApiSession) -> None:
    with pytest.raises(StreamkapResponseError, match="empty"):
        play(session, answer(b"", 204)).run(session.metrics(QUERY))


def test_request_ids_are_made_printable(session: ApiSession) -> None:
    with pytest.raises(StreamkapError) as caught:
        play(session, answer({}, 400, x_request_id="a\x1bb\ud800" + "c" * 300)).run(session.metrics(QUERY))
    assert caught.value.request_id == "ab" + "c" * 196


def test_destination(session: ApiSession) -> None:
    game = play(session, answer({"result": [{"id": ID, "config": {"password": "hunter22"}}]}))
    assert game.run(session.destination(ID)) == Destination(ID)
    assert game.requests[-1].path == f"/destinations/{ID}"


def test_an_empty_result_is_not_found(session: ApiSession) -> None:
    with pytest.raises(StreamkapNotFoundError, match=f"{BASE}/destinations/{ID}: there is no destination") as caught:
        play(session, answer({"result": []})).run(session.destination(ID))
    assert caught.value.permanent


def test_a_bad_id_is_refused_before_anything_is_sent(session: ApiSession) -> None:
    with pytest.raises(ValueError, match="destination_id"):
        next(session.destination(".."))


@pytest.mark.parametrize(
    "payload", [{"result": {"config": "hunter22"}}, [{"id": ID, "config": "hunter22"}], b"hunter22"]
)
def test_answers_about_destinations_are_never_shown(session: ApiSession, payload: Any) -> None:
    with pytest.raises(StreamkapResponseError, match="not shown because they may contain secrets") as caught:
        play(session, answer(payload, content_type="text/x")).run(session.destinations(DestinationsQuery()))
    assert "bytes text/x" in str(caught.value)
    assert "hunter22" not in str(caught.value)


def test_destinations(session: ApiSession) -> None:
    game = play(session, answer({"result": [{"id": "a"}, {"id": "b"}], "has_next": True}))
    page = game.run(session.destinations(DestinationsQuery("ord"), 2))
    assert [item.id for item in page.destinations] == ["a", "b"]
    assert game.requests[-1].params == (("page", "2"), ("page_size", "100"), ("partial_name", "ord"))


def test_whoami(session: ApiSession) -> None:
    game = play(session, answer({"tenant_id": "t", "service_id": "s\0", "secret": "hunter22"}))
    assert game.run(session.whoami()) == {
        "tenant_id": "t",
        "service_id": "s\ufffd",
        "sub": None,
        "token_type": None,
        "project_key_id": None,
    }


def test_whoami_has_to_be_an_object(session: ApiSession) -> None:
    with pytest.raises(StreamkapResponseError, match="the identity is not an object"):
        play(session, answer([])).run(session.whoami())


def test_nothing_shows_a_secret(session: ApiSession) -> None:
    game = play(session)
    game.run(session.metrics(QUERY))
    shown = f"{session!r} {session} {game.steps!r} {token_answer()!r} {Token('first-token', 1.0)!r}"
    for secret in ("first-token", "made-up-secret-value", "made-up-client-id", "Bearer"):
        assert secret not in shown


def test_the_default_wall_clock_is_aware(session: ApiSession) -> None:
    own = ApiSession(session.settings)
    assert play(own).run(own.metrics(QUERY)).observed_at.utcoffset() is not None


@pytest.mark.parametrize(
    ("age", "seconds"),
    [("140", 140), (" 7 ", 7), ("", 0), ("-5", 0), ("soon", 0), ("1.5", 0), ("\u0661", 0), ("9" * 400, 86_400)],
)
def test_a_cached_response_is_as_old_as_it_says(session: ApiSession, age: str, seconds: float) -> None:
    fresh = play(session, answer({"data": {}})).run(session.metrics(QUERY))
    cached = play(session, answer({"data": {}}, age=age)).run(session.metrics(QUERY))
    assert (fresh.observed_at - cached.observed_at).total_seconds() == seconds
