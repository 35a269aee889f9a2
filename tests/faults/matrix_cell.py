# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""One cell of the fault matrix: its expected and its actual outcome."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from airflow_provider_streamkap._compat import AirflowException
from airflow_provider_streamkap.api.errors import StreamkapError
from airflow_provider_streamkap.sensors._state_store import AIRFLOW_HAS_STATE_STORE
from airflow_provider_streamkap.testing import StreamkapSimulator
from tests.client_clock import use_client_clock
from tests.faults.matrix import Effect, Place, Row, cells
from tests.faults.outcomes import ATTEMPTS, GOOD, SURFACES, TIMES, WAITS, Outcome, Times
from tests.faults.surfaces import SimulatedClock, fetch

COUNT: dict[Times, int | None] = {"once": 1, "twice": 2, "permanently": None}


@dataclass(frozen=True, eq=False)
class Cell:
    """A fault at one of the two calls, on one surface, a number of times."""

    row: Row
    place: Place
    effect: Effect
    surface: str
    times: Times

    def __str__(self) -> str:
        return f"{self.place}-{self.row.name}-{self.surface}-{self.times}"

    @property
    def outcome(self) -> Outcome:
        """The expected outcome."""
        outcomes = self.effect.outcomes
        return outcomes.of(self.surface)[TIMES.index(self.times)]

    @property
    def arguments(self) -> dict[str, Any]:
        """Additional arguments of the sensor."""
        return self.effect.outcomes.forever if self.times == "permanently" and self.surface in WAITS else {}

    def check(self) -> None:
        """Skip cells that this Airflow does not support."""
        if self.arguments and self.surface == "reschedule" and not AIRFLOW_HAS_STATE_STORE:
            pytest.skip("nothing remembers earlier polls in reschedule mode below Airflow 3.3")


@dataclass(frozen=True)
class Observed:
    """The observed outcome of a cell.

    :param raised: name of the exception class; None if a snapshot was returned.
    :param hits: requests that hit the fault.
    :param tokens: all token calls, including those that hit it.
    :param metrics: all metrics requests, likewise.
    :param looks: requests for the destination itself.
    :param waited: seconds slept between attempts.
    """

    raised: str | None
    hits: int
    tokens: int
    metrics: int
    looks: int
    waited: float


def expected(cell: Cell) -> Observed:
    """Return the expected outcome of a cell according to the table."""
    outcomes, outcome, good = cell.effect.outcomes, cell.outcome, 0 if cell.outcome.fails else GOOD
    raised = None
    if outcome.fails:
        by_surface = {"operator": outcomes.operator, **dict.fromkeys(WAITS, outcomes.sensor)}
        raised = by_surface.get(cell.surface, cell.effect.error)
    if cell.place == "token":
        return Observed(raised, outcome.hits, outcome.hits + (not outcome.fails), good, 0, outcome.waited)
    looks = outcome.hits if outcomes.looks and cell.surface in WAITS else 0
    return Observed(raised, outcome.hits, 1 + outcomes.renews, outcome.hits + good, looks, outcome.waited)


def observe(
    cell: Cell,
    simulator: StreamkapSimulator,
    time: SimulatedClock,
    conn_id: str,
    destination_id: str,
    hits: Callable[[], int],
) -> Observed:
    """Run a cell and return its outcome.

    :param cell: the cell, already arranged.
    :param simulator: the server.
    :param time: the simulated clock.
    :param conn_id: the Airflow connection to it.
    :param destination_id: the destination to request.
    :param hits: counts the requests that hit the fault.
    """
    raised = None
    try:
        snapshot = fetch(cell.surface, conn_id, destination_id, **cell.arguments)
        assert snapshot["destination_id"] == destination_id
        assert (snapshot["data"]["recordsLag"], snapshot["data"]["connector_status"]) == (0, "Active")
    except (StreamkapError, AirflowException) as error:
        raised = type(error).__name__
    return Observed(
        raised,
        hits(),
        simulator.token_calls,
        simulator.count(f"/destinations/{destination_id}/metrics"),
        sum(request.path == f"/destinations/{destination_id}" for request in simulator.requests),
        time.waited,
    )


def connection(simulator: StreamkapSimulator, **extra: Any) -> str:
    """Return an Airflow connection with the number of attempts that the matrix assumes.

    Its timeout is far beyond what loopback takes on a busy machine.
    """
    return simulator.airflow_connection(**{"max_attempts": ATTEMPTS, "timeout": 60, **extra})


@contextmanager
def simulated_clock() -> Iterator[SimulatedClock]:
    """Reset the clients of this process and let them use a simulated clock."""
    time = SimulatedClock()
    with use_client_clock(time.client_clock()):
        yield time


def of(rows: tuple[Row, ...]) -> list[Cell]:
    """Return the cells of rows."""
    return [
        Cell(row, place, effect, surface, times)
        for row, place, effect in cells(rows)
        for surface in SURFACES
        for times in TIMES
    ]
