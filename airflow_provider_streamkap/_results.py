# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Turn the end of a wait or a call into XCom, an exception, a skip or a trigger event.

All modes and operators use this module, so a task ends the same way in every mode and Airflow version. In Airflow,
``soft_fail`` also skips on errors other than a timeout, and on different ones before and after deferral. Airflow 2.11
ignores ``never_fail`` after deferral, and retries a deferral that timed out.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from socket import gethostname
from typing import Any

from airflow_provider_streamkap._compat import (
    AirflowException,
    AirflowFailException,
    AirflowNotFoundException,
    AirflowSensorTimeout,
    AirflowSkipException,
    AirflowTaskTimeout,
)
from airflow_provider_streamkap.api.errors import StreamkapError
from airflow_provider_streamkap.api.query import DESTINATION, ResourceKind
from airflow_provider_streamkap.gate.reading import utc_text
from airflow_provider_streamkap.gate.spec import VersionMismatchError
from airflow_provider_streamkap.gate.state import FailureKind
from airflow_provider_streamkap.gate.wait import Failed

_EXCEPTIONS: Mapping[FailureKind, type[AirflowException]] = {
    FailureKind.DEADLINE: AirflowSensorTimeout,
    FailureKind.BROKEN: AirflowFailException,
    FailureKind.PERMANENT_ERROR: AirflowFailException,
    FailureKind.STALLED: AirflowException,
    FailureKind.STATUS: AirflowException,
    FailureKind.UNREACHABLE: AirflowException,
    FailureKind.VERSIONS: AirflowException,
}

_FAILURE_NAMES = {kind.value for kind in FailureKind}
_SUCCESS = "opened"
_TIMEOUTS = (AirflowSensorTimeout, AirflowTaskTimeout)


def task_result(
    resource_ids: Sequence[str],
    keyed: bool,
    by_id: Mapping[str, Any],
    names: Mapping[str, str] = {},
    kind: ResourceKind = DESTINATION,
) -> Any:
    """Return the result of a task: one snapshot, or a dict of snapshots.

    :param resource_ids: the resources to include, in this order.
    :param keyed: whether to return a dict, because the task was given a list.
    :param by_id: the snapshots, by resource.
    :param names: the names by id if the task was given names, which then are the keys; default: none.
    :param kind: the kind of the resources, default destinations.
    :returns: the snapshot; if ``keyed``, a dict of snapshots without ``metadata``, which is the same in each.
    """
    named = {id_: with_name(kind, names.get(id_), by_id[id_]) for id_ in resource_ids}
    if not keyed:
        return named[resource_ids[0]]
    return {
        names.get(id_, id_): {key: value for key, value in snapshot.items() if key != "metadata"}
        for id_, snapshot in named.items()
    }


def with_name(kind: ResourceKind, name: str | None, snapshot: Mapping[str, Any]) -> dict[str, Any]:
    """Return a snapshot with the name of its resource after the id.

    :param kind: the kind of the resource.
    :param name: the name; None: unknown, no name is added.
    :param snapshot: the snapshot, which begins with the id.
    """
    if name is None:
        return dict(snapshot)
    return {kind.id_name: snapshot[kind.id_name], kind.name_key: name, **snapshot}


def failure_exception(failed: Failed) -> AirflowException:
    """Return the exception for a failed wait.

    :param failed: the failure.
    :returns: ``AirflowSensorTimeout`` at the deadline, ``AirflowFailException`` (not retried) for a permanent failure,
        ``AirflowException`` (retried by the task's retry policy) otherwise.
    """
    return _EXCEPTIONS[failed.kind](failed.message)


def api_exception(error: StreamkapError, label: str = "") -> AirflowException:
    """Return the exception for an API error.

    :param error: the error.
    :param label: the resource that could not be read, which the message starts with; default: none.
    :returns: ``AirflowFailException`` (not retried) for a permanent error, ``AirflowException`` otherwise.
    """
    text = f"{label}: {error}" if label else str(error)
    return (AirflowFailException if error.permanent else AirflowException)(text)


@contextmanager
def raise_task_exceptions() -> Iterator[None]:
    """Convert errors of arguments, the connection and the API to exceptions of the task.

    :raises AirflowFailException: a retry would not help.
    :raises AirflowException: a retry may help.
    """
    try:
        yield
    except (ValueError, AirflowNotFoundException) as error:
        raise AirflowFailException(str(error)) from error
    except StreamkapError as error:
        raise api_exception(error) from error


def succeeded_event(snapshot: Any) -> dict[str, Any]:
    """Return the payload of the trigger event for a successful wait, as plain JSON.

    :param snapshot: the result of the task.
    """
    return {"outcome": _SUCCESS, "snapshot": snapshot}


def failed_event(failed: Failed) -> dict[str, Any]:
    """Return the payload of the trigger event for a failed wait, as plain JSON.

    :param failed: the failure.
    """
    return {"outcome": failed.kind.value, "message": failed.message}


def error_event(error: Exception) -> dict[str, Any]:
    """Return the payload of the trigger event for a wait that an error ended, as plain JSON.

    :param error: an error of the serialized wait, the arguments or the connection.
    """
    kind = FailureKind.VERSIONS if isinstance(error, VersionMismatchError) else FailureKind.PERMANENT_ERROR
    message = str(error)
    if isinstance(error, AirflowNotFoundException):
        message += (
            ". The worker that deferred this task has the connection, but the triggerer on host "
            f"{gethostname()!r} does not: define it for both"
        )
    return failed_event(Failed(kind, message))


def result_of_event(event: Any) -> Any:
    """Return the task's result from a trigger event, or raise its exception.

    :param event: the payload of the trigger event.
    :returns: the snapshot.
    :raises AirflowSensorTimeout: the deadline passed.
    :raises AirflowFailException: the wait failed permanently, or the event cannot be parsed.
    :raises AirflowException: the wait failed, and a retry may help.
    """
    match event:
        case {"outcome": str(outcome), "snapshot": Mapping() as snapshot} if outcome == _SUCCESS and snapshot:
            return snapshot
        case {"outcome": str(outcome), "message": str(message)} if outcome in _FAILURE_NAMES:
            raise failure_exception(Failed(FailureKind(outcome), message))
    raise AirflowFailException(
        "Cannot parse the trigger event with this version of airflow-provider-streamkap: install the same version on "
        f"workers and triggerers. The event: {str(event)[:200]!r}"
    )


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
        if isinstance(cause, Exception) and not isinstance(cause, _TIMEOUTS):
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
        is_failure = isinstance(error, (AirflowFailException, *_TIMEOUTS)) or type(error) is AirflowException
        if never_fail and is_failure:
            raise AirflowSkipException(f"Skipping because never_fail is set: {error}") from error
        raise


def raise_deferral_timeout(
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
        timeout = AirflowSensorTimeout(
            f"Timed out, and no triggerer reported a result ({error}). Not polled for some or all of the time between "
            f"{since} and {utc_text(time.time())}: no triggerer had capacity or served the task's queue, or the "
            "triggerer stopped. On Airflow 2, execution_timeout also ends a deferral. The last poll is in the task log"
        )
        if soft_fail:
            raise AirflowSkipException(str(timeout)) from timeout
        raise timeout
