# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""A slow or silent API blocks no worker: the check before deferring is one attempt, and each poll has a time limit."""

from __future__ import annotations

import json
import logging
import re
import time
from typing import Any

import pytest

from airflow_provider_streamkap._compat import AirflowException, AirflowFailException, PokeReturnValue
from airflow_provider_streamkap.gate.conditions import DestinationGate
from airflow_provider_streamkap.gate.spec import WaitSpec
from airflow_provider_streamkap.gate.wait import PollAgain, ResourceWait
from airflow_provider_streamkap.hooks._clients import ClientClock
from airflow_provider_streamkap.hooks.streamkap import StreamkapHook
from airflow_provider_streamkap.sensors._runtime import FIRST_POLL_SECONDS, poll_once
from airflow_provider_streamkap.testing import Fault, StreamkapSimulator, scenarios
from tests.airflow.log_capture import Logged
from tests.airflow.sensor_modes import MODES, TaskInstance, fire, run, sensor
from tests.airflow_imports import TaskDeferred
from tests.api.support import FullJitter, SimulatedClock
from tests.client_clock import use_client_clock

FIVE = [f"d{number}" for number in range(5)]
MANY = [f"d{number}" for number in range(60)]
TOKEN, METRICS = "/auth/access-token", "/metrics"
DATED = {"observed_after": "2026-01-01T00:00:00Z"}


@pytest.fixture
def connected(streamkap: StreamkapSimulator, monkeypatch: pytest.MonkeyPatch) -> StreamkapSimulator:
    """Add five destinations, and set a connection with the default retries."""
    for id_ in FIVE:
        streamkap.add(id_, scenarios.steady())
    monkeypatch.setenv("AIRFLOW_CONN_STREAMKAP_DEFAULT", streamkap.airflow_connection(timeout=0.3))
    return streamkap


def deferred(**arguments: Any) -> TaskDeferred:
    """Run a deferrable sensor until it defers."""
    context: Any = {"ti": TaskInstance()}
    with pytest.raises(TaskDeferred) as deferral:
        sensor("deferred", **{"destination_id": FIVE, **arguments}).execute(context)
    return deferral.value


@pytest.mark.parametrize("condition", [{}, DATED])
@pytest.mark.parametrize("ids", [FIVE, "d0"])
def test_check_before_deferring_calls_silent_api_once(
    connected: StreamkapSimulator, logged: Logged, condition: dict[str, Any], ids: Any
) -> None:
    connected.inject(Fault.hang(), times=None)
    deferred(destination_id=ids, **condition)
    assert (connected.token_calls, connected.count(METRICS)) == (1, 0)
    assert ("Polling 1 destination once" if ids == "d0" else "Polling 5 destinations once") in logged.text
    assert "Deferring: not all destinations were read" in logged.text


@pytest.mark.parametrize("fault", [Fault.hang(), Fault.status(503), Fault.drop()])
def test_check_before_deferring_does_not_retry(connected: StreamkapSimulator, fault: Fault) -> None:
    connected.inject(fault, path=METRICS, times=None)
    deferred()
    assert connected.count(METRICS) == len(FIVE)


def test_failed_check_before_deferring_never_ends_wait(connected: StreamkapSimulator) -> None:
    connected.inject(Fault.status(503), path=METRICS, times=len(FIVE))
    event = fire(deferred(max_poll_failures=0).trigger)
    assert event["outcome"] == "opened"
    assert list(event["snapshot"]) == FIVE


def test_rejected_check_before_deferring_ends_task(connected: StreamkapSimulator) -> None:
    connected.refuse_credentials()
    with pytest.raises(AirflowFailException, match="rejected the credentials"):
        run(sensor("deferred", destination_id=FIVE))
    assert connected.token_calls == 1


def waiting(ids: list[str], **spec: Any) -> ResourceWait:
    now = time.time()
    return ResourceWait(WaitSpec(tuple(ids), DestinationGate(), started=now, deadline=now + 3600, **spec))


def polled(wait: ResourceWait, **limits: Any) -> PollAgain | PokeReturnValue:
    task = sensor("poke")
    return poll_once(wait, StreamkapHook(), keyed=True, log=task.log, **limits)


