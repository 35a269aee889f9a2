# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Built-in scenarios for simulated destinations, sources and pipelines.

A scenario is a pure function of the seconds since it was assigned with :meth:`StreamkapSimulator.add` or
:meth:`StreamkapSimulator.set`, or for sources with :meth:`StreamkapSimulator.add_source` or
:meth:`StreamkapSimulator.set_source`, by the simulator's clock. The exception is :func:`sequence`, which counts
requests, for tests that must not depend on a clock.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Final

from airflow_provider_streamkap.testing.demo_ids import (
    DEMO_BROKEN,
    DEMO_DRAINING,
    DEMO_FLAPPING,
    DEMO_NULL_LAG,
    DEMO_PAUSED,
    DEMO_PIPELINE,
    DEMO_PIPELINE_NAME,
    DEMO_SOURCE,
    DEMO_STALLED,
    DEMO_STALLED_PIPELINE,
    DEMO_STALLED_PIPELINE_NAME,
    DEMO_STALLED_SOURCE,
    DEMO_STARTING,
    DEMO_STEADY,
    DEMO_UNFED,
)
from airflow_provider_streamkap.testing.readings import (
    JsonValue,
    Reading,
    Scenario,
    SourceReading,
    SourceScenario,
    check_not_negative,
)
from airflow_provider_streamkap.testing.source_scenarios import (
    PipelineScenario,
    SourceEvent,
    pipeline,
    source_broken,
    source_events,
    source_idle,
    source_mysql_idle,
    source_restarts,
    source_snapshots,
    source_stalls,
    source_streaming,
)

__all__ = [
    "DEMO_BROKEN",
    "DEMO_DRAINING",
    "DEMO_FLAPPING",
    "DEMO_NULL_LAG",
    "DEMO_PAUSED",
    "DEMO_PIPELINE",
    "DEMO_PIPELINE_NAME",
    "DEMO_SOURCE",
    "DEMO_STALLED",
    "DEMO_STALLED_PIPELINE",
    "DEMO_STALLED_PIPELINE_NAME",
    "DEMO_STALLED_SOURCE",
    "DEMO_STARTING",
    "DEMO_STEADY",
    "DEMO_UNFED",
    "PipelineScenario",
    "Reading",
    "Scenario",
    "SourceEvent",
    "SourceReading",
    "SourceScenario",
    "broken",
    "draining",
    "flapping",
    "frozen",
    "null_lag",
    "paused",
    "phases",
    "pipeline",
    "sequence",
    "source_broken",
    "source_events",
    "source_idle",
    "source_mysql_idle",
    "source_restarts",
    "source_snapshots",
    "source_stalls",
    "source_streaming",
    "stalled",
    "starting",
    "steady",
]

_BEFORE: Final = 90 * 86400.0  # seconds before the start from which a steady destination counts its totals
_PUT_MS: Final = 12.0
_LATENCY_MS: Final = 250.0


def steady(*, lag: float = 0.0, rate: float = 10.0, status: str = "Active") -> Scenario:
    """Return a scenario in which the destination keeps up: constant lag, increasing totals.

    :param lag: constant lag in records. Default 0.
    :param rate: throughput in records per second. Default 10.
    :param status: constant connector status. Default ``Active``.
    :raises ValueError: if `lag` or `rate` is negative.
    """
    check_not_negative(lag=lag, rate=rate)

    def at(elapsed: float) -> Reading:
        return Reading(
            records_lag=float(lag),
            connector_status=status,
            latency=_LATENCY_MS if lag else 0.0,
            read_total=_whole(rate * (elapsed + _BEFORE)),
            put_batch_max_ms=_PUT_MS if rate else 0.0,
        )

    return Scenario("steady", at)


