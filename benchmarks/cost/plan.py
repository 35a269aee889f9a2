# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Workloads of the full, short and quick runs."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.cost.trigger_kinds import FIVETRAN, HTTP, IDLE, STREAMKAP


@dataclass(frozen=True)
class Workload:
    """One workload of one kind of trigger; see :class:`benchmarks.cost.measure.MeasurementTask`."""

    kind: str
    waits: int
    destinations: int
    interval: float
    polls: int = 2
    moving: bool = False
    memory: bool = False


@dataclass(frozen=True)
class Plan:
    """The workloads of one run.

    :param side_by_side: workloads by table heading.
    :param growth: workloads with the same destinations and interval, and a growing number of waits.
    :param memory: workloads with traced allocations.
    :param requests: number of bare requests.
    """

    side_by_side: dict[str, list[Workload]]
    growth: list[Workload]
    memory: list[Workload]
    requests: int


def _compare(waits: int, destinations: int, interval: float, polls: int) -> list[Workload]:
    others = [Workload(name, waits, destinations, interval, polls) for name in (HTTP, FIVETRAN)]
    ours = [Workload(STREAMKAP, waits, destinations, interval, polls, moving) for moving in (False, True)]
    return [*ours, *others]


FULL = Plan(
    side_by_side={
        "1,000 waits on 100 destinations, every 10 s": _compare(1_000, 100, 10, 3),
        "10,000 waits on 1,000 destinations, every 60 s": _compare(10_000, 1_000, 60, 1),
    },
    growth=[Workload(STREAMKAP, waits, 100, 10, 2) for waits in (100, 300, 3_000, 10_000)],
    memory=[Workload(name, 1_000, 100, 5, memory=True) for name in (IDLE, STREAMKAP, HTTP, FIVETRAN)],
    requests=4_000,
)
SHORT = Plan(
    side_by_side={"1,000 waits on 100 destinations, every 10 s": _compare(1_000, 100, 10, 2)},
    growth=[],
    memory=FULL.memory,
    requests=4_000,
)
QUICK = Plan(
    side_by_side={
        "200 waits on 20 destinations, every 2 s": [
            Workload(STREAMKAP, 200, 20, 2, 3),
            Workload(HTTP, 200, 20, 2, 3),
        ]
    },
    growth=[],
    memory=[Workload(name, 300, 30, 1, memory=True) for name in (IDLE, STREAMKAP)],
    requests=800,
)
