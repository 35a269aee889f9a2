# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""A Retry-After holds off every call on the same credentials, and no call for longer than it has."""

from __future__ import annotations

import pytest

from airflow_provider_streamkap.api.errors import (
    StreamkapError,
    StreamkapRateLimitError,
    StreamkapRequestError,
    StreamkapServerError,
)
from airflow_provider_streamkap.api.exchange import Session
from airflow_provider_streamkap.api.hold import Hold
from airflow_provider_streamkap.testing import Fault, StreamkapSimulator
from tests.api.conftest import MakeAsker
from tests.api.support import Time, settings_for

LIMITED = StreamkapRateLimitError("429", status=429, retry_after=5.0)


@pytest.mark.parametrize(
    ("error", "slept"),
    [
        (LIMITED, [5.0]),
        (StreamkapServerError("503", status=503, retry_after=5.0), [5.0]),
        (StreamkapRateLimitError("429", status=429, retry_after=1e9), [60.0]),
        (StreamkapRateLimitError("429", status=429), []),
        (StreamkapRateLimitError("429", status=429, retry_after=0.0), []),
        (StreamkapServerError("502", status=502, retry_after=5.0), []),
        (StreamkapRequestError("400", status=400, retry_after=5.0), []),
        (StreamkapError("no answer"), []),
    ],
)
def test_what_is_heeded(error: StreamkapError, slept: list[float]) -> None:
    time = Time()
    hold = Hold(time.clock)
    hold.heed(error)
    assert list(hold.sleeps(lambda: 1e9)) == slept


def test_it_passes() -> None:
    time = Time()
    hold = Hold(time.clock)
    hold.heed(LIMITED)
    time.now += 3.0
    assert list(hold.sleeps(lambda: 1e9)) == [2.0]
    time.now += 2.0
    assert list(hold.sleeps(lambda: 1e9)) == []


def test_it_only_grows() -> None:
    time = Time()
    hold = Hold(time.clock)
    hold.heed(LIMITED)
    hold.heed(StreamkapRateLimitError("429", status=429, retry_after=1.0))
    assert list(hold.sleeps(lambda: 1e9)) == [5.0]


def test_who_sleeps_is_put_off_further_with_all_others() -> None:
    time = Time()
    hold = Hold(time.clock)
    hold.heed(LIMITED)
    slept = []
    for seconds in hold.sleeps(lambda: 1e9):
        slept.append(seconds)
        time.sleep(seconds)
        if len(slept) < 3:
            hold.heed(LIMITED)
    assert slept == [5.0, 5.0, 5.0]


def test_a_call_without_so_much_time_is_over_at_once() -> None:
    hold = Hold(Time().clock)
    hold.heed(LIMITED)
    with pytest.raises(StreamkapRateLimitError, match=r"not asked: .* another 5\.0 s") as caught:
        next(hold.sleeps(lambda: 5.0))
    assert caught.value.retry_after == 5.0
    assert caught.value.transient


def test_both_clients_hold_off(make: MakeAsker, simulator: StreamkapSimulator) -> None:
    time = Time()
    settings = settings_for(simulator, max_attempts=1)
    session = Session(settings, time.clock)
    one, two = (make(settings, session=session, time=time) for _ in range(2))
    two.whoami()
    simulator.inject(Fault.status(429, retry_after=7), path="/metrics")
    with pytest.raises(StreamkapRateLimitError):
        one.metrics()
    assert two.metrics().records_lag == 7
    assert time.waits == [7.0]


def test_neither_client_asks_what_it_could_not_wait_for(make: MakeAsker, simulator: StreamkapSimulator) -> None:
    asker = make(settings_for(simulator, max_attempts=1))
    simulator.inject(Fault.status(503, retry_after=30), path="/metrics")
    with pytest.raises(StreamkapServerError):
        asker.metrics()
    simulator.reset_requests()
    with pytest.raises(StreamkapRateLimitError, match="not asked"):
        asker.metrics(within=10)
    assert simulator.requests == []
    assert asker.time.waits == []
