# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The metrics that are shown of a known truth: each convention and each fault, with the real queries and parser."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import Any

import pytest

from airflow_provider_streamkap.api.metrics import DestinationMetrics
from airflow_provider_streamkap.api.query import TIMESERIES, MetricsQuery
from airflow_provider_streamkap.gate.target import PollTarget
from benchmarks.accuracy.connector_timeline import ConnectorTimeline, Phase
from benchmarks.accuracy.exporter import Exporter
from benchmarks.accuracy.exporter_behavior import CONVENTIONS, Convention, ExporterBehavior, Flap, Span
from benchmarks.accuracy.kafka import Traffic, simulate_topic
from benchmarks.accuracy.metric_series import EPOCH, to_datetime

START, END = Convention("start", "last"), Convention("end", "last")
# Stopped from the beginning, so that the lag is what has arrived: ten records at 90 s, and ten at 300 s.
STOPPED = ConnectorTimeline((Phase(-1e6, "Paused", False),))
ARRIVALS = Traffic(((89.0, 10.0), (90.0, 0.0), (299.0, 10.0), (300.0, 0.0)), 1e9, 5.0)


def exporter(convention: Convention = START, timeline: ConnectorTimeline = STOPPED, **behavior: Any) -> Exporter:
    topic = simulate_topic(ARRIVALS, timeline, 0.0, 1000.0)
    return Exporter(Random(1), topic, timeline, ExporterBehavior(convention, **{"first": 0.0, **behavior}), 900.0)


def series(made: Exporter, now: float) -> list[tuple[float, float | None]]:
    """Return the points that the API shows at a moment, as stamp and value, sorted by the parser."""
    query = PollTarget.with_timeseries("d1").series_query(to_datetime(now))
    assert query is not None
    metrics = DestinationMetrics.parse(query, made.respond(query, now), to_datetime(now))
    return [((point.timestamp - EPOCH).total_seconds(), point.value) for point in metrics.points("recordsLag")]


def points(made: Exporter, now: float) -> dict[float, float | None]:
    """Return the points that the API shows at a moment, by stamp."""
    return dict(series(made, now))


def latest(made: Exporter, now: float) -> DestinationMetrics:
    query = PollTarget("d1").latest_query()
    return DestinationMetrics.parse(query, made.respond(query, now), to_datetime(now))


@pytest.mark.parametrize(
    ("convention", "expected"),
    [
        (CONVENTIONS[0], {0: 0, 60: 10, 120: 10}),
        (CONVENTIONS[1], {0: 0, 60: 5, 120: 10}),
        # What is measured at the end of an interval belongs to it there.
        (CONVENTIONS[2], {60: 0, 120: 10, 180: 10}),
        (CONVENTIONS[3], {60: 0, 120: 7.5, 180: 10}),
    ],
    ids=str,
)
def test_points_mean_what_the_convention_says(convention: Convention, expected: dict[float, float]) -> None:
    assert points(exporter(convention), 180) == expected


@pytest.mark.parametrize("plain", [False, True])
def test_both_layouts_of_a_time_are_read_alike(plain: bool) -> None:
    assert points(exporter(plain=plain), 130) == {0: 0, 60: 10}


def test_a_point_appears_when_its_interval_has_ended_and_as_much_later_as_there_is_delay() -> None:
    assert [max(points(exporter(), now)) for now in (119, 121, 179)] == [0, 60, 60]
    assert [max(points(exporter(delay=100.0), now)) for now in (219, 221)] == [0, 60]
    assert [latest(exporter(delay=100.0), now).records_lag for now in (189, 190)] == [0, 10]


def test_the_running_minute_may_be_published() -> None:
    assert [points(exporter(running="so far"), now).get(60) for now in (59, 61, 89, 90)] == [None, 0, 0, 10]


def test_a_series_may_be_filled_with_nulls() -> None:
    expected = points(exporter(filled=True, spans=[Span(60, 120, "gap")]), 185)
    assert expected == {0: 0, 60: None, 120: 10, 180: None}


@pytest.mark.parametrize(
    ("effect", "expected", "now"),
    [
        ("null", {0: 0, 60: None, 120: 10}, None),
        ("zero", {0: 0, 60: 0, 120: 10}, 0),
        ("repeat", {0: 0, 60: 0, 120: 10}, 0),
        ("gap", {0: 0, 120: 10}, 10),
        ("still", {0: 0, 120: 10}, 0),
    ],
)
def test_a_lag_may_be_wrong_for_a_while(effect: Any, expected: dict[float, float], now: float | None) -> None:
    made = exporter(spans=[Span(60, 120, effect)])
    assert points(made, 180) == expected
    assert latest(made, 110).records_lag == now


@pytest.mark.parametrize(("shown", "lag"), [("truth", 20), ("zero", 0), ("null", None), ("last", 10)])
def test_a_stopped_connector_may_be_shown_with_another_lag(shown: Any, lag: float | None) -> None:
    # A crash before the first ten records have been committed.
    timeline = ConnectorTimeline((Phase(-1e6, "Active", True), Phase(90, "Stopped", False, crashed=True)))
    assert latest(exporter(timeline=timeline, stopped=shown), 400).records_lag == lag


def test_clocks_status_and_measurements_may_be_off() -> None:
    assert points(exporter(clock=60.0), 185) == {60: 0, 120: 10, 180: 10}
    assert [latest(exporter(cached=30.0), now).records_lag for now in (119, 120)] == [0, 10]
    timeline = ConnectorTimeline((Phase(-1e6, "Paused", False), Phase(200, "Active", True)))
    assert [latest(exporter(timeline=timeline, status_delay=45.0), now).connector_status for now in (244, 245)] == [
        "Paused",
        "Active",
    ]
    flapping = exporter(flaps=[Flap(50, 60, None), Flap(70, 80, "Unknown")])
    assert [latest(flapping, now).connector_status for now in (49, 50, 60, 79)] == ["Paused", None, "Paused", "Unknown"]


