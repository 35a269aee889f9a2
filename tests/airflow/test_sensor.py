# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Sensor specifics: arguments, the check before deferring, the timeout across pokes, and Airflow's own timeout."""

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
from benchmarks.fast_loop import run_fast
from tests.airflow.reschedules import record_poke
from tests.airflow.sensor_modes import MODES, TaskInstance, rebuilt_trigger, run, sensor
from tests.airflow.triggers import event_payload
from tests.airflow_imports import TaskDeferred

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
def test_invalid_arguments_are_rejected_at_parse_time(arguments: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        StreamkapDestinationSensor(task_id="wait", destination_id="d1", **arguments)


@pytest.mark.parametrize("argument", ["end_from_trigger", "start_from_trigger"])
def test_start_and_end_from_trigger_are_unsupported(argument: str) -> None:
    with pytest.raises((TypeError, AirflowException), match=argument):
        sensor("deferred", **{argument: True})


@pytest.mark.parametrize("statuses", ["active", ["ACTIVE", "Paused"], ("Active",), iter(["Active"])])
def test_statuses_are_accepted_in_any_form(streamkap: StreamkapSimulator, statuses: Iterable[str]) -> None:
    streamkap.add("d1", scenarios.steady())
    assert run(sensor("poke", connector_status=statuses))["data"]["connector_status"] == "Active"


@pytest.mark.parametrize("confirmations", [1, 3])
def test_met_condition_needs_no_trigger(streamkap: StreamkapSimulator, confirmations: int) -> None:
    streamkap.add("d1", scenarios.steady())
    snapshot = sensor("deferred", confirmations=confirmations).execute(CONTEXT)
    assert snapshot["data"]["recordsLag"] == 0
    assert streamkap.count(METRICS) == confirmations


def test_worker_is_not_occupied_while_confirmation_is_pending(
    streamkap: StreamkapSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Its clock runs fast, too.
    monkeypatch.setenv("AIRFLOW_CONN_STREAMKAP_DEFAULT", streamkap.airflow_connection(timeout=3600))
    streamkap.add("d1", scenarios.steady())
    with pytest.raises(TaskDeferred) as deferral:
        sensor("deferred", confirm_interval=60, poke_interval=MONTH, timeout=2 * MONTH).execute(CONTEXT)
    assert streamkap.count(METRICS) == 1
    trigger = rebuilt_trigger(deferral.value.trigger)
    streamkap.reset_requests()

    async def timed() -> tuple[dict[str, Any], float]:
        loop = asyncio.get_running_loop()
        began = loop.time()
        return await event_payload(trigger), loop.time() - began

    event, seconds = run_fast(timed())
    assert event["outcome"] == "opened"
    # Two consecutive passing polls, immediately, although the interval is a month.
    assert streamkap.count(METRICS) == 2
    assert 60 <= seconds < MONTH / 100


@pytest.mark.parametrize("fault", [Fault.status(403), Fault.status(404)])
def test_permanent_error_needs_no_trigger(streamkap: StreamkapSimulator, fault: Fault) -> None:
    streamkap.inject(fault, path=METRICS)
    with pytest.raises(AirflowFailException):
        sensor("deferred").execute(CONTEXT)


def test_transient_error_is_deferred(streamkap: StreamkapSimulator) -> None:
    streamkap.add("d1", scenarios.steady())
    streamkap.inject(Fault.status(503), path=METRICS)
    with pytest.raises(TaskDeferred) as deferral:
        sensor("deferred", timeout=100).execute(CONTEXT)
    assert streamkap.count(METRICS) == 1
    # Airflow's timeout is later than the trigger's own, leaving time for its last poll.
    assert deferral.value.timeout is not None
    assert timedelta(seconds=130) < deferral.value.timeout < timedelta(seconds=300)


@pytest.mark.parametrize("mode", MODES)
def test_invalid_connection_fails_without_retry(
    streamkap: StreamkapSimulator, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    with pytest.raises(AirflowFailException, match="not_there"):
        run(sensor(mode, streamkap_conn_id="not_there"))
    monkeypatch.setenv("AIRFLOW_CONN_STREAMKAP_DEFAULT", streamkap.airflow_connection(timeout="soon"))
    with pytest.raises(AirflowFailException, match="extra timeout"):
        run(sensor(mode))
    # A timestamp that cannot be parsed before any request.
    connection = streamkap.airflow_connection(verify="/not/there.pem").replace("http://", "https://")
    monkeypatch.setenv("AIRFLOW_CONN_STREAMKAP_DEFAULT", connection)
    with pytest.raises(AirflowFailException, match=r"/not/there\.pem"):
        run(sensor(mode))
    assert streamkap.count() == 0


def waiting_since(seconds: float) -> Any:
    """Return the context of a sensor that has poked five times, first this many seconds ago."""
    ti = TaskInstance()
    ti.first_poke = datetime.now(UTC) - timedelta(seconds=seconds)
    for poke in range(5):
        record_poke(ti, ti.first_poke + timedelta(seconds=poke))
    return {"ti": ti, "task_reschedule_count": 5}


def test_timeout_spans_all_pokes_in_reschedule_mode(streamkap: StreamkapSimulator) -> None:
    streamkap.add("d1", scenarios.steady(lag=120))
    with pytest.raises(AirflowRescheduleException):
        sensor("reschedule", timeout=60).execute(waiting_since(30))
    with pytest.raises(AirflowSensorTimeout, match="Elapsed 1 min 40 s of 1 min, 6 polls"):
        sensor("reschedule", timeout=60).execute(waiting_since(100))
    with pytest.raises(AirflowSkipException):
        sensor("reschedule", timeout=60, soft_fail=True).execute(waiting_since(100))


class PokesUntilTheEnd(StreamkapDestinationSensor):
    """The timeout expires just after a poke has ended."""

    def poke(self, context: Any) -> Any:
        done = super().poke(context)
        self.timeout = 0
        return done


@pytest.mark.parametrize("mode", ["poke", "reschedule"])
def test_timeout_raised_by_airflow_reports_unmet_condition(streamkap: StreamkapSimulator, mode: str) -> None:
    streamkap.add("d1", scenarios.steady(lag=120))
    arguments: Any = {"task_id": "wait", "destination_id": "d1", "poke_interval": 0.02, "timeout": 60, "mode": mode}
    says = r"Timed out waiting for d1. .* lag 120 > 0"
    with pytest.raises(AirflowSensorTimeout, match=says):
        PokesUntilTheEnd(**arguments).execute(waiting_since(30))
    with pytest.raises(AirflowSkipException, match=f"because soft_fail is set: {says}"):
        PokesUntilTheEnd(**arguments, soft_fail=True).execute(waiting_since(30))


def test_last_poke_in_reschedule_mode_may_still_succeed(streamkap: StreamkapSimulator) -> None:
    streamkap.add("d1", scenarios.steady())
    snapshot = sensor("reschedule", timeout=60).execute(waiting_since(100))
    assert snapshot["data"]["recordsLag"] == 0


def test_retry_in_reschedule_mode_has_full_timeout(streamkap: StreamkapSimulator) -> None:
    streamkap.add("d1", scenarios.steady(lag=120))
    context = waiting_since(100)
    # Airflow 3 requests the pokes of the current try and finds none.
    context["ti"].first_poke = None
    context["ti"].try_number, context["ti"].max_tries = 2, 1
    with pytest.raises(AirflowRescheduleException):
        sensor("reschedule", timeout=60, retries=1).execute(context)


@pytest.mark.parametrize("mode", MODES)
def test_longest_allowed_timeout_works(streamkap: StreamkapSimulator, mode: str) -> None:
    streamkap.add("d1", scenarios.sequence([scenarios.Reading(records_lag=120), scenarios.Reading(records_lag=0)]))
    assert run(sensor(mode, timeout=timedelta(days=999_999_999)))["data"]["recordsLag"] == 0


@pytest.mark.parametrize("arguments", [{"exponential_backoff": True}, {"max_wait": 600}])
def test_options_ignored_when_deferred_are_rejected(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="exponential_backoff and max_wait are not supported"):
        sensor("poke", **arguments)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("seconds", [0, 0.001])
def test_too_short_interval_is_rejected(mode: str, seconds: float) -> None:
    with pytest.raises(ValueError, match=r"poke_interval must be a number of at least 0\.01 seconds; got"):
        sensor(mode, poke_interval=seconds)


def time_outs() -> list[str]:
    """Return the names of the deferral timeout exception: up to 2.11, from 3.0, and in the installed Airflow."""
    names = ["Trigger/execution timeout", "Trigger timeout"]
    with suppress(ImportError, AttributeError):
        names.append(importlib.import_module("airflow.models.trigger").TriggerFailureReason.TRIGGER_TIMEOUT.value)
    return list(dict.fromkeys(names))


@pytest.mark.parametrize("error", time_outs())
def test_airflow_deferral_timeout_raises_sensor_timeout(error: str) -> None:
    with pytest.raises(AirflowSensorTimeout, match="no triggerer reported a result"):
        sensor("deferred").resume_execution("__fail__", {"error": error}, CONTEXT)
    for arguments in ({"soft_fail": True}, {"never_fail": True}):
        with pytest.raises(AirflowSkipException):
            sensor("deferred", **arguments).resume_execution("__fail__", {"error": error}, CONTEXT)


def test_crashed_trigger_is_not_reported_as_timeout() -> None:
    broke = {"error": "Trigger failure", "traceback": ["Traceback (most recent call last):", "TimeoutError: timeout"]}
    with pytest.raises(Exception, match="Trigger failure") as caught:
        sensor("deferred").resume_execution("__fail__", broke, CONTEXT)
    assert not isinstance(caught.value, (AirflowSensorTimeout, AirflowFailException, AirflowSkipException))


@pytest.mark.parametrize("event", [None, {}, {"outcome": "success"}, {"outcome": "opened"}])
def test_unknown_event_keeps_gate_closed(event: Any) -> None:
    with pytest.raises(AirflowFailException, match="install the same version on workers and triggerers"):
        sensor("deferred").resume_execution("execute_complete", {"event": event}, CONTEXT)
    # A resume without an event, as dag.test() does it.
    with pytest.raises(AirflowFailException, match="install the same version on workers and triggerers"):
        sensor("deferred").resume_execution("execute_complete", {}, CONTEXT)
