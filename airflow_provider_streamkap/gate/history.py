# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Timestamped lag points: which of them prove that what waited in Kafka at a given moment has been consumed.

Metrics can be late, revised, repeated, stamped ahead, or zero because nothing consumes. Each rule here closes one of
these holes; ``benchmarks/accuracy`` measures what they catch together. Pure: readings are passed in.
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
from airflow_provider_streamkap.gate.reading import LagPoint, Reading, is_known, number, utc_text

#: Longest time between two polls, in seconds, across which the connector counts as observed: a poll interval of 60 s
#: and some slack. What happens in a longer gap is unknown.
MAX_POLL_GAP = 90.0

#: Seconds by which a timestamp may be ahead of an equal clock: the end of a running minute, and some slack. Beyond that
#: the clocks differ, by up to so many seconds more as the points are delayed, which hides a part of the difference.
MAX_LEAD = 90.0
HIDDEN_LEAD = 300.0

#: Points this old, in seconds, are no longer checked for revisions.
REVISION_SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class LagProof:
    """What the lag of one poll proves.

    :param source: where the lag was read.
    :param points: the points that count as evidence, newest first; empty for ``latest``.
    :param missing: why the lag does not count yet; ``None``: it does.
    :param answer: whether the lag of this poll meets the condition. If it does, only more points (or polls) can be
        missing, and the next poll is a confirmation.
    :param fallback: the latest lag stands in for a timeseries without points.
    :param after: epoch seconds after which the points were measured.
    """

    source: Literal["timeseries", "latest"] = "latest"
    points: tuple[LagPoint, ...] = ()
    missing: str | None = None
    answer: Answer = Answer.MET
    fallback: bool = False
    after: float | None = None

    def confirmed(self, confirmations: int, polls: int, seconds: float) -> bool:
        """Return whether the lag has been confirmed often enough.

        :param confirmations: confirmations asked for.
        :param polls: consecutive polls in which all conditions were met.
        :param seconds: time between the first and the last of them.
        """
        if self.fallback:
            return polls >= max(confirmations, FALLBACK_POLLS) and seconds >= FALLBACK_SECONDS
        if self.source == "timeseries":
            return min(len(self.points), polls) >= confirmations
        return polls >= confirmations

    def count(self, polls: int) -> int:
        """Return the number of confirmations so far.

        :param polls: consecutive polls in which all conditions were met.
        """
        return len(self.points) if self.source == "timeseries" else polls

    def as_dict(self) -> dict[str, Any]:
        """Return the evidence as plain JSON: its source, and for a timeseries the newest point."""
        if not self.points:
            return {"lag_source": self.source}
        newest = self.points[0]
        return {
            "lag_source": self.source,
            "measured_after": _iso(self.after),
            LAG: {"timestamp": _iso(newest.at), "value": newest.lag},
        }


_STATE = ("after", "running_since", "polled_at", "exceeded_at", "ahead", "settled_after", "has_points", "empty_polls")

#: The latest lag alone, without any question of when it was measured.
LATEST = LagProof()


