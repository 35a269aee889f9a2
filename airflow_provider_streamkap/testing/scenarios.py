# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Ready-made scenarios: what a simulated destination goes through.

A scenario is a pure function of the seconds since the destination was added (or
:meth:`StreamkapSimulator.set` to it), by the simulator's clock. :func:`sequence` is the exception: it goes by
the number of the request, for tests that must not depend on any clock.
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
    DEMO_STALLED,
    DEMO_STARTING,
    DEMO_STEADY,
)
from airflow_provider_streamkap.testing.readings import JsonValue, Reading, Scenario

__all__ = [
    "DEMO_BROKEN",
    "DEMO_DRAINING",
    "DEMO_FLAPPING",
    "DEMO_NULL_LAG",
    "DEMO_PAUSED",
    "DEMO_STALLED",
    "DEMO_STARTING",
    "DEMO_STEADY",
    "Reading",
    "Scenario",
    "broken",
    "draining",
    "flapping",
    "frozen",
    "null_lag",
    "paused",
    "phases",
    "sequence",
    "stalled",
    "starting",
    "steady",
]

_BEFORE: Final = 90 * 86400.0  # seconds of history that the totals of a steady destination have behind them
_PUT_MS: Final = 12.0
_LATENCY_MS: Final = 250.0


def steady(*, lag: float = 0.0, rate: float = 10.0, status: str = "Active") -> Scenario:
    """A destination that keeps up: the lag stays, the totals grow.

    :param lag: records that wait all the time. Default 0.
    :param rate: records that pass in a second. Default 10.
    :param status: status all the time. Default ``Active``.
    """
    _not_negative(lag=lag, rate=rate)

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
    """A destination that works off what waits, and then has nothing to do.

    :param lag: records that wait at first. Default 120.
    :param rate: records worked off in a second. Default 5.
    :param after: seconds before it begins. Default 0.
    :param status: status all the time. Default ``Active``.
    """
    _not_negative(lag=lag, after=after)
    if math.isinf(lag) or not rate > 0:
        raise ValueError("lag must be finite and rate above 0; a destination whose lag stays is stalled()")

    def at(elapsed: float) -> Reading:
        # Rounded up, so that 0 means that the last record has gone.
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
    """A destination that goes to and fro between two states, each for half of the period.

    :param period: seconds of one round. Default 20.
    :param lag: records that wait in the first half. Default 0.
    :param other_lag: records that wait in the second half. Default 50.
    :param status: status in the first half. Default ``Active``.
    :param other_status: status in the second half. Default ``Active``.
    """
    _not_negative(lag=lag, other_lag=other_lag)
    if not period > 0:
        raise ValueError(f"period must be above 0 seconds, not {period!r}")
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
    """A destination that says it runs, while nothing moves.

    :param lag: records that wait. Default 500.
    :param status: status all the time. Default ``Active``.
    """
    return Scenario("stalled", steady(lag=lag, rate=0.0, status=status).at)


def null_lag(*, until: float = math.inf, status: str = "Active") -> Scenario:
    """A destination whose lag and latency are ``null``: not known.

    :param until: seconds after which the lag is known, and 0. Default: never.
    :param status: status all the time. Default ``Active``.
    """
    known = steady(status=status).at

    def at(elapsed: float) -> Reading:
        reading = known(elapsed)
        return reading if elapsed >= until else replace(reading, records_lag=None, latency=None)

    return Scenario("null_lag", at)


def broken(*, at: float = 0.0, of: Scenario | None = None) -> Scenario:
    """A destination that breaks: the status turns to Broken and the figures stay where they were.

    :param at: seconds until it breaks. Default 0: from the beginning.
    :param of: what it goes through before. Default: :func:`draining` 1,000 records.
    """
    return _stopped("broken", at, of, lambda last: replace(last, connector_status="Broken", partition_count=0.0))


def paused(*, at: float = 0.0, lag: float | None = 0.0, of: Scenario | None = None) -> Scenario:
    """A destination that a person has paused. Its lag is not to be trusted: here it is what you say.

    :param at: seconds until it is paused. Default 0.
    :param lag: lag that it shows while paused, None for ``null``. Default 0, the treacherous one.
    :param of: what it goes through before. Default: :func:`draining` 1,000 records.
    """

    def stop(last: Reading) -> Reading:
        return replace(last, connector_status="Paused", desired_state="Paused", records_lag=lag, partition_count=0.0)

    return _stopped("paused", at, of, stop)


def starting(*, active_after: float = 15.0, metrics_after: float = 0.0, then: Scenario | None = None) -> Scenario:
    """A destination that was only just deployed.

    :param active_after: seconds for which it is Starting, its lag not known. Default 15.
    :param metrics_after: seconds for which the metrics call answers 404. Default 0.
    :param then: what it goes through once Active, counted from that moment. Default: :func:`steady`.
    """
    _not_negative(active_after=active_after, metrics_after=metrics_after)
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
    """A destination whose readings stop changing, the status with them, as if no one reported any more.

    :param at: seconds until the readings freeze. Default 0.
    :param of: what it shows before. Default: :func:`draining` 1,000 records.
    """
    return _stopped("frozen", at, of, lambda last: last)


def phases(*parts: tuple[float, Scenario]) -> Scenario:
    """One scenario after the other, each counted from its own beginning; the totals go on.

    :param parts: pairs of seconds (how long it lasts) and scenario; the last one lasts for ever, whatever it
        says.
    :raises ValueError: without parts, or with a :func:`sequence` among them.
    """
    if not parts:
        raise ValueError("phases() needs at least one pair of seconds and scenario")
    starts: list[tuple[float, Scenario, float, float]] = []
    begin = read = sent = 0.0
    for seconds, scenario in parts:
        if scenario.turns:
            raise ValueError("a sequence goes by requests, not by time: it cannot be a phase")
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
    """The k-th metrics request gets the k-th reading; the last one repeats.

    Requests of each ``time_type`` are counted by themselves, and a request that met a fault does not count. A
    sequence has no history: every point of a timeseries carries the reading whose turn it is.

    :param readings: each a :class:`Reading`, or a number or None for the lag of an Active destination, or a
        mapping with keys of ``data`` (``{"recordsLag": 3, "connector_status": "Paused"}``) that are sent as
        they are.
    :raises ValueError: without readings.
    """
    turns = tuple(_reading(item) for item in readings)
    if not turns:
        raise ValueError("sequence() needs at least one reading")
    return Scenario("sequence", lambda elapsed: turns[0], turns)


def _reading(item: Reading | float | Mapping[str, JsonValue] | None) -> Reading:
    if isinstance(item, Reading):
        return item
    if isinstance(item, Mapping):
        status = item.get("connector_status", "Active")
        return Reading(connector_status=status if isinstance(status, str) else None, extra=dict(item))
    return Reading(records_lag=item)


def _stopped(name: str, at: float, of: Scenario | None, stop: Callable[[Reading], Reading]) -> Scenario:
    _not_negative(at=at)
    before: Scenario = of or draining(lag=1000.0)

    def reading(elapsed: float) -> Reading:
        if elapsed < at:
            return before.at(elapsed)
        return stop(before.at(at))

    return Scenario(name, reading)


def _whole(value: float) -> float:
    return float(max(0, math.floor(value)))


def _not_negative(**values: float) -> None:
    for name, value in values.items():
        if not value >= 0:
            raise ValueError(f"{name} must be 0 or more, not {value!r}")
