# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""A wait for a lag of a given time, in each mode: the points that it needs come a minute apart."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import TaskDeferred

from airflow_provider_streamkap.testing import StreamkapSimulator, scenarios
from airflow_provider_streamkap.wait import WaitPlan
from benchmarks.haste import run_hastily
from tests.face.modes import MODES, TaskInstance, run, sensor
from tests.face.waits import trigger

METRICS = "/destinations/d1/metrics"


@pytest.fixture
def hurried(airflow_database: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[StreamkapSimulator]:
    """Run a simulator whose clock goes sixty times as fast, so that it has a new point every second."""
    start = time.time()
    with StreamkapSimulator(clock=lambda: start + (time.time() - start) * 60) as simulator:
        monkeypatch.setenv("AIRFLOW_CONN_STREAMKAP_DEFAULT", simulator.airflow_connection(max_attempts=1))
        yield simulator


@pytest.mark.parametrize("mode", MODES)
def test_it_opens_on_points_that_were_measured_while_the_connector_was_seen_to_run(
    hurried: StreamkapSimulator, mode: str
) -> None:
    hurried.add("d1", scenarios.steady(), age=3600)
    begin = datetime.now(UTC).replace(microsecond=0)
    task = sensor(mode, observed_after=begin - timedelta(minutes=30), confirm_interval=0.2)
    snapshot = run(task)
    evidence = snapshot["evidence"]["recordsLag"]
    assert evidence["value"] == 0
    # Of the two points that count, the first may have begun with the first look.
    assert datetime.fromisoformat(evidence["timestamp"]) >= begin + timedelta(minutes=1)


def test_a_worker_is_not_kept_for_the_minutes_that_the_points_take(streamkap: StreamkapSimulator) -> None:
    streamkap.add("d1", scenarios.steady(), age=3600)
    task = sensor("deferred", observed_after=datetime.now(UTC) - timedelta(minutes=30), timeout=1)
    context: Any = {"ti": TaskInstance()}
    with pytest.raises(TaskDeferred) as deferral:
        task.execute(context)
    assert streamkap.count(METRICS) == 2
    _, arguments = deferral.value.trigger.serialize()
    since, last = arguments["memory"]["courses"]["d1"]["evidence"]
    assert since == last == pytest.approx(time.time(), abs=10)


def test_a_confirmation_that_is_due_after_the_deadline_is_waited_for(streamkap: StreamkapSimulator) -> None:
    streamkap.add("d1", scenarios.steady())
    # Later than the half minute that is left for a poll under way.
    waiting = trigger(seconds=0, confirm_interval=45)
    assert WaitPlan.recall(waiting.plan).confirm_seconds == 45

    async def event() -> str:
        (fired,) = [event async for event in waiting.run()]
        return str(fired.payload["outcome"])

    assert run_hastily(asyncio.wait_for(event(), 3000), speed=6) == "opened"
