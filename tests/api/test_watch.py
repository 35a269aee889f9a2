# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""What a wait looks at: the latest metrics and, where times matter, the newest points before them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from airflow_provider_streamkap.api.errors import (
    StreamkapError,
    StreamkapNotFoundError,
    StreamkapRedirectError,
    StreamkapServerError,
)
from airflow_provider_streamkap.api.metrics import DestinationMetrics, Point
from airflow_provider_streamkap.api.query import GRAIN_SECONDS, MetricsQuery
from airflow_provider_streamkap.api.watch import WINDOW_SECONDS, Observation, Watch
from airflow_provider_streamkap.testing import Fault, StreamkapSimulator, scenarios
from tests.api.support import ID, Asker

NOW = datetime(2026, 3, 1, 12, 0, 0, 999_999, tzinfo=UTC)
LATEST = DestinationMetrics.parse(MetricsQuery(ID), {"data": {"recordsLag": 3}}, NOW)


def series(*points: dict[str, Any]) -> DestinationMetrics:
    return DestinationMetrics.parse(MetricsQuery(ID, "timeseries"), {"data": {"recordsLag": list(points)}}, NOW)


def test_without_times() -> None:
    watch = Watch(ID)
    assert watch.latest() == MetricsQuery(ID)
    assert watch.newest(NOW) is None


@pytest.mark.parametrize(
    ("max_age", "window"),
    [(None, WINDOW_SECONDS), (60, WINDOW_SECONDS), (86_400, 86_400 + 2 * GRAIN_SECONDS), (7200.5, 7201 + 120)],
)
def test_with_times(max_age: float | None, window: int) -> None:
    assert Watch.dated(ID, max_age).window == window


def test_the_newest_points_are_asked_for_at_the_finest_grain() -> None:
    query = Watch.dated(ID).newest(NOW)
    assert query == MetricsQuery(ID, "timeseries", 1, "minute", "2026-03-01T11:00:00Z")


def test_evidence() -> None:
    early, late = {"timestamp": "2026-03-01T11:58:00Z", "value": 9}, {"timestamp": "2026-03-01T11:59:00Z", "value": 4}
    seen = Observation(LATEST, series(late, early))
    assert seen.newest_lag == Point(datetime(2026, 3, 1, 11, 59, tzinfo=UTC), 4)
    evidence = {"recordsLag": {"timestamp": "2026-03-01T11:59:00+00:00", "value": 4}}
    assert seen.as_dict() == {**LATEST.as_dict(), "evidence": evidence}


def test_no_evidence() -> None:
    assert Observation(LATEST).newest_lag is None
    assert Observation(LATEST).as_dict() == LATEST.as_dict()
    assert Observation(LATEST, series()).newest_lag is None
    assert Observation(LATEST, series()).as_dict() == {**LATEST.as_dict(), "evidence": {"recordsLag": None}}


def test_observing_with_times(asker: Asker, simulator: StreamkapSimulator) -> None:
    seen = asker.observe(Watch.dated(ID))
    assert seen.latest.records_lag == 7
    assert seen.newest_lag is not None
    assert seen.newest_lag.value == 7
    asked = [item.query["time_type"] for item in simulator.requests if item.path.endswith("/metrics")]
    assert asked == ["timeseries", "latest"]


def test_observing_without_times(asker: Asker, simulator: StreamkapSimulator) -> None:
    assert asker.observe(Watch(ID)).as_dict()["data"]["recordsLag"] == 7
    assert simulator.count("/metrics") == 1


WAYS = pytest.mark.parametrize("watch", [Watch(ID), Watch.dated(ID)], ids=["latest", "dated"])


@WAYS
def test_a_404_of_a_destination_that_exists_means_no_metrics_yet(
    asker: Asker, simulator: StreamkapSimulator, watch: Watch
) -> None:
    simulator.set(ID, scenarios.sequence([scenarios.Reading(has_metrics=False)]))
    simulator.inject(Fault.status(404), path="time_type=timeseries")
    seen = asker.observe(watch)
    assert not seen.measured
    assert (seen.latest.connector_status, seen.latest.records_lag, seen.latest.latency_ms) == (None, None, None)
    assert seen.newest_lag is None
    assert seen.as_dict()["data"] == {}
    paths = [request.path for request in simulator.requests if request.method == "GET"]
    assert paths == [f"/destinations/{ID}/metrics", f"/destinations/{ID}"]


def test_points_without_latest_metrics_are_no_metrics_either(asker: Asker, simulator: StreamkapSimulator) -> None:
    simulator.inject(Fault.status(404), path="time_type=latest")
    seen = asker.observe(Watch.dated(ID))
    assert not seen.measured
    assert seen.newest_lag is None


@WAYS
@pytest.mark.parametrize("how", ["404", "empty"])
def test_a_404_of_a_destination_that_does_not_exist_stays_one(
    asker: Asker, simulator: StreamkapSimulator, watch: Watch, how: Any
) -> None:
    simulator.remove(ID)
    simulator.unknown_destination = how
    with pytest.raises(StreamkapNotFoundError, match=f"{ID}/metrics.*404 Not Found") as caught:
        asker.observe(watch)
    assert caught.value.permanent
    assert simulator.count(method="GET") == 2


def test_who_may_not_look_is_told_of_the_404(asker: Asker, simulator: StreamkapSimulator) -> None:
    simulator.permissions = ["read:destination_metrics"]
    simulator.inject(Fault.status(404), path="/metrics")
    with pytest.raises(StreamkapNotFoundError, match=r"/metrics.*404 Not Found"):
        asker.observe(Watch(ID))


@pytest.mark.parametrize(
    ("fault", "kind", "requests"),
    [
        (Fault.status(500), StreamkapServerError, 2),
        (Fault.redirect("https://elsewhere.example/"), StreamkapRedirectError, 2),
        (Fault.status(503), StreamkapServerError, 10),
    ],
    ids=["500", "302", "503"],
)
def test_a_look_at_the_destination_fails_as_any_other_call(
    asker: Asker, simulator: StreamkapSimulator, fault: Fault, kind: type[StreamkapError], requests: int
) -> None:
    simulator.inject(Fault.status(404), path="/metrics", times=None)
    simulator.inject(fault, path=f"/destinations/{ID}", times=None)
    with pytest.raises(kind) as caught:
        asker.observe(Watch(ID))
    assert type(caught.value) is kind
    assert simulator.count(method="GET") == requests


def test_a_look_at_the_destination_that_fails_in_passing_is_repeated(
    asker: Asker, simulator: StreamkapSimulator
) -> None:
    simulator.inject(Fault.status(404), path="/metrics", times=2)
    simulator.inject(Fault.status(503), path=f"/destinations/{ID}")
    assert not asker.observe(Watch(ID)).measured
    assert asker.observe(Watch(ID)).measured


def test_other_calls_take_a_404_as_it_is(asker: Asker, simulator: StreamkapSimulator) -> None:
    simulator.inject(Fault.status(404), path="/metrics")
    with pytest.raises(StreamkapNotFoundError):
        asker.metrics()
    assert simulator.count(method="GET") == 1
