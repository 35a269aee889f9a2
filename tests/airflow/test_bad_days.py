# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Event loops that are blocked, clocks that differ, and connections that only the workers have."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from socket import gethostname
from typing import Any

import pytest

from airflow_provider_streamkap.testing import Fault, StreamkapSimulator, scenarios
from benchmarks.haste import HastyLoop
from tests.airflow.logs import Logged
from tests.airflow.modes import fire
from tests.airflow.waits import fired, trigger

METRICS = "/destinations/d1/metrics"
SPEED = 100


def run_and_block(waiting: Any, blocked: Callable[[], None], after: float) -> dict[str, Any]:
    """Run a trigger on a fast event loop that is blocked once.

    :param blocked: called in the event loop, which does not run in the meantime.
    :param after: seconds of the wall clock until then.
    """

    async def main() -> dict[str, Any]:
        asyncio.get_running_loop().call_later(after * SPEED, blocked)
        return await fired(waiting)

    with asyncio.Runner(loop_factory=lambda: HastyLoop(SPEED)) as runner:
        return runner.run(main())


def until(moment: float) -> None:
    """Block for longer than the last poll may take, until some seconds past a moment."""
    while time.time() < moment + 0.6:
        pass


def test_a_blocked_loop_polls_once_more_after_the_deadline(streamkap: StreamkapSimulator, logged: Logged) -> None:
    streamkap.add("d1", scenarios.steady(lag=120))
    waiting = trigger(seconds=0.5, poke_interval=10, confirmations=1)

    def blocked() -> None:
        until(waiting.spec["deadline"])
        streamkap.set("d1", scenarios.steady())

    event = run_and_block(waiting, blocked, after=0.3)
    assert event["outcome"] == "opened", event


def test_a_request_that_was_sent_before_the_deadline_is_not_the_last_one(streamkap: StreamkapSimulator) -> None:
    streamkap.add("d1", scenarios.sequence([scenarios.Reading(records_lag=120), scenarios.Reading(records_lag=0)]))
    streamkap.inject(Fault.slow(2.5), path=METRICS)
    waiting = trigger(seconds=2, poke_interval=0.01, confirmations=1)
    assert fire(waiting)["outcome"] == "opened"
    assert streamkap.count(METRICS) == 2


def test_a_destination_that_has_not_drained_times_out_all_the_same(
    streamkap: StreamkapSimulator, logged: Logged
) -> None:
    streamkap.add("d1", scenarios.steady(lag=120))
    waiting = trigger(seconds=0.5, poke_interval=10, confirmations=1)
    event = run_and_block(waiting, lambda: until(waiting.spec["deadline"]), after=0.3)
    assert event["outcome"] == "deadline"
    assert "d1 not ready: lag 120 > 0" in event["message"]
    assert any("Timed out" in line or "Giving up" in line for line in logged.lines)


def test_a_last_poll_that_hangs_leaves_a_line_in_the_log(
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
def test_a_wait_keeps_its_length_where_the_clocks_of_worker_and_triggerer_differ(
    streamkap: StreamkapSimulator, logged: Logged, skew: int
) -> None:
    streamkap.add("d1", scenarios.steady(lag=120))
    waiting = trigger(seconds=1.5, poke_interval=0.05)
    for name in ("started", "deadline"):
        # As a worker wrote them whose clock is behind by as much.
        waiting.spec[name] -= skew
    waiting.state = {"polls": 1, "clock_lead": skew}
    began = time.monotonic()
    event = fire(waiting)
    assert event["outcome"] == "deadline"
    # The header that shows the difference has whole seconds.
    assert 0.4 < time.monotonic() - began < 20
    assert "Elapsed " in event["message"]
    assert "-" not in event["message"].partition("Elapsed ")[2].partition(",")[0]
    assert "synchronize them (NTP)" in logged.text


def test_a_connection_that_only_the_workers_have_is_reported_with_the_triggerers_host(
    streamkap: StreamkapSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    streamkap.add("d1", scenarios.steady())
    monkeypatch.delenv("AIRFLOW_CONN_STREAMKAP_DEFAULT")
    event = fire(trigger())
    assert event["outcome"] == "refused"
    assert "streamkap_default" in event["message"]
    assert "The worker that began this wait has the connection" in event["message"]
    assert repr(gethostname()) in event["message"]
