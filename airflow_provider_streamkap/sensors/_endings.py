# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""How a sensor's end is told to Airflow: one meaning of ``soft_fail`` and ``never_fail``, in every mode and release.

Airflow lets ``soft_fail`` skip on more than the deadline, and on different things before and after deferral; it
forgets ``never_fail`` after deferral on 2.11, and raises a retried error there when a deferral times out.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from airflow_provider_streamkap._compat import (
    AirflowException,
    AirflowFailException,
    AirflowNotFoundException,
    AirflowSensorTimeout,
    AirflowSkipException,
    AirflowTaskTimeout,
)
from airflow_provider_streamkap.gate.reading import utc_text

_DEADLINE = (AirflowSensorTimeout, AirflowTaskTimeout)


@contextmanager
def only_the_deadline_skips(soft_fail: bool, tell: Callable[[], str | None] = lambda: None) -> Iterator[None]:
    """Let the deadline say what was missing, and take back a skip that Airflow made of anything else.

    :param soft_fail: the sensor's ``soft_fail``.
    :param tell: says what was missing, where Airflow, which reads the clock again after a poke, has seen the deadline
        pass by itself; ``None``: there is nothing to tell.
    """
    try:
        yield
    except AirflowSensorTimeout:
        if (said := tell()) is None:
            raise
        raise AirflowSensorTimeout(said) from None
    except AirflowSkipException as skip:
        cause = skip.__cause__
        if not soft_fail:
            raise
        if isinstance(cause, Exception) and not isinstance(cause, _DEADLINE):
            raise cause from cause.__cause__
        raise AirflowSkipException(f"Skipping, since soft_fail is set: {cause or tell() or skip}") from cause


@contextmanager
def any_end_skips(never_fail: bool) -> Iterator[None]:
    """Skip where the sensor would fail, if that was asked for.

    :param never_fail: the sensor's ``never_fail``.
    """
    try:
        yield
    except AirflowException as error:
        # The exception that reschedules a sensor is one of these too, and ends nothing.
        ends = isinstance(error, (AirflowFailException, *_DEADLINE)) or type(error) is AirflowException
        if never_fail and ends:
            raise AirflowSkipException(f"Skipping, since never_fail is set: {error}") from error
        raise


@contextmanager
def bad_arguments_fail() -> Iterator[None]:
    """Fail without a retry on what was rendered or configured wrongly: it stays wrong however often it is tried."""
    try:
        yield
    except (ValueError, AirflowNotFoundException) as error:
        raise AirflowFailException(str(error)) from error


def check_deferral(
    next_method: str, next_kwargs: dict[str, Any] | None, soft_fail: bool, started: datetime | None = None
) -> None:
    """Raise the timeout of a deferral, if the task resumes because of it.

    :param next_method: what Airflow resumes the task with.
    :param next_kwargs: its arguments.
    :param soft_fail: the sensor's ``soft_fail``.
    :param started: when the task began, if known.
    :raises AirflowSensorTimeout: the deferral timed out.
    :raises AirflowSkipException: likewise, under ``soft_fail``.
    """
    error = str((next_kwargs or {}).get("error", ""))
    if next_method == "__fail__" and "timeout" in error.casefold():
        since = "the task deferred" if started is None else utc_text(started.timestamp())
        late = AirflowSensorTimeout(
            f"The wait has timed out, and no triggerer reported its end ({error}). Not polled for some or all of the "
            f"time between {since} and {utc_text(time.time())}: no triggerer took it, because none had capacity or "
            "served the task's queue, or the triggerer that took it stopped. On Airflow 2 the task's execution_timeout "
            "ends a deferral, too. The task's log shows the last poll"
        )
        if soft_fail:
            raise AirflowSkipException(str(late)) from late
        raise late
