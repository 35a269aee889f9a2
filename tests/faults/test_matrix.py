# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Every cell of the fault matrix against a real server: exceptions, requests and seconds waited."""

from __future__ import annotations

import time as clock
from collections.abc import Iterator
from itertools import count

import pytest

from airflow_provider_streamkap.testing import StreamkapSimulator, scenarios
from tests.faults import matrix_cell as cells
from tests.faults.matrix import CLOCKS, SERVED, TOKENS
from tests.faults.matrix_cell import COUNT, Cell, connection, expected, observe, simulated_clock

CONNECTION = "faults"
_NUMBERS = count()


@pytest.fixture(scope="module")
def running(airflow_database: None) -> Iterator[StreamkapSimulator]:
    """Run one simulator for all cells."""
    with StreamkapSimulator() as simulator:
        yield simulator


@pytest.fixture
def simulator(running: StreamkapSimulator, monkeypatch: pytest.MonkeyPatch) -> StreamkapSimulator:
    """Reset the simulator and set a connection to it."""
    running.clear_faults()
    running.reset_requests()
    running.permissions = None
    monkeypatch.setenv(f"AIRFLOW_CONN_{CONNECTION.upper()}", connection(running))
    return running


@pytest.mark.parametrize("cell", cells.of(SERVED + TOKENS), ids=str)
def test_every_cell_matches_expectation(cell: Cell, simulator: StreamkapSimulator) -> None:
    cell.check()
    id_ = f"d{next(_NUMBERS)}"
    if cell.row.arrange != "nobody":
        simulator.add(id_, scenarios.steady())
    if cell.row.arrange == "forbidden":
        simulator.permissions = ["read:destination_metrics"]
    assert cell.row.fault is not None
    path = "/auth/access-token" if cell.place == "token" else "/metrics"
    simulator.inject(cell.row.fault(), path=path, times=COUNT[cell.times])

    def hits() -> int:
        harmless = cell.effect.behaviour == "harmless"
        return 0 if harmless else sum(request.fault is not None for request in simulator.requests)

    with simulated_clock() as time:
        assert observe(cell, simulator, time, CONNECTION, id_, hits) == expected(cell)


@pytest.mark.parametrize("cell", cells.of(CLOCKS), ids=str)
def test_clock_jump(cell: Cell, simulator: StreamkapSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    id_ = f"d{next(_NUMBERS)}"
    simulator.add(id_, scenarios.steady())
    jumps = COUNT[cell.times]

    def jumped() -> int:
        requests_seen = simulator.count(id_)
        return requests_seen if jumps is None else min(requests_seen, jumps)

    with simulated_clock() as time:
        if cell.row.arrange == "slept":
            time.ahead = lambda: 7200.0 * jumped()
        else:
            seconds = 1800.0 if cell.row.arrange == "wall ahead" else -1800.0
            now = clock.time
            monkeypatch.setattr(clock, "time", lambda: now() + seconds * bool(jumped()))
        assert observe(cell, simulator, time, CONNECTION, id_, lambda: 0) == expected(cell)
