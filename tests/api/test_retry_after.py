# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""A Retry-After pauses every call with the same credentials, but none beyond its time limit."""

from __future__ import annotations

import pytest

from airflow_provider_streamkap.api.backoff import SharedBackoff
from airflow_provider_streamkap.api.errors import (
    StreamkapError,
    StreamkapRateLimitError,
    StreamkapRequestError,
    StreamkapServerError,
)
from tests.api.support import SimulatedClock

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
def test_which_retry_after_values_are_honored(error: StreamkapError, slept: list[float]) -> None:
    time = SimulatedClock()
    hold = SharedBackoff(time.clock)
    hold.record(error)
    assert list(hold.delays(lambda: 1e9)) == slept


def test_hold_expires() -> None:
    time = SimulatedClock()
    hold = SharedBackoff(time.clock)
    hold.record(LIMITED)
    time.now += 3.0
    assert list(hold.delays(lambda: 1e9)) == [2.0]
    time.now += 2.0
    assert list(hold.delays(lambda: 1e9)) == []


def test_hold_is_never_shortened() -> None:
    time = SimulatedClock()
    hold = SharedBackoff(time.clock)
    hold.record(LIMITED)
    hold.record(StreamkapRateLimitError("429", status=429, retry_after=1.0))
    assert list(hold.delays(lambda: 1e9)) == [5.0]


def test_call_with_too_little_time_fails_immediately() -> None:
    hold = SharedBackoff(SimulatedClock().clock)
    hold.record(LIMITED)
    with pytest.raises(StreamkapRateLimitError, match=r"request not sent: .* another 5\.0 s") as caught:
        next(hold.delays(lambda: 5.0))
    assert caught.value.retry_after == 5.0
    assert caught.value.transient


def test_hold_can_be_extended_while_others_sleep() -> None:
    time = SimulatedClock()
    hold = SharedBackoff(time.clock)
    hold.record(StreamkapRateLimitError("slow down", status=429, retry_after=10.0))
    slept: list[float] = []
    for seconds in hold.delays(lambda: 100.0):
        if not slept:
            # The response to another call that was sent earlier.
            time.now += 4
            hold.record(StreamkapServerError("down", status=503, retry_after=20.0))
            time.now -= 4
        time.sleep(seconds)
        slept.append(seconds)
    assert slept == [10.0, 14.0]


def test_stopped_clock_does_not_block_call_forever() -> None:
    hold = SharedBackoff(lambda: 0.0)
    hold.record(StreamkapRateLimitError("slow down", status=429, retry_after=5.0))
    assert list(hold.delays(lambda: 100.0)) == [5.0]