def test_what_is_fetched_may_be_taken_for_consumed() -> None:
    timeline = ConnectorTimeline((Phase(-1e6, "Active", True),))
    topic = simulate_topic(Traffic(((92.0, 10.0), (93.0, 0.0)), 1e9, 60.0), timeline, 0.0, 1000.0)
    made = [
        Exporter(Random(1), topic, timeline, ExporterBehavior(START, 0.0, fetched=fetched), 900.0)
        for fetched in (False, True)
    ]
    assert [latest(one, 110).records_lag for one in made] == [10, 0]


def test_counters_may_begin_anew_with_the_connector() -> None:
    timeline = ConnectorTimeline(
        (Phase(-1e6, "Active", True), Phase(200, "Starting", False), Phase(250, "Active", True))
    )
    read = [
        latest(exporter(timeline=timeline, resets=resets), 400).data["sinkRecordReadTotal"] for resets in (False, True)
    ]
    assert read == [20, 10]


def test_latest_may_be_the_point_of_the_newest_complete_minute_and_so_two_minutes_old() -> None:
    made = exporter(latest="point")
    assert [latest(made, now).records_lag for now in (91, 119, 120)] == [0, 0, 10]
    # Ten more records arrive at 299 s; the point of that minute is complete at 300 s, and the next one 60 s later.
    made = exporter(latest="point", every=60.0)
    assert [latest(made, now).records_lag for now in (301, 359, 361)] == [10, 10, 20]


@pytest.mark.parametrize(("source", "lag"), [("truth", 20), ("zero", 0), ("old", 10)])
def test_latest_may_disagree_with_the_points(source: Any, lag: float) -> None:
    made = exporter(latest=source, old_since=200.0)
    assert latest(made, 600).records_lag == lag


def test_points_may_be_zero_while_latest_is_right() -> None:
    made = exporter(zero_points=True, latest="truth")
    assert set(points(made, 400).values()) == {0}
    assert latest(made, 400).records_lag == 20


def test_gaps_may_be_filled_with_zeros() -> None:
    assert points(exporter(zero_filled=True, spans=[Span(120, 180, "gap")]), 245) == {0: 0, 60: 10, 120: 0, 180: 10}


def test_the_minutes_may_start_where_the_query_starts() -> None:
    made = exporter(moving_grid=True)
    query = MetricsQuery("d1", TIMESERIES, 1, "minute", timestamp_from=to_datetime(20))
    moved = DestinationMetrics.parse(query, made.respond(query, 205), to_datetime(205))
    assert [point.timestamp - EPOCH for point in moved.points("recordsLag")] == [
        timedelta(seconds=seconds) for seconds in (20, 80, 140)
    ]
    assert [point.value for point in moved.points("recordsLag")] == [0, 10, 10]


@pytest.mark.parametrize("running", ["zero", "low"])
@pytest.mark.parametrize("convention", [START, END], ids=str)
def test_the_running_minute_may_be_too_low_until_it_ends(running: Any, convention: Convention) -> None:
    made = exporter(convention, running=running)
    stamp = 120 if convention is START else 180
    assert points(made, 170)[stamp] == 0
    assert points(made, 181)[stamp] == 10


def test_a_low_value_of_the_running_minute_is_a_hundredth_of_the_true_one() -> None:
    topic = simulate_topic(Traffic(((10.0, 1000.0), (11.0, 0.0)), 1e9, 5.0), STOPPED, 0.0, 1000.0)
    made = Exporter(Random(1), topic, STOPPED, ExporterBehavior(START, 0.0, running="low"), 900.0)
    assert [points(made, now)[120] for now in (170, 181)] == [10, 1000]


def test_a_false_value_of_the_running_minute_is_removed_at_its_end_if_the_true_one_is_delayed() -> None:
    made = exporter(running="zero", delay=100.0)
    assert [points(made, now).get(60) for now in (100, 130, 221)] == [0, None, 10]


@pytest.mark.parametrize("doubled", ["zero", "low"])
def test_a_stamp_may_have_two_values_in_any_order(doubled: Any) -> None:
    made = exporter(doubled=doubled)
    orders = {tuple(value for stamp, value in series(made, now) if stamp == 60) for now in range(121, 141)}
    assert orders == {(10, 0), (0, 10)}


def test_points_may_come_in_any_order_and_minutes_after_their_successors() -> None:
    made = exporter(unordered=True)
    query = PollTarget.with_timeseries("d1").series_query(to_datetime(800))
    assert query is not None
    stamps = [point["timestamp"] for point in made.respond(query, 800)["data"]["recordsLag"]]
    assert stamps != sorted(stamps)
    overtaken = [now for now in range(130, 600, 10) if sorted(points(made, now)) != list(range(0, now - 59, 60))]
    assert overtaken
    assert {stamp for stamp in points(made, 850) if stamp < 600} == set(range(0, 600, 60))


def test_points_may_vanish() -> None:
    made, honest = exporter(vanishing=True), exporter()
    vanished = points(honest, 850).keys() - points(made, 850).keys()
    assert vanished
    assert all(any(stamp in points(made, now) for now in range(60, 850, 10)) for stamp in vanished)


def test_the_timeseries_may_be_empty() -> None:
    made = exporter(empty=[(200.0, 300.0)])
    assert [len(points(made, now)) > 0 for now in (199, 200, 299, 300)] == [True, False, False, True]
    assert latest(made, 250).records_lag == 10
