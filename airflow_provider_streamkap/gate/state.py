# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The state of one resource within a wait: consecutive good polls, failed polls, recent lag.

Pure: no clock, no network, no Airflow. The state is serialized to plain JSON between processes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_streamkap.api.errors import StreamkapError
from airflow_provider_streamkap.api.query import DESTINATION, ResourceKind
from airflow_provider_streamkap.gate.conditions import Answer, Decision, DestinationGate
from airflow_provider_streamkap.gate.history import LATEST_EVIDENCE, LagEvidence, LagHistory
from airflow_provider_streamkap.gate.reading import Reading, duration, is_known, number
from airflow_provider_streamkap.gate.target import PollResult, PollTarget

if TYPE_CHECKING:
    from airflow_provider_streamkap.gate.spec import FailurePolicy, WaitSpec

# Lag readings to keep: enough to show a trend, few enough for a message and for the trigger table.
_MAX_RECENT_LAGS = 12


PollResultOrError = Reading | PollResult | StreamkapError
"""What a poll returned: a reading, a full result, or an error."""


class FailureKind(Enum):
    """Why a wait failed. If several apply, the first in this order is reported."""

    PERMANENT_ERROR = "permanent_error"
    """A permanent error: of the API, the connection or an argument."""
    BROKEN = "broken"
    """A destination or a source has a status in ``fail_on_status``."""
    STALLED = "stalled"
    """The lag has not fallen for ``stall_after``."""
    STATUS = "status"
    """For ``status_grace``, a status was not accepted, a source was not connected, or there were no metrics."""
    UNREACHABLE = "unreachable"
    """More than ``max_poll_failures`` consecutive polls failed with errors that are not permanent."""
    VERSIONS = "versions"
    """Worker and triggerer run incompatible versions of this package."""
    DEADLINE = "deadline"
    """The timeout has passed."""


@dataclass(slots=True)
class PolledState:
    """What the states of destinations and sources have in common: failed polls, and why the wait failed.

    :param id: id of the resource.
    :param label: how messages show the resource; default: the id.
    :param failures: consecutive failed polls.
    :param unaccepted_since: epoch seconds since when the status has not been accepted, the source has not been
        connected, or there have been no metrics.
    :param last_success_at: epoch seconds of the last successful poll.
    """

    kind: ClassVar[ResourceKind]

    id: str
    label: str = field(default="", kw_only=True)
    failures: int = field(default=0, kw_only=True)
    unaccepted_since: float | None = field(default=None, kw_only=True)
    last_success_at: float | None = field(default=None, kw_only=True)
    passes: bool = field(default=False, init=False)
    last_reading: str = field(default="", init=False)
    reason: str | None = field(default=None, init=False)
    failure: tuple[FailureKind, str] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.label = self.label or self.id

    def _add_failure(self, error: StreamkapError, failure_policy: FailurePolicy) -> None:
        """Count a failed poll."""
        self.failures += 1
        self.last_reading = str(error)
        self.reason = "1 failed poll" if self.failures == 1 else f"{self.failures} failed polls in a row"
        name, budget = self.kind.name, failure_policy.max_poll_failures
        if error.permanent:
            self.failure = (FailureKind.PERMANENT_ERROR, f"{name} {self.label} could not be read: {error}")
        elif budget is not None and self.failures > budget:
            failed = "1 poll failed" if self.failures == 1 else f"{self.failures} polls in a row failed"
            self.failure = (
                FailureKind.UNREACHABLE,
                f"{name} {self.label}: {failed}, more than max_poll_failures={budget} allows; the state of the {name} "
                f"is unknown. Last error: {self.last_reading}",
            )

    def _fail(self, kind: FailureKind, message: str) -> None:
        # A fatal status or a permanent error takes precedence.
        if self.failure is None:
            self.failure = (kind, f"{self.kind.name} {self.label}: {message}")


