# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Blocked event loops, differing clocks, and connections that only the workers have."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from socket import gethostname
from typing import Any

import pytest

from airflow_provider_streamkap.testing import Fault, StreamkapSimulator, scenarios
from benchmarks.fast_loop import FastEventLoop
from tests.airflow.log_capture import Logged
from tests.airflow.sensor_modes import fire
from tests.airflow.triggers import event_payload, trigger

METRICS = "/destinations/d1/metrics"
SPEED = 100


def run_and_block(waiting: Any, blocked: Callable[[], None], after: float) -> dict[str, Any]:
    """Run a trigger on a fast event loop that is blocked once.

    :param blocked: called in the event loop, which it blocks.
    :param after: seconds of wall-clock time before that.
    """

    async def main() -> dict[str, Any]:
        asyncio.get_running_loop().call_later(after * SPEED, blocked)
        return await event_payload(waiting)

    with asyncio.Runner(loop_factory=lambda: FastEventLoop(SPEED)) as runner:
        return runner.run(main())


def until(moment: float) -> None:
    """Block for longer than the last poll may take, until some seconds after a given time."""
    while time.time() < moment + 0.6:
        pass


def test_blocked_event_loop_polls_once_more_after_deadline(streamkap: StreamkapSimulator, logged: Logged) -> None:
    streamkap.add("d1", scenarios.steady(lag=120))
    waiting = trigger(seconds=0.5, poke_interval=10, confirmations=1)

    def blocked() -> None:
        until(waiting.spec["deadline"])
        streamkap.set("d1", scenarios.steady())

    event = run_and_block(waiting, blocked, after=0.3)
    assert event["outcome"] == "opened", event


def test_request_sent_before_deadline_is_not_the_last(streamkap: StreamkapSimulator) -> None:
    streamkap.add("d1", scenarios.sequence([scenarios.Reading(records_lag=120), scenarios.Reading(records_lag=0)]))
    streamkap.inject(Fault.slow(2.5), path=METRICS)
    waiting = trigger(seconds=2, poke_interval=0.01, confirmations=1)
    assert fire(waiting)["outcome"] == "opened"
    assert streamkap.count(METRICS) == 2


def test_destination_not_drained_still_times_out(streamkap: StreamkapSimulator, logged: Logged) -> None:
    streamkap.add("d1", scenarios.steady(lag=120))
    waiting = trigger(seconds=0.5, poke_interval=10, confirmations=1)
    event = run_and_block(waiting, lambda: until(waiting.spec["deadline"]), after=0.3)
    assert event["outcome"] == "deadline"
    assert "d1 not ready: lag 120 > 0" in event["message"]
    assert any("Timed out" in line or "The wait failed" in line for line in logged.lines)


def test_hanging_last_poll_is_logged(
    streamkap: StreamkapSimulator, monkeypatch: pytest.MonkeyPatch, logged: Logged
) -> None:
    connection = streamkap.airflow_connection(max_attempts=1, timeout=3600)
    monkeypatch.setenv("AIRFLOW_CONN_STREAMKAP_DEFAULT", connection)
    streamkap.add("d1", scenarios.steady())
    streamkap.inject(Fault.hang(), path=METRICS, times=None)
    event = run_and_block(trigger(seconds=-1), lambda: None, after=0)
    assert event["outcome"] == "deadline"
    assert event["message"] in logged.lines


@pytest.mark.parametrize("skew", [180, -180])
def test_wait_keeps_its_timeout_when_worker_and_triggerer_clocks_differ(
    streamkap: StreamkapSimulator, logged: Logged, skew: int
) -> None:
    streamkap.add("d1", scenarios.steady(lag=120))
    waiting = trigger(seconds=1.5, poke_interval=0.05)
    for name in ("started", "deadline"):
        # As serialized by a worker whose clock is behind by this much.
        waiting.spec[name] -= skew
    waiting.state = {"polls": 1, "clock_lead": skew}
    began = time.monotonic()
    event = fire(waiting)
    assert event["outcome"] == "deadline"
    # The Date header that reveals the difference has a resolution of one second.
    assert 0.4 < time.monotonic() - began < 20
    assert "Elapsed " in event["message"]
    assert "-" not in event["message"].partition("Elapsed ")[2].partition(",")[0]
    assert "synchronize them (NTP)" in logged.text


def test_connection_missing_on_triggerer_is_reported_with_its_host(
    streamkap: StreamkapSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    streamkap.add("d1", scenarios.steady())
    monkeypatch.delenv("AIRFLOW_CONN_STREAMKAP_DEFAULT")
    event = fire(trigger())
    assert event["outcome"] == "permanent_error"
    assert "streamkap_default" in event["message"]
    assert "The worker that deferred this task has the connection" in event["message"]
    assert repr(gethostname()) in event["message"]
