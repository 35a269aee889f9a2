# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""When a condition begins or ceases to hold: the change is told, once, and never the state that lasts.

Pure: readings go in, and out comes whether this is the moment.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

from airflow_provider_streamkap.gate.conditions import Answer, DestinationGate, check_confirmations
from airflow_provider_streamkap.gate.history import LATEST, LagHistory, LagProof
from airflow_provider_streamkap.gate.reading import Reading

Edge = Literal["into", "out_of"]


@dataclass(slots=True)
class EdgeDetector:
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
    history: LagHistory = field(init=False)
    proof: LagProof = field(default=LATEST, init=False)
    _seen: tuple[bool | None, str] = field(default=(None, ""), init=False)
    _row: int = field(default=0, init=False)
    _since: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        check_edge(self.edge)
        check_confirmations(self.confirmations)
        self.history = LagHistory(self.gate)

    def add_reading(self, reading: Reading | None) -> bool:
        """Add a poll.

        :param reading: what was seen; ``None``: the poll failed.
        :returns: whether this poll completes the change that is waited for.
        """
        holds = None if reading is None else self._holds(reading)
        now = reading.read_at.timestamp() if reading and reading.read_at else 0.0
        if (holds, self.proof.source) != self._seen:
            self._seen, self._row, self._since = (holds, self.proof.source), 0, now
        self._row += 1
        if holds is None or holds is self.state or not self._confirmed(holds, now):
            return False
        before, self.state = self.state, holds
        return before is not None and holds is (self.edge == "into")

    def _holds(self, reading: Reading) -> bool | None:
        self.proof = self.history.add(reading) if self.gate.timestamped else LATEST
        answer = Answer.combine([self.gate.judge(reading).answer, self.proof.answer])
        return None if answer is Answer.UNKNOWN else answer is Answer.MET

    def _confirmed(self, holds: bool, now: float) -> bool:
        proof = self.proof if holds else LATEST
        return proof.confirmed(self.confirmations, self._row, now - self._since)


def check_edge(edge: object) -> None:
    """Refuse what is no edge.

    :param edge: what was given.
    :raises ValueError: it is neither ``"into"`` nor ``"out_of"``.
    """
    if edge not in get_args(Edge):
        raise ValueError(f"edge must be 'into' or 'out_of'; got {edge!r}")
