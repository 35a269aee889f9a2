# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""What a lag that carries a time rests on: points of their own, and looks that found the connector running.

A point says when its lag was measured, and not whether anything consumed then; a status says what holds now, and not
since when. A connector that was stopped can leave points of 0 behind, which are read when it is Active again. And
one point that is read twice is one measurement. The simulation in ``benchmarks/truth`` shows what that comes to.

Pure: readings are handed in.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import inf
from typing import Any

from airflow_provider_streamkap.api.reading import Reading, moment
from airflow_provider_streamkap.gate import DestinationGate

#: Seconds between two looks in which the connector cannot have stopped for long: the usual interval, with some slack.
BLIND_SECONDS = 90.0


@dataclass(slots=True)
class Evidence:
    """What speaks for the lag of one destination.

    :param since: epoch seconds of the first of the looks that have all found a wanted status, with no long time
        between them; ``None``: the last one did not.
    :param last: epoch seconds of the last of them.
    :param points: points that were counted, in a row.
    """

    since: float | None = None
    last: float = -inf
    points: int = field(default=0, init=False)
    _newest: float = field(default=-inf, init=False)

    def look(self, got: Reading, gate: DestinationGate) -> None:
        """Take in a look, good or not.

        :param got: what it showed.
        :param gate: the condition.
        """
        if not gate.dated or gate.wants(None):
            return
        if got.read_at is None or not gate.wants(got.status):
            self.since = None
            return
        at = got.read_at.timestamp()
        if self.since is None or at - self.last > BLIND_SECONDS:
            self.since = at
        self.last = at

    def forget(self) -> None:
        """Begin to count points anew."""
        self.points, self._newest = 0, -inf

    def count(self, got: Reading) -> str | None:
        """Count the point of a look that passed, or say why it adds nothing.

        :param got: what it showed.
        :returns: ``None``: it is one point more.
        """
        assert got.lag_at is not None
        stamp = got.lag_at.timestamp()
        if self.since is not None and stamp < self.since:
            self.forget()
            since = moment(datetime.fromtimestamp(self.since, UTC))
            return (
                f"the newest lag is of {moment(got.lag_at)}, and the status has been seen to be {got.status} only "
                f"since {since}"
            )
        if stamp <= self._newest:
            return "there is no later reading of the lag yet that confirms it"
        self.points, self._newest = self.points + 1, stamp
        return None

    def memory(self) -> list[float] | None:
        """Give what another process needs to carry on, as plain JSON; the points are counted anew there."""
        return None if self.since is None else [self.since, self.last]

    @classmethod
    def recall(cls, memory: Any) -> Evidence:
        """Carry on where another process stopped.

        :param memory: what :meth:`memory` gave.
        """
        return cls(*memory) if memory else cls()
