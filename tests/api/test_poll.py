# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The data that a wait polls: the latest metrics and, if timestamps matter, the newest points before them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from airflow_provider_streamkap.api.errors import (
    StreamkapError,
    StreamkapHTTPError,
    StreamkapNotFoundError,
    StreamkapRedirectError,
    StreamkapServerError,
)
from airflow_provider_streamkap.api.metrics import DestinationMetrics
from airflow_provider_streamkap.api.query import GRAIN_SECONDS, MetricsQuery
from airflow_provider_streamkap.gate.reading import LagPoint
from airflow_provider_streamkap.gate.target import WINDOW_SECONDS, PollResult, PollTarget
from airflow_provider_streamkap.testing import Fault, StreamkapSimulator, scenarios
from tests.api.support import ID, AnyClient

NOW = datetime(2026, 3, 1, 12, 0, 0, 999_999, tzinfo=UTC)
LATEST = DestinationMetrics.parse(MetricsQuery(ID), {"data": {"recordsLag": 3}}, NOW)


def series(*points: dict[str, Any]) -> DestinationMetrics:
    return DestinationMetrics.parse(MetricsQuery(ID, "timeseries"), {"data": {"recordsLag": list(points)}}, NOW)


def test_status_condition_watches_latest_only() -> None:
    watch = PollTarget(ID)
    assert watch.latest_query() == MetricsQuery(ID)
    assert watch.series_query(NOW) is None


@pytest.mark.parametrize(
    ("max_age", "window"),
    [(None, WINDOW_SECONDS), (60, WINDOW_SECONDS), (86_400, 86_400 + 2 * GRAIN_SECONDS), (7200.5, 7201 + 120)],
)
def test_lag_condition_watches_timeseries(max_age: float | None, window: int) -> None:
    assert PollTarget.with_timeseries(ID, max_age).window == window


def test_newest_points_are_requested_at_finest_resolution() -> None:
    query = PollTarget.with_timeseries(ID).series_query(NOW)
    assert query == MetricsQuery(ID, "timeseries", 1, "minute", "2026-03-01T11:00:00Z")


@pytest.mark.parametrize("second", [0, 1, 59])
def test_query_starts_on_whole_minute(second: int) -> None:
    query = PollTarget.with_timeseries(ID).series_query(NOW.replace(second=second))
    assert query is not None
    assert query.timestamp_from == datetime(2026, 3, 1, 11, tzinfo=UTC)


def stamp(minute: int) -> str:
    return f"2026-03-01T11:{minute}:00Z"


def points(*shown: tuple[int, float | None]) -> list[tuple[int, float]]:
    """Return the known points of a reading with these (minute, lag) pairs, in minutes after 11:00."""
    start = datetime(2026, 3, 1, 11, tzinfo=UTC).timestamp()
    items = [{"timestamp": stamp(minute), "value": value} for minute, value in shown]
    known = PollResult(LATEST, series(*items)).reading.points
    assert known is not None
    return [(round((point.at - start) / 60), point.lag) for point in known]


def test_points_are_sorted_and_unknown_ones_are_left_out() -> None:
    assert points((58, 9), (57, 4)) == [(57, 4), (58, 9)]
    assert points((56, 9), (57, 4), (58, None), (59, None)) == [(56, 9), (57, 4)]
    assert points((57, -1), (58, None)) == []


@pytest.mark.parametrize("values", [(0, 700), (700, 0), (None, 700), (-1, 700)])
def test_worse_of_two_values_for_one_timestamp_counts(values: tuple[float | None, float | None]) -> None:
    assert points(*((58, value) for value in values)) == [(58, 700)]


def test_reading_contains_latest_lag_and_points() -> None:
    reading = PollResult(LATEST, series({"timestamp": stamp(59), "value": 4})).reading
    assert (reading.lag, reading.newest_point) == (3, LagPoint(datetime(2026, 3, 1, 11, 59, tzinfo=UTC).timestamp(), 4))
    assert PollResult(LATEST).reading.points is None
    assert PollResult(LATEST, series()).reading.points == ()
    assert PollResult(LATEST, series_error=StreamkapServerError("boom", status=500)).reading.points == ()


def test_fetching_reading_with_timeseries(any_client: AnyClient, simulator: StreamkapSimulator) -> None:
    seen = any_client.poll(PollTarget.with_timeseries(ID))
    assert seen.latest.records_lag == 7
    assert seen.reading.newest_point is not None
    assert seen.reading.newest_point.lag == 7
    asked = [item.query["time_type"] for item in simulator.requests if item.path.endswith("/metrics")]
    assert asked == ["timeseries", "latest"]


def test_fetching_reading_without_timeseries(any_client: AnyClient, simulator: StreamkapSimulator) -> None:
    assert any_client.poll(PollTarget(ID)).as_dict()["data"]["recordsLag"] == 7
    assert simulator.count("/metrics") == 1


WAYS = pytest.mark.parametrize("watch", [PollTarget(ID), PollTarget.with_timeseries(ID)], ids=["latest", "dated"])


@WAYS
def test_404_for_existing_destination_means_no_metrics_yet(
    any_client: AnyClient, simulator: StreamkapSimulator, watch: PollTarget
) -> None:
    simulator.set(ID, scenarios.sequence([scenarios.Reading(has_metrics=False)]))
    simulator.inject(Fault.status(404), path="time_type=timeseries")
    seen = any_client.poll(watch)
    assert not seen.measured
    assert (seen.latest.connector_status, seen.latest.records_lag, seen.latest.latency_ms) == (None, None, None)
    assert not seen.reading.points
    assert seen.as_dict()["data"] == {}
    paths = [request.path for request in simulator.requests if request.method == "GET"]
    metrics = [f"/destinations/{ID}/metrics"] * (1 if watch.window is None else 2)
    assert paths == [*metrics, f"/destinations/{ID}"]


