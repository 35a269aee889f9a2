# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Faults where the server hangs, run concurrently because each has to wait for real timeouts.

A hanging request ends the same way whatever the timeout, but a good response after it has to arrive in time. Cells
that deviate are therefore rerun with a longer timeout: deviations caused by a busy machine disappear, real ones
remain.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from airflow import __version__

from airflow_provider_streamkap.testing import StreamkapSimulator, scenarios
from tests.faults import matrix_cell as cells
from tests.faults.matrix import HANGING
from tests.faults.matrix_cell import COUNT, Cell, Observed, connection, expected, observe, simulated_clock
from tests.faults.outcomes import SURFACES
from tests.faults.surfaces import SimulatedClock, fetch

TIMEOUTS = (1.0, 6.0, 40.0)
# At most the number of connections whose tokens a process caches.
TOGETHER = 27


def run(cell: Cell, number: int, timeout: float, time: SimulatedClock, monkeypatch: pytest.MonkeyPatch) -> Observed:
    """Run a cell concurrently with others, on its own simulator."""
    assert cell.row.fault is not None
    # Threads of the pool have run other cells before.
    time.reset()
    with StreamkapSimulator() as simulator:
        simulator.add("d1", scenarios.steady())
        monkeypatch.setenv(f"AIRFLOW_CONN_HANGS_{number}", connection(simulator, timeout=timeout))
        path = "/auth/access-token" if cell.place == "token" else "/metrics"
        simulator.inject(cell.row.fault(), path=path, times=COUNT[cell.times])

        def hits() -> int:
            return sum(request.fault is not None for request in simulator.requests)

        return observe(cell, simulator, time, f"hangs_{number}", "d1", hits)


def prepare() -> None:
    """Let a thread run operators in Airflow 2.11.0, which prepares only the main thread."""
    if __version__.startswith("2."):
        importlib.import_module("airflow.models.baseoperator").ExecutorSafeguard._sentinel.callers = {}


def deviating(tried: Sequence[Cell], timeout: float, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Cell, Observed]]:
    """Run cells concurrently and return those that deviate."""
    with simulated_clock() as time, ThreadPoolExecutor(TOGETHER, initializer=prepare) as pool:
        actual = list(
            pool.map(lambda one: run(one[1], one[0], timeout, time, monkeypatch), enumerate(tried)),
        )
    return [(cell, what) for cell, what in zip(tried, actual, strict=True) if what != expected(cell)]


def test_every_cell_matches_expectation(monkeypatch: pytest.MonkeyPatch, airflow_database: None) -> None:
    with StreamkapSimulator() as simulator, simulated_clock():
        simulator.add("d1", scenarios.steady())
        monkeypatch.setenv("AIRFLOW_CONN_WARM", connection(simulator))
        # Import lazily loaded modules before many threads do so concurrently.
        for surface in SURFACES:
            fetch(surface, "warm", "d1")
    # Group cells that take equally long.
    left = sorted(cells.of(HANGING), key=lambda cell: cell.outcome.hits)
    wrong: list[tuple[Cell, Observed]] = []
    for timeout in TIMEOUTS:
        wrong = []
        for start in range(0, len(left), TOGETHER):
            wrong += deviating(left[start : start + TOGETHER], timeout, monkeypatch)
        left = [cell for cell, _ in wrong]
    assert [(str(cell), actual, expected(cell)) for cell, actual in wrong] == []
