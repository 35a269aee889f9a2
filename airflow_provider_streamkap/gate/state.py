# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The course of one destination within a wait: its good readings in a row, its failed polls, its lag over time.

Pure: readings and the time are handed in. What has to outlive a process is given and taken as plain JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from airflow_provider_streamkap.api.errors import StreamkapError
from airflow_provider_streamkap.gate.conditions import Answer, DestinationGate, Outcome
from airflow_provider_streamkap.gate.history import LATEST, LagHistory, LagProof
from airflow_provider_streamkap.gate.reading import Reading, is_known, number
from airflow_provider_streamkap.gate.target import PollResult

if TYPE_CHECKING:
    from airflow_provider_streamkap.gate.spec import FailurePolicy, WaitSpec

# Readings of the lag that are kept: enough to show a curve, few enough for a message and a trigger's row.
_CURVE = 12


PollOutcome = Reading | PollResult | StreamkapError
"""What a poll can bring: a look at the destination, what the gate takes from one, or an error."""


class FailureKind(Enum):
    """Why a wait ended without success; where several reasons meet, the first of these counts."""

    REFUSED = "refused"
    """The API refused for good: credentials, permission, unknown id, invalid request."""
    BROKEN = "broken"
    """A destination is in a status in which waiting cannot help."""
    STALLED = "stalled"
    """The lag has not fallen for ``stall_after``."""
    STATUS = "status"
    """The status was neither wanted nor fatal, or there were no metrics, for longer than ``status_grace``."""
    UNREACHABLE = "unreachable"
    """Too many polls in a row failed in passing."""
    VERSIONS = "versions"
    """Worker and triggerer run versions of this package that do not understand each other."""
    DEADLINE = "deadline"
    """The time allowed is used up."""


