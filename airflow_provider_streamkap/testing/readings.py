# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Readings of a destination or a source at one time, and scenarios that define how they change.

Names of the metrics are those of the Streamkap API reference for ``GET /destinations/{id}/metrics`` and
``GET /sources/{id}/metrics``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Final

JsonValue = None | bool | int | float | str | list["JsonValue"] | dict[str, "JsonValue"]
"""Any JSON value."""

STATUS = "connector_status"

METADATA: Mapping[str, Mapping[str, str]] = {
    "connector_status": {"name": "Destination State", "unit": "enum"},
    "latency": {"name": "Destination Latency", "unit": "milliseconds"},
    "partitionCount": {"name": "Partition Count", "unit": "count"},
    "putBatchMaxTimeMs": {"name": "Put Batch Max Time", "unit": "milliseconds"},
    "recordsLag": {"name": "Lag in Events", "unit": "count"},
    "sinkRecordReadTotal": {"name": "Events (Received)", "unit": "count"},
    "recordsConsumedTotal": {"name": "Consumed Events", "unit": "count"},
    "sinkRecordSendTotal": {"name": "Events (Sent)", "unit": "count"},
    "bytesConsumedTotal": {"name": "Volume", "unit": "bytes"},
    "qa_exact_count_diff": {"name": "Exact Count Difference", "unit": "count"},
}
"""Label and unit that the API returns with each metric."""

NUMERIC_METRICS: tuple[str, ...] = tuple(name for name in METADATA if name != STATUS)
"""Metrics that have a history."""

STREAMING: Final[Mapping[str, JsonValue]] = {
    "state": "Streaming",
    "streamingState": "connected",
    "StreamingConnected": 1,
    "StreamingMilliSecondsBehindSource": 0,
    "StreamingMilliSecondsSinceLastEvent": 0,
    "StreamingLastEvent": None,
    "StreamingTotalNumberOfCreateEventsSeen": 73,
    "StreamingTotalNumberOfUpdateEventsSeen": 0,
    "StreamingTotalNumberOfDeleteEventsSeen": 0,
    "SnapshotRunning": 0,
    "SnapshotCompleted": 0,
    "SnapshotMilliSecondsSinceLastEvent": None,
    "SnapshotTotalNumberOfEventsSeen": 20254,
    "snapshotState": None,
    "snapshotStatus": [],
    "sourceRecordWriteTotal": 20327,
    "recordSendTotal": 20327,
    "byteTotal": 5000000,
    "recordRetryTotal": 0,
}
"""Metrics of a source that is connected and streaming, with the sample values of the API reference."""

# The API reference shows these only in ``latest``.
_LATEST_ONLY: Final = frozenset({"StreamingConnected", "SnapshotRunning", "SnapshotCompleted"})

SOURCE_METRICS: Final[tuple[str, ...]] = tuple(
    name for name in STREAMING if name not in _LATEST_ONLY and ("MilliSeconds" in name or "Total" in name)
)
"""Metrics of a source that have a history."""

TOTALS: frozenset[str] = frozenset(
    {"sinkRecordReadTotal", "sinkRecordSendTotal", "recordsConsumedTotal", "bytesConsumedTotal"}
).union(name for name in SOURCE_METRICS if "Total" in name)
"""Metrics that never decrease during a scenario."""

# The API reference shows 65 records sent of 101 received: transforms drop and merge records.
_SENT_OF_READ = 0.65


class Measured(ABC):
    """What readings of all kinds have in common."""

    #: Metrics that have a history.
    numeric: ClassVar[tuple[str, ...]]
    missing: frozenset[str] = frozenset()
    has_metrics: bool = True

    @abstractmethod
    def data(self) -> dict[str, JsonValue]:
        """Return the ``data`` object of a ``latest`` response."""

    def numbers(self) -> dict[str, float]:
        """Return the numeric metrics by name: those that can appear in a timeseries."""
        return {
            name: float(value)
            for name, value in self.data().items()
            if name in self.numeric and isinstance(value, int | float) and not isinstance(value, bool)
        }

    @classmethod
    @abstractmethod
    def about(cls, name: str) -> dict[str, JsonValue]:
        """Return label and unit of a metric, as sent with the data."""


