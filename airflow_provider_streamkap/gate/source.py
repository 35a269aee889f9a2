# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Evidence that a source has captured all changes that were committed before a given time.

The connectors are based on Debezium, whose metrics decide what can be proved. The delay (``BehindSource``) is set by
captured events (on MySQL and MariaDB, by every event of the log). Every event resets the time since the last one. A
source that is connected, streaming and idle proves nothing: its capture job may have stopped. Each rule here handles
one way in which metrics can mislead; ``benchmarks/accuracy`` measures them together. Pure: no clock, no network, no
Airflow.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum
from functools import cached_property
from math import inf
from typing import Any, NamedTuple

from airflow_provider_streamkap.api.query import GRAIN_SECONDS
from airflow_provider_streamkap.gate.conditions import SourceGate
from airflow_provider_streamkap.gate.history import timestamp_lead
from airflow_provider_streamkap.gate.reading import is_known, milliseconds, utc_text

#: Seconds by which the latest metrics, which carry no time, may be older than the response that contains them.
MAX_LATEST_AGE = 300.0
#: Seconds after which the latest metrics usually show a snapshot that has started: Streamkap publishes them every 30 s,
#: and a poll takes some seconds. If they are cached for longer, a snapshot that starts just then can go unnoticed.
MAX_FLAG_DELAY = 80.0
#: With ``idle_source="assume"``: consecutive polls in which the source must be connected, streaming and idle, and
#: seconds by which each must be later than the time that matters.
IDLE_POLLS = 3
IDLE_MARGIN = 120.0
# Events are being captured if the delay has changed within _LIVE_POINTS (or is 0, on MySQL and MariaDB), and if the
# delay and the time since the last event are at most _LIVE_MS.
_LIVE_POINTS = 4
_LIVE_MS = 180_000

# Types of connectors whose delay is set by every event of the transaction log, captured or not, and by the server's own
# heartbeat.
_LOG_METERED = ("mysql", "mariadb")

_FINISHED_SNAPSHOTS = frozenset({"completed", "failed", "cancelled", "canceled"})
_SNAPSHOT_WORDS = ("running", "pending", "paused", "progress")


class SourcePoint(NamedTuple):
    """One point of a source's timeseries.

    :param at: timestamp, in epoch seconds.
    :param delay_ms: delay of the last captured event in milliseconds, from its commit to its capture; -1 before the
        first event, other negative values if clocks differ; ``None``: unknown.
    :param since_ms: milliseconds since the last event, captured or not; -1 before the first; ``None``: unknown.
    """

    at: float
    delay_ms: float | None
    since_ms: float | None


