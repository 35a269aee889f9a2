# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Hand a wait to the triggerer: how long Airflow gives it at most, and how it begins there without a worker."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from airflow.triggers.base import StartTriggerArgs

from airflow_provider_streamkap.plan import LAST_POLL_SECONDS
from airflow_provider_streamkap.triggers.streamkap import StreamkapDestinationTrigger
from airflow_provider_streamkap.wait import WaitPlan

# The trigger ends by itself at the deadline; Airflow's own time-out of a deferral only catches one that is gone.
_BACKSTOP_SECONDS = 60.0


def backstop(plan: WaitPlan, left: float) -> timedelta:
    """Give the time after which Airflow ends a deferral whose trigger did not.

    :param plan: what the trigger waits for.
    :param left: seconds to the deadline.
    """
    return timedelta(seconds=max(left, 0) + plan.confirm_seconds + LAST_POLL_SECONDS + _BACKSTOP_SECONDS)


def check_plain(fields: Mapping[str, Any]) -> None:
    """Refuse what would have to be rendered before the wait can begin.

    :param fields: the sensor's templated fields, by name.
    :raises ValueError: one holds a template or the output of a task; the message names it.
    """
    if templated := [name for name, value in fields.items() if not _is_plain(value)]:
        raise ValueError(
            f"start_from_trigger begins before anything is rendered, and {', '.join(templated)} has to be: give plain "
            "text, or leave start_from_trigger out"
        )


def _is_plain(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(_is_plain(item) for item in value)
    return value is None or isinstance(value, datetime) or (isinstance(value, str) and "{" not in value)


def start_trigger_args(
    streamkap_conn_id: str,
    plan: WaitPlan,
    timeout: float,
    execution_timeout: timedelta | None,
    *,
    many: bool,
    ending: Mapping[str, Any] | None,
) -> StartTriggerArgs:
    """Tell the scheduler how to begin a wait in the triggerer.

    :param streamkap_conn_id: the Airflow connection.
    :param plan: what is waited for, without a deadline, since the task has not started.
    :param timeout: seconds from the task's start to the deadline.
    :param execution_timeout: that of the task: Airflow ends the deferral at the earlier of the two.
    :param many: the result is a dict by id rather than one snapshot.
    :param ending: how to end the task without a worker.
    """
    limit = backstop(plan, timeout)
    return StartTriggerArgs(
        trigger_cls=f"{StreamkapDestinationTrigger.__module__}.{StreamkapDestinationTrigger.__qualname__}",
        trigger_kwargs={
            "streamkap_conn_id": streamkap_conn_id,
            "plan": plan.arguments(),
            "many": many,
            "timeout": timeout,
            "ending": ending,
            "backstop": min(limit, execution_timeout or limit).total_seconds(),
        },
        next_method="execute_complete",
        next_kwargs=None,
        timeout=limit,
    )
