# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The data that a wait polls of a source: the latest metrics, and the newest points or the source itself."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from airflow_provider_streamkap.api.errors import StreamkapHTTPError, StreamkapNotFoundError, StreamkapServerError
from airflow_provider_streamkap.api.metrics import BEHIND_SOURCE, SINCE_LAST_EVENT, SourceMetrics
from airflow_provider_streamkap.api.query import SOURCE, SourceMetricsQuery
from airflow_provider_streamkap.api.sources import Source
from airflow_provider_streamkap.gate.source import SourcePoint, SourceReading, digest
from airflow_provider_streamkap.gate.target import PollTarget, SourcePollResult
from airflow_provider_streamkap.testing import Fault, StreamkapSimulator
from tests.api.support import ID, AnyClient

NOW = datetime(2026, 3, 1, 12, 0, 0, 999_999, tzinfo=UTC)
START = datetime(2026, 3, 1, 11, tzinfo=UTC).timestamp()
LATEST = PollTarget(ID, kind=SOURCE)
DATED = PollTarget.with_timeseries(ID, kind=SOURCE)
RECORD = PollTarget(ID, kind=SOURCE, record=True)
KINDS = pytest.mark.parametrize("target", [LATEST, DATED, RECORD], ids=["latest", "dated", "record"])


@pytest.fixture
def simulator(simulator: StreamkapSimulator) -> StreamkapSimulator:
    simulator.add_source(ID, metrics={BEHIND_SOURCE: 500, SINCE_LAST_EVENT: 7000})
    return simulator


def latest(**values: Any) -> SourceMetrics:
    return SourceMetrics.parse(SourceMetricsQuery(ID), {"data": values}, NOW)


def series(**metrics: list[tuple[int, float | None]]) -> SourceMetrics:
    """Return a timeseries with points (minutes after 11:00, value)."""
    data = {
        name: [{"timestamp": f"2026-03-01T11:{minute:02}:00Z", "value": value} for minute, value in points]
        for name, points in metrics.items()
    }
    return SourceMetrics.parse(SourceMetricsQuery(ID, "timeseries"), {"data": data}, NOW)


def requested(simulator: StreamkapSimulator) -> list[str]:
    return [request.query.get("time_type", request.path) for request in simulator.requests if request.method == "GET"]


def test_targets_of_sources_request_metrics_of_sources() -> None:
    assert LATEST.latest_query() == SourceMetricsQuery(ID)
    assert LATEST.series_query(NOW) is None
    assert DATED.series_query(NOW) == SourceMetricsQuery(ID, "timeseries", 1, "minute", "2026-03-01T11:00:00Z")
    assert PollTarget(ID, 3600, SOURCE, record=True).series_query(NOW) is None
    assert PollTarget(ID) != LATEST


def test_poll_with_timeseries(any_client: AnyClient, simulator: StreamkapSimulator) -> None:
    seen = any_client.poll_source(DATED)
    assert requested(simulator) == ["timeseries", "latest"]
    assert seen.reading.points is not None
    assert {point[1:] for point in seen.reading.points} == {(500, 7000)}
    assert (seen.reading.delay_ms, seen.reading.status, seen.record) == (500, None, None)
    assert seen.clock_lead is not None


def test_poll_with_record(any_client: AnyClient, simulator: StreamkapSimulator) -> None:
    seen = any_client.poll_source(RECORD)
    assert requested(simulator) == [f"/sources/{ID}", "latest"]
    assert (seen.reading.status, seen.reading.points) == ("Active", None)
    assert isinstance(seen.record, Source)
    assert seen.as_dict()["source_id"] == ID


def test_poll_of_latest_metrics(any_client: AnyClient, simulator: StreamkapSimulator) -> None:
    reading = any_client.poll_source(LATEST).reading
    assert requested(simulator) == ["latest"]
    assert (reading.state, reading.streaming_state, reading.connected) == ("Streaming", "connected", True)


@KINDS
def test_404_for_existing_source_means_no_metrics_yet(
    any_client: AnyClient, simulator: StreamkapSimulator, target: PollTarget
) -> None:
    simulator.inject(Fault.status(404), path=f"/sources/{ID}/metrics", times=2)
    seen = any_client.poll_source(target)
    assert not seen.measured
    assert (seen.reading.delay_ms, seen.reading.state, seen.reading.connected) == (None, None, None)
    assert not seen.reading.points
    assert seen.as_dict()["data"] == {}
    # The source itself is requested once.
    assert requested(simulator).count(f"/sources/{ID}") == 1
    assert seen.reading.status == ("Active" if target.record else None)


@KINDS
def test_404_for_nonexistent_source_is_raised(
    any_client: AnyClient, simulator: StreamkapSimulator, target: PollTarget
) -> None:
    unknown = PollTarget("a" * 24, target.window, SOURCE, target.record)
    with pytest.raises(StreamkapNotFoundError, match=f"source '{'a' * 24}' does not exist in this project") as caught:
        any_client.poll_source(unknown)
    assert caught.value.permanent


