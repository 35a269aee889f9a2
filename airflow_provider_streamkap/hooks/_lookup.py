# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Look up an Airflow connection with retries, and distinguish a failed lookup from a missing connection.

If a secrets backend fails, Airflow skips it and reports that the connection is not defined. A short outage of a backend
then looks like a missing connection.
"""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable
from typing import Any

from tenacity import AsyncRetrying, Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from airflow_provider_streamkap._arguments import check_conn_id
from airflow_provider_streamkap._compat import AirflowException, AirflowNotFoundException
from airflow_provider_streamkap.api.errors import single_line
from airflow_provider_streamkap.api.redaction import redact_text

#: Maximum number of lookup attempts, with back-offs of 0.5, 1 and 2 seconds.
ATTEMPTS = 4


class _LookupFailed(Exception):
    """The lookup failed, so it is unknown whether the connection exists."""


def look_up(conn_id: str, get: Callable[[str], Any], sleep: Callable[[float], None]) -> Any:
    """Look up a connection, with retries if a secrets backend fails.

    :param conn_id: id of the Airflow connection.
    :param get: returns the connection with an id.
    :param sleep: sleeps for the given number of seconds between attempts.
    :raises ValueError: ``conn_id`` is not a valid connection id.
    :raises AirflowNotFoundException: no secrets backend has the connection, and none of them failed.
    :raises AirflowException: all attempts failed.
    """
    check_conn_id(conn_id)

    def attempt() -> Any:
        try:
            return get(conn_id)
        except AirflowNotFoundException:
            if (reason := _backend_failure(conn_id)) is None:
                raise
        except Exception as error:  # backends can raise any exception
            reason = _describe(error)
        raise _LookupFailed(reason)

    try:
        return Retrying(sleep=sleep, **_policy())(attempt)
    except _LookupFailed as error:
        reason = str(error)
    raise _lookup_error(conn_id, reason)


async def look_up_async(
    conn_id: str, get: Callable[[str], Awaitable[Any]], sleep: Callable[[float], Awaitable[None]]
) -> Any:
    """Look up a connection from an event loop; see :func:`look_up`."""
    from asgiref.sync import sync_to_async

    check_conn_id(conn_id)

    async def attempt() -> Any:
        try:
            return await get(conn_id)
        except AirflowNotFoundException:
            if (reason := await sync_to_async(_backend_failure)(conn_id)) is None:
                raise
        except Exception as error:  # backends can raise any exception
            reason = _describe(error)
        raise _LookupFailed(reason)

    try:
        return await AsyncRetrying(sleep=sleep, **_policy())(attempt)
    except _LookupFailed as error:
        reason = str(error)
    raise _lookup_error(conn_id, reason)


def _policy() -> dict[str, Any]:
    return {
        "retry": retry_if_exception_type(_LookupFailed),
        "stop": stop_after_attempt(ATTEMPTS),
        "wait": wait_exponential(multiplier=0.5),
        "reraise": True,
    }


def _lookup_error(conn_id: str, reason: str) -> AirflowException:
    # Not AirflowFailException, so that the task's retries apply.
    return AirflowException(
        f"Connection {conn_id!r} could not be looked up in {ATTEMPTS} attempts: {reason}; check the secrets backend"
    )


def _describe(error: BaseException) -> str:
    return single_line(redact_text(f"{type(error).__name__}: {error}"))


def _backend_failure(conn_id: str) -> str | None:
    """Query the secrets backends again after a connection was not found, and return which one failed.

    :param conn_id: id of the Airflow connection.
    :returns: the failure; ``None`` if every backend reports that it has no such connection.
    """
    for backend in _backends():
        name = type(backend).__name__
        try:
            found = _query_backend(backend, conn_id)
        except Exception as error:  # backends can raise any exception
            return f"{name} failed with {_describe(error)}"
        if found:
            return f"{name} was unavailable in the first lookup"
    return None


def _backends() -> list[Any]:
    for module, name in (
        ("airflow.sdk.execution_time.supervisor", "ensure_secrets_backend_loaded"),
        ("airflow.configuration", "ensure_secrets_loaded"),
    ):
        try:
            load = getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError):
            continue
        return list(load())
    return []


def _query_backend(backend: Any, conn_id: str) -> bool:
    if type(backend).__name__ != "ExecutionAPISecretsBackend":
        return backend.get_connection(conn_id=conn_id) is not None
    # This backend also returns None if the API server is unreachable. The response to its request is unambiguous.
    from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType
    from airflow.sdk.execution_time.comms import ErrorResponse, GetConnection
    from airflow.sdk.execution_time.task_runner import SUPERVISOR_COMMS

    try:
        response = SUPERVISOR_COMMS.send(GetConnection(conn_id=conn_id))
    except AirflowRuntimeError as error:
        response = error.error
    if isinstance(response, ErrorResponse) and response.error is not ErrorType.CONNECTION_NOT_FOUND:
        raise RuntimeError(f"the API server returned {response.error.value}")
    return not isinstance(response, ErrorResponse)
