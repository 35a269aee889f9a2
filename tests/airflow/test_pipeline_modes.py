# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""A wait on a pipeline ends the same way in every mode: result, exception class and message."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_streamkap._compat import (
    AirflowException,
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
)
from airflow_provider_streamkap.sensors._state_store import AIRFLOW_HAS_STATE_STORE
from airflow_provider_streamkap.testing import Fault, StreamkapSimulator, scenarios
from airflow_provider_streamkap.testing.scenarios import SourceEvent
from tests.airflow.leaks import leaks
from tests.airflow.log_capture import Logged
from tests.airflow.sensor_modes import MODES, StateStore, TaskInstance, pipeline_sensor, run
from tests.airflow.test_mode_parity import Case

#: Below Airflow 3.3, nothing keeps the state of a wait between the pokes of reschedule mode.
PIPELINE_MODES = MODES if AIRFLOW_HAS_STATE_STORE else ("poke", "deferred")
SOURCE, DESTINATION, PIPELINE = "/sources/s1/metrics", "/destinations/d1/metrics", "/pipelines/p1"
#: Changes every 20 s, captured with delays that differ.
TRAFFIC = scenarios.source_events(
    SourceEvent(at + 0.5 + number % 7, at) for number, at in enumerate(range(-3600, 7200, 20))
)


def add(simulator: StreamkapSimulator, source: scenarios.SourceScenario = TRAFFIC) -> None:
    simulator.add_pipeline("p1", "s1", "d1", scenarios.pipeline(source), name="orders")


def stalled(simulator: StreamkapSimulator) -> None:
    add(simulator, scenarios.source_stalls(at=0))


def source_broken(simulator: StreamkapSimulator) -> None:
    add(simulator, scenarios.source_broken(at=60, of=TRAFFIC))


def destination_broken(simulator: StreamkapSimulator) -> None:
    add(simulator)
    simulator.set("d1", scenarios.broken())


def lagging(simulator: StreamkapSimulator) -> None:
    add(simulator)
    simulator.set("d1", scenarios.steady(lag=120))


def failing(
    path: str, status: int, times: int | None, source: scenarios.SourceScenario = TRAFFIC
) -> Callable[[StreamkapSimulator], None]:
    def prepare(simulator: StreamkapSimulator) -> None:
        add(simulator, source)
        simulator.inject(Fault.status(status), path=path, times=times)

    return prepare


def returning(**pipeline: Any) -> Callable[[StreamkapSimulator], None]:
    def prepare(simulator: StreamkapSimulator) -> None:
        add(simulator)
        simulator.inject(Fault.json({"result": [{"id": "p1", "name": "orders", **pipeline}]}), path=PIPELINE)

    return prepare


DEADLINE = {"timeout": 600}
CASES = {
    "captured and drained": Case(add, arguments={"max_records_lag": 10}),
    "MySQL without traffic": Case(lambda simulator: add(simulator, scenarios.source_mysql_idle())),
    "traffic with a constant delay": Case(
        lambda simulator: add(simulator, scenarios.source_streaming(every=20)), arguments={"max_records_lag": 10}
    ),
    "source stalls": Case(stalled, AirflowSensorTimeout, "orders (p1) not ready: source: ", DEADLINE),
    "destination lags": Case(lagging, AirflowSensorTimeout, "destination: lag 120 > 0", DEADLINE),
    "source Broken": Case(source_broken, AirflowFailException, "source s1: status is Broken"),
    "destination Broken": Case(destination_broken, AirflowFailException, "destination d1: status is Broken"),
    "no pipeline": Case(lambda _: None, AirflowFailException, "404 Not Found"),
    "pipeline cannot be read": Case(failing(PIPELINE, 403, None), AirflowFailException, "403 Forbidden"),
    "pipeline cannot be read now": Case(failing(PIPELINE, 503, None), AirflowException, "503 Service"),
    "pipeline without source": Case(
        returning(destination={"id": "d1"}), AirflowFailException, "pipeline orders (p1) has no source"
    ),
    "pipeline without id of destination": Case(
        returning(source={"id": "s1"}, destination={"name": "x"}),
        AirflowFailException,
        "pipeline orders (p1) has no destination",
    ),
    "403 for source": Case(failing(SOURCE, 403, None), AirflowFailException, "read:source_metrics"),
    "403 for destination": Case(failing(DESTINATION, 403, None), AirflowFailException, "read:destination_metrics"),
    "no metrics yet, then fine": Case(
        failing(SOURCE, 404, 6), arguments={"max_poll_failures": 0, "max_records_lag": 10}
    ),
    "no metrics for too long": Case(
        failing(SOURCE, 404, None), AirflowException, "status_grace: 1 min", {"status_grace": 60, "timeout": 3600}
    ),
    "bad polls of both sides, then fine": Case(failing("/metrics", 500, 20), arguments={"max_records_lag": 10}),
    "too many bad polls of source": Case(
        failing(SOURCE, 500, None),
        AirflowException,
        "source s1: 4 polls in a row failed, more than max_poll_failures=3",
        {"max_poll_failures": 3},
    ),
    "too many bad polls of destination": Case(
        failing(DESTINATION, 500, None),
        AirflowException,
        "destination d1: 4 polls in a row failed, more than max_poll_failures=3",
        {"max_poll_failures": 3},
    ),
    "source stalls, soft_fail": Case(
        stalled, AirflowSkipException, "because soft_fail is set: Timed out waiting for", DEADLINE | {"soft_fail": True}
    ),
    "source Broken, soft_fail": Case(source_broken, AirflowFailException, "is Broken", {"soft_fail": True}),
    "no pipeline, soft_fail": Case(lambda _: None, AirflowFailException, "404 Not Found", {"soft_fail": True}),
    "source stalls, never_fail": Case(stalled, AirflowSkipException, "", DEADLINE | {"never_fail": True}),
    "source Broken, never_fail": Case(source_broken, AirflowSkipException, "", {"never_fail": True}),
    "any number of bad polls, silent_fail": Case(
        failing(SOURCE, 500, 20), arguments={"max_poll_failures": 1, "silent_fail": True, "max_records_lag": 10}
    ),
}


@pytest.mark.parametrize("mode", PIPELINE_MODES)
@pytest.mark.parametrize("name", CASES)
def test_outcome_is_same_in_every_mode(
    name: str, mode: str, fast_streamkap: StreamkapSimulator, logged: Logged
) -> None:
    case = CASES[name]
    case.prepare(fast_streamkap)
    task, ti = pipeline_sensor(mode, **case.arguments), TaskInstance()
    if case.ends is None:
        result = run(task, ti, StateStore())
        assert leaks(fast_streamkap, logged, ti, result, task) == []
        assert list(result) == [
            "pipeline_id",
            "pipeline_name",
            "source",
            "destination",
            "evidence",
            "complete_through",
        ]
        assert (result["pipeline_id"], result["pipeline_name"]) == ("p1", "orders")
        assert (result["source"]["source_id"], result["destination"]["destination_id"]) == ("s1", "d1")
        assert result["evidence"]["source"]["kind"] in ("captured_event", "mysql_heartbeat")
        return
    with pytest.raises(case.ends) as caught:
        run(task, ti, StateStore())
    assert type(caught.value) is case.ends
    assert case.says in str(caught.value)
    assert leaks(fast_streamkap, logged, ti, caught.value, task) == []
