# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""What is told of a truth that is known: each convention and each fault, through the real queries and parser."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from airflow_provider_streamkap.api.metrics import DestinationMetrics
from airflow_provider_streamkap.api.watch import Watch
from benchmarks.truth.exporter import EPOCH, Exporter, moment_of
from benchmarks.truth.habits import CONVENTIONS, Convention, Flap, Habits, Span
from benchmarks.truth.kafka import Flow, consume
from benchmarks.truth.life import Life, Stretch

START, END = Convention("start", "last"), Convention("end", "last")
# Stopped from the beginning, so that the lag is what has arrived: ten records at 90 s, and ten at 300 s.
STOPPED = Life((Stretch(-1e6, "Paused", False),))
ARRIVALS = Flow(((89.0, 10.0), (90.0, 0.0), (299.0, 10.0), (300.0, 0.0)), 1e9, 5.0)


def exporter(convention: Convention = START, life: Life = STOPPED, **habits: Any) -> Exporter:
    topic = consume(ARRIVALS, life, 0.0, 1000.0)
    return Exporter(Random(1), topic, life, Habits(convention, **{"first": 0.0, **habits}), 900.0)


def points(made: Exporter, now: float) -> dict[float, float | None]:
    """Give the points that the API tells of at a moment, by their stamps."""
    query = Watch.dated("d1").newest(moment_of(now))
    assert query is not None
    series = DestinationMetrics.parse(query, made.answer(query, now), moment_of(now))
    return {(point.timestamp - EPOCH).total_seconds(): point.value for point in series.points("recordsLag")}


def latest(made: Exporter, now: float) -> DestinationMetrics:
    query = Watch("d1").latest()
    return DestinationMetrics.parse(query, made.answer(query, now), moment_of(now))


@pytest.mark.parametrize(
    ("convention", "told"),
    [
        (CONVENTIONS[0], {0: 0, 60: 10, 120: 10}),
        (CONVENTIONS[1], {0: 0, 60: 5, 120: 10}),
        # What is measured at the end of an interval belongs to it there.
        (CONVENTIONS[2], {60: 0, 120: 10, 180: 10}),
        (CONVENTIONS[3], {60: 0, 120: 7.5, 180: 10}),
    ],
    ids=str,
)
def test_points_mean_what_the_convention_says(convention: Convention, told: dict[float, float]) -> None:
    assert points(exporter(convention), 180) == told


@pytest.mark.parametrize("plain", [False, True])
def test_both_layouts_of_a_time_are_read_alike(plain: bool) -> None:
    assert points(exporter(plain=plain), 130) == {0: 0, 60: 10}


def test_a_point_appears_when_its_interval_has_ended_and_as_much_later_as_there_is_delay() -> None:
    assert [max(points(exporter(), now)) for now in (119, 121, 179)] == [0, 60, 60]
    assert [max(points(exporter(delay=100.0), now)) for now in (219, 221)] == [0, 60]
    assert [latest(exporter(delay=100.0), now).records_lag for now in (189, 190)] == [0, 10]


def test_the_minute_that_has_not_ended_may_be_told_of() -> None:
    assert [points(exporter(partial=True), now).get(60) for now in (59, 61, 89, 90)] == [None, 0, 0, 10]


def test_a_series_may_be_filled_with_nulls() -> None:
    told = points(exporter(filled=True, spans=[Span(60, 120, "gap")]), 185)
    assert told == {0: 0, 60: None, 120: 10, 180: None}


@pytest.mark.parametrize(
    ("effect", "told", "now"),
    [
        ("null", {0: 0, 60: None, 120: 10}, None),
        ("zero", {0: 0, 60: 0, 120: 10}, 0),
        ("repeat", {0: 0, 60: 0, 120: 10}, 0),
        ("gap", {0: 0, 120: 10}, 10),
        ("still", {0: 0, 120: 10}, 0),
    ],
)
def test_a_lag_may_be_wrong_for_a_while(effect: Any, told: dict[float, float], now: float | None) -> None:
    made = exporter(spans=[Span(60, 120, effect)])
    assert points(made, 180) == told
    assert latest(made, 110).records_lag == now


@pytest.mark.parametrize(("shown", "lag"), [("truth", 20), ("zero", 0), ("null", None), ("last", 10)])
def test_a_stopped_connector_may_be_shown_with_another_lag(shown: Any, lag: float | None) -> None:
    life = Life((Stretch(-1e6, "Paused", False), Stretch(200, "Stopped", False)))
    assert latest(exporter(life=life, stopped=shown), 400).records_lag == lag


def test_clocks_status_and_measurements_may_be_off() -> None:
    assert points(exporter(clock=60.0), 185) == {60: 0, 120: 10, 180: 10}
    assert [latest(exporter(cached=30.0), now).records_lag for now in (119, 120)] == [0, 10]
    life = Life((Stretch(-1e6, "Paused", False), Stretch(200, "Active", True)))
    assert [latest(exporter(life=life, status_delay=45.0), now).connector_status for now in (244, 245)] == [
        "Paused",
        "Active",
    ]
    flapping = exporter(flaps=[Flap(50, 60, None), Flap(70, 80, "Unknown")])
    assert [latest(flapping, now).connector_status for now in (49, 50, 60, 79)] == ["Paused", None, "Paused", "Unknown"]


def test_what_is_fetched_may_be_taken_for_consumed() -> None:
    life = Life((Stretch(-1e6, "Active", True),))
    topic = consume(Flow(((92.0, 10.0), (93.0, 0.0)), 1e9, 60.0), life, 0.0, 1000.0)
    made = [Exporter(Random(1), topic, life, Habits(START, 0.0, fetched=fetched), 900.0) for fetched in (False, True)]
    assert [latest(one, 110).records_lag for one in made] == [10, 0]


def test_counters_may_begin_anew_with_the_connector() -> None:
    life = Life((Stretch(-1e6, "Active", True), Stretch(200, "Starting", False), Stretch(250, "Active", True)))
    read = [latest(exporter(life=life, resets=resets), 400).data["sinkRecordReadTotal"] for resets in (False, True)]
    assert read == [20, 10]
