# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Destinations of the simulated project: their scenarios over time, and their representation in the API."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from airflow_provider_streamkap.testing.history import History, Reporting
from airflow_provider_streamkap.testing.params import ListParams, MetricsParams
from airflow_provider_streamkap.testing.readings import METADATA, JsonValue, Reading, Scenario

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
class Destination:
    """One destination. The caller must hold the lock.

    :param added: when it was added, in epoch seconds.
    :param created: reported creation time in epoch seconds; its history starts there.
    :param rewind_after: see :meth:`StreamkapSimulator.add`.
    """

    destination_id: str
    name: str
    connector: str
    connector_display_name: str
    topics: tuple[str, ...]
    tag_ids: tuple[str, ...]
    config: dict[str, JsonValue] = field(repr=False)
    added: float
    created: float
    reporting: Reporting | None
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

    def asked(self, now: float) -> None:
        """Record a metrics request; restart the scenario if the previous one is older than `rewind_after`."""
        if self.rewind_after is not None and now - self.asked_at > self.rewind_after:
            self.spans = (Span(now, self.spans[-1].scenario),)
            self.turns.clear()
        self.asked_at = now

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

    def as_json(self, now: float) -> dict[str, JsonValue]:
        """Return the destination as represented in the API."""
        reading = self.reading(now)
        return {
            "id": self.destination_id,
            "name": self.name,
            "connector": self.connector,
            "connector_display_name": self.connector_display_name,
            "connector_status": reading.connector_status,
            "desired_state": reading.desired_state,
            "task_statuses": {"0": reading.connector_status},
            "topics": list(self.topics),
            "created_timestamp": (_EPOCH + timedelta(seconds=math.floor(self.created))).isoformat(),
            "tag_ids": list(self.tag_ids),
            "config": dict(self.config),
        }


def metrics(
    params: MetricsParams,
    at: Callable[[float], Reading],
    destination: Destination,
    now: float,
    reporting: Reporting,
) -> dict[str, JsonValue] | None:
    """Return the response body of the metrics endpoint, or None if there are no metrics yet."""
    current = at(now - (reporting.latest_delay if params.time_type == "latest" else 0.0))
    if not current.has_metrics:
        return None
    history = History(at, destination.created, destination.added, now, reporting)
    data = (
        history.latest(params)
        if params.time_type == "latest"
        else history.timesummary(params)
        if params.time_type == "timesummary"
        else history.timeseries(params)
    )
    metadata: dict[str, JsonValue] = {name: dict(METADATA[name]) for name in METADATA if name in data}
    return {"data": data, "metadata": metadata}


def listed(destinations: list[Destination], params: ListParams, now: float, with_total: bool) -> JsonValue:
    """Return the response body of the endpoint that lists destinations.

    :param with_total: False sends null for ``total`` and ``has_next``.
    """
    found = [item for item in destinations if _passes(item, params, now)]
    shown = [item.as_json(now) for item in found]
    key = params.sort if params.sort in {"id", "connector", "connector_status", "created_timestamp"} else "name"
    shown.sort(key=lambda item: (str(item[key]).casefold(), str(item["id"])), reverse=params.descending)
    begin = (params.page - 1) * params.page_size
    result: list[JsonValue] = list(shown[begin : begin + params.page_size])
    return {
        "result": result,
        "page": params.page,
        "page_size": params.page_size,
        "total": len(shown) if with_total else None,
        "has_next": begin + params.page_size < len(shown) if with_total else None,
    }


def _passes(item: Destination, params: ListParams, now: float) -> bool:
    reading = item.reading(now)
    if params.partial_name is not None and params.partial_name.casefold() not in item.name.casefold():
        return False
    if params.connectors is not None and item.connector.casefold() not in params.connectors:
        return False
    if params.statuses is not None and (reading.connector_status or "").casefold() not in params.statuses:
        return False
    if params.tag_ids is not None and params.tag_ids.isdisjoint(tag.casefold() for tag in item.tag_ids):
        return False
    return params.lag is None or (reading.records_lag is not None and params.lag(reading.records_lag))
