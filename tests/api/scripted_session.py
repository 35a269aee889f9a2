# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Run the core's flows by hand, against servers that are plain functions."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from airflow_provider_streamkap.api.flows import ApiSession, Flow, Request, Response, TokenRefresh

BASE = "https://api.streamkap.test"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
GOOD = {"data": {"recordsLag": 3}, "metadata": {}}


def response_of(payload: Any = GOOD, status: int = 200, **headers: str) -> Response:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return Response(status, {name.replace("_", "-"): value for name, value in headers.items()}, body, f"{BASE}/x")


def token_response(access: str = "first-token", **more: Any) -> Response:
    return response_of({"accessToken": access, "refreshToken": "r", "expires": "?", "expiresIn": 3600, **more})


class ScriptedSession:
    """Runs a flow against a server function and records what it yields."""

    def __init__(self, session: ApiSession, serve: Callable[[Request], Response]) -> None:
        self.session = session
        self.serve = serve
        self.steps: list[Request | TokenRefresh] = []

    def run(self, flow: Flow[Any]) -> Any:
        reply: Response | None = None
        while True:
            try:
                step = flow.send(reply)
            except StopIteration as done:
                return done.value
            self.steps.append(step)
            if isinstance(step, TokenRefresh):
                self.run(self.session.refresh_token(step.stale))
                reply = None
            else:
                reply = self.serve(step)

    @property
    def requests(self) -> list[Request]:
        return [step for step in self.steps if isinstance(step, Request)]


def scripted_session(session: ApiSession, *answers: Response, tokens: list[Response] | None = None) -> ScriptedSession:
    """Respond to the calls in order, and to the token calls in theirs; the last response of each repeats."""
    calls, grants = list(answers) or [response_of()], list(tokens or [token_response()])

    def serve(request: Request) -> Response:
        queue = grants if request.path == "/auth/access-token" else calls
        return queue.pop(0) if len(queue) > 1 else queue[0]

    return ScriptedSession(session, serve)
