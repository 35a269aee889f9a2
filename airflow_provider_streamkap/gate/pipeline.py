# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The state of one pipeline within a wait: first its source must have captured the data, then the destination drains.

The order matters: records that the source has captured take time to reach Kafka, and a lag that was measured before
does not count them. Pure: no clock, no network, no Airflow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_streamkap.api.errors import StreamkapError, StreamkapNotFoundError
from airflow_provider_streamkap.api.query import SOURCE
from airflow_provider_streamkap.gate.conditions import Answer, check_number
from airflow_provider_streamkap.gate.history import LagEvidence, iso
from airflow_provider_streamkap.gate.reading import duration, milliseconds, utc_text
from airflow_provider_streamkap.gate.source import (
    IDLE_POLLS,
    ProofKind,
    SourceHistory,
    SourceReading,
    heartbeat_advice,
    is_known_delay,
)
from airflow_provider_streamkap.gate.state import FailureKind, PolledState, PollResultOrError, ResourceState
from airflow_provider_streamkap.gate.target import WINDOW_SECONDS, PollResult, PollTarget, SourcePollResult

if TYPE_CHECKING:
    from airflow_provider_streamkap.gate.spec import FailurePolicy, WaitSpec

# Seconds after which to request the status of the source again, instead of its timeseries.
_STATUS_SECONDS = 300.0

# Seconds from the poll that completes the evidence of the source to the first poll of the destination's timeseries.
_AT_ONCE = 1.0

SourceResultOrError = SourceReading | SourcePollResult | StreamkapError
"""What a poll of a source returned: a reading, a full result, or an error."""


