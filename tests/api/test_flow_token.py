# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Flows and their token, without I/O: request, refresh before expiry, replay after a 401."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_streamkap.api.errors import StreamkapAuthError, StreamkapError
from airflow_provider_streamkap.api.flows import ApiSession, Request, Response, TokenRefresh
from airflow_provider_streamkap.api.settings import ClientSettings, Credentials
from tests.api.scripted_session import BASE, NOW, ScriptedSession, response_of, scripted_session, token_response
from tests.api.support import QUERY, SimulatedClock


def test_first_call_signs_in(session: ApiSession) -> None:
    game = scripted_session(session)
    metrics = game.run(session.metrics(QUERY))
    renewal, sign_in, call = game.steps
    assert isinstance(renewal, TokenRefresh)
    assert renewal.stale is None
    assert isinstance(sign_in, Request)
    assert isinstance(call, Request)
    assert (sign_in.method, sign_in.path, sign_in.params) == ("POST", "/auth/access-token", ())
    assert sign_in.json == {"client_id": "made-up-client-id", "secret": "made-up-secret-value"}
    assert sign_in.headers == {"Accept": "application/json"}
    assert (call.method, call.path, call.params, call.json) == ("GET", QUERY.path, QUERY.params, None)
    assert call.headers == {"Accept": "application/json", "Authorization": "Bearer first-token"}
    assert metrics.records_lag == 3
    assert metrics.observed_at == NOW


def test_token_is_used_again(session: ApiSession) -> None:
    game = scripted_session(session)
    for _ in range(3):
        game.run(session.metrics(QUERY))
    assert [request.path for request in game.requests].count("/auth/access-token") == 1


def test_project_key_is_sent_whole() -> None:
    session = ApiSession(ClientSettings(Credentials(project_key='{"api": {}}'), base_url=BASE))
    request = next(session.refresh_token(None))
    assert isinstance(request, Request)
    assert request.json == {"project_key": '{"api": {}}'}


@pytest.mark.parametrize(
    ("lifetime", "lead"), [(3600, 60), (600, 60), (100, 10), ("100", 10), (10, 1), (5, 0.5), (1e300, None)]
)
def test_token_is_refreshed_before_it_expires(
    session: ApiSession, time: SimulatedClock, lifetime: Any, lead: float | None
) -> None:
    game = scripted_session(session, tokens=[token_response(expiresIn=lifetime), token_response("second-token")])
    game.run(session.metrics(QUERY))
    seconds = float(lifetime)
    start = time.now
    time.now = start + (seconds - lead) * 0.999 if lead else start + 1e9
    game.run(session.metrics(QUERY))
    assert game.requests[-1].headers["Authorization"] == "Bearer first-token"
    if lead:
        time.now = start + (seconds - lead) + 1e-6
        game.run(session.metrics(QUERY))
        assert game.requests[-1].headers["Authorization"] == "Bearer second-token"


@pytest.mark.parametrize(
    "lifetime", [None, 0, 4.9, 1e-6, -5, "soon", "", True, [], {}, float("nan"), float("inf"), 10**400]
)
def test_token_of_unknown_lifetime_is_used_until_rejected(
    session: ApiSession, time: SimulatedClock, lifetime: Any
) -> None:
    payload = {"accessToken": "first-token", "expiresIn": lifetime}
    game = scripted_session(
        session,
        response_of(),
        response_of({}, 401),
        response_of(),
        tokens=[response_of(payload), token_response("second-token")],
    )
    game.run(session.metrics(QUERY))
    time.now += 1e9
    game.run(session.metrics(QUERY))
    sent = [request.headers.get("Authorization") for request in game.requests]
    assert sent == [None, "Bearer first-token", "Bearer first-token", None, "Bearer second-token"]


def test_missing_lifetime_is_unknown(session: ApiSession, time: SimulatedClock) -> None:
    game = scripted_session(session, tokens=[response_of({"accessToken": "first-token"})])
    game.run(session.metrics(QUERY))
    time.now += 1e9
    game.run(session.metrics(QUERY))
    assert len(game.requests) == 3


def test_slow_token_call_does_not_extend_token_lifetime(session: ApiSession, time: SimulatedClock) -> None:
    def serve(request: Request) -> Response:
        time.now += 50
        return token_response(expiresIn=100) if request.path == "/auth/access-token" else response_of()

    game = ScriptedSession(session, serve)
    game.run(session.metrics(QUERY))
    game.run(session.metrics(QUERY))
    assert [request.path for request in game.requests].count("/auth/access-token") == 2


