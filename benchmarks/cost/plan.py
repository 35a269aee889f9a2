# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Which crowds are measured, in a full run and in a quick one."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.cost.contestants import FIVETRAN, HTTP, IDLE, STREAMKAP


@dataclass(frozen=True)
class Crowd:
    """One crowd of one contestant; see :class:`benchmarks.cost.crowd.Task`."""

    contestant: str
    waits: int
    destinations: int
    interval: float
    polls: int = 2
    moving: bool = False
    memory: bool = False


@dataclass(frozen=True)
class Plan:
    """What is measured.

    :param side_by_side: crowds by the heading of their table.
    :param growth: the same destinations and interval, ever more waits.
    :param memory: crowds whose allocations are counted.
    :param requests: bare requests.
    """

    side_by_side: dict[str, list[Crowd]]
    growth: list[Crowd]
    memory: list[Crowd]
    requests: int


def _beside_each_other(waits: int, destinations: int, interval: float, polls: int) -> list[Crowd]:
    others = [Crowd(name, waits, destinations, interval, polls) for name in (HTTP, FIVETRAN)]
    ours = [Crowd(STREAMKAP, waits, destinations, interval, polls, moving) for moving in (False, True)]
    return [*ours, *others]


FULL = Plan(
    side_by_side={
        "1,000 waits on 100 destinations, every 10 s": _beside_each_other(1_000, 100, 10, 3),
        "10,000 waits on 1,000 destinations, every 60 s": _beside_each_other(10_000, 1_000, 60, 1),
    },
    growth=[Crowd(STREAMKAP, waits, 100, 10, 2) for waits in (100, 300, 3_000, 10_000)],
    memory=[Crowd(name, 1_000, 100, 5, memory=True) for name in (IDLE, STREAMKAP, HTTP, FIVETRAN)],
    requests=4_000,
)
SHORT = Plan(
    side_by_side={"1,000 waits on 100 destinations, every 10 s": _beside_each_other(1_000, 100, 10, 2)},
    growth=[],
    memory=FULL.memory,
    requests=4_000,
)
QUICK = Plan(
    side_by_side={
        "200 waits on 20 destinations, every 2 s": [
            Crowd(STREAMKAP, 200, 20, 2, 3),
            Crowd(HTTP, 200, 20, 2, 3),
        ]
    },
    growth=[],
    memory=[Crowd(name, 300, 30, 1, memory=True) for name in (IDLE, STREAMKAP)],
    requests=800,
)
