# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""What can happen to a wait, and how it has to end in every mode: read by a DAG and by the test of its run.

The same table as in ``tests/airflow/test_mode_parity.py``, here with the states and tries that Airflow makes of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

MODES: Mapping[str, Mapping[str, Any]] = {
    "poke": {"mode": "poke", "deferrable": False},
    # Longer than a busy scheduler takes to learn that the last poke has ended: a task that is due again before that
    # is taken for one that was killed.
    "reschedule": {"mode": "reschedule", "deferrable": False, "poke_interval": 10},
    "deferred": {"mode": "poke", "deferrable": True},
}
"""The arguments of the sensor that make a mode."""

RETRIES = 1
"""Of every sensor: what must not be retried shows by being tried once."""

LAGGING, READY = 120.0, 0.0
BROKEN: Mapping[str, Any] = {"recordsLag": LAGGING, "connector_status": "Broken"}

# Far beyond what any of these waits takes on a busy machine.
_PATIENT = 300
_SHORT = 5


@dataclass(frozen=True)
class Case:
    """One thing that happens to a wait.

    :param readings: what the destination shows, one request after the other.
    :param status: HTTP status of the failing answers, if there are any.
    :param failing: how many answers fail; ``None``: all.
    :param exists: whether there is such a destination at all.
    :param arguments: of the sensor.
    :param state: in which the task ends.
    :param tries: how often it is tried.
    :param raises: name of the class of its last exception.
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
        says="1 poll failed, more than max_poll_failures=0 allows",
    ),
}

SENSOR: Mapping[str, Any] = {
    "streamkap_conn_id": "streamkap_tests",
    "poke_interval": 3,
    "confirm_interval": 1,
    # Points of the timeseries take minutes: tests/system/test_examples.py waits for some.
    "lag_source": "latest",
    "timeout": _PATIENT,
    "retries": RETRIES,
}
"""The arguments that all sensors have."""


def task_id(case: str, mode: str) -> str:
    """Name the task of a case in a mode; its destination has the same name."""
    return f"{case}-{mode}"
