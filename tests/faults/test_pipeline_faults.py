# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The faults of the matrix, at each of the three calls of a pipeline sensor: they end its wait in the same way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from airflow_provider_streamkap._compat import AirflowException
from airflow_provider_streamkap.sensors._state_store import AIRFLOW_HAS_STATE_STORE
from airflow_provider_streamkap.sensors.streamkap import StreamkapPipelineSensor
from airflow_provider_streamkap.testing import StreamkapSimulator, scenarios
from tests.airflow.sensor_modes import MODES, StateStore, TaskInstance, run
from tests.airflow_imports import TaskDeferred
from tests.faults.matrix import SERVED, Row
from tests.faults.matrix_cell import connection, simulated_clock
from tests.faults.outcomes import BEHAVIOURS, FAILURES

SIDES = {"source": "/sources/s1/metrics", "destination": "/destinations/d1/metrics"}
PIPELINE = "/pipelines/p1"
PIPELINE_MODES = MODES if AIRFLOW_HAS_STATE_STORE else ("poke", "deferred")
# The other rows concern whether a destination exists, or the token, and do not depend on who makes the call.
ROWS = [row for row in SERVED if "metrics" in row.at and not row.arrange]
HARMFUL = [row for row in ROWS if row.at["metrics"].behaviour != "harmless"]


class FastPipelineSensor(StreamkapPipelineSensor):
    """A sensor whose polls may take as long as a call, and follow each other immediately."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**{**arguments, "poke_interval": 180})

    def _sleep(self, seconds: float) -> None:
        pass

    def _get_next_poke_interval(self, *args: Any, **kwargs: Any) -> float:
        return 0.02


@pytest.fixture
def simulator(airflow_database: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[StreamkapSimulator]:
    """Run a simulator with a pipeline that never becomes ready: its source has stalled."""
    with StreamkapSimulator() as running, simulated_clock():
        running.add_pipeline("p1", "s1", "d1", scenarios.pipeline(scenarios.source_stalls()))
        monkeypatch.setenv("AIRFLOW_CONN_FAULTS", connection(running))
        yield running


def create(mode: str, **arguments: Any) -> StreamkapPipelineSensor:
    kind = StreamkapPipelineSensor if mode == "deferred" else FastPipelineSensor
    return kind(
        **{
            "task_id": "wait",
            "pipeline_id": "p1",
            "streamkap_conn_id": "faults",
            "mode": "reschedule" if mode == "reschedule" else "poke",
            "deferrable": mode == "deferred",
            "poke_interval": 0.02,
            "max_poll_failures": FAILURES,
            "timeout": 3600,
            **arguments,
        }
    )


def failure(row: Row) -> str:
    """Return the class that a sensor raises for a fault that never ends."""
    return row.at["metrics"].outcomes.sensor


@pytest.mark.parametrize("mode", PIPELINE_MODES)
@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("row", HARMFUL, ids=lambda row: row.name)
def test_permanent_fault_of_either_side_ends_wait(
    row: Row, side: str, mode: str, simulator: StreamkapSimulator
) -> None:
    assert row.fault is not None
    simulator.inject(row.fault(), path=SIDES[side], times=None)
    with pytest.raises(AirflowException) as caught:
        run(create(mode, **row.at["metrics"].outcomes.forever), store=StateStore())
    assert type(caught.value).__name__ == failure(row)
    # A Retry-After applies to all requests with the same credentials, so to the other side, too.
    assert f"{side} " in str(caught.value) or "Retry-After" in row.name


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_single_fault_of_either_side_ends_wait_only_if_final(
    row: Row, side: str, simulator: StreamkapSimulator
) -> None:
    assert row.fault is not None
    simulator.inject(row.fault(), path=SIDES[side])
    context: Any = {"ti": TaskInstance()}
    final = row.at["metrics"].behaviour == "permanent"
    with pytest.raises((TaskDeferred, AirflowException)) as caught:
        create("deferred").execute(context)
    assert type(caught.value).__name__ == (failure(row) if final else "TaskDeferred")


@pytest.mark.parametrize("row", HARMFUL, ids=lambda row: row.name)
def test_permanent_fault_of_pipeline_fails_task(row: Row, simulator: StreamkapSimulator) -> None:
    assert row.fault is not None
    simulator.inject(row.fault(), path=PIPELINE, times=None)
    context: Any = {"ti": TaskInstance()}
    with pytest.raises(AirflowException) as caught:
        create("deferred").execute(context)
    assert type(caught.value).__name__ == row.at["metrics"].outcomes.operator
    assert not simulator.count("/metrics")


def test_every_behavior_at_metrics_is_covered() -> None:
    covered = {row.at["metrics"].behaviour for row in ROWS}
    assert covered == set(BEHAVIOURS) - {"not found", "token refreshed early"}
