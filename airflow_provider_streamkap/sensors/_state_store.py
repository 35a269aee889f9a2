# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""State of a sensor in reschedule mode, in which each poke runs in a separate process.

Every Airflow version records when the pokes began. Only Airflow 3.3 and later has a task state store.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from airflow import __version__ as airflow_version

_VERSION = tuple(int(part) for part in airflow_version.split(".")[:2])

AIRFLOW_HAS_STATE_STORE = _VERSION >= (3, 3)
"""Whether this Airflow has a task state store."""

IS_AIRFLOW_2 = _VERSION < (3, 0)
"""Whether this is Airflow 2, where tasks read their earlier pokes from the database."""

_KEY = "streamkap_wait"


def check_state_store(available: bool, reason: str, otherwise: str) -> None:
    """Check that earlier polls can be stored.

    :param available: whether there is a state store.
    :param reason: beginning of the message: what requires earlier polls.
    :param otherwise: end of the message: what else to do.
    :raises ValueError: there is none; the message says what to do.
    """
    if not available:
        raise ValueError(
            f"{reason} the results of earlier polls, which reschedule mode keeps only on Airflow 3.3 or later: set "
            f"deferrable=True or mode='poke'{otherwise}"
        )


def task_has_state_store(context: Mapping[str, Any]) -> bool:
    """Return whether the running task has a state store.

    :param context: the context of the running task.
    """
    return context.get("task_state_store") is not None


def load_state(context: Mapping[str, Any]) -> dict[str, Any]:
    """Return the state that the last poke of this try stored; without a store, only the number of pokes.

    :param context: the context of the running task.
    """
    if not task_has_state_store(context):
        earlier = _earlier_pokes(context)
        return {"polls": context.get("task_reschedule_count") or 0 if earlier is None else len(earlier)}
    state = context["task_state_store"].get(_KEY)
    # The store is kept across retries, but each try starts from scratch.
    this_try = isinstance(state, Mapping) and state.get("try") == context["ti"].try_number
    return dict(state) if this_try else {}


def save_state(context: Mapping[str, Any], state: Mapping[str, Any]) -> None:
    """Store the state for the next poke of this try, if there is a store.

    :param context: the context of the running task.
    :param state: plain JSON.
    """
    if task_has_state_store(context):
        context["task_state_store"].set(_KEY, {"try": context["ti"].try_number, **state})


def wait_started(context: Mapping[str, Any], reschedule: bool) -> float:
    """Return when this try of the sensor began to wait, in epoch seconds.

    :param context: the context of the running task.
    :param reschedule: whether the sensor runs in reschedule mode.
    """
    now = time.time()
    if not reschedule:
        return now
    earlier = _earlier_pokes(context)
    pokes = [context["ti"].get_first_reschedule_date(context)] if earlier is None else earlier[:1]
    return min([now, *(first.timestamp() for first in pokes if first)])


@contextmanager
def timeout_per_try(sensor: Any, context: Mapping[str, Any]) -> Iterator[None]:
    """Let Airflow 2 count the timeout of a rescheduled sensor from the start of the current try, as Airflow 3 does.

    Airflow 2 counts from the first try, which it derives from ``retries``, so ``retries`` is lowered for the call.

    :param sensor: the sensor, whose ``execute`` is called inside the context.
    :param context: the context of the running task.
    """
    if not (IS_AIRFLOW_2 and sensor.reschedule):
        yield
        return
    ti, retries = context["ti"], sensor.retries
    sensor.retries = ti.max_tries + 1 - ti.try_number
    try:
        yield
    finally:
        sensor.retries = retries


def _earlier_pokes(context: Mapping[str, Any]) -> list[datetime] | None:
    """Return when the earlier pokes of this try began; ``None`` on Airflow 3 and later, which have an API for that."""
    if not IS_AIRFLOW_2:
        return None
    from airflow.models.taskreschedule import TaskReschedule
    from airflow.utils.session import create_session

    with create_session() as session:
        rows = session.scalars(TaskReschedule.stmt_for_task_instance(context["ti"]))
        return [row.start_date for row in rows]