@dataclass(frozen=True, slots=True)
class PipelineParts:
    """The resources that a pipeline connects.

    :param source_id: id of the source.
    :param destination_id: id of the destination.
    :param connector: type of the source's connector, such as ``postgresql``; ``None`` (default): unknown.
    :param topics: the topics that the pipeline streams; default none: unknown.
    :param name: name of the pipeline; ``None`` (default): unknown.
    """

    source_id: str
    destination_id: str
    connector: str | None = None
    topics: tuple[str, ...] = ()
    name: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the parts as plain JSON."""
        return asdict(self) | {"topics": list(self.topics)}

    @classmethod
    def from_dict(cls, parts: Mapping[str, Any]) -> PipelineParts:
        """Restore what :meth:`to_dict` returned, possibly in another version of this package.

        :param parts: the plain JSON.
        """
        return cls(
            parts["source_id"],
            parts["destination_id"],
            parts.get("connector"),
            tuple(parts.get("topics", ())),
            parts.get("name"),
        )


@dataclass(frozen=True, slots=True)
class PipelinePoll:
    """What one round of polls returned for a pipeline.

    :param source: the result for its source.
    :param destination: the result for its destination.
    """

    source: SourceResultOrError
    destination: PollResultOrError

    @property
    def clock_lead(self) -> float | None:
        """Seconds by which the API's clock is ahead of this machine's; ``None``: unknown."""
        leads = (getattr(side, "clock_lead", None) for side in (self.source, self.destination))
        return next((lead for lead in leads if lead is not None), None)


@dataclass(slots=True)
class SourceState(PolledState):
    """The state of a pipeline's source within a wait. The other arguments are those of :class:`PolledState`.

    :param topics: topics whose snapshots matter.
    :param history: what its polls have shown.
    :param advised: whether :meth:`advice` has returned a warning.
    :param status_at: epoch seconds of the last poll that requested the status.
    """

    kind = SOURCE

    topics: tuple[str, ...]
    history: SourceHistory
    advised: bool = False
    status_at: float | None = None

    def add_poll(self, polled: SourceResultOrError, spec: WaitSpec, now: float) -> None:
        """Add one poll.

        :param polled: what the poll returned.
        :param spec: the arguments of the wait.
        :param now: epoch seconds.
        """
        self.reason = self.failure = None
        self.passes = False
        series_error = polled.series_error if isinstance(polled, SourcePollResult) else None
        # A 404 means that there are no points yet: the latest metrics could be read.
        if series_error is not None and not isinstance(series_error, StreamkapNotFoundError):
            polled = series_error
        if isinstance(polled, StreamkapError):
            self._add_failure(polled, spec.failure_policy)
            return
        reading = polled if isinstance(polled, SourceReading) else polled.reading
        has_metrics = isinstance(polled, SourceReading) or polled.measured
        self.failures = 0
        if self.last_success_at is not None and now - self.last_success_at > spec.max_poll_gap:
            # The source was not polled in between, so this time must not count as status_grace.
            self.unaccepted_since = None
        self.last_success_at = now
        if isinstance(polled, SourcePollResult) and polled.record is not None:
            self.status_at = now
        self.last_reading = str(reading) if has_metrics else "no metrics (404), but the source exists"
        self.history.add(reading)
        named = {"status": reading.status, "state": reading.state}
        fatal = next((f"{name} is {text}" for name, text in named.items() if spec.gate.is_fatal(text)), None)
        if fatal is not None:
            self.reason = f"{fatal}, which is in fail_on_status"
            self._fail(FailureKind.BROKEN, f"{self.reason}; fix the connector in Streamkap ({reading})")
        elif not has_metrics:
            self.reason = "no metrics yet"
        else:
            self.reason = self._unmet_condition(reading)
        self.passes = self.reason is None
        self._check_status_grace(has_metrics and reading.connected is not False, spec.failure_policy, now)

    def _unmet_condition(self, reading: SourceReading) -> str | None:
        gate = self.history.gate
        if self.history.proof is None:
            return self.history.not_proved_reason(reading)
        if not gate.allow_snapshot and (snapshot := reading.active_snapshot(self.topics)):
            return snapshot
        delay = max(reading.delay_ms or 0, 0) if is_known_delay(reading.delay_ms) else None
        check = check_number("delay", delay, gate.max_source_delay_ms, milliseconds)
        return None if check.answer is Answer.MET else check.reason

    def _check_status_grace(self, accepted: bool, failure_policy: FailurePolicy, now: float) -> None:
        if accepted:
            self.unaccepted_since = None
            return
        self.unaccepted_since = now if self.unaccepted_since is None else self.unaccepted_since
        grace = failure_policy.status_grace
        if grace is not None and now - self.unaccepted_since >= grace:
            self._fail(
                FailureKind.STATUS,
                f"the source has not been connected, or has had no metrics, for "
                f"{duration(round(now - self.unaccepted_since))} (status_grace: {duration(grace)}); "
                f"{self.last_reading}",
            )

    @property
    def needs_status(self) -> bool:
        """Whether to request the status in the next poll: about once in five minutes, but never twice in a row.

        The five-minute periods start at fixed times, so that all waits on a pipeline request it in the same poll.
        """
        polled_at, status_at = self.last_success_at, self.status_at
        if polled_at is None or status_at == polled_at:
            return False
        return status_at is None or polled_at // _STATUS_SECONDS > status_at // _STATUS_SECONDS

    def advice(self) -> list[str]:
        """Return once, for the log, which heartbeat would be a proof, or that completeness is assumed."""
        history = self.history
        assumed = history.proof is not None and history.proof.kind is ProofKind.ASSUMED
        if self.advised or not (assumed or (history.proof is None and history.idle_polls >= IDLE_POLLS)):
            return []
        self.advised = True
        if assumed:
            return [
                f"Source {self.id} has been connected, streaming and idle for {IDLE_POLLS} polls: assuming, without "
                "proof, that it has captured everything (idle_source='assume')"
            ]
        return [f"Source {self.id} is connected, streaming and idle. {heartbeat_advice(history.connector)}"]

    def to_dict(self) -> dict[str, Any]:
        """Return the state as plain JSON."""
        state = {
            "failures": self.failures,
            "unaccepted_since": self.unaccepted_since,
            "last_success_at": self.last_success_at,
            "advised": self.advised,
            "status_at": self.status_at,
            "last_reading": self.last_reading,
            "reason": self.reason,
            "history": self.history.to_dict(),
        }
        return {name: value for name, value in state.items() if value}

    @classmethod
    def from_dict(cls, spec: WaitSpec, parts: PipelineParts, state: Mapping[str, Any]) -> SourceState:
        """Restore the state that :meth:`to_dict` returned.

        :param spec: the arguments of the wait.
        :param parts: the parts of the pipeline.
        :param state: the serialized state; may be empty.
        """
        assert spec.source_gate is not None
        restored = cls(
            parts.source_id,
            parts.topics,
            SourceHistory.from_dict(spec.source_gate, parts.connector, spec.measured_after, state.get("history", {})),
            failures=state.get("failures", 0),
            unaccepted_since=state.get("unaccepted_since"),
            last_success_at=state.get("last_success_at"),
            advised=state.get("advised", False),
            status_at=state.get("status_at"),
        )
        restored.last_reading, restored.reason = state.get("last_reading", ""), state.get("reason")
        return restored


@dataclass(slots=True)
class PipelineState:
    """The state of one pipeline within a wait. It has the interface of :class:`ResourceState`.

    :param id: id of the pipeline.
    :param source: the state of its source.
    :param destination: the state of its destination.
    :param polls: number of polls so far.
    :ivar label: how messages show the pipeline.
    """

    id: str
    source: SourceState
    destination: ResourceState
    polls: int = 0
    label: str = field(default="", init=False)
    passes: bool = field(default=False, init=False)
    reason: str | None = field(default=None, init=False)
    _read_series: bool = field(default=False, init=False)

    just_fell_back = False

    def targets(self, spec: WaitSpec) -> list[PollTarget]:
        """Return what to poll in the next round: at most three requests.

        Until the source has captured everything, its timeseries and the status of the destination; then the
        destination's timeseries.

        :param spec: the arguments of the wait.
        """
        source, destination = self.source, self.destination
        if source.history.proof is not None:
            return [PollTarget(source.id, kind=SOURCE), spec.target(destination.id)]
        wants_status = source.needs_status and not source.history.is_close
        window = None if wants_status else WINDOW_SECONDS
        return [PollTarget(source.id, window, kind=SOURCE, record=wants_status), PollTarget(destination.id)]

    def add_poll(self, polled: PipelinePoll, spec: WaitSpec, now: float) -> None:
        """Add one round of polls.

        :param polled: what the polls returned.
        :param spec: the arguments of the wait.
        :param now: epoch seconds.
        """
        self.polls += 1
        self._read_series = self.source.history.proof is not None
        self.source.add_poll(polled.source, spec, now)
        self.destination.add_poll(polled.destination, spec, now)
        self.passes = self.source.passes and self.destination.passes
        reasons = {"source": self.source.reason, "destination": self.destination.reason}
        if self.passes:
            reasons["destination"] = self._order_reason(spec)
        elif not any(reasons.values()):
            reasons["destination"] = "the lag has not been read since the source was ready"
        self.reason = "; ".join(f"{side}: {reason}" for side, reason in reasons.items() if reason) or None

    def _order_reason(self, spec: WaitSpec) -> str | None:
        """Return why the destination's lag may not count everything that the source has captured."""
        proof, gate = self.source.history.proof, spec.source_gate
        newest = self.evidence.points[0] if self.evidence.points else None
        if proof is None or gate is None or newest is None:
            return "no lag point counts yet"
        # Both timestamps are those of the API, so the local clock does not matter.
        first = proof.captured_by + gate.settle_seconds
        if newest.at < first:
            return (
                f"the newest lag point is from {utc_text(newest.at)}, but must be from {utc_text(first)} or later, "
                "after the captured records have reached Kafka"
            )
        if not self.source.history.passes:
            return "waiting for a poll of the source that shows whether a snapshot has started"
        return None

    def confirmed(self, confirmations: int, now: float) -> bool:
        """Return whether the conditions have been met often enough.

        :param confirmations: required confirmations.
        :param now: epoch seconds.
        """
        return self.passes and self.reason is None and self.destination.confirmed(confirmations, now)

    @property
    def evidence(self) -> LagEvidence:
        """The evidence from the destination's lag."""
        return self.destination.evidence

    @property
    def confirmations(self) -> int:
        """The number of confirmations so far."""
        return self.destination.confirmations if self.passes and self.reason is None else 0

    @property
    def failures(self) -> int:
        """Consecutive failed polls of the source or the destination."""
        return max(self.source.failures, self.destination.failures)

    @property
    def failure(self) -> tuple[FailureKind, str] | None:
        """Why the wait failed, if it did."""
        failures = [side.failure for side in (self.source, self.destination) if side.failure is not None]
        return min(failures, key=lambda failure: list(FailureKind).index(failure[0]), default=None)

    def next_poll(self, spec: WaitSpec) -> float:
        """Return seconds until the next poll, if no confirmation is due.

        :param spec: the arguments of the wait.
        """
        if self.source.passes and not self._read_series:
            # The source is done: read the lag.
            return min(_AT_ONCE, spec.poke_interval)
        return min(spec.confirm_delay, spec.poke_interval) if self.source.history.is_close else spec.poke_interval

    def advice(self) -> list[str]:
        """Return warnings for the log: what would prove that an idle source has captured everything."""
        return self.source.advice()

    @property
    def last_reading(self) -> str:
        """The last readings or errors of both sides."""
        if not (self.source.last_reading and self.destination.last_reading):
            return ""
        return f"source: {self.source.last_reading}; destination: {self.destination.last_reading}"

    def not_ready_text(self) -> str:
        """Return what is missing, and the last readings or errors."""
        return f"{self.label} not ready: {self.reason} ({self.last_reading})"

    def snapshot(self, polled: PipelinePoll, spec: WaitSpec) -> dict[str, Any] | None:
        """Return the result for this pipeline as plain JSON; ``None`` if one side could not be read.

        :param polled: what the last polls returned.
        :param spec: the arguments of the wait.
        """
        source, destination = polled.source, polled.destination
        if not (isinstance(source, SourcePollResult) and isinstance(destination, PollResult)):
            return None
        proof = self.source.history.proof
        return {
            "pipeline_id": self.id,
            "pipeline_name": spec.pipelines[self.id].name,
            "source": _without_metadata(source.as_dict()),
            "destination": _without_metadata(destination.as_dict()),
            "evidence": {
                "source": None if proof is None else {"kind": proof.kind.value, "captured_by": iso(proof.captured_by)},
                "destination": self.evidence.as_dict(),
            },
            "complete_through": None if proof is None else iso(proof.through),
        }

    def to_dict(self) -> dict[str, Any]:
        """Return the state as plain JSON; empty before the first poll."""
        if not self.polls:
            return {}
        return {"polls": self.polls, "source": self.source.to_dict(), "destination": self.destination.to_dict()}

    @classmethod
    def from_dict(cls, id_: str, spec: WaitSpec, state: Mapping[str, Any]) -> PipelineState:
        """Restore the state that :meth:`to_dict` returned.

        :param id_: id of the pipeline.
        :param spec: the arguments of the wait.
        :param state: the serialized state; may be empty.
        """
        parts = spec.pipelines[id_]
        restored = cls(
            id_,
            SourceState.from_dict(spec, parts, state.get("source", {})),
            ResourceState.from_dict(parts.destination_id, spec, state.get("destination", {})),
            state.get("polls", 0),
        )
        restored.label = spec.label(id_)
        restored.reason = restored.source.reason or restored.destination.reason
        return restored


def _without_metadata(snapshot: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in snapshot.items() if name != "metadata"}
