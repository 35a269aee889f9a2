# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""A single reading of a destination: status, lag, latency, and the timestamped lag points, if they were requested."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import NamedTuple

_FIRST_SECOND = datetime.min.replace(tzinfo=UTC).timestamp()
_LAST_SECOND = datetime.max.replace(microsecond=0, tzinfo=UTC).timestamp()


class LagPoint(NamedTuple):
    """One known value of the lag timeseries.

    :param at: timestamp of the point, in epoch seconds.
    :param lag: records that waited in Kafka for the destination; finite and not negative.
    """

    at: float
    lag: float


@dataclass(frozen=True)
class Reading:
    """What one poll showed of a destination.

    :param status: ``connector_status`` as the API spells it; ``None``: unknown.
    :param lag: the latest lag, in records, which carries no timestamp; ``None``: unknown, which is never zero.
    :param latency_ms: the destination's latency in milliseconds; ``None``: unknown.
    :param points: known lag points of the timeseries, oldest first, one per timestamp; ``None``: not requested.
    :param read_at: when the response was read.
    :param partitions: partitions assigned to the connector's consumers; ``None``: unknown.
    """

    status: str | None
    lag: float | None
    latency_ms: float | None = None
    points: tuple[LagPoint, ...] | None = None
    read_at: datetime | None = None
    partitions: float | None = None

    @cached_property
    def by_time(self) -> dict[float, float]:
        """The known points as a mapping from timestamp to lag."""
        return dict(self.points or ())

    @property
    def newest(self) -> LagPoint | None:
        """The newest known point of the timeseries, if there is one."""
        return self.points[-1] if self.points else None

    def __str__(self) -> str:
        return self._text

    # All waits on a destination share the reading and log it.
    @cached_property
    def _text(self) -> str:
        parts = [f"status {self.status or 'unknown'}"]
        newest = self.newest
        if newest is not None:
            parts.append(f"lag {number(newest.lag)} at {utc_text(newest.at)}")
        if newest is None or newest.lag != self.lag:
            parts.append(f"{'lag' if self.points is None else 'latest lag'} {number(self.lag)}")
        if self.partitions == 0:
            parts.append("no partition assigned")
        if self.latency_ms is not None:
            parts.append(f"latency {number(self.latency_ms)} ms")
        return ", ".join(parts)


def is_known(lag: float | None) -> bool:
    """Return whether a number from the API is usable; ``None``, negative and non-finite numbers are not.

    :param lag: a lag in records, or a latency in milliseconds.
    """
    return lag is not None and math.isfinite(lag) and lag >= 0


def utc_text(epoch_seconds: float) -> str:
    """Format a time as UTC text, to the second.

    :param epoch_seconds: the time.
    """
    # A response can hold any year that a timestamp has room for.
    inside = min(max(epoch_seconds, _FIRST_SECOND), _LAST_SECOND)
    return datetime.fromtimestamp(inside, UTC).isoformat(" ", "seconds").replace("+00:00", "Z")


def number(value: float | None) -> str:
    """Write a number as a person would: no trailing ``.0``, thousands apart; ``unknown`` for ``None``.

    :param value: the number, or ``None``.
    """
    if value is None:
        return "unknown"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{int(value):,}" if math.isfinite(value) and value.is_integer() else f"{value:,.4g}"