@dataclass(slots=True)
class LagHistory:
    """What the polls of one destination have shown about its lag points.

    :param gate: the condition.
    :param after: epoch seconds; only lag measured after this moment counts. ``None``: the time of the first poll.
    :param running_since: epoch seconds of the first of the polls that all showed a wanted status, without a gap;
        ``None``: the last poll did not.
    :param polled_at: epoch seconds of the last poll that showed a wanted status.
    :param exceeded_at: newest timestamp for which a lag above the limit has ever been shown.
    :param ahead: seconds by which timestamps may be ahead of the clock that reads them; never below 0.
    :param settled_after: greatest age, in seconds, at which a point was seen to have risen above the limit.
    :param has_points: whether any poll has shown a point. If so, the timeseries works, and the latest lag never stands
        in for it.
    :param empty_polls: polls whose timeseries held no lag, before one did.
    """

    gate: DestinationGate
    after: float | None = None
    running_since: float | None = None
    polled_at: float = -inf
    exceeded_at: float = -inf
    ahead: float = 0.0
    settled_after: float = 0.0
    has_points: bool = False
    empty_polls: int = 0
    _before: Reading | None = field(default=None, init=False)

    def add(self, reading: Reading) -> LagProof:
        """Add a poll, and return what is proved by now.

        :param reading: what the poll showed.
        """
        assert reading.read_at is not None, "timestamps can be judged only with the time of the poll"
        now = reading.read_at.timestamp()
        if self.after is None:
            self.after = now
        self._track_running(reading, now)
        self._track_clock(reading, now)
        self._track_lag(reading, now)
        self._track_revisions(reading, now)
        self.has_points = self.has_points or bool(reading.points)
        self.empty_polls += reading.points == ()
        if self.gate.falls_back and not self.has_points:
            return self._latest(reading)
        return self._proof(reading, now)

    @property
    def fell_back(self) -> bool:
        """Whether the last poll is the one from which on the latest lag stands in for the timeseries."""
        return self.gate.falls_back and not self.has_points and self.empty_polls == FALLBACK_POLLS

    def _track_running(self, reading: Reading, now: float) -> None:
        """A stopped consumer can show 0, so points count only from when the connector is known to have been running."""
        if self.gate.accepts_status(None) or not self._runs(reading):
            self.running_since = None
            return
        if self.running_since is None or now - self.polled_at > MAX_POLL_GAP:
            self.running_since = now
        self.polled_at = now

    def _track_clock(self, reading: Reading, now: float) -> None:
        """A timestamp from the future shows that the clocks differ: all timestamps then mean an earlier time."""
        if reading.newest is not None:
            lead = reading.newest.at - now
            self.ahead = max(self.ahead, lead if lead <= MAX_LEAD else lead + HIDDEN_LEAD)

    def _track_lag(self, reading: Reading, now: float) -> None:
        """The worst value ever shown for a timestamp counts, and a latest lag above the limit voids the points so far.

        So a point that is revised upward, in the same response or in a later one, starts the count again.
        """
        assert self.after is not None
        for point in reversed(reading.points or ()):
            # Older points cannot count anyway.
            if point.at <= max(self.exceeded_at, self.after):
                break
            if self.gate.exceeds(point.lag):
                self.exceeded_at = point.at
        if is_known(reading.lag) and self.gate.exceeds(reading.lag):
            self.exceeded_at = max(self.exceeded_at, now, reading.newest.at if reading.newest else now)

    def _track_revisions(self, reading: Reading, now: float) -> None:
        """A point that rises above the limit at some age shows that younger points are not final yet."""
        before = self._before
        if not reading.points:
            return
        self._before = reading
        for point in reversed(reading.points if before else ()):
            age = self._age(point, now)
            if age > REVISION_SECONDS:
                break
            earlier = before.by_time.get(point.at) if before else None
            if earlier is not None and self.gate.exceeds(point.lag) and not self.gate.exceeds(earlier):
                self.settled_after = max(self.settled_after, age)

    def _age(self, point: LagPoint, now: float) -> float:
        return now + self.ahead - point.at

    def _runs(self, reading: Reading) -> bool:
        return self.gate.accepts_status(reading.status) and reading.partitions != 0

    def _counts_from(self, moment: float) -> float:
        """Return the first timestamp of a lag that was measured after a moment.

        It is undocumented whether a timestamp is the start or the end of its minute: one minute later it is right
        either way.
        """
        return moment + GRAIN_SECONDS + self.ahead

    def _proof(self, reading: Reading, now: float) -> LagProof:
        check = self._check(reading, now)
        if check.answer is not Answer.MET or not self._runs(reading):
            answer = Answer.combine([check.answer, Answer.UNKNOWN])
            return LagProof("timeseries", (), check.reason or None, answer)
        points = self._evidence(reading, now)
        return LagProof("timeseries", points, None if points else self._not_counted(reading), after=self.after)

    def _check(self, reading: Reading, now: float) -> Check:
        """Check the newest lag against the condition, whatever earlier polls have shown."""
        newest = reading.newest
        assert self.after is not None
        too_high = self.gate.exceeds(reading.lag)
        if newest is None:
            return Check(Answer.NOT_MET if too_high else Answer.UNKNOWN, "the timeseries holds no lag")
        if self.gate.exceeds(newest.lag):
            return Check(Answer.NOT_MET, self.gate.lag_text(newest.lag))
        if too_high:
            latest = self.gate.lag_text(reading.lag)
            return Check(Answer.NOT_MET, f"latest {latest}, although the timeseries shows {number(newest.lag)}")
        if newest.at < (first := self._counts_from(self.after)):
            reason = f"the newest lag is from {utc_text(newest.at)} and counts from {utc_text(first)} on"
            return Check(Answer.UNKNOWN, reason)
        age, limit = self._age(newest, now) + GRAIN_SECONDS, self.gate.max_reading_age
        if limit is not None and age > limit:
            reason = f"the newest lag is up to {number(round(age))} s old, above max_reading_age={number(limit)}"
            return Check(Answer.UNKNOWN, reason)
        return Check(Answer.MET)

    def _evidence(self, reading: Reading, now: float) -> tuple[LagPoint, ...]:
        """Return the newest points that count, at least a minute apart, without a worse one among them."""
        assert self.after is not None
        first = self._counts_from(max(self.after, self._running_from()))
        counted: list[LagPoint] = []
        for point in reversed(reading.points or ()):
            if point.at < first or point.at <= self.exceeded_at:
                break
            if self._age(point, now) < self.settled_after:
                continue
            if not counted or counted[-1].at - point.at >= GRAIN_SECONDS:
                counted.append(point)
        return tuple(counted)

    def _not_counted(self, reading: Reading) -> str:
        newest = reading.newest
        assert newest is not None
        if newest.at <= self.exceeded_at:
            return f"a lag above the limit was shown at {utc_text(self.exceeded_at)}; waiting for a later point"
        if self.settled_after:
            return f"points are revised up to {number(round(self.settled_after))} s later; waiting for final ones"
        since = self._running_from()
        return (
            f"the newest lag is from {utc_text(newest.at)} and counts from {utc_text(self._counts_from(since))} on, "
            f"because the connector has been seen running since {utc_text(since)}"
        )

    def _running_from(self) -> float:
        """Return the moment from which the connector is known to have been running."""
        return -inf if self.running_since is None else self.running_since

    def _latest(self, reading: Reading) -> LagProof:
        """The default falls back to the latest lag where the timeseries holds no point."""
        if not is_known(reading.lag):
            return LagProof(missing="lag is unknown", answer=Answer.UNKNOWN, fallback=True)
        if self.gate.exceeds(reading.lag):
            return LagProof(missing=self.gate.lag_text(reading.lag), answer=Answer.NOT_MET, fallback=True)
        return LagProof(fallback=True)

    def to_dict(self) -> dict[str, Any]:
        """Return the state as plain JSON; empty if there is none yet."""
        if self.after is None:
            return {}
        state = {name: getattr(self, name) for name in _STATE}
        return {name: value for name, value in state.items() if value and isfinite(value)}

    @classmethod
    def from_dict(cls, gate: DestinationGate, after: float | None, state: Mapping[str, Any]) -> LagHistory:
        """Restore the state that :meth:`to_dict` returned.

        :param gate: the condition.
        :param after: as of the class; the remembered one counts where this is ``None``.
        :param memory: the state; may be empty.
        """
        # Another version of this package may have remembered more.
        history = cls(gate, **{name: value for name, value in state.items() if name in _STATE})
        history.after = history.after if after is None else after
        return history


def _iso(epoch_seconds: float | None) -> str | None:
    return None if epoch_seconds is None else datetime.fromtimestamp(epoch_seconds, UTC).isoformat()