@dataclass(frozen=True)
class Reading(Measured):
    """The state of a destination at one time, as reported by the metrics endpoint.

    All values except the status are numbers or None; None is sent as ``null``.

    :param records_lag: records pending in Kafka for this destination. Default 0.
    :param connector_status: status of the connector. Default ``Active``.
    :param desired_state: requested state, shown by the destination endpoints. Default ``Active``.
    :param latency: latency of the destination in milliseconds. Default 0.
    :param read_total: records received (``sinkRecordReadTotal``). Default 0.
    :param sent_total: records sent after transforms (``sinkRecordSendTotal``). Default: 65 % of
        ``read_total``.
    :param consumed_total: consumed events (``recordsConsumedTotal``). Default None, a common value in the API.
    :param consumed_bytes: consumed volume in bytes (``bytesConsumedTotal``). Default None.
    :param partition_count: number of assigned partitions. Default 1.
    :param put_batch_max_ms: duration of the longest batch put in milliseconds. Default 0.
    :param extra: additional keys of ``data``, or replacements for those above, sent unchanged.
    :param missing: names of metrics to omit from ``data``. Default: ``qa_exact_count_diff``, which only audited
        destinations have.
    :param has_metrics: False makes the metrics endpoint return 404, as for a newly deployed destination. Default
        True.
    """

    numeric = NUMERIC_METRICS

    records_lag: float | None = 0.0
    connector_status: str | None = "Active"
    desired_state: str | None = "Active"
    latency: float | None = 0.0
    read_total: float | None = 0.0
    sent_total: float | None = -1.0
    consumed_total: float | None = None
    consumed_bytes: float | None = None
    partition_count: float | None = 1.0
    put_batch_max_ms: float | None = 0.0
    extra: Mapping[str, JsonValue] = field(default_factory=dict)
    missing: frozenset[str] = frozenset({"qa_exact_count_diff"})
    has_metrics: bool = True

    def __post_init__(self) -> None:
        if self.sent_total is not None and self.sent_total < 0:
            read = self.read_total
            object.__setattr__(self, "sent_total", None if read is None else float(int(read * _SENT_OF_READ)))

    def data(self) -> dict[str, JsonValue]:
        """Return the ``data`` object of a ``latest`` response."""
        values: dict[str, JsonValue] = {
            "connector_status": self.connector_status,
            "latency": self.latency,
            "partitionCount": self.partition_count,
            "putBatchMaxTimeMs": self.put_batch_max_ms,
            "recordsLag": self.records_lag,
            "sinkRecordReadTotal": self.read_total,
            "recordsConsumedTotal": self.consumed_total,
            "sinkRecordSendTotal": self.sent_total,
            "bytesConsumedTotal": self.consumed_bytes,
            "qa_exact_count_diff": None,
        }
        shown = {name: value for name, value in values.items() if name not in self.missing}
        shown.update(self.extra)
        return shown

    @classmethod
    def about(cls, name: str) -> dict[str, JsonValue]:
        """Return label and unit of a metric, as sent with the data; empty for an undocumented one."""
        return dict(METADATA.get(name, {}))

    def counting_from(self, read: float, sent: float) -> Reading:
        """Return this reading with offsets added to its totals, so that a new scenario does not reset them."""
        return replace(
            self,
            read_total=None if self.read_total is None else self.read_total + read,
            sent_total=None if self.sent_total is None else self.sent_total + sent,
        )


@dataclass(frozen=True)
class SourceReading(Measured):
    """The state of a source at one time, as reported by the metrics endpoint.

    :param values: the ``data`` object. Default: connected and streaming.
    :param connector_status: status of the connector, shown by the source and pipeline endpoints. Default ``Active``.
    :param desired_state: requested state, shown by the same endpoints. Default ``Active``.
    """

    numeric = SOURCE_METRICS

    values: Mapping[str, JsonValue] = field(default_factory=lambda: STREAMING)
    connector_status: str | None = "Active"
    desired_state: str | None = "Active"

    def data(self) -> dict[str, JsonValue]:
        """Return the ``data`` object of a ``latest`` response."""
        return dict(self.values)

    @classmethod
    def about(cls, name: str) -> dict[str, JsonValue]:
        """Return label and unit of a metric. The API reference does not list those of a source."""
        unit = "milliseconds" if "MilliSeconds" in name else "bytes" if name == "byteTotal" else "count"
        return {"name": name, "unit": unit} if name in cls.numeric else {}

    def counting_from(self, more: Mapping[str, float]) -> SourceReading:
        """Return this reading with offsets added to its totals, so that a new scenario does not reset them."""
        return replace(
            self,
            values={
                name: value + more[name] if name in more and isinstance(value, int | float) else value
                for name, value in self.values.items()
            },
        )


@dataclass(frozen=True)
class Scenario:
    """How the readings of a destination change over time.

    Built-in scenarios are in :mod:`airflow_provider_streamkap.testing.scenarios`. To define your own:
    ``Scenario("mine", lambda elapsed: Reading(records_lag=max(0, 100 - elapsed)))``.

    :param name: name printed by the command line.
    :param at: pure function from the seconds since the destination was added (negative for its earlier history)
        to the reading at that time.
    :param turns: if given, the k-th metrics request of a time type gets the k-th of these readings, the last one
        repeats, and ``at`` is not called.
    """

    name: str
    at: Callable[[float], Reading]
    turns: tuple[Reading, ...] = ()

    def reading(self, elapsed: float, turn: int) -> Reading:
        """Return the reading for a request.

        :param elapsed: seconds since the scenario started.
        :param turn: number of previous requests of the same time type.
        """
        return self.turns[min(turn, len(self.turns) - 1)] if self.turns else self.at(elapsed)


def _zero(until: float) -> int:
    return 0


@dataclass(frozen=True)
class SourceScenario:
    """How the readings of a source change over time, and what it really captured.

    Built-in scenarios are in :mod:`airflow_provider_streamkap.testing.scenarios`. To define your own:
    ``SourceScenario("mine", lambda elapsed: SourceReading({"StreamingMilliSecondsBehindSource": 5}))``.
    All functions take seconds since the source was added, negative for its earlier history.

    :param name: name printed by the command line.
    :param at: pure function from the time to the reading.
    :param committed: number of changes that the database committed up to and including the time, in the tables of the
        pipeline. Default: none.
    :param written: number of these changes in Kafka at the time. Default: none.
    :param snapshot_rows: number of snapshot rows in Kafka at the time. Default: none.
    :param connector: connector type of a source with this scenario. Default ``postgresql``.
    :param config: keys of the source's configuration, such as its heartbeat settings. Default: none.
    """

    name: str
    at: Callable[[float], SourceReading]
    committed: Callable[[float], int] = _zero
    written: Callable[[float], int] = _zero
    snapshot_rows: Callable[[float], int] = _zero
    connector: str = "postgresql"
    config: Mapping[str, JsonValue] = field(default_factory=dict)


def check_not_negative(**values: float) -> None:
    """Raise an error for an argument below 0.

    :raises ValueError: if a value is negative or NaN.
    """
    for name, value in values.items():
        if not value >= 0:
            raise ValueError(f"{name} must be 0 or more; got {value!r}")
