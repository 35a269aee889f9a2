# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""A Retry-After holds off every call on the same credentials, and no call for longer than it has."""

from __future__ import annotations

import pytest

from airflow_provider_streamkap.api.backoff import SharedBackoff
from airflow_provider_streamkap.api.errors import (
    StreamkapError,
    StreamkapRateLimitError,
    StreamkapRequestError,
    StreamkapServerError,
)
from tests.api.support import Time

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
    hold = SharedBackoff(time.clock)
    hold.record(error)
    assert list(hold.delays(lambda: 1e9)) == slept


def test_it_passes() -> None:
    time = Time()
    hold = SharedBackoff(time.clock)
    hold.record(LIMITED)
    time.now += 3.0
    assert list(hold.delays(lambda: 1e9)) == [2.0]
    time.now += 2.0
    assert list(hold.delays(lambda: 1e9)) == []


def test_it_only_grows() -> None:
    time = Time()
    hold = SharedBackoff(time.clock)
    hold.record(LIMITED)
    hold.record(StreamkapRateLimitError("429", status=429, retry_after=1.0))
    assert list(hold.delays(lambda: 1e9)) == [5.0]


def test_a_call_without_so_much_time_is_over_at_once() -> None:
    hold = SharedBackoff(Time().clock)
    hold.record(LIMITED)
    with pytest.raises(StreamkapRateLimitError, match=r"request not sent: .* another 5\.0 s") as caught:
        next(hold.delays(lambda: 5.0))
    assert caught.value.retry_after == 5.0
    assert caught.value.transient


def test_the_moment_is_moved_on_while_others_sleep() -> None:
    time = Time()
    hold = SharedBackoff(time.clock)
    hold.record(StreamkapRateLimitError("slow down", status=429, retry_after=10.0))
    slept: list[float] = []
    for seconds in hold.delays(lambda: 100.0):
        if not slept:
            # Somebody else's call, sent before, comes back.
            time.now += 4
            hold.record(StreamkapServerError("down", status=503, retry_after=20.0))
            time.now -= 4
        time.sleep(seconds)
        slept.append(seconds)
    assert slept == [10.0, 14.0]


def test_a_clock_that_stands_still_does_not_keep_a_call_for_ever() -> None:
    hold = SharedBackoff(lambda: 0.0)
    hold.record(StreamkapRateLimitError("slow down", status=429, retry_after=5.0))
    assert list(hold.delays(lambda: 100.0)) == [5.0]