def draining(*, lag: float = 120.0, rate: float = 5.0, after: float = 0.0, status: str = "Active") -> Scenario:
    """Return a scenario in which the destination drains its lag to 0 and then stays idle.

    :param lag: initial lag in records. Default 120.
    :param rate: records drained per second. Default 5.
    :param after: seconds before draining starts. Default 0.
    :param status: constant connector status. Default ``Active``.
    :raises ValueError: if `lag` or `after` is negative, `lag` is infinite or `rate` is not above 0.
    """
    check_not_negative(lag=lag, after=after)
    if math.isinf(lag) or not rate > 0:
        raise ValueError(
            f"lag must be finite and rate above 0; got lag={lag!r}, rate={rate!r}. For a lag that stays, use stalled()"
        )

    def at(elapsed: float) -> Reading:
        # Round up, so that 0 means that the last record was consumed.
        left = float(math.ceil(max(0.0, lag - rate * max(0.0, elapsed - after))))
        return Reading(
            records_lag=left,
            connector_status=status,
            latency=left / rate * 1000.0,
            read_total=1000.0 + math.ceil(lag) - left,
            put_batch_max_ms=_PUT_MS if left else 0.0,
        )

    return Scenario("draining", at)


def flapping(
    *,
    period: float = 20.0,
    lag: float = 0.0,
    other_lag: float = 50.0,
    status: str = "Active",
    other_status: str = "Active",
) -> Scenario:
    """Return a scenario that alternates between two states, each for half of the period.

    :param period: length of one cycle in seconds. Default 20.
    :param lag: lag in records in the first half. Default 0.
    :param other_lag: lag in records in the second half. Default 50.
    :param status: connector status in the first half. Default ``Active``.
    :param other_status: connector status in the second half. Default ``Active``.
    :raises ValueError: if a lag is negative or `period` is not above 0.
    """
    check_not_negative(lag=lag, other_lag=other_lag)
    if not period > 0:
        raise ValueError(f"period must be above 0 seconds; got {period!r}")
    flow = steady().at

    def at(elapsed: float) -> Reading:
        first = elapsed % period < period / 2
        return replace(
            flow(elapsed),
            records_lag=float(lag if first else other_lag),
            connector_status=status if first else other_status,
            latency=_LATENCY_MS if (lag if first else other_lag) else 0.0,
        )

    return Scenario("flapping", at)


def stalled(*, lag: float = 500.0, status: str = "Active") -> Scenario:
    """Return a scenario in which the connector reports that it runs, but nothing is consumed.

    :param lag: constant lag in records. Default 500.
    :param status: constant connector status. Default ``Active``.
    :raises ValueError: if `lag` is negative.
    """
    return Scenario("stalled", steady(lag=lag, rate=0.0, status=status).at)


def null_lag(*, until: float = math.inf, status: str = "Active") -> Scenario:
    """Return a scenario in which lag and latency are ``null`` (unknown).

    :param until: seconds until they become known, with a lag of 0. Default: never.
    :param status: constant connector status. Default ``Active``.
    """
    known = steady(status=status).at

    def at(elapsed: float) -> Reading:
        reading = known(elapsed)
        return reading if elapsed >= until else replace(reading, records_lag=None, latency=None)

    return Scenario("null_lag", at)


def broken(*, at: float = 0.0, of: Scenario | None = None) -> Scenario:
    """Return a scenario in which the destination breaks: the status becomes Broken, the other readings freeze.

    :param at: seconds until it breaks. Default 0: broken from the start.
    :param of: scenario until then. Default: :func:`draining` 1,000 records.
    :raises ValueError: if `at` is negative.
    """
    return _stopped("broken", at, of, lambda last: replace(last, connector_status="Broken", partition_count=0.0))


def paused(*, at: float = 0.0, lag: float | None = 0.0, of: Scenario | None = None) -> Scenario:
    """Return a scenario in which a user pauses the destination. The lag of a paused destination is unreliable.

    :param at: seconds until it is paused. Default 0.
    :param lag: lag reported while paused, None for ``null``. Default 0, which looks drained although it may not be.
    :param of: scenario until then. Default: :func:`draining` 1,000 records.
    :raises ValueError: if `at` is negative.
    """

    def stop(last: Reading) -> Reading:
        return replace(last, connector_status="Paused", desired_state="Paused", records_lag=lag, partition_count=0.0)

    return _stopped("paused", at, of, stop)


