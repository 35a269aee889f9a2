# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Apply ``soft_fail`` and ``never_fail`` in the same way in every mode and Airflow version.

In Airflow, ``soft_fail`` also skips on errors other than a timeout, and on different ones before and after deferral.
Airflow 2.11 ignores ``never_fail`` after deferral, and retries a deferral that timed out.
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
def skip_only_on_timeout(soft_fail: bool, timeout_message: Callable[[], str | None] = lambda: None) -> Iterator[None]:
    """Skip only on a timeout: re-raise the cause of a skip that Airflow raised for any other error.

    :param soft_fail: the sensor's ``soft_fail``.
    :param timeout_message: returns the message for a timeout that Airflow raised itself; ``None``: keep Airflow's.
    """
    try:
        yield
    except AirflowSensorTimeout:
        if (message := timeout_message()) is None:
            raise
        raise AirflowSensorTimeout(message) from None
    except AirflowSkipException as skip:
        cause = skip.__cause__
        if not soft_fail:
            raise
        if isinstance(cause, Exception) and not isinstance(cause, _DEADLINE):
            raise cause from cause.__cause__
        raise AirflowSkipException(
            f"Skipping because soft_fail is set: {cause or timeout_message() or skip}"
        ) from cause


@contextmanager
def skip_on_any_failure(never_fail: bool) -> Iterator[None]:
    """Skip instead of failing, if ``never_fail`` is set.

    :param never_fail: the sensor's ``never_fail``.
    """
    try:
        yield
    except AirflowException as error:
        # AirflowRescheduleException is a subclass of AirflowException, but not a failure.
        ends = isinstance(error, (AirflowFailException, *_DEADLINE)) or type(error) is AirflowException
        if never_fail and ends:
            raise AirflowSkipException(f"Skipping because never_fail is set: {error}") from error
        raise


@contextmanager
def fail_on_bad_arguments() -> Iterator[None]:
    """Fail without a retry on wrong arguments or a missing connection."""
    try:
        yield
    except (ValueError, AirflowNotFoundException) as error:
        raise AirflowFailException(str(error)) from error


def check_deferral(
    next_method: str, next_kwargs: dict[str, Any] | None, soft_fail: bool, started: datetime | None = None
) -> None:
    """Raise the timeout of a deferral, if the task resumes because of it.

    :param next_method: the method with which Airflow resumes the task.
    :param next_kwargs: the arguments of the method.
    :param soft_fail: the sensor's ``soft_fail``.
    :param started: when the task began, if known.
    :raises AirflowSensorTimeout: the deferral timed out.
    :raises AirflowSkipException: the deferral timed out, and ``soft_fail`` is set.
    """
    error = str((next_kwargs or {}).get("error", ""))
    if next_method == "__fail__" and "timeout" in error.casefold():
        since = "the deferral" if started is None else utc_text(started.timestamp())
        late = AirflowSensorTimeout(
            f"Timed out, and no triggerer reported a result ({error}). Not polled for some or all of the time between "
            f"{since} and {utc_text(time.time())}: no triggerer had capacity or served the task's queue, or the "
            "triggerer stopped. On Airflow 2, execution_timeout also ends a deferral. The task's log has the last poll"
        )
        if soft_fail:
            raise AirflowSkipException(str(late)) from late
        raise late