@dataclass(slots=True)
class ResourceState:
    """What happened to one destination so far.

    :param id: the destination.
    :param history: what its lag points have shown.
    :param good: consecutive polls in which all conditions were met by a lag from the same source.
    :param failures: failed polls in a row.
    :param curve: the last known readings of the lag, as pairs of epoch seconds and records.
    :param fell_at: epoch seconds at which the lag was last seen to fall, or first seen above the limit.
    :param odd_since: epoch seconds since when the status has been neither wanted nor fatal.
    :param read_at: epoch seconds of the last poll that did not fail.
    """

    id: str
    history: LagHistory
    good: int = 0
    failures: int = 0
    curve: list[tuple[float, float]] = field(default_factory=list)
    fell_at: float | None = None
    odd_since: float | None = None
    read_at: float | None = None
    proof: LagProof = field(default=LATEST, init=False)
    good_since: float = field(default=0.0, init=False)
    fell_back: bool = field(default=False, init=False)
    passes: bool = field(default=False, init=False)
    seen: str = field(default="", init=False)
    missing: str | None = field(default=None, init=False)
    ended: tuple[FailureKind, str] | None = field(default=None, init=False)

    def add_poll(self, seen: PollOutcome, spec: WaitSpec, now: float) -> None:
        """Add one poll.

        :param seen: what was seen, or the error that came instead.
        :param plan: what is waited for.
        :param now: epoch seconds.
        """
        self.missing = self.ended = None
        self.fell_back = False
        gate, failure_policy = spec.gate, spec.failure_policy
        if isinstance(seen, PollResult) and seen.series_error is not None and not gate.falls_back and gate.timestamped:
            seen = seen.series_error
        if isinstance(seen, StreamkapError):
            self._failed(seen, failure_policy)
            return
        got = seen if isinstance(seen, Reading) else seen.reading
        measured = isinstance(seen, Reading) or seen.measured
        self.failures = 0
        if self.read_at is not None and now - self.read_at > spec.longest_gap:
            # Nobody watched in between, so that this time must not count as stalled, or as a wrong status.
            self.fell_at = self.odd_since = None
        self.read_at = now
        self.seen = str(got) if measured else "its metrics are a 404, but it exists"
        verdict = gate.judge(got)
        proof = self.history.add(got) if gate.timestamped else LATEST
        self.fell_back = self.history.fell_back
        self._count(verdict.outcome is Outcome.OPEN and proof.answer is Answer.MET, proof, now)
        missing = [*verdict.reasons, *([proof.missing] if proof.missing else [])]
        if verdict.outcome is Outcome.FAIL:
            self.missing, self.ended = str(verdict), (FailureKind.BROKEN, f"destination {self.id}: {verdict} ({got})")
        elif missing:
            self.missing = "; ".join(missing) if measured else "there are no metrics yet"
        self._follow_lag(got, gate, failure_policy, now)
        self._follow_status(got, gate, failure_policy, now, measured)

    def _count(self, passes: bool, proof: LagProof, now: float) -> None:
        if not (passes and self.passes and proof.source == self.proof.source):
            self.good, self.good_since = 0, now
        self.good += passes
        self.passes, self.proof = passes, proof

    def confirmed(self, confirmations: int, now: float) -> bool:
        """Return whether the condition has been met often enough.

        :param confirmations: confirmations asked for.
        :param now: epoch seconds.
        """
        return self.passes and self.proof.confirmed(confirmations, self.good, now - self.good_since)

    @property
    def confirmations(self) -> int:
        """Confirmations so far."""
        return self.proof.count(self.good) if self.passes else 0

    def _failed(self, error: StreamkapError, failure_policy: FailurePolicy) -> None:
        self.passes, self.good = False, 0
        self.failures += 1
        self.seen = str(error)
        self.missing = f"could not be read, {self.failures} in a row"
        budget = failure_policy.max_poll_failures
        if error.permanent:
            self.ended = (FailureKind.REFUSED, f"destination {self.id} could not be read: {error}")
        elif budget is not None and self.failures > budget:
            self.ended = (
                FailureKind.UNREACHABLE,
                f"destination {self.id}: {self.failures} polls in a row failed, of which {budget} are borne "
                f"(max_poll_failures); the last one: {self.seen}. This says nothing about the destination itself",
            )

    def _follow_lag(self, got: Reading, gate: DestinationGate, failure_policy: FailurePolicy, now: float) -> None:
        lag = got.newest.lag if got.newest else got.lag
        if lag is None or not is_known(lag):
            return
        if not self.curve or self.fell_at is None or lag < self.curve[-1][1] or not gate.exceeds(self.curve[-1][1]):
            self.fell_at = now
        # Of a lag that stays the same the first and the last reading tell all.
        if len(self.curve) > 1 and self.curve[-1][1] == self.curve[-2][1] == lag:
            self.curve.pop()
        self.curve.append((now, lag))
        del self.curve[:-_CURVE]
        flat = now - self.fell_at
        if gate.exceeds(lag) and failure_policy.stall_after is not None and flat >= failure_policy.stall_after:
            self._end(
                FailureKind.STALLED,
                f"the lag has not fallen for {number(round(flat))} s "
                f"(stall_after={number(failure_policy.stall_after)}): {self.curve_text(now)} ({got})",
            )

    def _follow_status(
        self, got: Reading, gate: DestinationGate, failure_policy: FailurePolicy, now: float, measured: bool
    ) -> None:
        if measured and gate.accepts_status(got.status):
            self.odd_since = None
            return
        self.odd_since = now if self.odd_since is None else self.odd_since
        if failure_policy.status_grace is not None and now - self.odd_since >= failure_policy.status_grace:
            lacking = (
                "there have been no metrics"
                if gate.accepts_status(None)
                else f"the status has not been {gate.accepted_statuses}"
            )
            shown = f"it is {got.status or 'unknown'} ({got})" if measured else f"{self.missing} ({self.seen})"
            self._end(
                FailureKind.STATUS,
                f"{lacking} for {number(round(now - self.odd_since))} s (status_grace="
                f"{number(failure_policy.status_grace)}); {shown}",
            )

    def _end(self, why: FailureKind, message: str) -> None:
        # A status that is fatal, and a refusal, say more than the lag does.
        if self.ended is None:
            self.ended = (why, f"destination {self.id}: {message}")

    def curve_text(self, now: float) -> str:
        """Tell the last readings of the lag, oldest first.

        :param now: epoch seconds.
        """
        return ", ".join(f"{number(lag)} {number(round(now - at))} s ago" for at, lag in self.curve)

    def trend(self) -> str:
        """Tell where the lag comes from, how fast it falls and how long that will take; empty where that is unknown."""
        if len(self.curve) < 2:
            return ""
        (since, before), (at, lag) = self.curve[0], self.curve[-1]
        if at <= since or before == lag:
            return f"the same for {number(round(at - since))} s" if at > since else ""
        rate = (before - lag) / (at - since)
        told = f"was {number(before)} {number(round(at - since))} s ago, {number(abs(rate))}/s"
        return f"{told} down, about {number(round(lag / rate))} s left" if rate > 0 else f"{told} up"

    def held_up(self) -> str:
        """Tell what is missing, and what was seen."""
        trend = "" if self.failures else self.trend()
        return f"{self.id}: {self.missing} ({self.seen}{trend and ', '}{trend})"

    def to_dict(self) -> dict[str, Any]:
        """Give what another process needs to carry on, as plain JSON; empty where there is nothing to know."""
        known = {
            "failures": self.failures,
            "curve": [list(point) for point in self.curve],
            "fell_at": self.fell_at,
            "odd_since": self.odd_since,
            "read_at": self.read_at,
            "seen": self.seen,
            "missing": self.missing,
            "history": self.history.to_dict(),
        }
        return {name: value for name, value in known.items() if value}

    @classmethod
    def from_dict(cls, id_: str, spec: WaitSpec, state: Mapping[str, Any]) -> ResourceState:
        """Carry on where another process stopped. Confirmations are not carried: they start again.

        :param id_: the destination.
        :param plan: what is waited for.
        :param memory: what :meth:`to_dict` returned; may be empty.
        """
        curve = [(at, lag) for at, lag in state.get("curve", ())]
        course = cls(
            id_,
            LagHistory.from_dict(spec.gate, spec.measured_after, state.get("history", {})),
            failures=state.get("failures", 0),
            curve=curve,
            fell_at=state.get("fell_at"),
            odd_since=state.get("odd_since"),
            read_at=state.get("read_at"),
        )
        course.seen, course.missing = state.get("seen", ""), state.get("missing")
        return course
