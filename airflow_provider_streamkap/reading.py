# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""What one look at a destination showed, as far as a gate judges it, and how its numbers and moments are told."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_provider_streamkap.api.watch import Observation


@dataclass(frozen=True, slots=True)
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

    @classmethod
    def of(cls, seen: Observation) -> Reading:
        """Take from a look at a destination what the gate judges.

        :param seen: the look. Where it holds a timeseries, the lag is its newest point's, or unknown without one.
        """
        latest, point = seen.latest, seen.newest_lag
        lag = latest.records_lag if seen.series is None else point and point.value
        return cls(latest.connector_status, lag, latest.latency_ms, point and point.timestamp, latest.observed_at)

    def __str__(self) -> str:
        return _told(self)


# Waits on one destination see the same reading at the same moment, and most ask the same of it.
for_all = lru_cache(maxsize=128)


@for_all
def _told(reading: Reading) -> str:
    parts = [f"status {reading.status or 'unknown'}", f"lag {number(reading.lag)}"]
    if reading.lag_at is not None:
        parts[-1] += f" at {moment(reading.lag_at)}"
    if reading.latency_ms is not None:
        parts.append(f"latency {number(reading.latency_ms)} ms")
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
    return f"{int(value):,}" if math.isfinite(value) and float(value).is_integer() else f"{value:,.4g}"
