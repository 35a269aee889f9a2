# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""When a condition begins or ceases to hold: the change is told, once, and never the state that lasts.

Pure: readings go in, and out comes whether this is the moment.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

from airflow_provider_streamkap.gate import DestinationGate, Reading

Edge = Literal["into", "out_of"]


@dataclass(slots=True)
class Transition:
    """Watches a condition come and go.

    A change counts once it has been seen ``confirmations`` times in a row, so that a condition that flaps is not told
    of. A reading from which the condition cannot be told is no evidence, and breaks the row. What is seen first is
    where it starts from, not a change.

    :param gate: the condition.
    :param edge: ``"into"``: tell when it begins to hold; ``"out_of"``: when it ceases to.
    :param confirmations: consecutive readings that make a change, at least 1.
    :param state: whether the condition held when it was last known; ``None``: not known yet.
    :raises ValueError: an argument out of its range; the message names it.
    """

    gate: DestinationGate
    edge: Edge = "into"
    confirmations: int = 2
    state: bool | None = None
    _seen: bool | None = field(default=None, init=False)
    _row: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        check_edge(self.edge)
        if self.confirmations < 1:
            raise ValueError(f"confirmations must be an integer of at least 1; got {self.confirmations!r}")

    def observe(self, reading: Reading | None) -> bool:
        """Take in a reading.

        :param reading: what was seen; ``None``: the poll failed.
        :returns: this reading completes the change that is waited for.
        """
        holds = None if reading is None else self.gate.holds(reading)
        self._row = self._row + 1 if holds is self._seen else 1
        self._seen = holds
        if holds is None or holds is self.state or self._row < self.confirmations:
            return False
        before, self.state = self.state, holds
        return before is not None and holds is (self.edge == "into")


def check_edge(edge: object) -> None:
    """Refuse what is no edge.

    :param edge: what was given.
    :raises ValueError: it is neither ``"into"`` nor ``"out_of"``.
    """
    if edge not in get_args(Edge):
        raise ValueError(f"edge must be 'into' or 'out_of'; got {edge!r}")