def test_points_without_latest_metrics_count_as_no_metrics(
    any_client: AnyClient, simulator: StreamkapSimulator
) -> None:
    simulator.inject(Fault.status(404), path="time_type=latest")
    seen = any_client.poll(PollTarget.with_timeseries(ID))
    assert not seen.measured
    assert not seen.reading.points


BROKEN_SERIES = {
    "no such time_type": Fault.status(422),
    "no timeseries": Fault.status(404),
    "a server error": Fault.status(500),
    "another layout": Fault.status(200, body={"data": [{"recordsLag": 5}]}),
    "a page instead of JSON": Fault.status(200, body="<html>busy</html>"),
}


@pytest.mark.parametrize("fault", BROKEN_SERIES.values(), ids=BROKEN_SERIES)
def test_unreadable_timeseries_leaves_latest_metrics(
    any_client: AnyClient, simulator: StreamkapSimulator, fault: Fault
) -> None:
    simulator.inject(fault, path="time_type=timeseries", times=None)
    seen = any_client.poll(PollTarget.with_timeseries(ID))
    assert seen.latest.records_lag == 7
    assert (seen.series, seen.reading.points) == (None, ())
    assert seen.series_error is not None
    assert seen.series_error.__traceback__ is None
    assert simulator.count("/metrics") == 2


def test_lag_series_of_unexpected_type_has_no_points(any_client: AnyClient, simulator: StreamkapSimulator) -> None:
    body: dict[str, Any] = {"data": {"recordsLag": {"2026-03-01": 5}}}
    simulator.inject(Fault.status(200, body=body), path="time_type=timeseries", times=None)
    assert any_client.poll(PollTarget.with_timeseries(ID)).reading.points == ()


@pytest.mark.parametrize("fault", [Fault.status(503), Fault.status(429), Fault.drop()])
def test_transient_timeseries_error_is_retried(
    any_client: AnyClient, simulator: StreamkapSimulator, fault: Fault
) -> None:
    simulator.inject(fault, path="time_type=timeseries")
    seen = any_client.poll(PollTarget.with_timeseries(ID))
    assert seen.series_error is None
    assert seen.reading.newest_point is not None


@pytest.mark.parametrize("status", [401, 403])
def test_rejected_credentials_are_raised_for_timeseries(
    any_client: AnyClient, simulator: StreamkapSimulator, status: int
) -> None:
    simulator.inject(Fault.status(status), path="time_type=timeseries", times=None)
    with pytest.raises(StreamkapHTTPError) as caught:
        any_client.poll(PollTarget.with_timeseries(ID))
    assert caught.value.permanent


@WAYS
@pytest.mark.parametrize("how", ["404", "empty"])
def test_404_for_nonexistent_destination_is_raised(
    any_client: AnyClient, simulator: StreamkapSimulator, watch: PollTarget, how: Any
) -> None:
    simulator.remove(ID)
    simulator.unknown_destination = how
    with pytest.raises(StreamkapNotFoundError, match=f"{ID}/metrics.*404 Not Found") as caught:
        any_client.poll(watch)
    assert caught.value.permanent
    assert simulator.count(method="GET") == (2 if watch.window is None else 3)


def test_404_is_raised_if_destination_call_is_forbidden(any_client: AnyClient, simulator: StreamkapSimulator) -> None:
    simulator.permissions = ["read:destination_metrics"]
    simulator.inject(Fault.status(404), path="/metrics")
    with pytest.raises(StreamkapNotFoundError, match=r"/metrics.*404 Not Found"):
        any_client.poll(PollTarget(ID))


@pytest.mark.parametrize(
    ("fault", "kind", "requests"),
    [
        (Fault.status(500), StreamkapServerError, 2),
        (Fault.redirect("https://elsewhere.example/"), StreamkapRedirectError, 2),
        (Fault.status(503), StreamkapServerError, 10),
    ],
    ids=["500", "302", "503"],
)
def test_destination_check_raises_like_any_other_call(
    any_client: AnyClient, simulator: StreamkapSimulator, fault: Fault, kind: type[StreamkapError], requests: int
) -> None:
    simulator.inject(Fault.status(404), path="/metrics", times=None)
    simulator.inject(fault, path=f"/destinations/{ID}", times=None)
    with pytest.raises(kind) as caught:
        any_client.poll(PollTarget(ID))
    assert type(caught.value) is kind
    assert simulator.count(method="GET") == requests


def test_transient_failure_of_destination_check_is_retried(
    any_client: AnyClient, simulator: StreamkapSimulator
) -> None:
    simulator.inject(Fault.status(404), path="/metrics", times=2)
    simulator.inject(Fault.status(503), path=f"/destinations/{ID}")
    assert not any_client.poll(PollTarget(ID)).measured
    assert any_client.poll(PollTarget(ID)).measured


def test_other_calls_raise_404_unchanged(any_client: AnyClient, simulator: StreamkapSimulator) -> None:
    simulator.inject(Fault.status(404), path="/metrics")
    with pytest.raises(StreamkapNotFoundError):
        any_client.metrics()
    assert simulator.count(method="GET") == 1
