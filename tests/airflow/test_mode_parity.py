# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The outcome is the same in every mode: result, exception class and message."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from airflow_provider_streamkap._compat import (
    AirflowException,
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
)
from airflow_provider_streamkap.testing import Fault, StreamkapSimulator, scenarios
from tests.airflow.leaks import leaks
from tests.airflow.log_capture import Logged
from tests.airflow.sensor_modes import MODES, TaskInstance, run, sensor

METRICS = "/destinations/d1/metrics"
ACTIVE, LAGGING = scenarios.Reading(records_lag=0), scenarios.Reading(records_lag=120)


def drained(simulator: StreamkapSimulator) -> None:
    simulator.add("d1", scenarios.sequence([LAGGING, LAGGING, LAGGING, ACTIVE]))


def already_drained(simulator: StreamkapSimulator) -> None:
    simulator.add("d1", scenarios.steady())


def stalled(simulator: StreamkapSimulator) -> None:
    simulator.add("d1", scenarios.steady(lag=120))


def broken(simulator: StreamkapSimulator) -> None:
    broke = scenarios.Reading(records_lag=120, connector_status="Broken")
    simulator.add("d1", scenarios.sequence([LAGGING, LAGGING, broke]))


def unknown(simulator: StreamkapSimulator) -> None:
    assert "d1" not in simulator.destinations


def young(simulator: StreamkapSimulator) -> None:
    bare = scenarios.Reading(has_metrics=False)
    simulator.add("d1", scenarios.sequence([bare, bare, bare, ACTIVE]))


def without_metrics(simulator: StreamkapSimulator) -> None:
    simulator.add("d1", scenarios.sequence([scenarios.Reading(has_metrics=False)]))


def failing(status: int, times: int | None, **more: Any) -> Callable[[StreamkapSimulator], None]:
    def prepare(simulator: StreamkapSimulator) -> None:
        already_drained(simulator)
        simulator.inject(Fault.status(status, **more), path=METRICS, times=times)

    return prepare


@dataclass(frozen=True)
class Case:
    """What happens to a wait, and its expected outcome."""

    prepare: Callable[[StreamkapSimulator], None]
    ends: type[Exception] | None = None
    says: str = ""
    arguments: dict[str, Any] = field(default_factory=dict)


CASES = {
    "drained": Case(drained),
    "already drained": Case(already_drained),
    "deadline": Case(stalled, AirflowSensorTimeout, "d1 not ready: lag 120 > 0", {"timeout": 0.2}),
    "Broken": Case(broken, AirflowFailException, "status is Broken"),
    "401 after renewal": Case(failing(401, None), AirflowFailException, "401 Unauthorized"),
    "403": Case(failing(403, None), AirflowFailException, "read:destination_metrics"),
    "404": Case(unknown, AirflowFailException, "404 Not Found"),
    "no metrics yet, then fine": Case(young, None, "", {"max_poll_failures": 0}),
    "no metrics until the deadline": Case(
        without_metrics, AirflowSensorTimeout, "d1 not ready: no metrics yet", {"timeout": 0.2}
    ),
    "ten bad polls then fine": Case(failing(500, 10)),
    "too many bad polls": Case(
        failing(500, 4),
        AirflowException,
        "4 polls in a row failed, more than max_poll_failures=3",
        {"max_poll_failures": 3},
    ),
    "bad polls until the deadline": Case(
        failing(503, None), AirflowSensorTimeout, "503 Service", {"max_poll_failures": 10_000, "timeout": 0.2}
    ),
    "deadline, soft_fail": Case(
        stalled,
        AirflowSkipException,
        "because soft_fail is set: Timed out waiting for d1",
        {"timeout": 0.2, "soft_fail": True},
    ),
    "Broken, soft_fail": Case(broken, AirflowFailException, "status is Broken", {"soft_fail": True}),
    "404, soft_fail": Case(unknown, AirflowFailException, "404 Not Found", {"soft_fail": True}),
    "too many bad polls, soft_fail": Case(
        failing(500, None), AirflowException, "max_poll_failures=1", {"max_poll_failures": 1, "soft_fail": True}
    ),
    "deadline, never_fail": Case(stalled, AirflowSkipException, "", {"timeout": 0.2, "never_fail": True}),
    "Broken, never_fail": Case(broken, AirflowSkipException, "", {"never_fail": True}),
    "too many bad polls, never_fail": Case(
        failing(500, None), AirflowSkipException, "", {"max_poll_failures": 1, "never_fail": True}
    ),
    "drained, never_fail": Case(drained, None, "", {"never_fail": True}),
    "any number of bad polls, silent_fail": Case(
        failing(500, 8), None, "", {"max_poll_failures": 1, "silent_fail": True}
    ),
    "Broken, silent_fail": Case(broken, AirflowFailException, "status is Broken", {"silent_fail": True}),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", CASES)
def test_outcome_is_same_in_every_mode(name: str, mode: str, streamkap: StreamkapSimulator, logged: Logged) -> None:
    case = CASES[name]
    case.prepare(streamkap)
    task, ti = sensor(mode, **case.arguments), TaskInstance()
    if case.ends is None:
        snapshot = run(task, ti)
        assert leaks(streamkap, logged, ti, snapshot, task) == []
        assert snapshot["destination_id"] == "d1"
        assert snapshot["data"]["recordsLag"] == 0
        assert snapshot["data"]["connector_status"] == "Active"
        assert set(snapshot) == {"destination_id", "time_type", "observed_at", "data", "metadata", "evidence"}
        return
    with pytest.raises(case.ends) as caught:
        run(task, ti)
    assert type(caught.value) is case.ends
    assert case.says in str(caught.value)
    assert leaks(streamkap, logged, ti, caught.value, task) == []


@pytest.mark.parametrize("mode", MODES)
def test_outcome_of_several_destinations_is_same_in_every_mode(mode: str, streamkap: StreamkapSimulator) -> None:
    streamkap.add("a", scenarios.sequence([ACTIVE, LAGGING, ACTIVE]))
    streamkap.add("b", scenarios.sequence([LAGGING, ACTIVE]))
    snapshots = run(sensor(mode, destination_id=["b", "a"]))
    assert list(snapshots) == ["b", "a"]
    assert [snapshots[id_]["data"]["recordsLag"] for id_ in "ab"] == [0, 0]
    # Both met the condition in the same two rounds, the third and the fourth.
    assert streamkap.count("/destinations/a/metrics") == 4


@pytest.mark.parametrize("mode", MODES)
def test_sends_no_unnecessary_requests(mode: str, streamkap: StreamkapSimulator) -> None:
    drained(streamkap)
    run(sensor(mode))
    assert streamkap.count(METRICS) == 5
    assert streamkap.token_calls == 1


@pytest.mark.parametrize("mode", MODES)
def test_rejected_wait_sends_one_request(mode: str, streamkap: StreamkapSimulator) -> None:
    failing(403, None)(streamkap)
    with pytest.raises(AirflowFailException):
        run(sensor(mode))
    assert streamkap.count(METRICS) == 1