@dataclass(frozen=True)
class SourceReading:
    """What one poll returned for a source. ``None`` is unknown.

    :param status: ``connector_status``, if the source itself was requested.
    :param state: state of the connector, such as ``Streaming``.
    :param streaming_state: state of its connection to the database, such as ``connected``.
    :param connected: whether the connector is streaming.
    :param delay_ms: delay of the last captured event in milliseconds.
    :param since_ms: milliseconds since the last event, captured or not.
    :param last_event: a digest of the last captured event, which can contain data.
    :param snapshot_running: whether a snapshot is running; a paused one is not.
    :param snapshot_completed: whether a snapshot has completed, possibly an earlier one.
    :param snapshot_events: number of rows that snapshots have read.
    :param snapshots: status and topic of each snapshot.
    :param snapshot_state: state of the last snapshot.
    :param points: points of the timeseries, oldest first, one per timestamp; ``None``: not requested.
    :param observed_at: when the API generated the response.
    """

    status: str | None = None
    state: str | None = None
    streaming_state: str | None = None
    connected: bool | None = None
    delay_ms: float | None = None
    since_ms: float | None = None
    last_event: str | None = None
    snapshot_running: bool | None = None
    snapshot_completed: bool | None = None
    snapshot_events: float | None = None
    snapshots: tuple[tuple[str, str | None], ...] | None = None
    snapshot_state: str | None = None
    points: tuple[SourcePoint, ...] | None = None
    observed_at: datetime | None = None

    @cached_property
    def times(self) -> tuple[float, ...]:
        """The timestamps of the points."""
        return tuple(point.at for point in self.points or ())

    def __str__(self) -> str:
        parts = [f"state {self.state or 'unknown'}"]
        if self.status is not None:
            parts.insert(0, f"status {self.status}")
        if self.connected is False:
            parts.append("not connected")
        known = is_known_delay(self.delay_ms)
        parts.append(f"delay {milliseconds(self.delay_ms or 0)}" if known else "delay unknown")
        if self.since_ms is not None and self.since_ms >= 0:
            parts.append(f"last event {milliseconds(self.since_ms)} ago")
        return ", ".join(parts)

    def active_snapshot(self, topics: tuple[str, ...]) -> str | None:
        """Return why a snapshot may be running, pending or paused; ``None`` if there is none.

        :param topics: the topics that matter.
        """
        if self.snapshot_running is None:
            return "whether a snapshot is running is unknown"
        if self.snapshot_running:
            return "a snapshot is running"
        if self.snapshot_state and any(word in self.snapshot_state.casefold() for word in _SNAPSHOT_WORDS):
            return f"a snapshot is {self.snapshot_state}"
        entries = self.snapshots or ()
        # The format of topic ids is not documented: ignore other topics only if some entry has the expected format.
        known = any(topic in topics for _, topic in entries)
        for status, topic in entries:
            if status.strip().casefold() not in _FINISHED_SNAPSHOTS and (not known or topic is None or topic in topics):
                return f"a snapshot is {status or 'in an unknown state'}"
        return None

    @property
    def reads_rows(self) -> bool:
        """Whether a snapshot may be reading rows, which pass through the same metrics as captured events."""
        statuses = {status.strip().casefold() for status, _ in self.snapshots or ()}
        idle = _FINISHED_SNAPSHOTS | {"pending", "paused"}
        return self.snapshot_running is not False or not statuses <= idle

    @property
    def snapshot_marks(self) -> tuple[object, ...]:
        """Values that change when a snapshot starts, ends or reads rows, as plain JSON."""
        snapshots = None if self.snapshots is None else digest(repr(sorted(self.snapshots, key=repr)))
        return self.snapshot_completed, self.snapshot_events, snapshots

    @property
    def is_streaming(self) -> bool:
        """Whether the connector is connected and streaming, according to the metrics."""
        return (
            self.connected is True
            and (self.state or "").strip().casefold() == "streaming"
            and (self.streaming_state or "connected").strip().casefold() == "connected"
        )


class ProofKind(Enum):
    """What shows that everything that was committed before a given time has been captured."""

    CAPTURED_EVENT = "captured_event"
    """An event that was committed after that time has been captured."""
    LOG_HEARTBEAT = "mysql_heartbeat"
    """On MySQL and MariaDB: after that time, the connector has read to the end of the transaction log."""
    ASSUMED = "assumed"
    """Nothing: the source is connected, streaming and idle, and ``idle_source="assume"``."""


@dataclass(frozen=True, slots=True)
class Proof:
    """Evidence that all changes that were committed before a given time have been captured.

    :param kind: the kind of evidence.
    :param through: epoch seconds; all changes that were committed before have been captured.
    :param captured_by: latest possible time of their capture, in epoch seconds on the clock of the API's timestamps.
    :param flags_from: local epoch seconds; polls from then on show whether a snapshot had started by ``captured_by``.
    """

    kind: ProofKind
    through: float
    captured_by: float
    flags_from: float


_STATE = (
    "measured_after",
    "clean_since",
    "clock_lead",
    "timestamp_lead",
    "idle_since",
    "idle_polls",
    "event_polled_at",
)