def test_check_before_deferring_has_one_time_limit_for_all_destinations(
    connected: StreamkapSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert FIRST_POLL_SECONDS == 10
    monkeypatch.setenv("AIRFLOW_CONN_STREAMKAP_DEFAULT", connected.airflow_connection())
    connected.inject(Fault.hang(), times=None)
    began = time.monotonic()
    step = polled(waiting(FIVE), first_poll=0.5)
    assert time.monotonic() - began < 4
    assert isinstance(step, PollAgain)
    assert step.failing


def test_destinations_for_which_check_before_deferring_has_no_time_are_not_failed_polls(
    streamkap: StreamkapSimulator, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for id_ in MANY:
        streamkap.add(id_, scenarios.steady(lag=120))
    streamkap.inject(Fault.slow(0.2), path=METRICS, times=None)
    monkeypatch.setenv("AIRFLOW_CONN_STREAMKAP_DEFAULT", streamkap.airflow_connection(max_concurrency=4))
    wait, log = waiting(MANY), logging.getLogger("test")
    caplog.set_level(logging.INFO, log.name)
    step = poll_once(wait, StreamkapHook(), keyed=True, log=log, first_poll=1.5)
    assert isinstance(step, PollAgain)
    assert step.failing
    assert {resource.failures for resource in wait.resources.values()} == {0}
    reasons = [resource.reason for resource in wait.resources.values()]
    assert 0 < reasons.count("not read yet") < len(MANY)
    (line,) = [record for record in caplog.records if record.name == log.name]
    assert line.levelname == "INFO"
    assert line.getMessage().startswith("Poll 1: 0 of 60 ready; not ready: ")


@pytest.mark.parametrize(
    ("poke_interval", "attempts"),
    # Attempts are 7 s apart. A poll takes at least 10 s, and the connection allows at most five attempts.
    [(0.02, 2), (10.0, 2), (20.0, 3), (60.0, 5)],
)
def test_poll_is_bounded_by_interval(connected: StreamkapSimulator, poke_interval: float, attempts: int) -> None:
    connected.inject(Fault.status(503, retry_after=7), path=TOKEN, times=None)
    clock = SimulatedClock()
    with use_client_clock(ClientClock(clock.clock, clock.sleep, clock.asleep, FullJitter())):
        step = polled(waiting(FIVE, poke_interval=poke_interval))
    assert isinstance(step, PollAgain)
    assert step.failing
    assert connected.token_calls == attempts
    assert sum(clock.waits) < max(poke_interval, 10)


def test_poll_is_bounded_by_deadline(connected: StreamkapSimulator) -> None:
    connected.inject(Fault.status(503, retry_after=14), path=TOKEN, times=None)
    clock = SimulatedClock()
    wait = ResourceWait(
        WaitSpec(tuple(FIVE), DestinationGate(), poke_interval=3600, started=0.0, deadline=time.time() - 1)
    )
    with (
        use_client_clock(ClientClock(clock.clock, clock.sleep, clock.asleep, FullJitter())),
        pytest.raises(AirflowException, match="Timed out"),
    ):
        polled(wait)
    # Within the 30 seconds allowed for the last poll.
    assert connected.token_calls == 3


@pytest.mark.parametrize("mode", MODES)
def test_list_is_read_concurrently_and_results_keep_order(
    connected: StreamkapSimulator, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_STREAMKAP_DEFAULT", connected.airflow_connection(timeout=20))
    ids = ["d3", "d0", "d4", "d1", "d2"]
    connected.inject(Fault.slow(0.3), path="/destinations/d3/metrics", times=None)
    connected.inject(Fault.slow(0.1), path=METRICS, times=None)
    snapshots = run(sensor(mode, destination_id=ids, confirmations=1))
    assert list(snapshots) == ids
    assert connected.count(METRICS) == len(ids)
    # Sequential reads use one connection.
    assert connected.connections > 1


@pytest.mark.parametrize("mode", MODES)
def test_list_snapshots_omit_common_fields(connected: StreamkapSimulator, mode: str) -> None:
    # So that the trigger has work to do.
    connected.inject(Fault.status(500), path="/destinations/d0/metrics")
    many = run(sensor(mode, destination_id=FIVE, max_poll_failures=3))
    assert {tuple(one) for one in many.values()} == {("destination_id", "time_type", "observed_at", "data", "evidence")}
    assert "metadata" in run(sensor(mode, destination_id="d0"))


@pytest.mark.parametrize("mode", MODES)
def test_failed_poll_is_logged_as_warning(
    connected: StreamkapSimulator, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, mode: str
) -> None:
    caplog.set_level("INFO")
    connected.inject(Fault.status(500), path="/destinations/d3/metrics")
    run(sensor(mode, destination_id=FIVE))
    polls = {record.getMessage()[:6]: record.levelname for record in caplog.records if "Poll " in record.getMessage()}
    if not polls:
        # Task loggers are structlog loggers on Airflow 3.
        shown = re.sub(r"\x1b\[[\d;]*m", "", capfd.readouterr().out)
        polls = {poll: level.upper() for level, poll in re.findall(r"\[(\w+) *\] (Poll \d)", shown)}
    assert (polls["Poll 1"], polls["Poll 2"]) == ("WARNING", "INFO")


@pytest.mark.parametrize("mode", ["poke", "deferred"])
def test_log_of_many_destinations_is_brief(streamkap: StreamkapSimulator, logged: Logged, mode: str) -> None:
    for id_ in MANY:
        streamkap.add(id_, scenarios.sequence([scenarios.Reading(records_lag=120), scenarios.Reading(records_lag=0)]))
    streamkap.inject(Fault.status(500), path="/destinations/d30/metrics")
    logged.lines.clear()
    snapshots = run(sensor(mode, destination_id=MANY, poke_interval=0.5))
    assert list(snapshots) == MANY
    lines = [line for line in logged.lines if "-> 200" not in line and "-> 500" not in line]
    assert len(lines) < 20
    assert max(map(len, logged.starting("Poll "))) < 800
    assert "not ready: d0: lag 120 > 0; d1: lag 120" in logged.text
    assert "and 50 more; last error: GET" in logged.text
    assert len(json.dumps(snapshots)) < 24_000