def starting(*, active_after: float = 15.0, metrics_after: float = 0.0, then: Scenario | None = None) -> Scenario:
    """Return a scenario for a newly deployed destination.

    :param active_after: seconds for which the status is Starting and the lag unknown. Default 15.
    :param metrics_after: seconds for which the metrics endpoint returns 404. Default 0.
    :param then: scenario that starts when it becomes Active. Default: :func:`steady`.
    :raises ValueError: if `active_after` or `metrics_after` is negative.
    """
    check_not_negative(active_after=active_after, metrics_after=metrics_after)
    active = (then or steady()).at
    young = Reading(None, "Starting", latency=None, partition_count=0.0)

    def at(elapsed: float) -> Reading:
        if elapsed < active_after:
            first = active(0.0)
            now = replace(young, read_total=first.read_total, sent_total=first.sent_total)
        else:
            now = active(elapsed - active_after)
        return replace(now, has_metrics=elapsed >= metrics_after)

    return Scenario("starting", at)


def frozen(*, at: float = 0.0, of: Scenario | None = None) -> Scenario:
    """Return a scenario in which all readings, including the status, stop changing, as if reporting had stopped.

    :param at: seconds until the readings freeze. Default 0.
    :param of: scenario until then. Default: :func:`draining` 1,000 records.
    :raises ValueError: if `at` is negative.
    """
    return _stopped("frozen", at, of, lambda last: last)


def phases(*parts: tuple[float, Scenario]) -> Scenario:
    """Return a scenario that runs several scenarios one after the other. Totals carry over.

    :param parts: pairs of (duration in seconds, scenario). The last scenario runs indefinitely; its duration is
        ignored.
    :raises ValueError: if there are no parts, or one of them is a :func:`sequence`.
    """
    if not parts:
        raise ValueError("phases() requires at least one pair of seconds and scenario")
    starts: list[tuple[float, Scenario, float, float]] = []
    begin = read = sent = 0.0
    for seconds, scenario in parts:
        if scenario.turns:
            raise ValueError("a sequence cannot be a phase, because it advances by request, not by time")
        first, last = scenario.at(0.0), scenario.at(seconds)
        base = (read - (first.read_total or 0.0), sent - (first.sent_total or 0.0)) if starts else (0.0, 0.0)
        starts.append((begin, scenario, *base))
        begin += seconds
        read, sent = (last.read_total or 0.0) + base[0], (last.sent_total or 0.0) + base[1]

    def at(elapsed: float) -> Reading:
        since, scenario, more_read, more_sent = max(
            (part for part in starts if part[0] <= elapsed), key=lambda part: part[0], default=starts[0]
        )
        return scenario.at(elapsed - since).counting_from(more_read, more_sent)

    return Scenario(" then ".join(scenario.name for _, scenario in parts), at)


def sequence(readings: Iterable[Reading | float | Mapping[str, JsonValue] | None]) -> Scenario:
    """Return a scenario in which the k-th metrics request gets the k-th reading. The last one repeats.

    Requests are counted separately for each ``time_type``. A request whose real response does not reach the client
    because of a fault is not counted. A sequence has no history: all points of a timeseries have the current
    reading.

    :param readings: each a :class:`Reading`, a number or None (the lag of an Active destination), or a mapping
        with keys of ``data`` (``{"recordsLag": 3, "connector_status": "Paused"}``) that are sent unchanged.
    :raises ValueError: if there are no readings.
    """
    turns = tuple(_reading(item) for item in readings)
    if not turns:
        raise ValueError("sequence() requires at least one reading")
    return Scenario("sequence", lambda elapsed: turns[0], turns)


def _reading(item: Reading | float | Mapping[str, JsonValue] | None) -> Reading:
    if isinstance(item, Reading):
        return item
    if isinstance(item, Mapping):
        status = item.get("connector_status", "Active")
        return Reading(connector_status=status if isinstance(status, str) else None, extra=dict(item))
    return Reading(records_lag=item)


def _stopped(name: str, at: float, of: Scenario | None, stop: Callable[[Reading], Reading]) -> Scenario:
    check_not_negative(at=at)
    before: Scenario = of or draining(lag=1000.0)

    def reading(elapsed: float) -> Reading:
        if elapsed < at:
            return before.at(elapsed)
        return stop(before.at(at))

    return Scenario(name, reading)


def _whole(value: float) -> float:
    return float(max(0, math.floor(value)))
