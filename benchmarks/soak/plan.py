# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""How long the life is, who waits in it, and for what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

#: Destinations that drain and fill up again, that never drain, that break down now and then, of which nobody knows,
#: and such that are asked when their lag was measured.
KINDS: Mapping[str, int] = {"tides": 50, "stuck": 12, "frail": 8, "unknown": 4, "dated": 6}


@dataclass(frozen=True)
class Plan:
    """One life.

    :param minutes: how long it lasts.
    :param speed: how many of its seconds pass in one.
    :param waiters: how many wait at the same time, but for their pauses; each begins a new wait after every end.
    :param settled: minutes after which as many waits come as go: from then on nothing may grow.
    :param kinds: of destinations, and how many of each.
    :param seed: of what is left to chance: who waits when for what, how it ends, what goes wrong.
    """

    minutes: int = 60
    speed: float = 30.0
    waiters: int = 400
    settled: int = 12
    kinds: Mapping[str, int] = field(default_factory=lambda: KINDS)
    seed: int = 1

    @property
    def judged(self) -> bool:
        """Whether it is long enough to tell growth from noise."""
        return self.minutes >= 4 * self.settled

    def ids(self, kind: str) -> list[str]:
        """Give the ids of the destinations of one kind.

        :param kind: it.
        """
        first = 1000 * (1 + list(self.kinds).index(kind))
        return [f"{first + number:024x}" for number in range(self.kinds[kind])]


FULL = Plan()
QUICK = Plan(minutes=8, speed=120.0, waiters=40, settled=3, kinds=dict.fromkeys(KINDS, 2))
