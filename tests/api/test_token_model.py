# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The token lifecycle checked against a model: overlapping calls on a server that loses and rejects tokens."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from airflow_provider_streamkap.api.auth import Token
from airflow_provider_streamkap.api.errors import StreamkapAuthError, StreamkapError
from airflow_provider_streamkap.api.flows import (
    REJECTION_SECONDS,
    SIGN_IN_PATH,
    ApiSession,
    Flow,
    Request,
    Response,
    TokenRefresh,
)
from airflow_provider_streamkap.api.settings import ClientSettings
from tests.api.scripted_session import BASE, response_of
from tests.api.support import CREDENTIALS, SimulatedClock

# Lifetimes that the token call can return, and the seconds they mean; None if unusable.
ABSENT = "absent"
INVALID: list[Any] = [
    ABSENT,
    None,
    0,
    1,
    "2.5",
    4.9,
    1e-6,
    -5,
    -0.1,
    "",
    "soon",
    "-3",
    True,
    [3600],
    {},
    float("nan"),
]
UNBOUNDED: list[Any] = [float("inf"), 10**400, "inf", "1e999"]
SECONDS: list[Any] = [3600, 600, 60, 5, "100", " 7 ", "12.5", 1e300]
LONG_LIVED = [(said, float(said)) for said in SECONDS]
LIFETIMES: list[tuple[Any, float | None]] = [*[(said, None) for said in INVALID + UNBOUNDED], *LONG_LIVED]
NO_TOKENS: list[Any] = ["", "two words", "line\nbreak", "t\u00f6ken", "nul\0", "x" * 16_001, 7, None, ["token"], {}]


@dataclass(eq=False)
class Known:
    """A token in the model.

    :param due: when it must be refreshed; None: never.
    """

    access: str
    due: float | None = None


@dataclass(eq=False)
class Call:
    """A call in progress.

    :param flow: its generator.
    :param waits: what it waits for: a response or a token refresh.
    :param sent: the tokens that it has sent, in order.
    :param stale: the token that it wants refreshed.
    :param refused: whether its request has received a 401.
    """

    flow: Flow[Any]
    waits: Request | TokenRefresh | None = None
    sent: list[Known] = field(default_factory=list)
    stale: Known | None = None
    refused: bool = False


