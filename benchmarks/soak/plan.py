# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Parameters of the soak test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

#: Number of destinations that drain and fill up periodically, that never drain, that break from time to time, that do
#: not exist, and that are waited for with ``observed_after``.
KINDS: Mapping[str, int] = {"cycling": 50, "stalled": 12, "flapping": 8, "unknown": 4, "timestamped": 6}


@dataclass(frozen=True)
class Plan:
    """Parameters of one soak test.

    :param minutes: duration in simulated minutes.
    :param speed: simulated seconds per real second.
    :param waiters: number of concurrent waiters; each starts a new wait after a pause when one ends.
    :param settled: minutes until the number of waits is stable; growth is evaluated from then on.
    :param kinds: number of destinations by kind.
    :param seed: random seed of the workload and the faults.
    """

    minutes: int = 60
    speed: float = 30.0
    waiters: int = 400
    settled: int = 12
    kinds: Mapping[str, int] = field(default_factory=lambda: KINDS)
    seed: int = 1

    @property
    def judged(self) -> bool:
        """Whether the run is long enough to evaluate growth."""
        return self.minutes >= 4 * self.settled

    def ids(self, kind: str) -> list[str]:
        """Return the ids of the destinations of one kind.

        :param kind: the kind.
        """
        first = 1000 * (1 + list(self.kinds).index(kind))
        return [f"{first + number:024x}" for number in range(self.kinds[kind])]


FULL = Plan()
QUICK = Plan(minutes=8, speed=120.0, waiters=40, settled=3, kinds=dict.fromkeys(KINDS, 2))
