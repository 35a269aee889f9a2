# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Destinations, sources and pipelines of the simulated project, and their representation in the API."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final, Protocol

from airflow_provider_streamkap.testing.history import History, Reporting
from airflow_provider_streamkap.testing.params import ListParams, MetricsParams
from airflow_provider_streamkap.testing.readings import (
    TOTALS,
    JsonValue,
    Measured,
    Reading,
    Scenario,
    SourceReading,
    SourceScenario,
)
from airflow_provider_streamkap.testing.source_scenarios import PipelineScenario

ComputeBody = Callable[[], dict[str, JsonValue] | None]
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Span:
    """A scenario with its start time, and the offsets that make its totals continue those of the previous one."""

    begin: float
    scenario: Scenario
    more_read: float = 0.0
    more_sent: float = 0.0

    def at(self, moment: float, turn: int = 0) -> Reading:
        # Round to milliseconds: floating-point error in epoch seconds could turn a lag of 0 into 1.
        elapsed = round(moment - self.begin, 3)
        return self.scenario.reading(elapsed, turn).counting_from(self.more_read, self.more_sent)


@dataclass
class Connector(ABC):
    """A destination or a source. The caller must hold the lock.

    :param added: when it was added, in epoch seconds.
    :param created: reported creation time in epoch seconds; its history starts there.
    """

    id: str
    name: str
    connector: str
    connector_display_name: str
    topics: tuple[str, ...]
    tag_ids: tuple[str, ...]
    config: dict[str, JsonValue] = field(repr=False)
    added: float
    created: float
    reporting: Reporting | None

    @abstractmethod
    def statuses(self, now: float) -> tuple[str | None, str | None]:
        """Return the current and the desired status."""

    @abstractmethod
    def compared_number(self, now: float) -> float | None:
        """Return the number that a list can be filtered by."""

    def as_json(self, now: float) -> dict[str, JsonValue]:
        """Return the connector as represented in the API."""
        status, desired = self.statuses(now)
        return {
            "id": self.id,
            "name": self.name,
            "connector": self.connector,
            "connector_display_name": self.connector_display_name,
            "connector_status": status,
            "desired_state": desired,
            "task_statuses": {"0": status},
            "topics": list(self.topics),
            "created_timestamp": (_EPOCH + timedelta(seconds=math.floor(self.created))).isoformat(),
            "tag_ids": list(self.tag_ids),
            "config": dict(self.config),
        }

    def matches_filters(self, params: ListParams, now: float) -> bool:
        """Return whether the filters of a list match."""
        if params.partial_name is not None and params.partial_name.casefold() not in self.name.casefold():
            return False
        if params.connectors is not None and self.connector.casefold() not in params.connectors:
            return False
        if not params.matches_status_and_tags(self.statuses(now)[0], self.tag_ids):
            return False
        number = self.compared_number(now) if params.compare else None
        return params.compare is None or (number is not None and params.compare(number))


@dataclass
class Destination(Connector):
    """One destination. The caller must hold the lock.

    :param rewind_after: see :meth:`StreamkapSimulator.add`.
    """

    rewind_after: float | None
    spans: tuple[Span, ...]
    turns: dict[str, int] = field(default_factory=dict)
    asked_at: float = -math.inf

    def follow(self, scenario: Scenario, now: float) -> None:
        """Switch to another scenario, keeping the history. Totals continue from their current values."""
        more_read = more_sent = 0.0
        if not scenario.turns:
            last, first = self.spans[-1].at(now, self.turns.get("latest", 0)), scenario.at(0.0)
            more_read = (last.read_total or 0.0) - (first.read_total or 0.0)
            more_sent = (last.sent_total or 0.0) - (first.sent_total or 0.0)
        self.spans += (Span(now, scenario, more_read, more_sent),)
        self.turns.clear()

    def prepare_metrics(self, params: MetricsParams, now: float, reporting: Reporting, counts: bool) -> ComputeBody:
        """Record a metrics request; restart the scenario if the previous one is older than `rewind_after`."""
        if self.rewind_after is not None and now - self.asked_at > self.rewind_after:
            self.spans = (Span(now, self.spans[-1].scenario),)
            self.turns.clear()
        self.asked_at = now
        turn = self.take(params.time_type) if counts else self.turns.get(params.time_type, 0)
        return partial(metrics, params, self.reader(turn), self, now, self.reporting or reporting)

    def take(self, time_type: str) -> int:
        """Return the index of this request among those of its time type, starting at 0, and advance the counter."""
        turn = self.turns.get(time_type, 0)
        self.turns[time_type] = turn + 1
        return turn

    def reader(self, turn: int) -> Callable[[float], Reading]:
        """Return a function from epoch seconds to the reading at that time. Later changes do not affect it."""
        spans = self.spans

        def at(moment: float) -> Reading:
            if spans[-1].scenario.turns:
                return spans[-1].at(moment, turn)
            for span in reversed(spans):
                if span.begin <= moment:
                    return span.at(moment)
            return spans[0].at(moment)

        return at

    def reading(self, now: float) -> Reading:
        """Return the current reading without counting it as a request."""
        return self.reader(self.turns.get("latest", 0))(now)

    def statuses(self, now: float) -> tuple[str | None, str | None]:
        """Return the current and the desired status."""
        reading = self.reading(now)
        return reading.connector_status, reading.desired_state

    def compared_number(self, now: float) -> float | None:
        """Return the lag."""
        return self.reading(now).records_lag


@dataclass(frozen=True)
class SourceSpan:
    """A scenario with its start time, and the offsets that make its totals continue those of the previous one."""

    begin: float
    scenario: SourceScenario
    more: Mapping[str, float] = field(default_factory=dict)

    def at(self, moment: float) -> SourceReading:
        return self.scenario.at(round(moment - self.begin, 3)).counting_from(self.more)


