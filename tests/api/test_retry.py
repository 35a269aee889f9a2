# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Backoff between attempts, and when retrying stops."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable

import pytest

from airflow_provider_streamkap.api.errors import (
    StreamkapConnectionError,
    StreamkapError,
    StreamkapNotFoundError,
    StreamkapRateLimitError,
)
from airflow_provider_streamkap.api.retry import Deadline, async_retried, backoff_seconds, retrying
from tests.api.support import FullJitter, Kind, SimulatedClock


class Flaky:
    """Fails a number of times, then succeeds."""

    def __init__(self, *errors: BaseException) -> None:
        self.errors = list(errors)
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "fine"

    async def later(self) -> str:
        return self()


def run(kind: Kind, flaky: Flaky, time: SimulatedClock, attempts: int = 5, seconds: float = 180.0) -> str:
    deadline = Deadline(seconds, time.clock)
    if kind == "sync":
        return retrying(attempts, deadline, time.sleep, FullJitter())(flaky)
    return asyncio.run(async_retried(flaky.later, attempts, deadline, time.asleep, FullJitter()))


def passing(number: int) -> list[BaseException]:
    return [StreamkapConnectionError(f"failure {index}") for index in range(1, number + 1)]


def test_backoff_doubles_up_to_maximum(kind: Kind) -> None:
    time = SimulatedClock()
    assert run(kind, Flaky(*passing(8)), time, attempts=9) == "fine"
    assert time.waits == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 20.0, 20.0]


def test_last_error_itself_is_raised_with_attempts(kind: Kind) -> None:
    flaky = Flaky(*passing(5))
    last = flaky.errors[2]
    with pytest.raises(StreamkapConnectionError) as caught:
        run(kind, flaky, SimulatedClock(), attempts=3)
    assert caught.value is last
    assert caught.value.attempts == flaky.calls == 3
    assert str(caught.value) == "failure 3 (3 attempts)"


def test_permanent_errors_are_not_retried(kind: Kind) -> None:
    flaky = Flaky(StreamkapConnectionError("first"), StreamkapNotFoundError("gone"))
    with pytest.raises(StreamkapNotFoundError) as caught:
        run(kind, flaky, SimulatedClock())
    assert caught.value.attempts == flaky.calls == 2


@pytest.mark.parametrize("error", [ValueError("ours"), KeyboardInterrupt()])
def test_other_exceptions_are_not_retried(kind: Kind, error: BaseException) -> None:
    flaky = Flaky(error)
    with pytest.raises(type(error)):
        run(kind, flaky, SimulatedClock())
    assert flaky.calls == 1


def test_backoff_never_exceeds_deadline(kind: Kind) -> None:
    time = SimulatedClock()
    flaky = Flaky(*passing(9))
    with pytest.raises(StreamkapConnectionError) as caught:
        run(kind, flaky, time, attempts=10, seconds=4.0)
    assert time.waits == [0.5, 1.0, 2.0]
    assert caught.value.attempts == 4


def test_attempt_duration_counts_against_deadline(kind: Kind) -> None:
    time = SimulatedClock()

    class Slow(Flaky):
        def __call__(self) -> str:
            time.now += 3.0
            return super().__call__()

    with pytest.raises(StreamkapConnectionError) as caught:
        run(kind, Slow(*passing(9)), time, seconds=7.0)
    assert caught.value.attempts == 2


def test_each_retry_is_logged(kind: Kind, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="airflow_provider_streamkap.api"):
        run(kind, Flaky(*passing(2)), SimulatedClock())
    assert [record.getMessage() for record in caplog.records] == [
        "failure 1; attempt 1 of 5 failed, retrying in 0.5 s",
        "failure 2 (2 attempts); attempt 2 of 5 failed, retrying in 1.0 s",
    ]


def waits(error: StreamkapError, attempt: int = 1) -> Callable[[random.Random], float]:
    return lambda rng: backoff_seconds(error, attempt, rng)


@pytest.mark.parametrize(
    ("retry_after", "waited"),
    [(0.0, 0.0), (3.5, 3.5), (60.0, 60.0), (61.0, 60.0), (1e12, 60.0), (-3.0, 0.0), (None, 0.5)],
)
def test_server_can_set_delay(retry_after: float | None, waited: float) -> None:
    assert waits(StreamkapRateLimitError("429", retry_after=retry_after))(FullJitter()) == waited


def test_full_jitter_is_used() -> None:
    rng = random.Random(7)
    drawn = [waits(StreamkapConnectionError("x"), 4)(rng) for _ in range(2000)]
    assert min(drawn) < 0.1
    assert max(drawn) > 3.9
    assert all(0 <= item <= 4.0 for item in drawn)


def test_late_attempt_does_not_overflow() -> None:
    assert waits(StreamkapConnectionError("x"), 100_000)(FullJitter()) == 20.0
