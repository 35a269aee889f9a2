# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Any sequence of responses: each call ends after few requests with a result or one of our errors.

Between two responses the clock advances, and other calls start, end and refresh the shared token.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal

from hypothesis import event, example, given
from hypothesis import strategies as st

from airflow_provider_streamkap.api.destinations import Destination, DestinationsQuery
from airflow_provider_streamkap.api.errors import StreamkapError
from airflow_provider_streamkap.api.flows import (
    REJECTION_SECONDS,
    TOKEN_PATH,
    ApiSession,
    Flow,
    Request,
    Response,
    TokenRefresh,
)
from airflow_provider_streamkap.api.pipelines import Pipeline, PipelinesQuery
from airflow_provider_streamkap.api.query import TIME_TYPES, MetricsQuery, SourceMetricsQuery
from airflow_provider_streamkap.api.settings import ClientSettings
from airflow_provider_streamkap.gate.target import PollTarget
from airflow_provider_streamkap.polling.poll import poll
from tests.api.scripted_session import GOOD, NOW, ScriptedSession
from tests.api.strategies import (
    TOKEN,
    check_error,
    check_result,
    headers,
    no_deadline,
    payloads,
    statuses,
    texts,
    values,
)
from tests.api.support import CREDENTIALS, ID, SimulatedClock

CLIENT = ClientSettings(CREDENTIALS)

# Number of requests that each call sends by itself: a token, the call, another token, and the call again.
CALLS: dict[str, tuple[Callable[[ApiSession], Flow[Any]], int]] = {
    "destination": (lambda session: session.resource(Destination, ID), 4),
    "destinations": (lambda session: session.page(DestinationsQuery()), 4),
    "source metrics": (lambda session: session.source_metrics(SourceMetricsQuery(ID)), 4),
    "pipeline": (lambda session: session.resource(Pipeline, ID), 4),
    "pipelines": (lambda session: session.page(PipelinesQuery()), 4),
    "whoami": (lambda session: session.whoami(), 4),
    "poll": (lambda session: poll(session, PollTarget(ID)), 8),
    "poll, dated": (lambda session: poll(session, PollTarget.with_timeseries(ID)), 12),
}


def _metrics(kind: str) -> Callable[[ApiSession], Flow[Any]]:
    return lambda session: session.metrics(MetricsQuery(ID, kind))


CALLS.update({kind: (_metrics(kind), 4) for kind in TIME_TYPES})

Meanwhile = Literal["nothing", "another call", "another renewal", "a day", "a step back"]
SERIES = {"data": {"recordsLag": [{"timestamp": "2026-03-01T11:59:00Z", "value": 3}]}, "metadata": {}}
ITEM = {"id": ID, "name": "d", "connector": "c", "connector_display_name": "C", "connector_status": "Active"}
TENANT = {"tenant_id": "t", "service_id": "s", "sub": "u", "token_type": "x", "project_key_id": None}


@dataclass(frozen=True)
class Act:
    """One response, and what happens before it arrives.

    :param body: the body; strings stand for a valid body or an echo of the request's token.
    """

    status: int
    headers: dict[str, str]
    body: bytes | str
    meanwhile: Meanwhile = "nothing"


acts = st.builds(
    Act,
    status=st.just(200) | st.sampled_from([200, 401, 404, 429, 500, 503]) | statuses,
    headers=headers | st.dictionaries(texts.map(str.lower), texts, max_size=2),
    body=st.just("good")
    | st.sampled_from(["good", "good", "echo"])
    | st.binary()
    | (values | payloads).map(json.dumps),
    meanwhile=st.sampled_from(["nothing", "another call", "another renewal", "a day", "a step back"]),
)