def test_401_refreshes_once_and_replays_once(session: ApiSession) -> None:
    game = scripted_session(
        session, response_of({}, 401), response_of(), tokens=[token_response(), token_response("second-token")]
    )
    assert game.run(session.metrics(QUERY)).records_lag == 3
    assert game.requests[1].headers["Authorization"] == "Bearer first-token"
    assert game.requests[3].headers["Authorization"] == "Bearer second-token"
    assert (game.requests[3].path, game.requests[3].params) == (QUERY.path, QUERY.params)


def test_second_401_is_error(session: ApiSession) -> None:
    game = scripted_session(session, response_of({"detail": "no"}, 401, x_request_id="req-9"))
    with pytest.raises(StreamkapAuthError) as caught:
        game.run(session.metrics(QUERY))
    assert len(game.requests) == 4
    assert caught.value.permanent
    assert (caught.value.status, caught.value.detail, caught.value.request_id) == (401, "no", "req-9")
    assert (caught.value.method, caught.value.url) == ("GET", f"{BASE}/x")


def test_late_caller_takes_token_refreshed_by_other(session: ApiSession) -> None:
    game = scripted_session(
        session, tokens=[token_response(), token_response("second-token"), token_response("third-token")]
    )
    game.run(session.metrics(QUERY))
    one, two = session.metrics(QUERY), session.metrics(QUERY)
    next(one)
    next(two)
    asks_one, asks_two = one.send(response_of({}, 401)), two.send(response_of({}, 401))
    assert isinstance(asks_one, TokenRefresh)
    assert isinstance(asks_two, TokenRefresh)
    assert game.run(session.refresh_token(asks_one.stale)).access == "second-token"
    assert game.run(session.refresh_token(asks_two.stale)) is None
    for late in (one, two):
        replay = late.send(None)
        assert isinstance(replay, Request)
        assert replay.headers["Authorization"] == "Bearer second-token"


def test_401_for_token_already_refreshed_by_other(session: ApiSession) -> None:
    game = scripted_session(session, tokens=[token_response(), token_response("second-token")])
    game.run(session.metrics(QUERY))
    slow = session.metrics(QUERY)
    next(slow)
    renewed = session.metrics(QUERY)
    next(renewed)
    step = renewed.send(response_of({}, 401))
    assert isinstance(step, TokenRefresh)
    game.run(session.refresh_token(step.stale))
    step = slow.send(response_of({}, 401))
    assert isinstance(step, TokenRefresh)
    assert game.run(session.refresh_token(step.stale)) is None


def test_late_caller_refreshes_token_that_is_due_again(session: ApiSession, time: SimulatedClock) -> None:
    game = scripted_session(
        session, tokens=[token_response(), token_response("second-token", expiresIn=10), token_response("third-token")]
    )
    game.run(session.metrics(QUERY))
    slow = session.metrics(QUERY)
    next(slow)
    step = slow.send(response_of({}, 401))
    assert isinstance(step, TokenRefresh)
    game.run(session.refresh_token(step.stale))
    time.now += 10
    # Rejected once more, it would be treated as a rejected fresh token, which is a permanent error.
    assert game.run(session.refresh_token(step.stale)).access == "third-token"


@pytest.mark.parametrize("status", [200, 500])
def test_error_shows_neither_sent_nor_current_token(session: ApiSession, status: int) -> None:
    game = scripted_session(session, tokens=[token_response(), token_response("second-token")])
    game.run(session.metrics(QUERY))
    slow, renewed = session.metrics(QUERY), session.metrics(QUERY)
    next(slow)
    next(renewed)
    step = renewed.send(response_of({}, 401))
    assert isinstance(step, TokenRefresh)
    game.run(session.refresh_token(step.stale))
    with pytest.raises(StreamkapError) as caught:
        slow.send(response_of({"detail": "of first-token and second-token"}, status))
    assert "of *** and ***" in str(caught.value)


def test_request_without_refresh_is_sent_unauthenticated(session: ApiSession) -> None:
    flow = session.metrics(QUERY)
    assert isinstance(next(flow), TokenRefresh)
    request = flow.send(None)
    assert isinstance(request, Request)
    assert "Authorization" not in request.headers