@dataclass
class Source(Connector):
    """One source. The caller must hold the lock.

    :param replaced: metrics that replace those of the scenario.
    """

    replaced: dict[str, JsonValue]
    spans: tuple[SourceSpan, ...]

    def follow(self, scenario: SourceScenario, now: float) -> None:
        """Switch to another scenario, keeping the history. Totals continue from their current values."""
        last, first = self.spans[-1].at(now).numbers(), scenario.at(0.0).numbers()
        more = {name: last[name] - first[name] for name in TOTALS if name in last and name in first}
        self.spans += (SourceSpan(now, scenario, more),)

    def reader(self) -> Callable[[float], SourceReading]:
        """Return a function from epoch seconds to the reading at that time. Later changes do not affect it."""
        spans, replaced = self.spans, self.replaced

        def at(moment: float) -> SourceReading:
            span = next((span for span in reversed(spans) if span.begin <= moment), spans[0])
            reading = span.at(moment)
            return replace(reading, values={**reading.values, **replaced})

        return at

    def statuses(self, now: float) -> tuple[str | None, str | None]:
        """Return the current and the desired status."""
        reading = self.reader()(now)
        return reading.connector_status, reading.desired_state

    def compared_number(self, now: float) -> float | None:
        """Return the delay of the last event in milliseconds, for the filter ``latency``."""
        return self.reader()(now).numbers().get("StreamingMilliSecondsBehindSource")

    def prepare_metrics(self, params: MetricsParams, now: float, reporting: Reporting, counts: bool) -> ComputeBody:
        """Record a metrics request."""
        return partial(metrics, params, self.reader(), self, now, self.reporting or reporting)


@dataclass
class Pipeline:
    """One pipeline. The caller must hold the lock.

    :param scenario: scenario of both its source and its destination, if there is one.
    :param begin: start of the scenario in epoch seconds.
    """

    id: str
    name: str
    source: Source
    destination: Destination
    topics: tuple[str, ...]
    tag_ids: tuple[str, ...]
    scenario: PipelineScenario | None
    begin: float

    def as_json(self, now: float) -> dict[str, JsonValue]:
        """Return the pipeline as represented in the API."""
        return {
            "id": self.id,
            "name": self.name,
            "source": self.source.as_json(now),
            "destination": self.destination.as_json(now),
            "topics": list(self.topics),
            "transforms": [],
            "tags": list(self.tag_ids),
            "snapshot_new_tables": True,
            "periodic_audit": None,
        }

    def matches_filters(self, params: ListParams, now: float) -> bool:
        """Return whether the filters of a list match."""
        if params.source_ids is not None and self.source.id.casefold() not in params.source_ids:
            return False
        if params.destination_ids is not None and self.destination.id.casefold() not in params.destination_ids:
            return False
        return params.matches_status_and_tags(self.destination.statuses(now)[0], self.tag_ids)

    def prepare_metrics(self, params: MetricsParams, now: float, reporting: Reporting, counts: bool) -> ComputeBody:
        """Record a metrics request. The figures are those of the destination."""
        reading = self.destination.reading(now)
        data = {"latency": reading.latency, "recordsLag": reading.records_lag, "status": reading.connector_status}
        metadata = {name: reading.about(name) for name in ("latency", "recordsLag")}
        return lambda: {"data": {**data}, "metadata": {**metadata}} if reading.has_metrics else None


class Item(Protocol):
    """What a list contains."""

    def as_json(self, now: float) -> dict[str, JsonValue]:
        """Return the item as represented in the API."""

    def matches_filters(self, params: ListParams, now: float) -> bool:
        """Return whether the filters of a list match."""

    def prepare_metrics(self, params: MetricsParams, now: float, reporting: Reporting, counts: bool) -> ComputeBody:
        """Record a metrics request.

        :param reporting: how its readings are reported by default.
        :param counts: False if the request must not advance a sequence.
        :returns: computes the response body, or None if there are no metrics yet. Later changes do not affect it.
        """


def metrics(
    params: MetricsParams,
    at: Callable[[float], Measured],
    connector: Connector,
    now: float,
    reporting: Reporting,
) -> dict[str, JsonValue] | None:
    """Return the response body of the metrics endpoint, or None if there are no metrics yet."""
    current = at(now - (reporting.latest_delay if params.time_type == "latest" else 0.0))
    if not current.has_metrics:
        return None
    history = History(at, connector.created, connector.added, now, reporting)
    data = (
        history.latest(params)
        if params.time_type == "latest"
        else history.timesummary(params)
        if params.time_type == "timesummary"
        else history.timeseries(params)
    )
    metadata: dict[str, JsonValue] = {name: about for name in data if (about := current.about(name))}
    return {"data": data, "metadata": metadata}


def listed(items: Iterable[Item], params: ListParams, now: float, with_total: bool) -> JsonValue:
    """Return the response body of an endpoint that lists items.

    :param with_total: False sends null for ``total`` and ``has_next``.
    """
    shown = [item.as_json(now) for item in items if item.matches_filters(params, now)]
    key = params.sort if params.sort in {"id", "connector", "connector_status", "created_timestamp"} else "name"
    shown.sort(key=lambda item: (str(item.get(key)).casefold(), str(item["id"])), reverse=params.descending)
    begin = (params.page - 1) * params.page_size
    result: list[JsonValue] = list(shown[begin : begin + params.page_size])
    return {
        "result": result,
        "page": params.page,
        "page_size": params.page_size,
        "total": len(shown) if with_total else None,
        "has_next": begin + params.page_size < len(shown) if with_total else None,
    }