@dataclass(slots=True)
class ResourceState(PolledState):
    """The state of one destination within a wait. The other arguments are those of :class:`PolledState`.

    :param history: its lag points.
    :param consecutive_passes: consecutive polls in which all conditions were met by a lag from the same source.
    :param recent_lags: the last known lag readings, as pairs of epoch seconds and records.
    :param lag_fell_at: epoch seconds at which the lag last fell, or first exceeded the limit.
    """

    kind = DESTINATION

    history: LagHistory
    consecutive_passes: int = 0
    recent_lags: list[tuple[float, float]] = field(default_factory=list)
    lag_fell_at: float | None = None
    evidence: LagEvidence = field(default=LATEST_EVIDENCE, init=False)
    passing_since: float = field(default=0.0, init=False)
    just_fell_back: bool = field(default=False, init=False)
    _reading_without_lag: str | None = field(default=None, init=False)

    def add_poll(self, polled: PollResultOrError, spec: WaitSpec, now: float) -> None:
        """Add one poll.

        :param polled: what the poll returned.
        :param spec: the arguments of the wait.
        :param now: epoch seconds.
        """
        self.reason = self.failure = None
        self.just_fell_back = False
        gate, failure_policy = spec.gate, spec.failure_policy
        if (
            isinstance(polled, PollResult)
            and polled.series_error is not None
            and gate.needs_timestamps
            and not gate.allows_fallback
        ):
            polled = polled.series_error
        if isinstance(polled, StreamkapError):
            self.passes, self.consecutive_passes = False, 0
            self._reading_without_lag = None
            self._add_failure(polled, failure_policy)
            return
        reading = polled if isinstance(polled, Reading) else polled.reading
        has_metrics = isinstance(polled, Reading) or polled.measured
        self.failures = 0
        if self.last_success_at is not None and now - self.last_success_at > spec.max_poll_gap:
            # The resource was not polled in between, so this time must not count as stall_after or status_grace.
            self.lag_fell_at = self.unaccepted_since = None
        self.last_success_at = now
        self.last_reading = str(reading) if has_metrics else "no metrics (404), but the destination exists"
        self._reading_without_lag = (
            reading.text_without_lag if has_metrics and reading.points is None and gate.exceeds(reading.lag) else None
        )
        verdict = gate.judge(reading)
        evidence = self.history.add(reading) if gate.needs_timestamps else LATEST_EVIDENCE
        self.just_fell_back = self.history.just_fell_back
        self._count(verdict.decision is Decision.OPEN and evidence.answer is Answer.MET, evidence, now)
        reasons = [*verdict.reasons, *([evidence.reason] if evidence.reason else [])]
        if verdict.decision is Decision.FAIL:
            self.reason = str(verdict)
            self._fail(FailureKind.BROKEN, f"{verdict}; fix the connector in Streamkap ({reading.text_without_status})")
        elif reasons:
            self.reason = "; ".join(reasons) if has_metrics else "no metrics yet"
        self._check_stall(reading, gate, failure_policy, now)
        self._check_status_grace(reading, gate, failure_policy, now, has_metrics)

    def _count(self, passes: bool, evidence: LagEvidence, now: float) -> None:
        if not (passes and self.passes and evidence.source == self.evidence.source):
            self.consecutive_passes, self.passing_since = 0, now
        self.consecutive_passes += passes
        self.passes, self.evidence = passes, evidence

    def confirmed(self, confirmations: int, now: float) -> bool:
        """Return whether the condition has been met often enough.

        :param confirmations: required confirmations.
        :param now: epoch seconds.
        """
        return self.passes and self.evidence.confirmed(confirmations, self.consecutive_passes, now - self.passing_since)

    @property
    def confirmations(self) -> int:
        """The number of confirmations so far."""
        return self.evidence.count(self.consecutive_passes) if self.passes else 0

    def _check_stall(self, reading: Reading, gate: DestinationGate, failure_policy: FailurePolicy, now: float) -> None:
        lag = reading.newest_point.lag if reading.newest_point else reading.lag
        if lag is None or not is_known(lag):
            return
        lags = self.recent_lags
        if not lags or self.lag_fell_at is None or lag < lags[-1][1] or not gate.exceeds(lags[-1][1]):
            self.lag_fell_at = now
        # Of consecutive equal readings, keep the first and the last.
        if len(lags) > 1 and lags[-1][1] == lags[-2][1] == lag:
            lags.pop()
        lags.append((now, lag))
        del lags[:-_MAX_RECENT_LAGS]
        stalled_for = now - self.lag_fell_at
        if gate.exceeds(lag) and failure_policy.stall_after is not None and stalled_for >= failure_policy.stall_after:
            self._fail(
                FailureKind.STALLED,
                f"the lag has not fallen for {duration(round(stalled_for))} (stall_after: "
                f"{duration(failure_policy.stall_after)}); check the connector in Streamkap ({reading}). Recent lags: "
                f"{self._recent_lags_text(now)}",
            )

    def _check_status_grace(
        self, reading: Reading, gate: DestinationGate, failure_policy: FailurePolicy, now: float, has_metrics: bool
    ) -> None:
        if has_metrics and gate.accepts_status(reading.status):
            self.unaccepted_since = None
            return
        self.unaccepted_since = now if self.unaccepted_since is None else self.unaccepted_since
        if failure_policy.status_grace is not None and now - self.unaccepted_since >= failure_policy.status_grace:
            problem = (
                "there have been no metrics"
                if gate.accepts_status(None)
                else f"the status has not been {gate.accepted_statuses}"
            )
            current = (
                f"it is {reading.status or 'unknown'} ({reading.text_without_status})"
                if has_metrics
                else f"{self.reason} ({self.last_reading})"
            )
            self._fail(
                FailureKind.STATUS,
                f"{problem} for {duration(round(now - self.unaccepted_since))} (status_grace: "
                f"{duration(failure_policy.status_grace)}); {current}",
            )

    def _recent_lags_text(self, now: float) -> str:
        return ", ".join(f"{number(lag)} ({duration(round(now - at))} ago)" for at, lag in self.recent_lags)

    def _trend(self) -> str:
        """Return how fast the lag changes and when it reaches zero; empty if unknown."""
        if len(self.recent_lags) < 2:
            return ""
        (since, before), (at, lag) = self.recent_lags[0], self.recent_lags[-1]
        if at <= since:
            return ""
        if before == lag:
            return f"Lag unchanged for {duration(round(at - since))}"
        rate = (before - lag) / (at - since)
        change = f"at {_rate(abs(rate))} (was {number(before)} records {duration(round(at - since))} ago)"
        if rate < 0:
            return f"Growing {change}"
        return f"Draining {change}, about {duration(round(lag / rate))} left" if lag else f"Drained {change}"

    def snapshot(self, polled: PollResultOrError, spec: WaitSpec) -> dict[str, Any] | None:
        """Return the result for this resource as plain JSON; ``None`` if it could not be read.

        :param polled: what the last poll returned.
        :param spec: the arguments of the wait.
        """
        if not isinstance(polled, PollResult):
            return None
        with_evidence = spec.gate.max_records_lag is not None and self.passes
        return polled.as_dict() | ({"evidence": self.evidence.as_dict()} if with_evidence else {})

    def next_poll(self, spec: WaitSpec) -> float:
        """Return seconds until the next poll, if no confirmation is due.

        :param spec: the arguments of the wait.
        """
        return spec.poke_interval

    def advice(self) -> list[str]:
        """Return warnings for the log that are specific to this kind of resource: none."""
        return []

    def targets(self, spec: WaitSpec) -> list[PollTarget]:
        """Return what to poll in the next round.

        :param spec: the arguments of the wait.
        """
        return [spec.target(self.id)]

    def not_ready_text(self) -> str:
        """Return what is missing, the last reading or error, and the trend of the lag."""
        trend = "" if self.failures else self._trend()
        seen = self._reading_without_lag or self.last_reading
        return f"{self.label} not ready: {self.reason} ({seen}){trend and '. '}{trend}"

    def to_dict(self) -> dict[str, Any]:
        """Return the state as plain JSON; empty before the first poll."""
        known = {
            "failures": self.failures,
            "recent_lags": [list(point) for point in self.recent_lags],
            "lag_fell_at": self.lag_fell_at,
            "unaccepted_since": self.unaccepted_since,
            "last_success_at": self.last_success_at,
            "last_reading": self.last_reading,
            "reason": self.reason,
            "history": self.history.to_dict(),
        }
        return {name: value for name, value in known.items() if value}

    @classmethod
    def from_dict(cls, id_: str, spec: WaitSpec, state: Mapping[str, Any]) -> ResourceState:
        """Restore the state that :meth:`to_dict` returned. Confirmations are not part of it: they start again.

        :param id_: id of the resource.
        :param spec: the arguments of the wait.
        :param state: the serialized state; may be empty.
        """
        restored = cls(
            id_,
            LagHistory.from_dict(spec.gate, spec.measured_after, state.get("history", {})),
            label=spec.label(id_),
            failures=state.get("failures", 0),
            recent_lags=[(at, lag) for at, lag in state.get("recent_lags", ())],
            lag_fell_at=state.get("lag_fell_at"),
            unaccepted_since=state.get("unaccepted_since"),
            last_success_at=state.get("last_success_at"),
        )
        restored.last_reading, restored.reason = state.get("last_reading", ""), state.get("reason")
        return restored


def _rate(records_per_second: float) -> str:
    shown = f"{records_per_second:,.1f}" if records_per_second >= 0.1 else f"{records_per_second:.2g}"
    return f"{shown} records/s"
