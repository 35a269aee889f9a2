# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""What a sensor in reschedule mode knows of its earlier pokes, each of which was a process of its own.

Every Airflow tells when the first one was; only 3.3 has a state store for tasks, in which they can leave more.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from airflow import __version__ as airflow_version

HAS_STORE = tuple(int(part) for part in airflow_version.split(".")[:2]) >= (3, 3)
"""Whether this Airflow has a task state store."""

_KEY = "streamkap_wait"


def check_memory(there: bool) -> None:
    """Refuse a patience that takes a memory where there is none.

    :param there: whether there is one.
    :raises ValueError: there is none; the message says what to do.
    """
    if not there:
        raise ValueError(
            "stall_after and status_grace need to remember earlier polls, and in reschedule mode nothing does below "
            "Airflow 3.3: set deferrable=True or mode='poke', or take them out"
        )


def has_store(context: Mapping[str, Any]) -> bool:
    """Say whether the running task has a state store.

    :param context: its context.
    """
    return context.get("task_state_store") is not None


def recall(context: Mapping[str, Any]) -> dict[str, Any]:
    """Give what the last poke of this try left; without a store no more than the number of pokes, where Airflow tells.

    :param context: the context of the running task.
    """
    if not has_store(context):
        return {"polls": context.get("task_reschedule_count") or 0}
    memory = context["task_state_store"].get(_KEY)
    # The store outlives a try, and a retry begins anew.
    this_try = isinstance(memory, Mapping) and memory.get("try") == context["ti"].try_number
    return dict(memory) if this_try else {}


def remember(context: Mapping[str, Any], memory: Mapping[str, Any]) -> None:
    """Leave something for the next poke of this try, where there is a store.

    :param context: the context of the running task.
    :param memory: plain JSON.
    """
    if has_store(context):
        context["task_state_store"].set(_KEY, {"try": context["ti"].try_number, **memory})


def started(context: Mapping[str, Any], reschedule: bool) -> float:
    """Say since when the sensor waits, in epoch seconds.

    :param context: the context of the running task.
    :param reschedule: its mode is ``reschedule``.
    """
    if not reschedule:
        return time.time()
    ti = context["ti"]
    # On 2.11 a rescheduled task instance keeps the start of its first poke.
    ask = getattr(ti, "get_first_reschedule_date", None)
    first: datetime | None = ask(context) if ask else ti.start_date
    return first.timestamp() if first else time.time()
