# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""What is the sensor's own: its arguments, its look before deferring, its time over pokes, and its Airflow timeout."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.exceptions import AirflowRescheduleException

from airflow_provider_streamkap._compat import (
    AirflowException,
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
)
from airflow_provider_streamkap.sensors.streamkap import StreamkapDestinationSensor
from airflow_provider_streamkap.testing import Fault, StreamkapSimulator, scenarios
from benchmarks.haste import run_hastily
from tests.airflow.modes import MODES, TaskInstance, carried, run, sensor
from tests.airflow.pokes import record_poke
from tests.airflow.waits import fired
from tests.airflow_names import TaskDeferred

METRICS = "/destinations/d1/metrics"
DRAINED, LAGGING = scenarios.Reading(records_lag=0), scenarios.Reading(records_lag=120)
MONTH = 30 * 24 * 3600.0
CONTEXT: Any = {"ti": TaskInstance()}


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"max_records_lag": -1}, "max_records_lag"),
        ({"max_records_lag": "many"}, "max_records_lag"),
        ({"max_records_lag": True}, "max_records_lag"),
        ({"max_records_lag": float("nan")}, "max_records_lag"),
        ({"connector_status": ""}, "connector_status"),
        ({"connector_status": ["Active", 5]}, "connector_status"),
        ({"connector_status": "broken"}, "broken"),
        ({"max_records_lag": None, "connector_status": None}, "nothing to wait for"),
        ({"max_latency_ms": -5}, "max_latency_ms"),
        ({"max_reading_age": -5}, "max_reading_age"),
        ({"confirmations": 0}, "confirmations"),
        ({"confirmations": 1.5}, "confirmations"),
        ({"confirmations": True}, "confirmations"),
        ({"confirm_interval": -1}, "confirm_interval"),
        ({"confirm_interval": None}, "confirm_interval"),
        ({"require": "most"}, "require"),
        ({"fail_on_status": [""]}, "fail_on_status"),
        ({"max_poll_failures": -1}, "max_poll_failures"),
        ({"max_poll_failures": 1.5}, "max_poll_failures"),
        ({"stall_after": -1}, "stall_after"),
        ({"status_grace": "soon"}, "status_grace"),
    ],
)
def test_bad_arguments_are_refused_while_the_dag_is_written(arguments: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        StreamkapDestinationSensor(task_id="wait", destination_id="d1", **arguments)


@pytest.mark.parametrize("argument", ["end_from_trigger", "start_from_trigger"])
def test_a_task_cannot_begin_or_end_in_the_triggerer(argument: str) -> None:
    with pytest.raises((TypeError, AirflowException), match=argument):
        sensor("deferred", **{argument: True})


@pytest.mark.parametrize("statuses", ["active", ["ACTIVE", "Paused"], ("Active",), iter(["Active"])])
def test_statuses_in_any_form(streamkap: StreamkapSimulator, statuses: Iterable[str]) -> None:
    streamkap.add("d1", scenarios.steady())
    assert run(sensor("poke", connector_status=statuses))["data"]["connector_status"] == "Active"


@pytest.mark.parametrize("confirmations", [1, 3])
def test_what_is_true_already_costs_no_trigger(streamkap: StreamkapSimulator, confirmations: int) -> None:
    streamkap.add("d1", scenarios.steady())
    snapshot = sensor("deferred", confirmations=confirmations).execute(CONTEXT)
    assert snapshot["data"]["recordsLag"] == 0
    assert streamkap.count(METRICS) == confirmations


def test_a_worker_is_not_kept_for_a_confirmation_that_takes_a_minute(
    streamkap: StreamkapSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Its seconds fly, too.
    monkeypatch.setenv("AIRFLOW_CONN_STREAMKAP_DEFAULT", streamkap.airflow_connection(timeout=3600))
    streamkap.add("d1", scenarios.steady())
    with pytest.raises(TaskDeferred) as deferral:
        sensor("deferred", confirm_interval=60, poke_interval=MONTH, timeout=2 * MONTH).execute(CONTEXT)
    assert streamkap.count(METRICS) == 1
    trigger = carried(deferral.value.trigger)
    streamkap.reset_requests()

    async def timed() -> tuple[dict[str, Any], float]:
        loop = asyncio.get_running_loop()
        began = loop.time()
        return await fired(trigger), loop.time() - began

    event, seconds = run_hastily(timed())
    assert event["outcome"] == "opened"
    # Two good looks in a row, begun afresh and at once: not somewhere within the month of an interval.
    assert streamkap.count(METRICS) == 2
    assert 60 <= seconds < MONTH / 100


@pytest.mark.parametrize("fault", [Fault.status(403), Fault.status(404)])
def test_what_is_refused_already_costs_no_trigger(streamkap: StreamkapSimulator, fault: Fault) -> None:
    streamkap.inject(fault, path=METRICS)
    with pytest.raises(AirflowFailException):
        sensor("deferred").execute(CONTEXT)


def test_what_fails_in_passing_is_handed_over(streamkap: StreamkapSimulator) -> None:
    streamkap.add("d1", scenarios.steady())
    streamkap.inject(Fault.status(503), path=METRICS)
    with pytest.raises(TaskDeferred) as deferral:
        sensor("deferred", timeout=100).execute(CONTEXT)
    assert streamkap.count(METRICS) == 1
    # Airflow's timeout comes after the trigger's own end, with time for its last poll.
    assert deferral.value.timeout is not None
    assert timedelta(seconds=130) < deferral.value.timeout < timedelta(seconds=300)


@pytest.mark.parametrize("mode", MODES)
def test_a_bad_connection_fails_without_a_retry(
    streamkap: StreamkapSimulator, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    with pytest.raises(AirflowFailException, match="not_there"):
        run(sensor(mode, streamkap_conn_id="not_there"))
    monkeypatch.setenv("AIRFLOW_CONN_STREAMKAP_DEFAULT", streamkap.airflow_connection(timeout="soon"))
    with pytest.raises(AirflowFailException, match="extra timeout"):
        run(sensor(mode))
    # One that cannot be read before anything is sent.
    connection = streamkap.airflow_connection(verify="/not/there.pem").replace("http://", "https://")
    monkeypatch.setenv("AIRFLOW_CONN_STREAMKAP_DEFAULT", connection)
    with pytest.raises(AirflowFailException, match=r"/not/there\.pem"):
        run(sensor(mode))
    assert streamkap.count() == 0


def waiting_since(seconds: float) -> Any:
    """Return the context of a sensor that has poked five times, the first time so many seconds ago."""
    ti = TaskInstance()
    ti.first_poke = datetime.now(UTC) - timedelta(seconds=seconds)
    for poke in range(5):
        record_poke(ti, ti.first_poke + timedelta(seconds=poke))
    return {"ti": ti, "task_reschedule_count": 5}


def test_the_time_runs_over_all_pokes_of_a_rescheduled_sensor(streamkap: StreamkapSimulator) -> None:
    streamkap.add("d1", scenarios.steady(lag=120))
    with pytest.raises(AirflowRescheduleException):
        sensor("reschedule", timeout=60).execute(waiting_since(30))
    with pytest.raises(AirflowSensorTimeout, match="Elapsed 1 min 40 s of 1 min, 6 polls"):
        sensor("reschedule", timeout=60).execute(waiting_since(100))
    with pytest.raises(AirflowSkipException):
        sensor("reschedule", timeout=60, soft_fail=True).execute(waiting_since(100))


class PokesUntilTheEnd(StreamkapDestinationSensor):
    """The time is up just when a poke has ended."""

    def poke(self, context: Any) -> Any:
        done = super().poke(context)
        self.timeout = 0
        return done


@pytest.mark.parametrize("mode", ["poke", "reschedule"])
def test_a_time_out_that_airflow_sees_first_says_what_was_missing(streamkap: StreamkapSimulator, mode: str) -> None:
    streamkap.add("d1", scenarios.steady(lag=120))
    arguments: Any = {"task_id": "wait", "destination_id": "d1", "poke_interval": 0.02, "timeout": 60, "mode": mode}
    says = r"Timed out waiting for d1. .* lag 120 > 0"
    with pytest.raises(AirflowSensorTimeout, match=says):
        PokesUntilTheEnd(**arguments).execute(waiting_since(30))
    with pytest.raises(AirflowSkipException, match=f"because soft_fail is set: {says}"):
        PokesUntilTheEnd(**arguments, soft_fail=True).execute(waiting_since(30))


def test_the_last_poke_of_a_rescheduled_sensor_may_still_succeed(streamkap: StreamkapSimulator) -> None:
    streamkap.add("d1", scenarios.steady())
    snapshot = sensor("reschedule", timeout=60).execute(waiting_since(100))
    assert snapshot["data"]["recordsLag"] == 0


def test_a_retry_of_a_rescheduled_sensor_has_the_whole_time_again(streamkap: StreamkapSimulator) -> None:
    streamkap.add("d1", scenarios.steady(lag=120))
    context = waiting_since(100)
    # Airflow 3 asks for the pokes of the try at hand, and finds none.
    context["ti"].first_poke = None
    context["ti"].try_number, context["ti"].max_tries = 2, 1
    with pytest.raises(AirflowRescheduleException):
        sensor("reschedule", timeout=60, retries=1).execute(context)


@pytest.mark.parametrize("mode", MODES)
def test_the_longest_timeout_there_is_can_be_waited_for(streamkap: StreamkapSimulator, mode: str) -> None:
    streamkap.add("d1", scenarios.sequence([scenarios.Reading(records_lag=120), scenarios.Reading(records_lag=0)]))
    assert run(sensor(mode, timeout=timedelta(days=999_999_999)))["data"]["recordsLag"] == 0


@pytest.mark.parametrize("arguments", [{"exponential_backoff": True}, {"max_wait": 600}])
def test_what_would_be_ignored_once_deferred_is_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="exponential_backoff and max_wait are not supported"):
        sensor("poke", **arguments)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("seconds", [0, 0.001])
def test_an_interval_that_floods_the_api_is_refused(mode: str, seconds: float) -> None:
    with pytest.raises(ValueError, match=r"poke_interval must be at least 0\.01 s; got"):
        sensor(mode, poke_interval=seconds)


def time_outs() -> list[str]:
    """Give how Airflow calls the time-out of a deferral: up to 2.11, from 3.0 on, and in the Airflow at hand."""
    names = ["Trigger/execution timeout", "Trigger timeout"]
    with suppress(ImportError, AttributeError):
        names.append(importlib.import_module("airflow.models.trigger").TriggerFailureReason.TRIGGER_TIMEOUT.value)
    return list(dict.fromkeys(names))


@pytest.mark.parametrize("error", time_outs())
def test_airflows_timeout_of_a_deferral_raises_a_sensor_timeout(error: str) -> None:
    with pytest.raises(AirflowSensorTimeout, match="no triggerer reported a result"):
        sensor("deferred").resume_execution("__fail__", {"error": error}, CONTEXT)
    for arguments in ({"soft_fail": True}, {"never_fail": True}):
        with pytest.raises(AirflowSkipException):
            sensor("deferred", **arguments).resume_execution("__fail__", {"error": error}, CONTEXT)


def test_a_trigger_that_broke_is_not_a_time_out() -> None:
    broke = {"error": "Trigger failure", "traceback": ["Traceback (most recent call last):", "TimeoutError: timeout"]}
    with pytest.raises(Exception, match="Trigger failure") as caught:
        sensor("deferred").resume_execution("__fail__", broke, CONTEXT)
    assert not isinstance(caught.value, (AirflowSensorTimeout, AirflowFailException, AirflowSkipException))


@pytest.mark.parametrize("event", [None, {}, {"outcome": "success"}, {"outcome": "opened"}])
def test_an_event_that_is_not_understood_keeps_the_gate_shut(event: Any) -> None:
    with pytest.raises(AirflowFailException, match="install the same version on workers and triggerers"):
        sensor("deferred").resume_execution("execute_complete", {"event": event}, CONTEXT)
    # A resume without an event at all, as dag.test() would have it.
    with pytest.raises(AirflowFailException, match="install the same version on workers and triggerers"):
        sensor("deferred").resume_execution("execute_complete", {}, CONTEXT)