class TokenAgainstModel(RuleBasedStateMachine):
    """Drives calls and token refreshes as the clients do, one refresh at a time, and checks every step."""

    def __init__(self) -> None:
        super().__init__()
        self.time = SimulatedClock()
        self.session = ApiSession(ClientSettings(CREDENTIALS, base_url=BASE), self.time.clock)
        self.known: Known | None = None
        # The tokens that the server accepts.
        self.good: set[str] = set()
        self.calls: list[Call] = []
        # The call that holds the lock, and its token request.
        self.holder: Call | None = None
        self.renewal: Flow[Token | None] | None = None
        self.requested_at = 0.0
        self.number = 0
        self.rejected_at = -math.inf

    # The model

    def _is_due(self) -> bool:
        return self.known is None or (self.known.due is not None and self.time.now >= self.known.due)

    def _expect_request(self, call: Call, step: Any, *, renewed: bool) -> None:
        """A request carries the newest token, which is not due unless it was due when it was issued."""
        assert isinstance(step, Request)
        assert self.known is not None
        assert step.headers["Authorization"] == f"Bearer {self.known.access}"
        assert renewed or not self._is_due()
        call.waits = step
        call.sent.append(self.known)
        # Once, and once more after a 401.
        assert len(call.sent) == 1 + call.refused

    def _expect_renewal(self, call: Call, step: Any, stale: Known | None) -> None:
        assert isinstance(step, TokenRefresh)
        assert (step.stale and step.stale.access) == (stale and stale.access)
        call.waits, call.stale = step, stale

    def _end(self, call: Call) -> None:
        self.calls.remove(call)
        call.flow.close()
        if call is self.holder:
            assert self.renewal is not None
            self.renewal.close()
            self.holder = self.renewal = None

    def _asking(self) -> list[Call]:
        return [call for call in self.calls if isinstance(call.waits, Request)]

    def _queue(self) -> list[Call]:
        return [call for call in self.calls if isinstance(call.waits, TokenRefresh) and call is not self.holder]

    def _begin(self) -> Call:
        call = Call(self.session.whoami())
        self.calls.append(call)
        step = next(call.flow)
        if self._is_due():
            self._expect_renewal(call, step, self.known)
        else:
            self._expect_request(call, step, renewed=False)
        return call

    # Actions

    @rule(seconds=st.sampled_from([0.2, 1.0, 10.0, 61.0, 1e6, 1e6]) | st.floats(0, 4000))
    def pass_time(self, seconds: float) -> None:
        self.time.now += seconds

    @rule()
    def revoke(self) -> None:
        self.good.clear()

    @rule()
    def begin(self) -> None:
        self._begin()

    @precondition(lambda self: self._asking())
    @rule(data=st.data(), trouble=st.sampled_from([None, None, None, (500, b"{}"), (200, b"<html>"), (204, b"")]))
    def answer_call(self, data: st.DataObject, trouble: tuple[int, bytes] | None) -> None:
        call = data.draw(st.sampled_from(self._asking()), label="call")
        self._answer(call, trouble)

    def _answer(self, call: Call, trouble: tuple[int, bytes] | None = None) -> None:
        good = call.sent[-1].access in self.good
        reply = response_of(trouble[1], trouble[0]) if trouble else response_of({}) if good else response_of({}, 401)
        try:
            step = call.flow.send(reply)
        except StopIteration:
            assert good
            assert not trouble
        except StreamkapAuthError:
            assert call.refused
            assert not good
        except StreamkapError:
            assert trouble
        else:
            assert not trouble
            assert not good
            assert not call.refused
            call.refused = True
            self._expect_renewal(call, step, call.sent[-1])
            return
        self._end(call)

    @precondition(lambda self: self.holder is None and self._queue())
    @rule(data=st.data())
    def take_lock(self, data: st.DataObject) -> None:
        self._take(data.draw(st.sampled_from(self._queue()), label="call"))

    def _take(self, call: Call) -> None:
        assert isinstance(call.waits, TokenRefresh)
        renewal = self.session.refresh_token(call.waits.stale)
        try:
            request = next(renewal)
        except StreamkapAuthError:
            assert self.time.now < self.rejected_at + REJECTION_SECONDS
            self._end(call)
            return
        except StopIteration:
            # Another call has just refreshed it, and the new token is usable.
            assert self.known is not call.stale
            self._expect_request(call, call.flow.send(None), renewed=False)
            return
        assert self.known is call.stale or self._is_due()
        assert self.time.now >= self.rejected_at + REJECTION_SECONDS
        assert isinstance(request, Request)
        assert (request.method, request.path) == ("POST", SIGN_IN_PATH)
        assert "Authorization" not in request.headers
        self.holder, self.renewal, self.requested_at = call, renewal, self.time.now

    @precondition(lambda self: self.renewal is not None)
    @rule(life=st.sampled_from(LONG_LIVED) | st.sampled_from(LIFETIMES), same=st.booleans())
    def grant(self, life: tuple[Any, float | None], same: bool) -> None:
        self._grant(life, same=same)

    def _grant(self, life: tuple[Any, float | None] = (3600, 3600.0), *, same: bool = False) -> None:
        said, seconds = life
        self.number += not same
        access = f"token-{self.number}"
        self.good.add(access)
        payload = {"accessToken": access, **({} if said == ABSENT else {"expiresIn": said})}
        call, renewal = self.holder, self.renewal
        assert call is not None
        assert renewal is not None
        due = None if seconds is None else self.requested_at + seconds - min(60.0, seconds / 10)
        with pytest.raises(StopIteration) as ended:
            renewal.send(response_of(json.dumps(payload).encode()))
        assert ended.value.value.access == access
        self.known = Known(access, due)
        self.rejected_at = -math.inf
        self.holder = self.renewal = None
        self._expect_request(call, call.flow.send(None), renewed=True)

    @precondition(lambda self: self.renewal is not None)
    @rule(
        reply=st.sampled_from([response_of({}, status) for status in (401, 403, 429, 500, 302)])
        | st.sampled_from([response_of(b""), response_of(b"<html>"), response_of([]), response_of({})])
        | st.sampled_from(NO_TOKENS).map(lambda token: response_of({"accessToken": token, "expiresIn": 60}))
    )
    def refuse(self, reply: Response) -> None:
        call, renewal = self.holder, self.renewal
        assert call is not None
        assert renewal is not None
        with pytest.raises(StreamkapError) as refused:
            renewal.send(reply)
        assert refused.value.permanent is (reply.status in (401, 403, 302))
        if isinstance(refused.value, StreamkapAuthError):
            self.rejected_at = self.time.now
        # A client ends the call on this error and releases the lock.
        self._end(call)

    @precondition(lambda self: self.calls)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        self._end(data.draw(st.sampled_from(self.calls), label="call"))

    @precondition(lambda self: self.holder is None)
    @rule()
    def call_without_failures(self) -> None:
        """Whatever happened before and is still in progress, a call without failures returns its result."""
        self.time.now = max(self.time.now, self.rejected_at + REJECTION_SECONDS)
        call = self._begin()
        for _ in range(4):
            if call not in self.calls:
                return
            if isinstance(call.waits, Request):
                self._answer(call)
            else:
                self._take(call)
                if self.renewal is not None:
                    self._grant()
        assert call not in self.calls

    @precondition(lambda self: self.holder is None and len(self._queue()) > 1)
    @rule()
    def all_waiting_calls_take_lock(self) -> None:
        """Exactly one of them requests a token."""
        token_requests = 0
        for call in self._queue():
            self._take(call)
            if self.renewal is not None:
                token_requests += 1
                self._grant()
        assert token_requests <= 1

    # Invariants

    @invariant()
    def waiting_calls_can_refresh_token(self) -> None:
        assert (self.holder is None) is (self.renewal is None)
        assert self.holder is None or isinstance(self.holder.waits, TokenRefresh)

    def teardown(self) -> None:
        for call in list(self.calls):
            self._end(call)
        self.call_without_failures()


TestTokenAgainstModel = TokenAgainstModel.TestCase
TestTokenAgainstModel.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