@pytest.mark.parametrize("fault", [Fault.status(422), Fault.status(500), Fault.status(404)])
def test_unreadable_timeseries_leaves_latest_metrics(
    any_client: AnyClient, simulator: StreamkapSimulator, fault: Fault
) -> None:
    simulator.inject(fault, path="time_type=timeseries", times=None)
    seen = any_client.poll_source(DATED)
    assert (seen.series, seen.reading.points, seen.reading.delay_ms) == (None, (), 500)
    assert seen.series_error is not None


@pytest.mark.parametrize("path", [f"/sources/{ID}/metrics", f"/sources/{ID}"])
@pytest.mark.parametrize("status", [401, 403])
def test_rejected_credentials_are_raised(
    any_client: AnyClient, simulator: StreamkapSimulator, path: str, status: int
) -> None:
    simulator.inject(Fault.status(status), path=path, times=None)
    with pytest.raises(StreamkapHTTPError) as caught:
        any_client.poll_source(RECORD)
    assert caught.value.permanent


def test_failed_request_for_source_fails_poll(any_client: AnyClient, simulator: StreamkapSimulator) -> None:
    simulator.inject(Fault.status(500), path=f"/sources/{ID}", times=None)
    with pytest.raises(StreamkapServerError):
        any_client.poll_source(RECORD)


def test_points_of_both_metrics_are_joined_by_time() -> None:
    points: dict[str, list[tuple[int, float | None]]] = {
        BEHIND_SOURCE: [(2, 20), (1, 10), (3, None)],
        SINCE_LAST_EVENT: [(1, 1000), (4, -1)],
    }
    joined = series(**points)
    assert SourcePollResult(latest(), joined).reading.points == (
        SourcePoint(START + 60, 10, 1000),
        SourcePoint(START + 120, 20, None),
        SourcePoint(START + 180, None, None),
        SourcePoint(START + 240, None, -1),
    )


@pytest.mark.parametrize("values", [(3, 700), (700, 3), (None, 700), (-1, 700)])
def test_larger_of_two_values_for_one_timestamp_counts(values: tuple[float | None, float | None]) -> None:
    twice: list[tuple[int, float | None]] = [(1, value) for value in values]
    result = SourcePollResult(latest(), series(**{BEHIND_SOURCE: twice, SINCE_LAST_EVENT: twice}))
    assert result.reading.points == (SourcePoint(START + 60, 700, 700),)


def test_reading_contains_all_values_of_latest_metrics() -> None:
    metrics = latest(
        state="Streaming\n",
        streamingState="connected",
        StreamingConnected=1,
        StreamingMilliSecondsBehindSource=-1,
        StreamingMilliSecondsSinceLastEvent=-40,
        StreamingLastEvent="position 7",
        SnapshotRunning=0,
        SnapshotCompleted=1,
        SnapshotTotalNumberOfEventsSeen=20254,
        snapshotState="running\x1b[31m",
        snapshotStatus=[{"status": "running", "topic_id": "orders", "submit_timestamp": None}],
    )
    record = Source.parse({"id": ID, "connector_status": "Paused\nby hand"})
    assert SourcePollResult(metrics, record=record).reading == SourceReading(
        status="Paused by hand",
        state="Streaming",
        streaming_state="connected",
        connected=True,
        delay_ms=-1,
        since_ms=-40,
        last_event=digest("position 7"),
        snapshot_running=False,
        snapshot_completed=True,
        snapshot_events=20254,
        snapshots=(("running", "orders"),),
        snapshot_state="running [31m",
        points=None,
        observed_at=NOW,
    )


def test_missing_and_invalid_values_are_unknown() -> None:
    assert SourcePollResult(latest()).reading == SourceReading(observed_at=NOW)
    invalid = latest(
        state=7,
        StreamingConnected=2,
        StreamingMilliSecondsBehindSource=float("nan"),
        StreamingMilliSecondsSinceLastEvent=float("inf"),
        StreamingLastEvent={},
        snapshotStatus="running",
    )
    assert SourcePollResult(invalid).reading == SourceReading(observed_at=NOW)


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ({}, ("unknown", None)),
        ({"status": None, "topic_id": "orders"}, ("unknown", "orders")),
        ({"status": " ", "topic_id": 7}, ("unknown", None)),
        ({"status": "pending"}, ("pending", None)),
    ],
)
def test_snapshot_with_missing_or_invalid_values(item: Any, expected: tuple[str, str | None]) -> None:
    assert SourcePollResult(latest(snapshotStatus=[item])).reading.snapshots == (expected,)


def test_series_without_points() -> None:
    assert SourcePollResult(latest(), series()).reading.points == ()
    assert SourcePollResult(latest(), series_error=StreamkapServerError("boom", status=500)).reading.points == ()
