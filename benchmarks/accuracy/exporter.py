# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Simulated metrics of a destination: measure, aggregate and serve them as the API would, including faults."""

from __future__ import annotations

from random import Random
from typing import Any

from airflow_provider_streamkap.api.query import TIMESERIES, PeriodQuery
from benchmarks.accuracy.connector_timeline import ConnectorTimeline
from benchmarks.accuracy.exporter_behavior import ExporterBehavior
from benchmarks.accuracy.kafka import Topic
from benchmarks.accuracy.metric_series import MetricSeries


class Exporter:
    """Simulate the API's metrics for one destination.

    :param random: random number generator.
    :param topic: true record counts.
    :param timeline: true connector status.
    :param behavior: how to measure and report.
    :param end: end of the simulation, in seconds.
    """

    def __init__(
        self, random: Random, topic: Topic, timeline: ConnectorTimeline, behavior: ExporterBehavior, end: float
    ) -> None:
        self._topic, self._timeline, self._behavior, self._stops = topic, timeline, behavior, timeline.stops()
        self._lag = MetricSeries(random, behavior, end, self._reported_lag)

    def respond(self, query: PeriodQuery, now: float) -> dict[str, Any]:
        """Return the response body of the API.

        :param query: the request.
        :param now: time of the response, in seconds.
        """
        data = (
            {"recordsLag": self._lag.points(query, now), "latency": [], "sinkRecordReadTotal": []}
            if query.time_type == TIMESERIES
            else self._latest(now)
        )
        return {"data": data, "metadata": {"recordsLag": {"name": "Lag in Events", "unit": "count"}}}

    def _latest(self, now: float) -> dict[str, Any]:
        lag = self._latest_lag(now)
        read = self._counter(now)
        return {
            "connector_status": self._status(now),
            "recordsLag": lag,
            "latency": None if lag is None else 0.0,
            "sinkRecordReadTotal": read,
            "sinkRecordSendTotal": read,
            "recordsConsumedTotal": None,
        }

    def _latest_lag(self, now: float) -> float | None:
        match self._behavior.latest:
            case "truth":
                return float(self._topic.pending(now, now))
            case "zero":
                return 0.0
            case "point":
                return self._lag.newest_point(now)
            case "old":
                now = min(now, self._behavior.old_since)
        return self._lag.newest_value(now)

    def _status(self, now: float) -> str | None:
        for begin, end, status in self._behavior.flaps:
            if begin <= now < end:
                return status
        return self._timeline.at(now - self._behavior.status_delay).status

    def _counter(self, now: float) -> float:
        since = max((end for _, end in self._stops if end <= now), default=None) if self._behavior.resets else None
        return float(self._topic.fetched(now) - (0 if since is None else self._topic.fetched(since)))

    def _reported_lag(self, when: float) -> float | None:
        """Return the reported lag, including faults."""
        for begin, end, effect in self._behavior.spans:
            if begin <= when < end and effect in ("null", "zero", "repeat"):
                return {"null": None, "zero": 0.0, "repeat": self._measured_lag(begin)}[effect]
        stopped = next((begin for begin, end in self._stops if begin <= when < end), None)
        if stopped is None or self._behavior.stopped == "truth":
            return self._measured_lag(when)
        return {"zero": 0.0, "null": None, "last": self._measured_lag(stopped)}[self._behavior.stopped]

    def _measured_lag(self, when: float) -> float:
        """Return the measured lag, before faults of the report."""
        behavior, topic = self._behavior, self._topic
        old = when - behavior.cached
        consumed_at = when if behavior.half_cached else old
        consumed = topic.fetched(consumed_at) if behavior.fetched else topic.committed(consumed_at)
        return float(max(topic.arrived(old) - consumed, 0))
