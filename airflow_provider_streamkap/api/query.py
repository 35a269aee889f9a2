# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Kinds of resources, and metrics queries: validated before a request is sent, with times converted to UTC."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar
from urllib.parse import quote

from airflow_provider_streamkap.api.checks import check_choice, check_integer, check_text

LATEST = "latest"
TIMESERIES = "timeseries"
TIMESUMMARY = "timesummary"

#: Values of ``time_type``, as documented by the API.
TIME_TYPES = (LATEST, TIMESERIES, TIMESUMMARY)
#: Values of ``time_unit``, as documented by the API.
TIME_UNITS = ("minute", "hour", "day", "week", "month")
#: Seconds per point of a timeseries at the finest documented resolution.
GRAIN_SECONDS = 60
# The smallest number with 24 digits, the length of an id.
_MIN_NUMERIC_ID = 10**23
#: A point in time: an ISO 8601 string or an aware datetime, including pendulum's.
Timestamp = str | datetime


def check_resource_id(value: Any, name: str = "destination_id") -> str:
    """Validate an id and return it as a string.

    :param value: the id. The API's ids have 24 hexadecimal digits, but any string that fits into one path segment is
        accepted. An integer of 24 digits is accepted too: native rendering converts an id without letters to a number.
    :param name: name of the argument for the error message, default ``destination_id``.
    :raises ValueError: the id is not a string, is blank, or does not fit into one path segment.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _id_of_digits(value, name)
    text = check_text(name, value)
    if any(unicodedata.category(char) in ("Cc", "Cs") for char in text):
        raise ValueError(f"{name} must not contain control characters; got {value!r}")
    # HTTP libraries resolve these even if quoted, so the request would go to another resource.
    if text in (".", ".."):
        raise ValueError(f"{name} must not be {value!r}")
    return text


def _id_of_digits(value: float, name: str) -> str:
    if isinstance(value, int) and _MIN_NUMERIC_ID <= value < 10 * _MIN_NUMERIC_ID:
        return str(value)
    raise ValueError(
        f"{name} must be a string; got the number {value!r}. With render_template_as_native_obj=True, an id without "
        "letters, or with a single e among its digits, is converted to a number and can lose digits: quote the "
        f"template, as in {name}=\"'{{{{ params.id }}}}'\", or pass the id as a string"
    )


def check_resource_name(value: Any, argument: str = "destination_name") -> str:
    """Validate the name of a resource and return it unchanged.

    :param value: the name: any text, since users choose it.
    :param argument: name of the argument for the error message, default ``destination_name``.
    :raises ValueError: the name is not a string, is blank, or contains NUL or a lone surrogate.
    """
    if isinstance(value, int | float):
        raise ValueError(
            f"{argument} must be a string; got {value!r}. With render_template_as_native_obj=True, a name that looks "
            f"like a number is converted to one: quote the template, as in {argument}=\"'{{{{ params.name }}}}'\""
        )
    text = check_text(argument, value)
    # The names in responses never contain these; see payload.clean().
    if any(char == "\0" or unicodedata.category(char) == "Cs" for char in text):
        raise ValueError(f"{argument} must not contain NUL or lone surrogates; got {value!r}")
    return text


def is_keyed(value: Any) -> bool:
    """Return whether the result for an argument with ids or names is a dict: it is not a single id or name.

    :param value: the argument, rendered or not.
    """
    return not isinstance(value, str | int | float)


@dataclass(frozen=True)
class ResourceKind:
    """A kind of resource of the API, which defines its paths, arguments and messages.

    :param name: the singular, for example ``destination``.
    """

    name: str

    @property
    def id_name(self) -> str:
        """Name of the argument and of the key that hold an id."""
        return f"{self.name}_id"

    @property
    def name_key(self) -> str:
        """Name of the argument and of the key that hold a name."""
        return f"{self.name}_name"

    @property
    def metrics_permission(self) -> str:
        """Permission that reading metrics requires."""
        return f"read:{self.name}_metrics"

    def path(self, *segments: str) -> str:
        """Return the path of the list, or of what the segments name in it, each quoted as one segment.

        :param segments: a validated id and further path segments; default none.
        """
        return "/".join((f"/{self.name}s", *(quote(segment, safe="") for segment in segments)))


DESTINATION = ResourceKind("destination")
SOURCE = ResourceKind("source")
PIPELINE = ResourceKind("pipeline")


def resource_ids(kind: ResourceKind, value: Any) -> tuple[str, ...]:
    """Validate one or more ids and return them as a tuple of strings.

    :param kind: the kind of the resources.
    :param value: an id, or an iterable of ids; duplicates are dropped.
    :raises ValueError: an id is invalid, or there is none.
    """
    return _one_or_more(kind.id_name, "id", value, check_resource_id)


def resource_names(kind: ResourceKind, value: Any) -> tuple[str, ...]:
    """Validate one or more names and return them as a tuple of strings.

    :param kind: the kind of the resources.
    :param value: a name, or an iterable of names; duplicates are dropped.
    :raises ValueError: a name is invalid, or there is none.
    """
    return _one_or_more(kind.name_key, "name", value, check_resource_name)


def _one_or_more(argument: str, noun: str, value: Any, check: Callable[[Any, str], str]) -> tuple[str, ...]:
    if not is_keyed(value):
        return (check(value, argument),)
    if not isinstance(value, Iterable) or isinstance(value, Mapping | bytes):
        article = "an" if noun == "id" else "a"
        raise ValueError(f"{argument} must be {article} {noun} or a list of {noun}s; got {value!r}")
    checked = tuple(dict.fromkeys(check(item, argument) for item in value))
    if not checked:
        raise ValueError(f"{argument} is an empty list: pass at least one {noun}")
    return checked


def parse_timestamp(text: object) -> datetime:
    """Parse a timestamp of the API: ISO 8601 or ``2025-03-02 08:00:00``, in UTC unless it has a time zone.

    :param text: the timestamp.
    :returns: an aware UTC datetime.
    :raises ValueError: the timestamp is invalid.
    """
    try:
        moment = datetime.fromisoformat(text.strip() if isinstance(text, str) else "")
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"not an ISO 8601 timestamp: {str(text)[:60]!r}") from None


def aware_utc(name: str, value: Any) -> datetime | None:
    """Parse a timestamp argument.

    :param name: name of the argument, for the error message.
    :param value: an ISO 8601 string or an aware datetime (including pendulum's); ``None`` is returned as ``None``.
    :returns: a plain aware UTC datetime.
    :raises ValueError: the value is invalid or has no time zone.
    """
    if value is None:
        return None
    shown = repr(str(value)[:60])
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str.strip(value))
    except (ValueError, TypeError):
        allowed = "an aware datetime or an ISO 8601 string such as 2025-03-02T07:10:15Z"
        raise ValueError(f"{name} must be {allowed}; got {shown}") from None
    if moment.utcoffset() is None:
        raise ValueError(f"{name} has no time zone: {shown}; add one, for example Z for UTC")
    try:
        moment = moment.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{name} is out of range: {shown}") from None
    # Convert to a plain datetime, so that equal queries compare equal whatever datetime class was passed.
    return datetime.combine(moment.date(), moment.time(), tzinfo=UTC)


def _iso(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


class LatestQuery:
    """What all metrics queries have in common. A subclass is a dataclass with a field for the id.

    :raises ValueError: the id is invalid.
    """

    kind: ClassVar[ResourceKind]
    time_type: str = LATEST

    def __post_init__(self) -> None:
        object.__setattr__(self, self.kind.id_name, check_resource_id(self.resource_id, self.kind.id_name))

    @property
    def resource_id(self) -> str:
        """Id of the resource."""
        value: str = getattr(self, self.kind.id_name)
        return value

    @property
    def path(self) -> str:
        """Path of the request, relative to the base URL."""
        return self.kind.path(self.resource_id, "metrics")

    @property
    def params(self) -> tuple[tuple[str, str], ...]:
        """Query parameters. Defaults are sent explicitly, so that a change of the API's defaults has no effect."""
        return (("time_type", self.time_type),)


class PeriodQuery(LatestQuery):
    """A metrics query with the six documented parameters."""

    time_interval: int
    time_unit: str
    timestamp_from: datetime | str | None
    timestamp_to: datetime | str | None

    def __post_init__(self) -> None:
        super().__post_init__()
        put = object.__setattr__
        put(self, "time_type", check_choice("time_type", self.time_type, TIME_TYPES))
        put(self, "time_unit", check_choice("time_unit", self.time_unit, TIME_UNITS))
        check_integer("time_interval", self.time_interval)
        start, end = aware_utc("timestamp_from", self.timestamp_from), aware_utc("timestamp_to", self.timestamp_to)
        if self.time_type == LATEST and (start is not None or end is not None):
            raise ValueError(
                "timestamp_from and timestamp_to have no effect with time_type='latest', which returns the current "
                "values: set time_type to 'timesummary' or 'timeseries', or remove them"
            )
        if start is not None and end is not None and start >= end:
            raise ValueError(f"timestamp_from ({_iso(start)}) must be before timestamp_to ({_iso(end)})")
        put(self, "timestamp_from", start)
        put(self, "timestamp_to", end)

    @property
    def params(self) -> tuple[tuple[str, str], ...]:
        """Query parameters, likewise."""
        period = (("timestamp_from", self.timestamp_from), ("timestamp_to", self.timestamp_to))
        return (
            *super().params,
            ("time_interval", str(self.time_interval)),
            ("time_unit", self.time_unit),
            *((name, _iso(moment)) for name, moment in period if isinstance(moment, datetime)),
        )


@dataclass(frozen=True)
class MetricsQuery(PeriodQuery):
    """Query parameters for ``GET /destinations/{destination_id}/metrics``.

    :param destination_id: id of the destination.
    :param time_type: ``latest`` (most recent values, default), ``timesummary`` (aggregated over the period) or
        ``timeseries``.
    :param time_interval: number of ``time_unit`` per data point, at least 1 (default).
    :param time_unit: ``minute``, ``hour`` (default), ``day``, ``week`` or ``month``.
    :param timestamp_from: start of the period: an ISO 8601 string or a datetime (including pendulum's) with a time
        zone; None (default): the API's default, 24 hours ago. Not allowed with ``latest``, where the API ignores it.
    :param timestamp_to: end of the period, likewise; None (default): the API's default, now.
    :raises ValueError: an argument is invalid, the period is empty or reversed, or a period is passed with ``latest``;
        the message names the argument and the allowed values.
    """

    kind = DESTINATION

    destination_id: str
    time_type: str = LATEST
    time_interval: int = 1
    time_unit: str = "hour"
    timestamp_from: datetime | str | None = None
    timestamp_to: datetime | str | None = None


@dataclass(frozen=True)
class SourceMetricsQuery(PeriodQuery):
    """Query parameters for ``GET /sources/{source_id}/metrics``. The arguments are those of :class:`MetricsQuery`.

    :param source_id: id of the source.
    """

    kind = SOURCE

    source_id: str
    time_type: str = LATEST
    time_interval: int = 1
    time_unit: str = "hour"
    timestamp_from: datetime | str | None = None
    timestamp_to: datetime | str | None = None


@dataclass(frozen=True)
class PipelineMetricsQuery(LatestQuery):
    """Query parameters for ``GET /pipelines/{pipeline_id}/metrics``, which has only the latest values.

    :param pipeline_id: id of the pipeline.
    :raises ValueError: the id is invalid.
    """

    kind = PIPELINE

    pipeline_id: str
