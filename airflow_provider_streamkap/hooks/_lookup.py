# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Look up an Airflow connection, and tell "could not look it up" from "does not exist".

Airflow skips a secrets backend that fails and then reports that the connection is not defined, so a backend that is
down for a moment looks like a connection that was never there.
"""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable
from typing import Any

from tenacity import AsyncRetrying, Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from airflow_provider_streamkap._arguments import check_conn_id
from airflow_provider_streamkap._compat import AirflowException, AirflowNotFoundException
from airflow_provider_streamkap.api.errors import brief
from airflow_provider_streamkap.api.redaction import redact_text

#: How often a lookup that fails is tried in all, 0.5, 1 and 2 seconds apart.
ATTEMPTS = 4


class _LookupFailed(Exception):
    """A lookup failed. Whether the connection exists is not known."""


def look_up(conn_id: str, get: Callable[[str], Any], sleep: Callable[[float], None]) -> Any:
    """Look up a connection, and try again if that fails.

    :param conn_id: the Airflow connection.
    :param get: looks it up.
    :param sleep: waits some seconds between attempts.
    :raises ValueError: ``conn_id`` is not the id of a connection.
    :raises AirflowNotFoundException: every secrets backend was asked, and none has it.
    :raises AirflowException: it could not be looked up.
    """
    check_conn_id(conn_id)

    def attempt() -> Any:
        try:
            return get(conn_id)
        except AirflowNotFoundException:
            if (why := _doubt(conn_id)) is None:
                raise
        except Exception as error:  # backends raise anything
            why = _said(error)
        raise _LookupFailed(why)

    try:
        return Retrying(sleep=sleep, **_policy())(attempt)
    except _LookupFailed as error:
        failed = str(error)
    raise _lookup_error(conn_id, failed)


async def alook_up(
    conn_id: str, get: Callable[[str], Awaitable[Any]], sleep: Callable[[float], Awaitable[None]]
) -> Any:
    """Look up a connection from an event loop; see :func:`look_up`."""
    from asgiref.sync import sync_to_async

    check_conn_id(conn_id)

    async def attempt() -> Any:
        try:
            return await get(conn_id)
        except AirflowNotFoundException:
            if (why := await sync_to_async(_doubt)(conn_id)) is None:
                raise
        except Exception as error:  # backends raise anything
            why = _said(error)
        raise _LookupFailed(why)

    try:
        return await AsyncRetrying(sleep=sleep, **_policy())(attempt)
    except _LookupFailed as error:
        failed = str(error)
    raise _lookup_error(conn_id, failed)


def _policy() -> dict[str, Any]:
    return {
        "retry": retry_if_exception_type(_LookupFailed),
        "stop": stop_after_attempt(ATTEMPTS),
        "wait": wait_exponential(multiplier=0.5),
        "reraise": True,
    }


def _lookup_error(conn_id: str, why: str) -> AirflowException:
    # The plain class: the task's own retries decide.
    return AirflowException(f"Connection {conn_id!r} could not be looked up in {ATTEMPTS} attempts: {why}")


def _said(error: BaseException) -> str:
    return redact_text(brief(f"{type(error).__name__}: {error}"))


def _doubt(conn_id: str) -> str | None:
    """Ask the secrets backends again, and return why the connection may exist after all.

    :param conn_id: the Airflow connection.
    :returns: ``None`` if every backend answered that it has no such connection.
    """
    for backend in _backends():
        name = type(backend).__name__
        try:
            found = _ask(backend, conn_id)
        except Exception as error:  # backends raise anything
            return f"{name} failed with {_said(error)}"
        if found:
            return f"{name} did not answer at first"
    return None


def _backends() -> list[Any]:
    for place, name in (
        ("airflow.sdk.execution_time.supervisor", "ensure_secrets_backend_loaded"),
        ("airflow.configuration", "ensure_secrets_loaded"),
    ):
        try:
            load = getattr(importlib.import_module(place), name)
        except (ImportError, AttributeError):
            continue
        return list(load())
    return []


def _ask(backend: Any, conn_id: str) -> bool:
    if type(backend).__name__ != "ExecutionAPISecretsBackend":
        return backend.get_connection(conn_id=conn_id) is not None
    # It returns None for an API server that cannot be reached, too; what it asks tells the two apart.
    from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType
    from airflow.sdk.execution_time.comms import ErrorResponse, GetConnection
    from airflow.sdk.execution_time.task_runner import SUPERVISOR_COMMS

    try:
        answer = SUPERVISOR_COMMS.send(GetConnection(conn_id=conn_id))
    except AirflowRuntimeError as error:
        answer = error.error
    if isinstance(answer, ErrorResponse) and answer.error is not ErrorType.CONNECTION_NOT_FOUND:
        raise RuntimeError(f"the API server answered {answer.error.value}")
    return not isinstance(answer, ErrorResponse)
