# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The metrics of a destination. A value of an undocumented type is unknown and does not fail the response."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

from airflow_provider_streamkap.api.errors import StreamkapResponseError
from airflow_provider_streamkap.api.payload import clean, is_number
from airflow_provider_streamkap.api.query import (
    TIMESERIES,
    MetricsQuery,
    parse_timestamp,
)

STATUS = "connector_status"
LAG = "recordsLag"
LATENCY = "latency"
PARTITIONS = "partitionCount"

#: Metrics with numbers, as the API documents them.
NUMERIC_METRICS = (
    LAG,
    LATENCY,
    "sinkRecordReadTotal",
    "sinkRecordSendTotal",
    "recordsConsumedTotal",
    "bytesConsumedTotal",
    PARTITIONS,
    "putBatchMaxTimeMs",
    "qa_exact_count_diff",
)

#: Undocumented metrics that are kept of a response, and the most characters of one of their values, of a metric's name,
#: of a text and of an entry of the metadata.
MAX_EXTRAS = 100
MAX_CHARACTERS = 4096

_DOCUMENTED = frozenset((STATUS, *NUMERIC_METRICS))
_KINDS = {
    type(None): "null",
    bool: "true or false",
    int: "a number",
    float: "a number",
    str: "a text",
    list: "a list",
    dict: "an object",
}


class Point(NamedTuple):
    """One value of a timeseries: an aware UTC ``timestamp``, and a ``value`` or None where the API knows none."""

    timestamp: datetime
    value: int | float | None


@dataclass(frozen=True)
class DestinationMetrics:
    """The metrics of one destination, as read at one moment.

    :param destination_id: id of the destination.
    :param time_type: what was asked for: ``latest``, ``timesummary`` or ``timeseries``.
    :param observed_at: aware UTC time at which the answer was read; the API does not say how old ``latest`` is.
    :param data: values by metric; of a timeseries lists of points, sorted, with ISO 8601 timestamps.
    :param metadata: by metric its display name and unit, as the API gives them.
    :param undocumented: by metric what the API sent instead of the documented type, or instead of a value of at most
        4,096 characters. Such a value is None in ``data``.
    """

    destination_id: str
    time_type: str
    observed_at: datetime
    data: dict[str, Any]
    metadata: dict[str, Any]
    undocumented: dict[str, str] = field(default_factory=dict, compare=False)

    @classmethod
    def parse(cls, query: MetricsQuery, payload: object, observed_at: datetime) -> DestinationMetrics:
        """Parse a response.

        :param query: the query that was sent.
        :param payload: the response's JSON value.
        :param observed_at: aware time at which the response was read.
        :raises StreamkapResponseError: if the response as a whole is not what the API documents.
        """
        answer = clean(payload)
        if not isinstance(answer, dict):
            raise StreamkapResponseError(f"the metrics are {_kind(answer)} where an object is documented")
        data = answer.get("data")
        if not isinstance(data, dict):
            what = f"data is {_kind(data)}" if "data" in answer else "there is no data"
            raise StreamkapResponseError(f"the metrics are not as documented: {what}")
        metadata = answer.get("metadata")
        metadata = metadata if isinstance(metadata, dict) else {}
        parse = _series if query.time_type == TIMESERIES else _single
        parsed = {name: parse(name, data[name]) for name in _kept(data)}
        return cls(
            destination_id=query.destination_id,
            time_type=query.time_type,
            observed_at=observed_at.astimezone(UTC),
            data={name: value for name, (value, _) in parsed.items()},
            metadata={name: metadata[name] for name in _kept(metadata) if not _is_large(metadata[name])},
            undocumented={name: problem for name, (_, problem) in parsed.items() if problem},
        )

    @property
    def connector_status(self) -> str | None:
        """State of the connector; an open set. None where the API says nothing, and of a timeseries."""
        value = self._value(STATUS)
        return value if isinstance(value, str) and value.strip() else None

    @property
    def records_lag(self) -> int | float | None:
        """Records that wait in Kafka. None is unknown, never 0; None of a timeseries."""
        return self._number(LAG)

    @property
    def latency_ms(self) -> int | float | None:
        """Latency in milliseconds. None is unknown; None of a timeseries."""
        return self._number(LATENCY)

    @property
    def partitions(self) -> int | float | None:
        """Partitions assigned to the connector's consumers. None is unknown; None of a timeseries."""
        return self._number(PARTITIONS)

    def _value(self, name: str) -> Any:
        return None if self.time_type == TIMESERIES else self.data.get(name)

    def _number(self, name: str) -> int | float | None:
        value = self._value(name)
        return value if is_number(value) else None

    def points(self, metric: str) -> list[Point]:
        """The points of one metric of a timeseries, in order of time; none of the other time types.

        :param metric: the metric's name in the API, for instance ``recordsLag``.
        :raises ValueError: if no such metric is known; lists the known ones.
        """
        self._check_names([metric])
        value = self.data.get(metric)
        if self.time_type != TIMESERIES or not isinstance(value, list) or not all(map(_is_point, value)):
            return []
        return [Point(parse_timestamp(item["timestamp"]), item.get("value")) for item in value]

    def as_dict(self) -> dict[str, Any]:
        """Strict JSON: what goes to XCom. A copy, so that nobody's change reaches another reader."""
        return {
            "destination_id": self.destination_id,
            "time_type": self.time_type,
            "observed_at": self.observed_at.isoformat(),
            "data": copy.deepcopy(self.data),
            "metadata": copy.deepcopy(self.metadata),
        }

    def rows(self) -> list[dict[str, Any]]:
        """Long form: one dict for each value, for a table or a data frame.

        The keys are destination_id, metric, name, unit, timestamp (ISO 8601; of ``latest`` and ``timesummary``
        the time of reading) and value. What is no single value, and no series of points, has no row.
        """
        return [
            {
                "destination_id": self.destination_id,
                "metric": metric,
                "name": self._about(metric, "name"),
                "unit": self._about(metric, "unit"),
                "timestamp": timestamp,
                "value": value,
            }
            for metric in self.data
            for timestamp, value in self._values(metric)
        ]

    def _about(self, metric: str, key: str) -> Any:
        about = self.metadata.get(metric)
        return about.get(key) if isinstance(about, dict) else None

    def _values(self, metric: str) -> Iterator[tuple[str, Any]]:
        value = self.data[metric]
        if self.time_type == TIMESERIES:
            yield from ((point.timestamp.isoformat(), point.value) for point in self.points(metric))
        elif not isinstance(value, (list, dict)):
            yield self.observed_at.isoformat(), value

    def select(self, names: Iterable[str]) -> DestinationMetrics:
        """Return a copy with some of the metrics only.

        :param names: names in the API. A documented metric that is missing from the response becomes None, in a
            timeseries ``[]``.
        :raises ValueError: if a name is neither in the response nor documented; the message lists the known ones.
        :raises StreamkapResponseError: if the API sent one of them with an undocumented type.
        """
        chosen = list(dict.fromkeys([names] if isinstance(names, str) else names))
        self._check_names(chosen)
        if problems := [self.undocumented[name] for name in chosen if name in self.undocumented]:
            raise StreamkapResponseError(f"the metrics of {self.destination_id} cannot be read: {'; '.join(problems)}")
        series = self.time_type == TIMESERIES
        data = {name: self.data.get(name) for name in chosen}
        return replace(
            self,
            data={name: [] if series and value is None else value for name, value in data.items()},
            metadata={name: self.metadata[name] for name in chosen if name in self.metadata},
        )

    def _check_names(self, names: Iterable[object]) -> None:
        known = dict.fromkeys((*self.data, *self.metadata, *NUMERIC_METRICS))
        if self.time_type != TIMESERIES:
            known[STATUS] = None
        unknown = [name for name in names if not isinstance(name, str) or name not in known]
        if unknown:
            raise ValueError(f"unknown metric {', '.join(map(repr, unknown))}; known: {', '.join(sorted(known))}")


