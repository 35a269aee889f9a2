# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Timestamped lag points: which of them prove that the records in Kafka at a given time have been consumed.

Metrics can be late, revised, repeated, stamped in the future, or zero because no consumer runs. Each rule here handles
one of these cases; ``benchmarks/accuracy`` measures them together. Pure: no clock, no network, no Airflow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import inf, isfinite
from typing import Any, Literal

from airflow_provider_streamkap.api.metrics import LAG
from airflow_provider_streamkap.api.query import GRAIN_SECONDS
from airflow_provider_streamkap.gate.conditions import FALLBACK_POLLS, FALLBACK_SECONDS, Answer, Check, DestinationGate
from airflow_provider_streamkap.gate.reading import LagPoint, Reading, duration, is_known, number, utc_text

#: Maximum seconds between two polls for the connector to count as continuously observed: a poll interval of 60 s plus
#: slack. Whether the connector ran during a longer gap is unknown.
MAX_POLL_GAP = 90.0

#: Seconds by which a timestamp may be in the future although the clocks agree: the end of the current minute plus
#: slack. A larger lead means that the clocks differ. Points that arrive late make the difference look up to
#: MAX_POINT_DELAY seconds smaller.
MAX_TIMESTAMP_LEAD = 90.0
MAX_POINT_DELAY = 300.0

#: Points older than this, in seconds, are no longer checked for revisions.
REVISION_SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class LagEvidence:
    """The evidence from the lag of one poll.

    :param source: where the lag was read.
    :param points: the points that count as evidence, newest first; empty for ``latest``.
    :param reason: why the lag does not count yet; ``None`` if it counts.
    :param answer: whether the lag of this poll meets the condition. If so, only more points (or polls) are needed, and
        the next poll is a confirmation.
    :param fallback: the latest lag is used because the timeseries has no points.
    :param measured_after: epoch seconds after which the points were measured.
    """

    source: Literal["timeseries", "latest"] = "latest"
    points: tuple[LagPoint, ...] = ()
    reason: str | None = None
    answer: Answer = Answer.MET
    fallback: bool = False
    measured_after: float | None = None

    def confirmed(self, confirmations: int, polls: int, seconds: float) -> bool:
        """Return whether the lag has been confirmed often enough.

        :param confirmations: required confirmations.
        :param polls: consecutive polls in which all conditions were met.
        :param seconds: time between the first and the last of them.
        """
        enough = self.count(polls) >= self.required(confirmations)
        return enough and (seconds >= FALLBACK_SECONDS or not self.fallback)

    def required(self, confirmations: int) -> int:
        """Return the number of confirmations that open the gate.

        :param confirmations: required confirmations.
        """
        return max(confirmations, FALLBACK_POLLS) if self.fallback else confirmations

    def count(self, polls: int) -> int:
        """Return the number of confirmations so far.

        :param polls: consecutive polls in which all conditions were met.
        """
        return min(len(self.points), polls) if self.source == "timeseries" else polls

    def as_dict(self) -> dict[str, Any]:
        """Return the evidence as plain JSON: its source, and for a timeseries the newest point."""
        if not self.points:
            return {"lag_source": self.source}
        newest = self.points[0]
        return {
            "lag_source": self.source,
            "measured_after": iso(self.measured_after),
            LAG: {"timestamp": iso(newest.at), "value": newest.lag},
        }


_STATE = (
    "measured_after",
    "running_since",
    "polled_at",
    "exceeded_at",
    "timestamp_lead",
    "max_revision_age",
    "has_points",
    "empty_polls",
)

#: The evidence of a lag that needs no timestamp.
LATEST_EVIDENCE = LagEvidence()


