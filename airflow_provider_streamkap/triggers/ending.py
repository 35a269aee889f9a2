# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""End a deferred task from its trigger, without a worker, where that comes to the same end.

Success and skip do, on every Airflow. Failure does for a task without retries: for others Airflow 2.11 never
retries what a trigger failed and 3.3 always does, whatever the reason, so that a worker has to raise the exception.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from airflow.triggers.base import TaskFailedEvent, TaskSkippedEvent, TaskSuccessEvent, TriggerEvent

from airflow_provider_streamkap.course import GiveUp
from airflow_provider_streamkap.outcomes import OPENED

_RETURN_VALUE = "return_value"


@dataclass(frozen=True, slots=True)
class Ending:
    """What the task has said of its ends.

    :param push: the snapshot goes to XCom.
    :param skip_on: the ends without success on which the task is skipped.
    :param fail: the task may be failed from here, since it has no retries.
    """

    push: bool = True
    skip_on: Iterable[str] = ()
    fail: bool = False

    @classmethod
    def of(cls, *, push: bool, soft_fail: bool, never_fail: bool, retries: int) -> Ending:
        """Make the ending of a sensor.

        :param push: its ``do_xcom_push``.
        :param soft_fail: its ``soft_fail``, which skips at the deadline.
        :param never_fail: its ``never_fail``, which skips on all.
        :param retries: its ``retries``.
        """
        skipping = list(GiveUp) if never_fail else [GiveUp.DEADLINE] if soft_fail else []
        return cls(push, [why.value for why in skipping], fail=not retries)

    def arguments(self) -> dict[str, Any]:
        """Give the arguments that make an equal ending, as plain JSON."""
        return {**asdict(self), "skip_on": list(self.skip_on)}


def trigger_event(event: Mapping[str, Any], ending: Ending | None) -> TriggerEvent:
    """Make what a trigger fires.

    :param event: how the wait ended, as plain JSON.
    :param ending: how the task may be ended from here; ``None``: by a worker only.
    """
    outcome = event["outcome"]
    if ending is None:
        return TriggerEvent(dict(event))
    if outcome == OPENED:
        return TaskSuccessEvent(xcoms={_RETURN_VALUE: event["snapshot"]} if ending.push else None)
    if outcome in ending.skip_on:
        return TaskSkippedEvent()
    return TaskFailedEvent() if ending.fail else TriggerEvent(dict(event))
