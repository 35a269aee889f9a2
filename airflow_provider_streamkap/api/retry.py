# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Which failures pass, and how long to wait before the next attempt: tenacity objects for both clients."""

from __future__ import annotations

import logging
import random
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from tenacity import AsyncRetrying, RetryCallState, Retrying

from airflow_provider_streamkap.api.backoff import MAX_RETRY_AFTER
from airflow_provider_streamkap.api.errors import StreamkapError, StreamkapHTTPError

#: Seconds: the first back-off, and the longest one.
BASE_WAIT = 0.5
MAX_WAIT = 20.0

T = TypeVar("T")

log = logging.getLogger("airflow_provider_streamkap.api")


class Deadline:
    """The moment at which one call with all its retries has to be over.

    :param seconds: from now on.
    :param clock: seconds that only go forward.
    """

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._at = clock() + seconds

    def left(self) -> float:
        """Seconds left; negative when it is past."""
        return self._at - self._clock()


def retrying(
    attempts: int,
    deadline: Deadline,
    sleep: Callable[[float], None],
    rng: random.Random,
    level: int = logging.WARNING,
) -> Retrying:
    """Make what runs one call of the synchronous client.

    :param attempts: how often to try in all.
    :param deadline: when no further wait may end.
    :param sleep: waits some seconds.
    :param rng: where jitter comes from.
    :param level: level at which a retry is logged, default WARNING.
    """
    return Retrying(sleep=sleep, **_policy(attempts, deadline, rng, level))


async def async_retried(
    attempt: Callable[[], Awaitable[T]],
    attempts: int,
    deadline: Deadline,
    sleep: Callable[[float], Awaitable[None]],
    rng: random.Random,
) -> T:
    """Run one call of the asynchronous client.

    The first attempt is made without tenacity, which takes as much processor time as our part of a poll; one that
    fails is handed to it as the first of its own.

    :param attempt: tries once.
    :param attempts: how often to try in all; the others as of :func:`retrying`.
    :raises StreamkapError: the last failure.
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
    def passes(state: RetryCallState) -> bool:
        error = _error(state)
        if error is None:
            return False
        # Whoever reads the last error has to see how often was tried.
        error.attempts = state.attempt_number
        return error.transient

    def wait(state: RetryCallState) -> float:
        return wait_seconds(_error(state), state.attempt_number, rng)

    def stop(state: RetryCallState) -> bool:
        # Asked this way round, a NaN counts as no time left.
        return state.attempt_number >= attempts or not state.upcoming_sleep < deadline.left()

    def warn(state: RetryCallState) -> None:
        log.log(
            level,
            "%s; attempt %d of %d, next in %.1f s",
            _error(state),
            state.attempt_number,
            attempts,
            state.upcoming_sleep,
        )

    return {"retry": passes, "wait": wait, "stop": stop, "before_sleep": warn, "reraise": True}


def _error(state: RetryCallState) -> StreamkapError | None:
    error = state.outcome.exception() if state.outcome else None
    return error if isinstance(error, StreamkapError) else None


def wait_seconds(error: BaseException | None, attempt: int, rng: random.Random) -> float:
    """Seconds to wait after a failed attempt: what the server asked for, else exponential with full jitter.

    :param error: what failed.
    :param attempt: number of the attempt that failed, from 1 on.
    :param rng: where jitter comes from.
    """
    if isinstance(error, StreamkapHTTPError) and error.retry_after is not None:
        return min(max(error.retry_after, 0.0), MAX_RETRY_AFTER)
    # The exponent is bounded, or the power would leave the floats long after the wait stopped growing.
    return rng.uniform(0.0, min(MAX_WAIT, BASE_WAIT * 2.0 ** min(attempt - 1, 30)))