@dataclass(slots=True)
class SourceHistory:
    """What all polls of one source have shown.

    :param gate: the conditions.
    :param connector: type of the connector, such as ``postgresql``; ``None``: unknown.
    :param measured_after: epoch seconds; all changes that were committed before must have been captured. ``None``:
        the time of the first poll.
    :param clean_since: epoch seconds since when no poll has shown that a snapshot read rows; ``None``: the last one
        did.
    :param clock_lead: seconds by which the database's clock may be ahead of the connector's.
    :param timestamp_lead: seconds by which timestamps may be ahead of the local clock; at least 0.
    :param idle_since: epoch seconds since when the source has been streaming without a captured event.
    :param idle_polls: consecutive polls in which it was, that count for ``idle_source="assume"``.
    :param event_polled_at: epoch seconds of the last poll whose metrics contained a last event.
    :ivar proof: the evidence; ``None``: none yet.
    :ivar is_close: whether the next points of the timeseries may complete the evidence.
    """

    gate: SourceGate
    connector: str | None = None
    measured_after: float | None = None
    clean_since: float | None = None
    clock_lead: float = 0.0
    timestamp_lead: float = 0.0
    idle_since: float | None = None
    idle_polls: int = 0
    event_polled_at: float | None = None
    proof: Proof | None = None
    is_close: bool = field(default=False, init=False)
    _polled_at: float = field(default=-inf, init=False)
    _previous: SourceReading | None = field(default=None, init=False)
    # The last known marks of snapshots.
    _marks: tuple[object, ...] = field(default=(), init=False)

    @property
    def is_log_metered(self) -> bool:
        """Whether every event of the database's log sets the delay (MySQL and MariaDB)."""
        return any(name in (self.connector or "").casefold() for name in _LOG_METERED)

    def add(self, reading: SourceReading) -> None:
        """Add a poll.

        :param reading: the reading.
        """
        assert reading.observed_at is not None, "the evidence needs the time of the poll"
        now = self._polled_at = reading.observed_at.timestamp()
        if self.measured_after is None:
            self.measured_after = now
        self._track_snapshots(reading, now)
        self._track_clock(reading, now)
        self._track_idle(reading, now)
        self.is_close = False
        if self.proof is None:
            self.proof = self._proof(reading, now)
        if reading.last_event is not None:
            self.event_polled_at = now
        self._previous = reading

    @property
    def passes(self) -> bool:
        """Whether there is evidence, and the last poll shows that no snapshot has distorted it."""
        return self.proof is not None and self._polled_at >= self.proof.flags_from

    def _track_snapshots(self, reading: SourceReading, now: float) -> None:
        """Track since when no snapshot has read rows, and drop evidence that one may have distorted.

        The rows of an incremental snapshot pass through the metrics of captured events, with their time set to now.
        """
        known = self._marks or reading.snapshot_marks
        self._marks = tuple(old if new is None else new for old, new in zip(known, reading.snapshot_marks, strict=True))
        changed = self._marks != known
        if not (reading.reads_rows or changed):
            self.clean_since = now if self.clean_since is None else self.clean_since
            return
        self.clean_since = None if reading.reads_rows else now
        self.idle_polls = 0
        if self.proof is not None and self.proof.flags_from > now - MAX_LATEST_AGE:
            self.proof = None

    def _track_clock(self, reading: SourceReading, now: float) -> None:
        """Track how far the database's clock is ahead: a captured event then has a negative delay.

        Timestamps in the future mean that the clock of the metrics is ahead.
        """
        if reading.points:
            self.timestamp_lead = max(self.timestamp_lead, timestamp_lead(reading.points[-1].at, now))
        for delay_ms in (reading.delay_ms, *(point.delay_ms for point in reading.points or ())):
            if delay_ms is not None and delay_ms < -1:
                self.clock_lead = max(self.clock_lead, -delay_ms / 1000)

    def _track_idle(self, reading: SourceReading, now: float) -> None:
        """Count the polls in which the source was streaming without a captured event."""
        assert self.measured_after is not None
        previous = self._previous
        idle = (
            reading.is_streaming
            and is_known_delay(reading.delay_ms)
            and (previous is None or (previous.delay_ms, previous.last_event) == (reading.delay_ms, reading.last_event))
        )
        if not idle:
            self.idle_since, self.idle_polls = None, 0
            return
        self.idle_since = now if self.idle_since is None else self.idle_since
        self.idle_polls += now >= self.measured_after + IDLE_MARGIN

    def _proof(self, reading: SourceReading, now: float) -> Proof | None:
        assert self.measured_after is not None
        if self.clean_since is None:
            return None
        # If a clock is ahead, the event is older than its time says: subtract the lead.
        lead = self.clock_lead + self.timestamp_lead
        for proof in self._proofs(reading, now):
            if proof.through - lead >= self.measured_after:
                return replace(proof, through=proof.through - lead)
        if self.gate.idle_source == "assume" and self.idle_polls >= IDLE_POLLS:
            return Proof(ProofKind.ASSUMED, self.measured_after, now + self.timestamp_lead, now + MAX_FLAG_DELAY)
        return None

    def _proofs(self, reading: SourceReading, now: float) -> Iterator[Proof]:
        """Return what the points and the last event prove, oldest first."""
        points, times = reading.points or (), reading.times
        assert self.measured_after is not None
        self.is_close = self._is_live(points)
        for index in range(bisect_right(times, self.measured_after), len(points)):
            point = points[index]
            before = bisect_right(times, point.at - GRAIN_SECONDS) - 1
            # The next point shows the delay of the same event again, or of a later one. The larger of both counts: the
            # average of a minute in which the delay rose is too low.
            after = bisect_left(times, point.at + GRAIN_SECONDS)
            if before < 0 or not all(map(self._is_known, points[before : after + 1])):
                continue
            # Without an event, the time since the last one grows: two equal points mean that the metrics are stale.
            if after < len(points) and point[1:] != points[after][1:]:
                # Since the capture, at least the time between these points has passed, whatever the local clock says.
                ago = points[-1].at - point.at
                flags_from = now + max(MAX_FLAG_DELAY - ago, 0)
                yield from self._captured_event(points[before], point, points[after], flags_from)
                if self.is_log_metered:
                    yield from self._log_heartbeat(point, points[after], flags_from)
        yield from self._new_last_event(reading, now)

    def _is_live(self, points: tuple[SourcePoint, ...]) -> bool:
        """Return whether events are being captured, with a delay of at most a few minutes."""
        recent = [point for point in points[-_LIVE_POINTS:] if self._is_known(point)]
        delays = {point.delay_ms or 0 for point in recent}
        changing = len(delays) > 1 or (self.is_log_metered and delays == {0})
        return changing and max(delays) <= _LIVE_MS and (recent[-1].since_ms or 0) <= _LIVE_MS

    def _is_known(self, point: SourcePoint) -> bool:
        delay, since = point.delay_ms, point.since_ms
        # MySQL reports 0 since the last event before the first one.
        before_first = self.is_log_metered and delay == since == 0
        return is_known_delay(delay) and is_known(since) and not before_first

    def _captured_event(
        self, before: SourcePoint, point: SourcePoint, after: SourcePoint, flags_from: float
    ) -> Iterator[Proof]:
        """Return the proof by a captured event: the delay has changed, so an event was captured in between.

        Filtered events reset the time since the last event, so it does not date the captured one. The timestamp of a
        point can be the end of the minute that it describes.
        """
        assert self.clean_since is not None
        assert point.delay_ms is not None
        assert after.delay_ms is not None
        assert after.since_ms is not None
        earliest = before.at - GRAIN_SECONDS
        read_by = after.at - after.since_ms / 1000
        if point.delay_ms == before.delay_ms or read_by < earliest or not self._is_clean(earliest):
            return
        through = earliest - max(point.delay_ms, after.delay_ms, 0) / 1000
        yield Proof(ProofKind.CAPTURED_EVENT, through, min(point.at, read_by), flags_from)

    def _is_clean(self, at: float) -> bool:
        """Return whether no snapshot has read rows since a timestamp of the API."""
        return self.clean_since is not None and at - self.timestamp_lead >= self.clean_since

    def _log_heartbeat(self, point: SourcePoint, after: SourcePoint, flags_from: float) -> Iterator[Proof]:
        """Return the proof by the end of the database's log: the delay is 0, and the log has been read since."""
        assert self.clean_since is not None
        assert point.since_ms is not None
        through = point.at - point.since_ms / 1000 - GRAIN_SECONDS
        if point.delay_ms == after.delay_ms == 0 and self._is_clean(through):
            yield Proof(ProofKind.LOG_HEARTBEAT, through, point.at, flags_from)

    def _new_last_event(self, reading: SourceReading, now: float) -> Iterator[Proof]:
        """Return the proof if the last event differs from that of the previous poll, in case the delay is constant."""
        previous, polled_at = self._previous, self.event_polled_at
        assert self.clean_since is not None
        if previous is None or polled_at is None or previous.last_event is None or reading.last_event is None:
            return
        earliest = polled_at - MAX_LATEST_AGE
        if (
            reading.last_event != previous.last_event
            and is_known_delay(reading.delay_ms)
            and earliest >= self.clean_since
        ):
            through = earliest - max(reading.delay_ms or 0, 0) / 1000
            yield Proof(ProofKind.CAPTURED_EVENT, through, now + self.timestamp_lead, now + MAX_FLAG_DELAY)

    def not_proved_reason(self, reading: SourceReading) -> str:
        """Return why there is no evidence yet.

        :param reading: the last reading.
        """
        assert self.measured_after is not None
        moment = utc_text(self.measured_after)
        if self.clean_since is None:
            return "a snapshot is reading rows, so the metrics do not show what has been captured"
        if reading.connected is False:
            return "the connector is not connected to the database"
        points = reading.points or ()
        newest = next((point for point in reversed(points) if self._is_known(point)), None)
        if newest is None and reading.points is not None:
            return "the delay is unknown" if points else "the timeseries has no points"
        if self.is_close:
            return f"waiting for points which show that changes committed before {moment} have been captured"
        if self.idle_since is not None and reading.is_streaming:
            return f"idle, so nothing shows that changes committed before {moment} have been captured"
        return f"no captured event shows yet that changes committed before {moment} have been captured"

    def to_dict(self) -> dict[str, Any]:
        """Return the state as plain JSON; empty before the first poll."""
        if self._previous is None:
            return {}
        state = {name: value for name in _STATE if (value := getattr(self, name))}
        # In reschedule mode each poll runs in another process, which compares it with the previous one.
        state["previous"] = [self._previous.delay_ms, self._previous.last_event]
        state["marks"] = list(self._marks)
        proof = self.proof
        return state | (
            {} if proof is None else {"proof": [proof.kind.value, proof.through, proof.captured_by, proof.flags_from]}
        )

    @classmethod
    def from_dict(
        cls, gate: SourceGate, connector: str | None, measured_after: float | None, state: Mapping[str, Any]
    ) -> SourceHistory:
        """Restore the state that :meth:`to_dict` returned.

        :param gate: the conditions.
        :param connector: as in the class.
        :param measured_after: as in the class; ``None``: the value in ``state``.
        :param state: the state; may be empty.
        """
        # Another version of this package may have stored other names.
        history = cls(gate, connector, **{name: value for name, value in state.items() if name in _STATE})
        history.measured_after = history.measured_after if measured_after is None else measured_after
        if "previous" in state:
            delay_ms, last_event = state["previous"]
            history._previous = SourceReading(delay_ms=delay_ms, last_event=last_event)
            history._marks = tuple(state["marks"])
        if "proof" in state:
            kind, *times = state["proof"]
            history.proof = Proof(ProofKind(kind), *times)
        return history


def digest(text: str) -> str:
    """Return a short text that differs for different texts.

    :param text: any text.
    """
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:16]


def is_known_delay(delay_ms: float | None) -> bool:
    """Return whether a delay is that of an event. It is negative if the database's clock is ahead.

    :param delay_ms: the delay in milliseconds; -1: no event since the connector started.
    """
    return delay_ms is not None and delay_ms != -1


def heartbeat_advice(connector: str | None) -> str:
    """Return what would prove that an idle source has captured everything.

    :param connector: type of the connector; ``None``: unknown.
    """
    if any(name in (connector or "").casefold() for name in _LOG_METERED):
        return (
            "That proves nothing. On MySQL and MariaDB the server's own heartbeat sets the delay to 0, which is a "
            "proof, but it has not arrived. Check the connector in Streamkap"
        )
    return (
        "That proves nothing. Each write to a captured heartbeat table (streamkap_heartbeat) would be a proof: in "
        "Streamkap, enable the source's heartbeat with a heartbeat table, and include that table in the captured "
        "tables. The default heartbeat writes to Kafka only and proves nothing. Set idle_source='assume' to succeed "
        "without proof"
    )