def _kind(value: object) -> str:
    return _KINDS.get(type(value), type(value).__name__)


def _is_large(value: object) -> bool:
    return len(str(value)) > MAX_CHARACTERS


def _kept(names: Iterable[str]) -> Iterator[str]:
    """Return the documented names, and others up to a number and a length."""
    extras = 0
    for name in names:
        if name not in _DOCUMENTED:
            extras += 1
            if extras > MAX_EXTRAS or _is_large(name):
                continue
        yield name


def _single(name: str, value: Any) -> tuple[Any, str | None]:
    """Return one value of ``latest`` or ``timesummary``, and what is wrong with it."""
    if name == STATUS and not (value is None or isinstance(value, str)):
        return None, f"{name} is {_kind(value)} where a text is documented"
    if name in NUMERIC_METRICS and not (value is None or is_number(value)):
        return None, f"{name} is {_kind(value)} where a number is documented"
    return _small(name, value)


def _small(name: str, value: Any) -> tuple[Any, str | None]:
    if _is_large(value):
        return None, f"{name} has more than {MAX_CHARACTERS:,} characters"
    return value, None


def _series(name: str, value: Any) -> tuple[Any, str | None]:
    """Return one series, sorted and with timestamps in one layout, and what is wrong with it."""
    if value is None:
        return None, None
    problem = None
    if name in NUMERIC_METRICS:
        if not isinstance(value, list):
            return None, f"{name} is {_kind(value)} where a list of points is documented"
        try:
            value, problem = _known_points(name, value)
        except ValueError as error:
            return None, f"a point of {name} {error}"
    elif not isinstance(value, list) or not all(map(_is_point, value)):
        return _small(name, value)
    stamped = [(parse_timestamp(item["timestamp"]), item) for item in value]
    stamped.sort(key=lambda pair: pair[0])
    return [{**item, "timestamp": moment.isoformat(), "value": item.get("value")} for moment, item in stamped], problem


def _known_points(name: str, items: list[Any]) -> tuple[list[dict[str, Any]], str | None]:
    """Return the points of a series, None for a value that is no number, and what is wrong with the first such value.

    :raises ValueError: an item is no point, or has no readable time: the series as a whole is unknown.
    """
    problem = None
    points = []
    for item in items:
        _check_stamp(item)
        value = item.get("value")
        if not (value is None or is_number(value)):
            problem = problem or f"a point of {name} is {_kind(value)} where a number is documented"
            item = {**item, "value": None}
        points.append(item)
    return points, problem


def _check_stamp(item: Any) -> None:
    if not isinstance(item, dict):
        raise ValueError(f"is {_kind(item)} where an object is documented")
    # A timestamp and a value are short; more keys may hold anything.
    if len(item) > 2 and _is_large(item):
        raise ValueError(f"has more than {MAX_CHARACTERS:,} characters")
    try:
        parse_timestamp(item.get("timestamp"))
    except ValueError as error:
        raise ValueError(f"has no readable timestamp: {error}") from None


def _is_point(item: Any) -> bool:
    """Return whether an item of an undocumented series is a point like the documented ones."""
    try:
        _check_stamp(item)
    except ValueError:
        return False
    return "value" in item and (item["value"] is None or is_number(item["value"]))
