# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Query parameters of the simulated endpoints, validated as documented. All errors go into one 422 response."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from airflow_provider_streamkap.testing.messages import Answer, Incoming, Refusal, Violations

TIME_TYPES: Final = ("timeseries", "timesummary", "latest")
TIME_UNITS: Final = ("minute", "hour", "day", "week", "month")
DAY: Final = 86400.0
MAX_PAGE_SIZE: Final = 100
_MAX_INTERVAL: Final = 1_000_000
_WHOLE_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,4000}")
_DATE_TIME: Final = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(:\d{2}([.]\d{1,9})?)?([Zz]|[+-]\d{2}:?\d{2})?", re.ASCII
)
_COMPARISON: Final = re.compile(r"(gt|lt|gte|lte|eq|ne):(-?[0-9]{1,300}(?:[.][0-9]{1,300})?)")
_OPERATORS: Final[dict[str, Callable[[float, float], bool]]] = {
    "gt": operator.gt,
    "lt": operator.lt,
    "gte": operator.ge,
    "lte": operator.le,
    "eq": operator.eq,
    "ne": operator.ne,
}


@dataclass(frozen=True)
class MetricsParams:
    """Parameters of the metrics endpoint.

    :param start: ``timestamp_from`` in epoch seconds. Default: 24 hours ago.
    :param end: ``timestamp_to`` in epoch seconds. Default: now.
    """

    time_type: str
    time_interval: int
    time_unit: str
    start: float
    end: float


@dataclass(frozen=True)
class ListParams:
    """Parameters of the endpoints that list resources. A filter that is None matches everything.

    :param compare: the filter ``lag`` of destinations, or ``latency`` of sources.
    """

    page: int
    page_size: int
    partial_name: str | None
    connectors: frozenset[str] | None
    statuses: frozenset[str] | None
    tag_ids: frozenset[str] | None
    compare: Callable[[float], bool] | None
    source_ids: frozenset[str] | None
    destination_ids: frozenset[str] | None
    sort: str | None
    descending: bool

    def matches_status_and_tags(self, status: str | None, tag_ids: Iterable[str]) -> bool:
        """Return whether the filters match that all kinds have."""
        if self.statuses is not None and (status or "").casefold() not in self.statuses:
            return False
        return self.tag_ids is None or not self.tag_ids.isdisjoint(tag.casefold() for tag in tag_ids)


def metrics_params(request: Incoming, now: float, time_types: tuple[str, ...] = TIME_TYPES) -> MetricsParams:
    """Parse the parameters of a metrics endpoint.

    :param now: current time in epoch seconds, for the defaults.
    :param time_types: accepted time types. Default: all.
    :raises Refusal: 422 if a value cannot be parsed; 400 if the interval is out of range or the start is after
        the end.
    """
    bad = Violations("query")
    time_type = _one_of(request, "time_type", time_types, "latest", bad)
    interval = _integer(request, "time_interval", 1, bad)
    unit = _one_of(request, "time_unit", TIME_UNITS, "hour", bad)
    start = _timestamp(request, "timestamp_from", bad)
    end = _timestamp(request, "timestamp_to", bad)
    bad.refuse()
    params = MetricsParams(
        time_type, interval, unit, now - DAY if start is None else start, now if end is None else end
    )
    if not 1 <= interval <= _MAX_INTERVAL:
        raise Refusal(Answer.error(400, f"time_interval must be from 1 to {_MAX_INTERVAL}"))
    if params.start > params.end:
        raise Refusal(Answer.error(400, "timestamp_from is after timestamp_to"))
    return params


def list_params(request: Incoming, comparison: str | None) -> ListParams:
    """Parse the parameters of an endpoint that lists resources.

    :param comparison: name of the filter that compares a number, if there is one.
    :raises Refusal: 422 if a value is invalid.
    """
    bad = Violations("query")
    page = _integer(request, "page", 1, bad, minimum=1)
    size = _integer(request, "page_size", 10, bad, minimum=1, maximum=MAX_PAGE_SIZE)
    direction = _one_of(request, "sort_dir", ("asc", "desc"), "asc", bad)
    compare = _compare(request, comparison, bad)
    bad.refuse()
    return ListParams(
        page=page,
        page_size=size,
        partial_name=request.last("partial_name"),
        connectors=_several(request, "connector"),
        statuses=_several(request, "status"),
        tag_ids=_several(request, "tag_ids"),
        compare=compare,
        source_ids=_several(request, "source_id"),
        destination_ids=_several(request, "destination_id"),
        sort=request.last("sort"),
        descending=direction == "desc",
    )


def _one_of(request: Incoming, name: str, allowed: tuple[str, ...], default: str, bad: Violations) -> str:
    value = request.last(name)
    if value is None:
        return default
    if value not in allowed:
        bad.add(name, f"must be one of {', '.join(allowed)}", "enum")
    return value


def _integer(
    request: Incoming,
    name: str,
    default: int,
    bad: Violations,
    minimum: int | None = None,
    maximum: int | None = None,
) -> int:
    value = request.last(name)
    if value is None:
        return default
    if not _WHOLE_NUMBER.fullmatch(value):
        bad.add(name, "must be a whole number", "int_parsing")
        return default
    number = int(value)
    if minimum is not None and number < minimum:
        bad.add(name, f"must be {minimum} or more", "greater_than_equal")
    if maximum is not None and number > maximum:
        bad.add(name, f"must be {maximum} or less", "less_than_equal")
    return number


def _timestamp(request: Incoming, name: str, bad: Violations) -> float | None:
    value = request.last(name)
    if value is None:
        return None
    try:
        if not _DATE_TIME.fullmatch(value):
            raise ValueError
        moment = datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        bad.add(name, "must be a date and time of ISO 8601", "datetime_parsing")
        return None


def _several(request: Incoming, name: str) -> frozenset[str] | None:
    """Return the casefolded values of a parameter that can be repeated or comma-separated."""
    values = [part.strip().casefold() for value in request.values(name) for part in value.split(",")]
    return frozenset(filter(None, values)) or None


def _compare(request: Incoming, name: str | None, bad: Violations) -> Callable[[float], bool] | None:
    value = request.last(name) if name else None
    if name is None or value is None:
        return None
    match = _COMPARISON.fullmatch(value)
    if match is None:
        bad.add(name, f"must be one of {', '.join(_OPERATORS)}, a colon and a number", "string_pattern_mismatch")
        return None
    compare, limit = _OPERATORS[match[1]], float(match[2])
    return lambda number: compare(number, limit)
