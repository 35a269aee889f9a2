# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Metrics of destinations, sources and pipelines.

A value of an undocumented type becomes None (unknown) instead of failing the response.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, ClassVar, NamedTuple, Self

from airflow_provider_streamkap.api.errors import StreamkapResponseError
from airflow_provider_streamkap.api.payload import clean, is_number
from airflow_provider_streamkap.api.query import (
    DESTINATION,
    PIPELINE,
    SOURCE,
    TIMESERIES,
    LatestQuery,
    ResourceKind,
    parse_timestamp,
)

STATUS = "connector_status"
LAG = "recordsLag"
LATENCY = "latency"
PARTITIONS = "partitionCount"
STATE = "state"
STREAMING_STATE = "streamingState"
CONNECTED = "StreamingConnected"
BEHIND_SOURCE = "StreamingMilliSecondsBehindSource"
SINCE_LAST_EVENT = "StreamingMilliSecondsSinceLastEvent"
LAST_EVENT = "StreamingLastEvent"
SNAPSHOT_RUNNING = "SnapshotRunning"
SNAPSHOT_COMPLETED = "SnapshotCompleted"
SNAPSHOT_EVENTS = "SnapshotTotalNumberOfEventsSeen"
SNAPSHOT_STATE = "snapshotState"
SNAPSHOT_STATUS = "snapshotStatus"
PIPELINE_STATUS = "status"

#: Numeric metrics of a destination, as documented by the API.
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

#: Statuses that the API is known to return. The set is open: any other text is possible.
KNOWN_STATUSES = frozenset(
    {"Active", "Broken", "Paused", "Pending", "Pending Update", "Starting", "Stopped", "Unassigned", "Unknown"}
)

#: Maximum number of undocumented metrics kept per response, and maximum length in characters of a metric name, of a
#: value and of a metadata entry.
MAX_EXTRAS = 100
MAX_CHARACTERS = 4096


@dataclass(frozen=True)
class MetricNames:
    """The metrics that the API documents for a kind of resource, by the type of their values.

    :param series: metrics of a timeseries: numbers.
    :param numbers: other numbers; default none.
    :param texts: strings; default none.
    :param lists: lists of objects; default none.
    """

    series: tuple[str, ...]
    numbers: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()

    @cached_property
    def numeric(self) -> frozenset[str]:
        """All numbers."""
        return frozenset((*self.series, *self.numbers))

    @cached_property
    def all(self) -> frozenset[str]:
        """All metrics."""
        return frozenset((*self.texts, *self.series, *self.numbers, *self.lists))


#: The documented metrics of each kind of resource. Those of a source are named by Debezium where they begin with
#: ``Streaming`` or ``Snapshot``.
METRIC_NAMES = {
    DESTINATION: MetricNames(NUMERIC_METRICS, texts=(STATUS,)),
    SOURCE: MetricNames(
        series=(
            BEHIND_SOURCE,
            SINCE_LAST_EVENT,
            "StreamingTotalNumberOfCreateEventsSeen",
            "StreamingTotalNumberOfUpdateEventsSeen",
            "StreamingTotalNumberOfDeleteEventsSeen",
            "SnapshotMilliSecondsSinceLastEvent",
            SNAPSHOT_EVENTS,
            "sourceRecordWriteTotal",
            "recordSendTotal",
            "byteTotal",
            "recordRetryTotal",
        ),
        numbers=(CONNECTED, SNAPSHOT_RUNNING, SNAPSHOT_COMPLETED),
        texts=(STATE, STREAMING_STATE, LAST_EVENT, SNAPSHOT_STATE),
        lists=(SNAPSHOT_STATUS,),
    ),
    PIPELINE: MetricNames(series=(), numbers=(LATENCY, LAG), texts=(PIPELINE_STATUS,)),
}

_KINDS = {
    type(None): "null",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    str: "a string",
    list: "a list",
    dict: "an object",
}


class Point(NamedTuple):
    """One point of a timeseries: an aware UTC ``timestamp`` and a ``value``, None if unknown."""

    timestamp: datetime
    value: int | float | None


