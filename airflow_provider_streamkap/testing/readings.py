# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""What a destination shows at one moment, and the scenarios that say how this changes in time.

The names and units of the metrics are those of the Streamkap API reference for ``GET
/destinations/{id}/metrics``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

JsonValue = None | bool | int | float | str | list["JsonValue"] | dict[str, "JsonValue"]
"""Anything that JSON can say."""

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
"""Label and unit that the API sends along with each metric."""

NUMERIC_METRICS: tuple[str, ...] = tuple(name for name in METADATA if name != STATUS)
"""The metrics that have a history."""

TOTALS: frozenset[str] = frozenset(
    {"sinkRecordReadTotal", "sinkRecordSendTotal", "recordsConsumedTotal", "bytesConsumedTotal"}
)
"""The metrics that only ever grow while a scenario lasts."""

_SENT_OF_READ = 0.65  # the API reference shows 65 sent of 101 received: transforms drop and merge records


@dataclass(frozen=True)
class Reading:
    """The state of a destination at one moment, as the metrics endpoint would tell it.

    Every value but the status is a number or None; None is sent as ``null``.

    :param records_lag: records that wait in Kafka for this destination. Default 0.
    :param connector_status: status of the connector. Default ``Active``.
    :param desired_state: what was asked for, shown by the destination calls. Default ``Active``.
    :param latency: latency of the destination in milliseconds. Default 0.
    :param read_total: records received (``sinkRecordReadTotal``). Default 0.
    :param sent_total: records sent after transforms (``sinkRecordSendTotal``). Default: 65 % of
        ``read_total``.
    :param consumed_total: consumed events (``recordsConsumedTotal``). Default None, as the API often has it.
    :param consumed_bytes: consumed volume in bytes (``bytesConsumedTotal``). Default None.
    :param partition_count: partitions assigned. Default 1.
    :param put_batch_max_ms: longest put of a batch in milliseconds. Default 0.
    :param extra: further keys of ``data``, or replacements for those above, sent as they are.
    :param missing: names of metrics that are left out of ``data``. Default: ``qa_exact_count_diff``, which
        only audited destinations have.
    :param has_metrics: False makes the metrics call answer 404, as it does for a destination that was only
        just deployed. Default True.
    """

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
        """The ``data`` object of a ``latest`` answer."""
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

    def numbers(self) -> dict[str, float]:
        """The metrics that are a number here, by name: what a point of a timeseries can carry."""
        return {
            name: float(value)
            for name, value in self.data().items()
            if name in NUMERIC_METRICS and isinstance(value, int | float) and not isinstance(value, bool)
        }

    def counting_from(self, read: float, sent: float) -> Reading:
        """The same reading with this much added to the totals: a new scenario does not set the counters
        back."""
        return replace(
            self,
            read_total=None if self.read_total is None else self.read_total + read,
            sent_total=None if self.sent_total is None else self.sent_total + sent,
        )


@dataclass(frozen=True)
class Scenario:
    """How the readings of a destination change in time.

    Ready-made ones are in :mod:`airflow_provider_streamkap.testing.scenarios`; your own is
    ``Scenario("mine", lambda elapsed: Reading(records_lag=max(0, 100 - elapsed)))``.

    :param name: what the command line prints.
    :param at: pure function from the seconds since the destination was added (negative for the history before
        that) to the reading of that moment.
    :param turns: if given, the k-th metrics request of one time type gets the k-th of these readings and
        ``at`` is not asked; the last one repeats.
    """

    name: str
    at: Callable[[float], Reading]
    turns: tuple[Reading, ...] = ()

    def reading(self, elapsed: float, turn: int) -> Reading:
        """The reading that a request gets.

        :param elapsed: seconds since the scenario began.
        :param turn: how many requests of the same time type came before.
        """
        return self.turns[min(turn, len(self.turns) - 1)] if self.turns else self.at(elapsed)
