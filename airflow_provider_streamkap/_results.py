# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Who raises what: the one table from the ends of a wait, and from errors of the API, to Airflow's exceptions.

The sensor uses it in every mode, in the worker and after deferral, so that a task ends alike in all of them.
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
    """Give the exception in which a wait without success ends.

    :param end: how the wait ended.
    :returns: ``AirflowSensorTimeout`` at the deadline, ``AirflowFailException`` (never retried) where neither
        waiting nor trying again can help, ``AirflowException`` (retried as the task says) otherwise.
    """
    return _EXCEPTIONS[end.kind](end.message)


def exception_of(error: StreamkapError) -> AirflowException:
    """Give the exception in which a single call to the API ends a task.

    :param error: what the client raised.
    :returns: ``AirflowFailException`` for a refusal that trying again cannot change, ``AirflowException`` for the
        rest.
    """
    return (AirflowFailException if error.permanent else AirflowException)(str(error))


def opened_event(snapshot: Any) -> dict[str, Any]:
    """Write down that a wait succeeded, as plain JSON for a trigger's event.

    :param snapshot: the result of the task.
    """
    return {"outcome": OPENED, "snapshot": snapshot}


def gave_up_event(end: Failed) -> dict[str, Any]:
    """Write down that a wait ended without success, as plain JSON for a trigger's event.

    :param end: how it ended.
    """
    return {"outcome": end.kind.value, "message": end.message}


def settle(event: Any) -> Any:
    """Turn a trigger's event into the task's result, or its exception.

    :param event: what the trigger fired.
    :returns: the snapshot of an opened gate.
    :raises AirflowSensorTimeout: the deadline passed.
    :raises AirflowFailException: the wait gave up for good, or the event is not one of ours: a gate that does
        not understand stays shut.
    :raises AirflowException: the wait gave up for now.
    """
    match event:
        case {"outcome": str(outcome), "snapshot": Mapping() as snapshot} if outcome == OPENED and snapshot:
            return snapshot
        case {"outcome": str(why), "message": str(message)} if why in _NAMES:
            raise exception_for(Failed(FailureKind(why), message))
    raise AirflowFailException(
        "The trigger sent an event that this version of airflow-provider-streamkap cannot read; install the same "
        f"version in workers and triggerers. The event: {str(event)[:200]!r}"
    )