@dataclass(slots=True)
class LagHistory:
    """What the lag points of all polls of one destination have shown; the points are not serialized.

    :param gate: the conditions.
    :param measured_after: epoch seconds; only lag measured after this time counts. ``None``: the time of the first
        poll.
    :param running_since: epoch seconds since when every poll has returned an accepted status and an assigned partition,
        without a gap; ``None``: the last poll did not.
    :param polled_at: epoch seconds of the last poll that returned an accepted status and an assigned partition.
    :param exceeded_at: newest timestamp for which any poll returned a lag above the limit.
    :param timestamp_lead: seconds by which timestamps may be ahead of the local clock; at least 0.
    :param max_revision_age: maximum age, in seconds, at which a point was revised to a value above the limit.
    :param has_points: whether any poll has returned a point. If so, the gate never falls back to the latest lag.
    :param empty_polls: polls without lag points before the first poll with points.
    """

    gate: DestinationGate
    measured_after: float | None = None
    running_since: float | None = None
    polled_at: float = -inf
    exceeded_at: float = -inf
    timestamp_lead: float = 0.0
    max_revision_age: float = 0.0
    has_points: bool = False
    empty_polls: int = 0
    _previous: Reading | None = field(default=None, init=False)

    def add(self, reading: Reading) -> LagEvidence:
        """Add a poll and return the evidence so far.

        :param reading: the reading.
        """
        assert reading.observed_at is not None, "checking timestamps needs the time of the poll"
        now = reading.observed_at.timestamp()
        if self.measured_after is None:
            self.measured_after = now
        self._track_running(reading, now)
        self._track_clock(reading, now)
        self._track_lag(reading, now)
        self._track_revisions(reading, now)
        self.has_points = self.has_points or bool(reading.points)
        self.empty_polls += reading.points == ()
        if self.gate.allows_fallback and not self.has_points:
            return self._latest_evidence(reading)
        return self._series_evidence(reading, now)

    @property
    def just_fell_back(self) -> bool:
        """Whether the last poll switched from the timeseries to the latest lag."""
        return self.gate.allows_fallback and not self.has_points and self.empty_polls == FALLBACK_POLLS

    def _track_running(self, reading: Reading, now: float) -> None:
        """Track since when the connector has been running: a stopped consumer can report a lag of 0."""
        if self.gate.accepts_status(None) or not self._is_running(reading):
            self.running_since = None
            return
        if self.running_since is None or now - self.polled_at > MAX_POLL_GAP:
            self.running_since = now
        self.polled_at = now

    def _track_clock(self, reading: Reading, now: float) -> None:
        """Track how far timestamps are in the future, which means that the clocks differ."""
        if reading.newest_point is not None:
            self.timestamp_lead = max(self.timestamp_lead, timestamp_lead(reading.newest_point.at, now))

    def _track_lag(self, reading: Reading, now: float) -> None:
        """Track the newest timestamp with a lag above the limit.

        The highest value ever returned for a timestamp counts, so a point that is revised upward resets the
        count. A latest lag above the limit discards all points so far.
        """
        assert self.measured_after is not None
        for point in reversed(reading.points or ()):
            # Older points never count.
            if point.at <= max(self.exceeded_at, self.measured_after):
                break
            if self.gate.exceeds(point.lag):
                self.exceeded_at = point.at
        if is_known(reading.lag) and self.gate.exceeds(reading.lag):
            self.exceeded_at = max(self.exceeded_at, now, reading.newest_point.at if reading.newest_point else now)

    def _track_revisions(self, reading: Reading, now: float) -> None:
        """Track the age at which points are still revised to above the limit: younger points are not final yet."""
        previous = self._previous
        if not reading.points:
            return
        self._previous = reading
        for point in reversed(reading.points if previous else ()):
            age = self._age(point, now)
            if age > REVISION_SECONDS:
                break
            earlier = previous.by_time.get(point.at) if previous else None
            if earlier is not None and self.gate.exceeds(point.lag) and not self.gate.exceeds(earlier):
                self.max_revision_age = max(self.max_revision_age, age)

    def _age(self, point: LagPoint, now: float) -> float:
        return now + self.timestamp_lead - point.at

    def _is_running(self, reading: Reading) -> bool:
        return self.gate.accepts_status(reading.status) and reading.partitions != 0

    def counts_from(self, after: float) -> float:
        """Return the first timestamp of a lag that was certainly measured after a given time.

        Whether a timestamp is the start or the end of its minute is undocumented, so add one minute to cover both.

        :param after: epoch seconds.
        """
        return after + GRAIN_SECONDS + self.timestamp_lead

    def _series_evidence(self, reading: Reading, now: float) -> LagEvidence:
        check = self._check(reading, now)
        if check.answer is not Answer.MET or not self._is_running(reading):
            answer = Answer.combine([check.answer, Answer.UNKNOWN])
            return LagEvidence("timeseries", (), check.reason or None, answer)
        points = self._counted_points(reading, now)
        return LagEvidence(
            "timeseries",
            points,
            None if points else self._not_counted_reason(reading),
            measured_after=self.measured_after,
        )

    def _check(self, reading: Reading, now: float) -> Check:
        """Check the newest lag against the condition, regardless of earlier polls."""
        newest = reading.newest_point
        assert self.measured_after is not None
        too_high = self.gate.exceeds(reading.lag)
        if reading.points is None:
            # Not requested.
            return Check(Answer.UNKNOWN)
        if newest is None:
            return Check(Answer.NOT_MET if too_high else Answer.UNKNOWN, "the timeseries has no lag points")
        if self.gate.exceeds(newest.lag):
            return Check(Answer.NOT_MET, self.gate.lag_text(newest.lag))
        if too_high:
            latest = self.gate.lag_text(reading.lag)
            return Check(Answer.NOT_MET, f"latest {latest}, but the newest lag point is {number(newest.lag)}")
        if newest.at < (first := self.counts_from(self.measured_after)):
            return Check(Answer.UNKNOWN, _too_early(newest, first))
        age, limit = self._age(newest, now) + GRAIN_SECONDS, self.gate.max_reading_age
        if limit is not None and age > limit:
            old = f"the newest lag point may be up to {duration(round(age))} old"
            return Check(Answer.UNKNOWN, f"{old}, more than max_reading_age ({duration(limit)})")
        return Check(Answer.MET)

    def _counted_points(self, reading: Reading, now: float) -> tuple[LagPoint, ...]:
        """Return the newest consecutive points that count, at least a minute apart."""
        assert self.measured_after is not None
        first = self.counts_from(max(self.measured_after, self._running_from()))
        counted: list[LagPoint] = []
        for point in reversed(reading.points or ()):
            if point.at < first or point.at <= self.exceeded_at:
                break
            if self._age(point, now) < self.max_revision_age:
                continue
            if not counted or counted[-1].at - point.at >= GRAIN_SECONDS:
                counted.append(point)
        return tuple(counted)

    def _not_counted_reason(self, reading: Reading) -> str:
        newest = reading.newest_point
        assert newest is not None
        if newest.at <= self.exceeded_at:
            return f"the lag was above the limit at {utc_text(self.exceeded_at)}; waiting for a later point"
        if self.max_revision_age:
            return (
                f"lag points are revised for up to {duration(round(self.max_revision_age))}; waiting for final values"
            )
        since = self._running_from()
        return (
            f"{_too_early(newest, self.counts_from(since))}, because the connector was first seen running at "
            f"{utc_text(since)}"
        )

    def _running_from(self) -> float:
        """Return the time since when the connector has been running."""
        return -inf if self.running_since is None else self.running_since

    def _latest_evidence(self, reading: Reading) -> LagEvidence:
        """Return the evidence from the latest lag, for a timeseries without points."""
        if not is_known(reading.lag):
            return LagEvidence(reason="lag is unknown", answer=Answer.UNKNOWN, fallback=True)
        if self.gate.exceeds(reading.lag):
            return LagEvidence(reason=self.gate.lag_text(reading.lag), answer=Answer.NOT_MET, fallback=True)
        return LagEvidence(fallback=True)

    def to_dict(self) -> dict[str, Any]:
        """Return the state as plain JSON; empty before the first poll."""
        if self.measured_after is None:
            return {}
        state = {name: getattr(self, name) for name in _STATE}
        return {name: value for name, value in state.items() if value and isfinite(value)}

    @classmethod
    def from_dict(cls, gate: DestinationGate, measured_after: float | None, state: Mapping[str, Any]) -> LagHistory:
        """Restore the state that :meth:`to_dict` returned.

        :param gate: the condition.
        :param measured_after: as in the class; ``None``: the value in ``state``.
        :param state: the state; may be empty.
        """
        # Another version of this package may have stored other names.
        history = cls(gate, **{name: value for name, value in state.items() if name in _STATE})
        history.measured_after = history.measured_after if measured_after is None else measured_after
        return history


def timestamp_lead(newest: float, now: float) -> float:
    """Return seconds by which timestamps may be ahead of the local clock.

    :param newest: timestamp of the newest point, in epoch seconds.
    :param now: epoch seconds.
    """
    lead = newest - now
    return lead if lead <= MAX_TIMESTAMP_LEAD else lead + MAX_POINT_DELAY


def _too_early(newest: LagPoint, first: float) -> str:
    return f"the newest lag point is from {utc_text(newest.at)}, but must be from {utc_text(first)} or later"


def iso(epoch_seconds: float | None) -> str | None:
    """Return a time as ISO 8601; ``None`` for ``None``.

    :param epoch_seconds: the time.
    """
    return None if epoch_seconds is None else datetime.fromtimestamp(epoch_seconds, UTC).isoformat()