@dataclass(frozen=True)
class Metrics:
    """The metrics of one resource at one point in time.

    :param resource_id: id of the resource.
    :param time_type: ``latest``, ``timesummary`` or ``timeseries``.
    :param observed_at: aware UTC time of the response; the API does not report the age of ``latest`` values.
    :param data: values by metric; for a timeseries, sorted lists of points with ISO 8601 timestamps.
    :param metadata: display name and unit by metric, as returned by the API.
    :param undocumented: error messages by metric, for values of an undocumented type or of more than 4,096 characters.
        Such a value is None in ``data``.
    """

    kind: ClassVar[ResourceKind]

    resource_id: str
    time_type: str
    observed_at: datetime
    data: dict[str, Any]
    metadata: dict[str, Any]
    undocumented: dict[str, str] = field(default_factory=dict, compare=False)

    @classmethod
    def parse(cls, query: LatestQuery, payload: object, observed_at: datetime) -> Self:
        """Parse a response.

        :param query: the query that was sent.
        :param payload: the response's JSON value.
        :param observed_at: aware time of the response.
        :raises StreamkapResponseError: the response does not have the documented structure.
        """
        cleaned = clean(payload)
        if not isinstance(cleaned, dict):
            raise StreamkapResponseError(f"unexpected metrics response: expected an object, got {_kind(cleaned)}")
        data = cleaned.get("data")
        if not isinstance(data, dict):
            problem = f"data must be an object, got {_kind(data)}" if "data" in cleaned else "data is missing"
            raise StreamkapResponseError(f"unexpected metrics response: {problem}")
        metadata = cleaned.get("metadata")
        metadata = metadata if isinstance(metadata, dict) else {}
        parse = _series if query.time_type == TIMESERIES else _single
        known = METRIC_NAMES[cls.kind]
        parsed = {name: parse(known, name, data[name]) for name in _kept(known, data)}
        return cls(
            resource_id=query.resource_id,
            time_type=query.time_type,
            observed_at=observed_at.astimezone(UTC),
            data={name: value for name, (value, _) in parsed.items()},
            metadata={name: metadata[name] for name in _kept(known, metadata) if not _is_large(metadata[name])},
            undocumented={name: problem for name, (_, problem) in parsed.items() if problem},
        )

    def _value(self, name: str) -> Any:
        return None if self.time_type == TIMESERIES else self.data.get(name)

    def text(self, name: str) -> str | None:
        """Return a value that is a string. None if it is blank or unknown, or for a timeseries.

        :param name: name of the metric in the API.
        """
        value = self._value(name)
        return value if isinstance(value, str) and value.strip() else None

    def number(self, name: str) -> int | float | None:
        """Return a value that is a number. None if unknown, or for a timeseries.

        :param name: name of the metric in the API.
        """
        value = self._value(name)
        return value if is_number(value) else None

    def points(self, metric: str) -> list[Point]:
        """Return the points of one metric of a timeseries in chronological order, or ``[]`` for other time types.

        :param metric: name of the metric in the API, for example ``recordsLag``.
        :raises ValueError: the metric is unknown; the message lists the known ones.
        """
        self._check_names([metric])
        value = self.data.get(metric)
        if self.time_type != TIMESERIES or not isinstance(value, list) or not all(map(_is_point, value)):
            return []
        return [Point(parse_timestamp(item["timestamp"]), item.get("value")) for item in value]

    def as_dict(self) -> dict[str, Any]:
        """Return a deep copy as a JSON-serializable dict, for XCom."""
        return {
            self.kind.id_name: self.resource_id,
            "time_type": self.time_type,
            "observed_at": self.observed_at.isoformat(),
            "data": copy.deepcopy(self.data),
            "metadata": copy.deepcopy(self.metadata),
        }

    def rows(self) -> list[dict[str, Any]]:
        """Return one dict per value (long format), for a table or a data frame.

        The keys are destination_id (source_id, pipeline_id), metric, name, unit, timestamp (ISO 8601; ``observed_at``
        for ``latest`` and ``timesummary``) and value. Values that are neither scalars nor a series of points are
        omitted.
        """
        return [
            {
                self.kind.id_name: self.resource_id,
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

    def select(self, names: Iterable[str]) -> Self:
        """Return a copy with only some of the metrics.

        :param names: names of metrics in the API. A documented metric that is missing from the response becomes None,
            or ``[]`` for a timeseries.
        :raises ValueError: a name is neither in the response nor documented; the message lists the known ones.
        :raises StreamkapResponseError: one of the metrics has an invalid value.
        """
        chosen = list(dict.fromkeys([names] if isinstance(names, str) else names))
        self._check_names(chosen)
        if problems := [self.undocumented[name] for name in chosen if name in self.undocumented]:
            raise StreamkapResponseError(f"invalid metrics of {self.resource_id}: {'; '.join(problems)}")
        series = self.time_type == TIMESERIES
        data = {name: self.data.get(name) for name in chosen}
        return replace(
            self,
            data={name: [] if series and value is None else value for name, value in data.items()},
            metadata={name: self.metadata[name] for name in chosen if name in self.metadata},
        )

    def _check_names(self, names: Iterable[object]) -> None:
        documented = METRIC_NAMES[self.kind]
        names_of_type = documented.series if self.time_type == TIMESERIES else documented.all
        known = {*self.data, *self.metadata, *names_of_type}
        unknown = [name for name in names if not isinstance(name, str) or name not in known]
        if unknown:
            raise ValueError(f"unknown metrics: {', '.join(map(repr, unknown))}; known: {', '.join(sorted(known))}")


@dataclass(frozen=True)
class DestinationMetrics(Metrics):
    """The metrics of one destination at one point in time. The arguments are those of :class:`Metrics`."""

    kind = DESTINATION

    @property
    def destination_id(self) -> str:
        """Id of the destination."""
        return self.resource_id

    @property
    def connector_status(self) -> str | None:
        """Status of the connector, possibly an undocumented one. None if unknown or for a timeseries."""
        return self.text(STATUS)

    @property
    def records_lag(self) -> int | float | None:
        """Records waiting in Kafka. None (not 0) if unknown or for a timeseries."""
        return self.number(LAG)

    @property
    def latency_ms(self) -> int | float | None:
        """Latency in milliseconds. None if unknown or for a timeseries."""
        return self.number(LATENCY)

    @property
    def partitions(self) -> int | float | None:
        """Partitions assigned to the connector's consumers. None if unknown or for a timeseries."""
        return self.number(PARTITIONS)


@dataclass(frozen=True)
class SourceMetrics(Metrics):
    """The metrics of one source at one point in time. The arguments are those of :class:`Metrics`.

    A source that is connected and streaming does not prove that all committed changes were captured.
    """

    kind = SOURCE

    @property
    def source_id(self) -> str:
        """Id of the source."""
        return self.resource_id

    @property
    def state(self) -> str | None:
        """State of the source, for example ``Streaming``. None if unknown or for a timeseries."""
        return self.text(STATE)

    @property
    def streaming_state(self) -> str | None:
        """State of the connection to the database, for example ``connected``. None if unknown or for a timeseries."""
        return self.text(STREAMING_STATE)

    @property
    def connected(self) -> bool | None:
        """Whether the connector is streaming. None if unknown or for a timeseries."""
        return self._flag(CONNECTED)

    @property
    def behind_source_ms(self) -> int | float | None:
        """Delay of the last captured event in milliseconds. Negative if clocks differ; constant without new events.

        None if unknown, which includes -1: no event since the connector started. None for a timeseries.
        """
        return self._since_start(BEHIND_SOURCE)

    @property
    def since_last_event_ms(self) -> int | float | None:
        """Milliseconds since the connector read its last event, captured or not.

        None if unknown, which includes -1: no event since the connector started. None for a timeseries.
        """
        return self._since_start(SINCE_LAST_EVENT)

    @property
    def snapshot_running(self) -> bool | None:
        """Whether a snapshot is running; a paused one is not. None if unknown or for a timeseries."""
        return self._flag(SNAPSHOT_RUNNING)

    @property
    def snapshot_completed(self) -> bool | None:
        """Whether a snapshot, possibly an earlier one, has completed. None if unknown or for a timeseries."""
        return self._flag(SNAPSHOT_COMPLETED)

    @property
    def snapshot_status(self) -> list[dict[str, Any]] | None:
        """Snapshot statuses by topic, as returned by the API. None if unknown or for a timeseries."""
        value = self._value(SNAPSHOT_STATUS)
        return copy.deepcopy(value) if isinstance(value, list) else None

    def _flag(self, name: str) -> bool | None:
        value = self.number(name)
        return bool(value) if value in (0, 1) else None

    def _since_start(self, name: str) -> int | float | None:
        value = self.number(name)
        return None if value == -1 else value


@dataclass(frozen=True)
class PipelineMetrics(Metrics):
    """The latest metrics of one pipeline. The arguments are those of :class:`Metrics`."""

    kind = PIPELINE

    @property
    def pipeline_id(self) -> str:
        """Id of the pipeline."""
        return self.resource_id

    @property
    def status(self) -> str | None:
        """Status of the pipeline, possibly an undocumented one. None if unknown."""
        return self.text(PIPELINE_STATUS)

    @property
    def records_lag(self) -> int | float | None:
        """Records waiting in Kafka. None (not 0) if unknown."""
        return self.number(LAG)

    @property
    def latency_ms(self) -> int | float | None:
        """Latency in milliseconds. None if unknown."""
        return self.number(LATENCY)


def _kind(value: object) -> str:
    return _KINDS.get(type(value), type(value).__name__)


def _is_large(value: object) -> bool:
    # Numbers are limited by clean().
    return isinstance(value, (str, list, dict)) and len(str(value)) > MAX_CHARACTERS


def _kept(known: MetricNames, names: Iterable[str]) -> Iterator[str]:
    """Yield the documented names, and other names up to :data:`MAX_EXTRAS` and :data:`MAX_CHARACTERS`."""
    extras = 0
    for name in names:
        if name not in known.all:
            extras += 1
            if extras > MAX_EXTRAS or _is_large(name):
                continue
        yield name


def _single(known: MetricNames, name: str, value: Any) -> tuple[Any, str | None]:
    """Return a value of ``latest`` or ``timesummary``, and an error message if it is invalid."""
    if value is None:
        return None, None
    if name in known.texts and not isinstance(value, str):
        return None, f"{name} must be a string, got {_kind(value)}"
    if name in known.numeric and not is_number(value):
        return None, f"{name} must be a number, got {_kind(value)}"
    if name in known.lists:
        return _objects(name, value)
    return _small(name, value)


def _small(name: str, value: Any) -> tuple[Any, str | None]:
    if _is_large(value):
        return None, f"{name} has more than {MAX_CHARACTERS:,} characters"
    return value, None


def _objects(name: str, value: Any) -> tuple[Any, str | None]:
    """Return a list of objects. Each is limited in size, but not their number: there can be one for each table."""
    if not isinstance(value, list):
        return None, f"{name} must be a list of objects, got {_kind(value)}"
    for item in value:
        if not isinstance(item, dict):
            return None, f"{name} must be a list of objects, got {_kind(item)} in it"
        if _is_large(item):
            return None, f"an item of {name} has more than {MAX_CHARACTERS:,} characters"
    return value, None


def _series(known: MetricNames, name: str, value: Any) -> tuple[Any, str | None]:
    """Return a sorted series with normalized timestamps, and an error message if it is invalid."""
    if value is None:
        return None, None
    problem = None
    if name in known.numeric:
        if not isinstance(value, list):
            return None, f"{name} must be a list of points, got {_kind(value)}"
        try:
            value, problem = _known_points(name, value)
        except ValueError as error:
            return None, f"a point of {name} is invalid: {error}"
    elif not isinstance(value, list) or not all(map(_is_point, value)):
        return _small(name, value)
    stamped = [(parse_timestamp(item["timestamp"]), item) for item in value]
    stamped.sort(key=lambda pair: pair[0])
    return [{**item, "timestamp": moment.isoformat(), "value": item.get("value")} for moment, item in stamped], problem


def _known_points(name: str, items: list[Any]) -> tuple[list[dict[str, Any]], str | None]:
    """Return the points of a series, and an error message for the first value that is not a number.

    Such values become None.

    :raises ValueError: an item is not a point or has no valid timestamp, so the whole series is unknown.
    """
    problem = None
    points = []
    for item in items:
        _check_stamp(item)
        value = item.get("value")
        if not (value is None or is_number(value)):
            problem = problem or f"a point of {name} is invalid: value must be a number, got {_kind(value)}"
            item = {**item, "value": None}
        points.append(item)
    return points, problem


def _check_stamp(item: Any) -> None:
    if not isinstance(item, dict):
        raise ValueError(f"expected an object, got {_kind(item)}")
    # Only points with additional keys can be large.
    if len(item) > 2 and _is_large(item):
        raise ValueError(f"more than {MAX_CHARACTERS:,} characters")
    try:
        parse_timestamp(item.get("timestamp"))
    except ValueError as error:
        raise ValueError(f"invalid timestamp: {error}") from None


def _is_point(item: Any) -> bool:
    """Return whether an item of an undocumented series has the format of a documented point."""
    try:
        _check_stamp(item)
    except ValueError:
        return False
    return "value" in item and (item["value"] is None or is_number(item["value"]))
