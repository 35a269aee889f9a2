# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Detect when a condition starts or stops being met.

Pure: no clock, no network, no Airflow.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

from airflow_provider_streamkap.api.checks import check_integer
from airflow_provider_streamkap.gate.conditions import Answer, DestinationGate
from airflow_provider_streamkap.gate.history import LATEST_EVIDENCE, LagEvidence, LagHistory
from airflow_provider_streamkap.gate.reading import Reading

Edge = Literal["into", "out_of"]


@dataclass(slots=True)
class EdgeDetector:
    """Detects changes of a condition.

    A change counts after ``confirmations`` consecutive readings, so a flapping condition is not reported. A reading
    that leaves the condition unknown starts the count again. The first known state is the baseline, not a change.

    :param gate: the condition.
    :param edge: ``"into"``: report when the condition becomes met; ``"out_of"``: when it is no longer met.
    :param confirmations: consecutive readings that confirm a change, at least 1.
    :param state: whether the condition was met when it was last known; ``None``: not known yet.
    :raises ValueError: an argument is out of range; the message names it.
    """

    gate: DestinationGate
    edge: Edge = "into"
    confirmations: int = 2
    state: bool | None = None
    history: LagHistory = field(init=False)
    evidence: LagEvidence = field(default=LATEST_EVIDENCE, init=False)
    _last: tuple[bool | None, str] = field(default=(None, ""), init=False)
    _streak: int = field(default=0, init=False)
    _since: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        check_edge(self.edge)
        check_integer("confirmations", self.confirmations)
        self.history = LagHistory(self.gate)

    def add_reading(self, reading: Reading | None) -> bool:
        """Add a poll.

        :param reading: the reading; ``None``: the poll failed.
        :returns: whether this poll confirms a change in the direction of ``edge``.
        """
        met = None if reading is None else self._is_met(reading)
        now = reading.observed_at.timestamp() if reading and reading.observed_at else 0.0
        if (met, self.evidence.source) != self._last:
            self._last, self._streak, self._since = (met, self.evidence.source), 0, now
        self._streak += 1
        if met is None or met is self.state or not self._confirmed(met, now):
            return False
        before, self.state = self.state, met
        return before is not None and met is (self.edge == "into")

    def _is_met(self, reading: Reading) -> bool | None:
        self.evidence = self.history.add(reading) if self.gate.needs_timestamps else LATEST_EVIDENCE
        answer = Answer.combine([self.gate.judge(reading).answer, self.evidence.answer])
        return None if answer is Answer.UNKNOWN else answer is Answer.MET

    def _confirmed(self, met: bool, now: float) -> bool:
        evidence = self.evidence if met else LATEST_EVIDENCE
        return evidence.confirmed(self.confirmations, self._streak, now - self._since)


def check_edge(edge: object) -> None:
    """Check an edge.

    :param edge: the argument.
    :raises ValueError: the edge is neither ``"into"`` nor ``"out_of"``.
    """
    if edge not in get_args(Edge):
        raise ValueError(f"edge must be 'into' or 'out_of'; got {edge!r}")