@dataclass
class World:
    """A server that responds in the order of the acts, repeating them, together with concurrent events."""

    acts: list[Act]
    time: SimulatedClock = field(default_factory=SimulatedClock)
    wall: timedelta = timedelta()
    turn: int = 0
    tokens: int = 0
    sent: int = 0

    def __post_init__(self) -> None:
        self.session = ApiSession(CLIENT, self.time.clock, lambda: NOW + self.wall)

    def run(self, flow: Flow[Any]) -> Any:
        """Run a flow as a client does."""
        reply: Response | None = None
        while True:
            try:
                step = flow.send(reply)
            except StopIteration as done:
                return done.value
            if isinstance(step, TokenRefresh):
                reply = None
                self.run(self.session.refresh_token(step.stale))
            else:
                self.sent += 1
                assert self.sent <= 12, "the flow does not end"
                reply = self.answer(step)

    def answer(self, request: Request) -> Response:
        act = self.acts[self.turn % len(self.acts)]
        self.turn += 1
        match act.meanwhile:
            case "a day":
                self.time.now += 86400.0
                self.wall += timedelta(days=1)
            case "a step back":
                self.wall -= timedelta(days=400)
            case "another call":
                self.another(200)
            case "another renewal":
                self.another(401)
        body = self.good(request) if act.body == "good" else act.body
        if act.body == "echo":
            body = json.dumps({"detail": f"not with {request.headers.get('Authorization', '').rpartition(' ')[2]}"})
        return Response(act.status, act.headers, body.encode() if isinstance(body, str) else body, CLIENT.base_url)

    def another(self, status: int) -> None:
        """Run another call that succeeds except for its first response."""
        answers = iter([status, 200])

        def serve(request: Request) -> Response:
            status = 200 if request.path == TOKEN_PATH else next(answers)
            return Response(status, {}, self.good(request).encode(), CLIENT.base_url)

        ScriptedSession(self.session, serve).run(self.session.whoami())

    def good(self, request: Request) -> str:
        if request.path == TOKEN_PATH:
            self.tokens += 1
            return json.dumps({"accessToken": f"{TOKEN}-{self.tokens}", "expiresIn": 3600})
        if request.path == "/auth/whoami":
            return json.dumps(TENANT)
        if request.path.endswith("/metrics"):
            return json.dumps(SERIES if ("time_type", "timeseries") in request.params else GOOD)
        return json.dumps({"result": [ITEM], "page": 1, "page_size": 1, "total": 1, "has_next": False})


@no_deadline
@given(st.sampled_from(sorted(CALLS)), st.lists(acts, min_size=1, max_size=12))
@example("latest", [Act(200, {}, "good"), Act(500, {}, "echo", "another renewal")])
@example("latest", [Act(200, {}, "good"), Act(200, {}, "echo", "another renewal")])
@example("poll, dated", [Act(200, {}, "good"), Act(401, {}, "good"), Act(404, {}, "good", "a day")])
def test_any_responses_in_any_order(call: str, acts: list[Act]) -> None:
    begin, most = CALLS[call]
    world = World(acts)
    try:
        check_result(world.run(begin(world.session)))
        event("result")
    except StreamkapError as error:
        check_error(error)
        event(type(error).__name__)
    assert 1 <= world.sent <= most


@no_deadline
@given(st.lists(acts, min_size=1, max_size=12))
def test_any_responses_to_token_refresh(acts: list[Act]) -> None:
    world = World(acts)
    try:
        world.run(world.session.refresh_token(None))
    except StreamkapError as error:
        check_error(error)
    assert world.sent == 1


@no_deadline
@given(st.lists(st.tuples(st.sampled_from(sorted(CALLS)), st.lists(acts, min_size=1, max_size=4)), max_size=4))
def test_session_serves_next_call_after_any_failure(before: list[tuple[str, list[Act]]]) -> None:
    world = World([])
    for call, acts in before:
        world.acts, world.turn, world.sent = acts, 0, 0
        try:
            world.run(CALLS[call][0](world.session))
        except StreamkapError as error:
            check_error(error)
    # The server has recovered and rejects its earlier tokens once. A rejection of the credentials expires.
    world.time.now += REJECTION_SECONDS
    world.acts, world.turn, world.sent = [Act(200, {}, "good")], 0, 0
    world.another(401)
    for begin, _ in CALLS.values():
        world.sent = 0
        check_result(world.run(begin(world.session)))
