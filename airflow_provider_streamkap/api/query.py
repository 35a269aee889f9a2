# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""What to ask of a destination's metrics: validated before anything is sent, and always in UTC."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any
from urllib.parse import quote

LATEST = "latest"
TIMESERIES = "timeseries"
TIMESUMMARY = "timesummary"

#: Values of ``time_type``, as the API documents them.
TIME_TYPES = (LATEST, TIMESERIES, TIMESUMMARY)
#: Values of ``time_unit``, as the API documents them.
TIME_UNITS = ("minute", "hour", "day", "week", "month")
#: Seconds that one point of a timeseries covers at the finest grain that the API documents.
GRAIN_SECONDS = 60
# The smallest number of 24 digits, as long as the API's ids.
_SHORTEST_ID = 10**23
#: What is taken for a moment: ISO 8601 text or an aware datetime (pendulum's too).
Timestamp = str | datetime


def check_destination_id(value: Any, name: str = "destination_id") -> str:
    """Return the id of a destination as text.

    :param value: the id. The API's ids are 24 hexadecimal digits, but any text that fits into one path segment is
        accepted. So is an integer of 24 digits: native rendering turns an id without letters into a number.
    :param name: the argument's name, for the message.
    :raises ValueError: if it is not a text, is blank, or cannot be one path segment.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _id_of_digits(value, name)
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{name} must be a non-empty text, not {value!r}")
    if any(unicodedata.category(char) in ("Cc", "Cs") for char in value):
        raise ValueError(f"{name} must not hold control characters, not {value!r}")
    # Every HTTP library resolves these two, quoted or not: the request would go to another resource.
    if value in (".", ".."):
        raise ValueError(f"{name} must not be {value!r}")
    return value


def _id_of_digits(value: float, name: str) -> str:
    if isinstance(value, int) and _SHORTEST_ID <= value < 10 * _SHORTEST_ID:
        return str(value)
    raise ValueError(
        f"{name} must be a text, not the number {value!r}. An id without letters, or with a single e among its digits, "
        "becomes a number in a DAG with render_template_as_native_obj=True, and can lose digits: put quotes around "
        f"the template, as in {name}=\"'{{{{ params.id }}}}'\", or pass the id as a text"
    )


def destination_ids(value: Any) -> tuple[str, ...]:
    """Return one id or several as a tuple of texts.

    :param value: an id, or an iterable of ids; duplicates are dropped.
    :raises ValueError: if one of them is not an id, or there is none.
    """
    if is_one_id(value):
        return (check_destination_id(value),)
    if not isinstance(value, Iterable) or isinstance(value, Mapping | bytes):
        raise ValueError(f"destination_id must be an id or a list of ids, not {value!r}")
    ids = tuple(dict.fromkeys(check_destination_id(id_) for id_ in value))
    if not ids:
        raise ValueError("destination_id is an empty list: name at least one destination")
    return ids


def is_one_id(value: Any) -> bool:
    """Return whether a ``destination_id`` stands for one destination, so that the result is one snapshot.

    :param value: the argument as it was given or rendered.
    """
    return isinstance(value, str | int | float)


def destination_path(destination_id: str, *more: str) -> str:
    """The path of a destination's resource, with the id quoted as one segment.

    :param destination_id: a checked id.
    :param more: further segments.
    """
    return "/".join(("/destinations", quote(destination_id, safe=""), *more))


def parse_timestamp(text: object) -> datetime:
    """Read a timestamp as the API writes it: ISO 8601 or ``2025-03-02 08:00:00``; without a zone it is UTC.

    :param text: the timestamp.
    :returns: an aware UTC datetime.
    :raises ValueError: if it cannot be read.
    """
    try:
        moment = datetime.fromisoformat(text.strip() if isinstance(text, str) else "")
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"not an ISO 8601 timestamp: {str(text)[:60]!r}") from None


def aware_utc(name: str, value: Any) -> datetime | None:
    """Read a moment that a person gave.

    :param name: the argument, for the message.
    :param value: ISO 8601 text or an aware datetime (pendulum's too); ``None`` stays ``None``.
    :returns: a plain aware UTC datetime.
    :raises ValueError: if it cannot be read, or has no time zone.
    """
    if value is None:
        return None
    shown = repr(str(value)[:60])
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str.strip(value))
    except (ValueError, TypeError):
        allowed = "an aware datetime or an ISO 8601 text such as 2025-03-02T07:10:15Z"
        raise ValueError(f"{name} must be {allowed}, not {shown}") from None
    if moment.utcoffset() is None:
        raise ValueError(f"{name} has no time zone: {shown}; add one, for instance Z for UTC")
    try:
        moment = moment.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{name} is out of range: {shown}") from None
    # A plain datetime, so that equal queries are equal whatever class they were made from.
    return datetime.combine(moment.date(), moment.time(), tzinfo=UTC)


def _iso(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


@dataclass(frozen=True)
class MetricsQuery:
    """One question for ``GET /destinations/{destination_id}/metrics``.

    :param destination_id: id of the destination.
    :param time_type: ``latest`` (most recent values), ``timesummary`` (aggregated over the period) or
        ``timeseries``.
    :param time_interval: number of ``time_unit`` between data points, from 1 on.
    :param time_unit: ``minute``, ``hour``, ``day``, ``week`` or ``month``.
    :param timestamp_from: start of the period: an ISO 8601 text, a datetime or a pendulum DateTime, with a
        zone; None: the API's default, 24 hours ago. Not with ``latest``, for which the API ignores the period.
    :param timestamp_to: end of the period, likewise; None: the API's default, now.
    :raises ValueError: an argument is out of its range, the period is empty or reversed, or ``latest`` has one; the
        message names the argument and the allowed values.
    """

    destination_id: str
    time_type: str = LATEST
    time_interval: int = 1
    time_unit: str = "hour"
    timestamp_from: datetime | str | None = None
    timestamp_to: datetime | str | None = None

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "destination_id", check_destination_id(self.destination_id))
        put(self, "time_type", _one_of("time_type", self.time_type, TIME_TYPES))
        put(self, "time_unit", _one_of("time_unit", self.time_unit, TIME_UNITS))
        interval: Any = self.time_interval
        if isinstance(interval, bool) or not isinstance(interval, int) or interval < 1:
            raise ValueError(f"time_interval must be a whole number from 1 on, not {interval!r}")
        start, end = aware_utc("timestamp_from", self.timestamp_from), aware_utc("timestamp_to", self.timestamp_to)
        if self.time_type == LATEST and (start is not None or end is not None):
            raise ValueError(
                "timestamp_from and timestamp_to have no effect with time_type='latest', which returns the current "
                "values: set time_type to 'timesummary' or 'timeseries', or leave them out"
            )
        if start is not None and end is not None and start >= end:
            raise ValueError(f"timestamp_from ({_iso(start)}) must be before timestamp_to ({_iso(end)})")
        put(self, "timestamp_from", start)
        put(self, "timestamp_to", end)

    @cached_property
    def path(self) -> str:
        """Path of the request, below the base URL."""
        return destination_path(self.destination_id, "metrics")

    @cached_property
    def params(self) -> tuple[tuple[str, str], ...]:
        """Query of the request. Defaults are sent, too: the meaning must not change with those of the API."""
        period = (("timestamp_from", self.timestamp_from), ("timestamp_to", self.timestamp_to))
        return (
            ("time_type", self.time_type),
            ("time_interval", str(self.time_interval)),
            ("time_unit", self.time_unit),
            *((name, _iso(moment)) for name, moment in period if isinstance(moment, datetime)),
        )


def _one_of(name: str, value: Any, allowed: tuple[str, ...]) -> str:
    for known in allowed:
        if isinstance(value, str) and value == known:
            # The table's own text: an Enum member that equals it would be written differently.
            return known
    raise ValueError(f"{name} must be one of {', '.join(allowed)}, not {value!r}")
