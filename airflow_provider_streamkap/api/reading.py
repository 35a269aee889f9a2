# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""What one look at a destination showed, in the few values that can be judged, and how they are told to a person."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property


@dataclass(frozen=True)
class Reading:
    """What one look at a destination showed.

    :param status: ``connector_status`` as the API spells it; ``None``: it said nothing.
    :param lag: records that wait in Kafka for the destination; ``None``: unknown, which is never zero.
    :param latency_ms: the destination's latency in milliseconds; ``None``: unknown.
    :param lag_at: the stamp of the point that the lag was taken from; ``None``: the lag carries no time.
    :param read_at: when the look was taken.
    """

    status: str | None
    lag: float | None
    latency_ms: float | None = None
    lag_at: datetime | None = None
    read_at: datetime | None = None

    def __str__(self) -> str:
        return self._told

    # Waits on one destination share the reading, and all of them tell of it.
    @cached_property
    def _told(self) -> str:
        parts = [f"status {self.status or 'unknown'}", f"lag {number(self.lag)}"]
        if self.lag_at is not None:
            parts[-1] += f" at {moment(self.lag_at)}"
        if self.latency_ms is not None:
            parts.append(f"latency {number(self.latency_ms)} ms")
        return ", ".join(parts)


def moment(at: datetime) -> str:
    """Write a moment as a person would: UTC, to the second.

    :param at: an aware datetime.
    """
    return at.astimezone(UTC).isoformat(" ", "seconds").replace("+00:00", "Z")


def number(value: float | None) -> str:
    """Write a number as a person would: no trailing ``.0``, thousands apart; ``unknown`` for ``None``.

    :param value: the number, or ``None``.
    """
    if value is None:
        return "unknown"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{int(value):,}" if math.isfinite(value) and value.is_integer() else f"{value:,.4g}"
