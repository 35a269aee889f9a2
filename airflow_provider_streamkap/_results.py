# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Map the outcomes of waits and API errors to Airflow exceptions, results and trigger events.

The sensor uses this module in every mode, so a task ends the same way in all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_provider_streamkap._compat import AirflowException, AirflowFailException, AirflowSensorTimeout
from airflow_provider_streamkap.api.errors import StreamkapError
from airflow_provider_streamkap.gate.state import FailureKind
from airflow_provider_streamkap.gate.wait import Failed

_EXCEPTIONS: Mapping[FailureKind, type[AirflowException]] = {
    FailureKind.DEADLINE: AirflowSensorTimeout,
    FailureKind.BROKEN: AirflowFailException,
    FailureKind.REFUSED: AirflowFailException,
    FailureKind.STALLED: AirflowException,
    FailureKind.STATUS: AirflowException,
    FailureKind.UNREACHABLE: AirflowException,
    FailureKind.VERSIONS: AirflowException,
}

_NAMES = {why.value for why in FailureKind}

OPENED = "opened"


def exception_for(end: Failed) -> AirflowException:
    """Return the exception for a failed wait.

    :param end: the failure.
    :returns: ``AirflowSensorTimeout`` at the deadline, ``AirflowFailException`` (not retried) for a permanent failure,
        ``AirflowException`` (retried by the task's retry policy) otherwise.
    """
    return _EXCEPTIONS[end.kind](end.message)


def exception_of(error: StreamkapError) -> AirflowException:
    """Return the exception for an API error.

    :param error: the error.
    :returns: ``AirflowFailException`` (not retried) for a permanent error, ``AirflowException`` otherwise.
    """
    return (AirflowFailException if error.permanent else AirflowException)(str(error))


def opened_event(snapshot: Any) -> dict[str, Any]:
    """Return the payload of the trigger event for a successful wait, as plain JSON.

    :param snapshot: the result of the task.
    """
    return {"outcome": OPENED, "snapshot": snapshot}


def gave_up_event(end: Failed) -> dict[str, Any]:
    """Return the payload of the trigger event for a failed wait, as plain JSON.

    :param end: the failure.
    """
    return {"outcome": end.kind.value, "message": end.message}


def settle(event: Any) -> Any:
    """Return the task's result from a trigger event, or raise its exception.

    :param event: the payload of the trigger event.
    :returns: the snapshot.
    :raises AirflowSensorTimeout: the deadline passed.
    :raises AirflowFailException: the wait failed permanently, or the event cannot be parsed.
    :raises AirflowException: the wait failed, and a retry may help.
    """
    match event:
        case {"outcome": str(outcome), "snapshot": Mapping() as snapshot} if outcome == OPENED and snapshot:
            return snapshot
        case {"outcome": str(why), "message": str(message)} if why in _NAMES:
            raise exception_for(Failed(FailureKind(why), message))
    raise AirflowFailException(
        "Cannot parse the trigger event with this version of airflow-provider-streamkap: install the same version on "
        f"workers and triggerers. The event: {str(event)[:200]!r}"
    )
