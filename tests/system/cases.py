# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""What can happen to a wait, and the expected outcome in every mode; shared by a DAG and the test of its run.

The same table as in ``tests/airflow/test_mode_parity.py``, with the resulting task states and tries.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

MODES: Mapping[str, Mapping[str, Any]] = {
    "poke": {"mode": "poke", "deferrable": False},
    # Longer than a busy scheduler takes to notice that the last poke has ended: a task that is due again before that
    # is considered killed.
    "reschedule": {"mode": "reschedule", "deferrable": False, "poke_interval": 10},
    "deferred": {"mode": "poke", "deferrable": True},
}
"""Sensor arguments for each mode."""

RETRIES = 1
"""Retries of every sensor: a task that must not be retried has a single try."""

LAGGING, READY = 120.0, 0.0
BROKEN: Mapping[str, Any] = {"recordsLag": LAGGING, "connector_status": "Broken"}

# Far beyond what any of these waits takes on a busy machine.
_PATIENT = 300
_SHORT = 5


@dataclass(frozen=True)
class Case:
    """One thing that can happen to a wait.

    :param readings: the destination's readings, one per request.
    :param status: HTTP status of failing responses, if any.
    :param failing: number of failing responses; ``None``: all.
    :param exists: whether the destination exists.
    :param arguments: arguments of the sensor.
    :param state: final state of the task.
    :param tries: number of tries.
    :param raises: class name of the last exception.
    :param says: part of its message.
    """

    readings: Sequence[Any] = (READY,)
    status: int = 0
    failing: int | None = None
    exists: bool = True
    arguments: Mapping[str, Any] = field(default_factory=dict)
    state: str = "success"
    tries: int = 1
    raises: str = ""
    says: str = ""


_STALLED: Sequence[Any] = (LAGGING,)
_BREAKING: Sequence[Any] = (LAGGING, BROKEN)
_SOFT = {"soft_fail": True}

CASES: Mapping[str, Case] = {
    "drained": Case((LAGGING, LAGGING, READY)),
    "already_drained": Case(),
    "deadline": Case(
        _STALLED,
        arguments={"timeout": _SHORT},
        state="failed",
        raises="AirflowSensorTimeout",
        says="lag 120 > 0",
    ),
    "broken": Case(_BREAKING, state="failed", raises="AirflowFailException", says="status is Broken"),
    "refused_401": Case(status=401, state="failed", raises="AirflowFailException", says="401 Unauthorized"),
    "refused_403": Case(status=403, state="failed", raises="AirflowFailException", says="read:destination_metrics"),
    "refused_404": Case(exists=False, state="failed", raises="AirflowFailException", says="404 Not Found"),
    "ten_bad_polls": Case(status=500, failing=10),
    "too_many_bad_polls": Case(
        status=500,
        arguments={"max_poll_failures": 2},
        state="failed",
        tries=1 + RETRIES,
        raises="AirflowException",
        says="3 polls in a row failed, more than max_poll_failures=2 allows",
    ),
    "deadline_soft": Case(
        _STALLED, arguments={"timeout": _SHORT} | _SOFT, state="skipped", raises="AirflowSkipException"
    ),
    "broken_soft": Case(
        _BREAKING, arguments=_SOFT, state="failed", raises="AirflowFailException", says="status is Broken"
    ),
    "refused_403_soft": Case(
        status=403, arguments=_SOFT, state="failed", raises="AirflowFailException", says="read:destination_metrics"
    ),
    "too_many_bad_polls_soft": Case(
        status=500,
        arguments={"max_poll_failures": 0} | _SOFT,
        state="failed",
        tries=1 + RETRIES,
        raises="AirflowException",
        says="more than max_poll_failures=0 allows",
    ),
}

SENSOR: Mapping[str, Any] = {
    "streamkap_conn_id": "streamkap_tests",
    "poke_interval": 3,
    "confirm_interval": 1,
    # Timeseries points take minutes: tests/system/test_examples.py waits for some.
    "lag_source": "latest",
    "timeout": _PATIENT,
    "retries": RETRIES,
}
"""Arguments common to all sensors."""


def task_id(case: str, mode: str) -> str:
    """Return the task id of a case in a mode, which is also its destination id."""
    return f"{case}-{mode}"
