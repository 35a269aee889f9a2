# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Parsing of metrics: lenient where responses vary, strict where they are invalid, exported as strict JSON."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from airflow_provider_streamkap.api.errors import StreamkapResponseError
from airflow_provider_streamkap.api.metrics import NUMERIC_METRICS, DestinationMetrics, Point
from airflow_provider_streamkap.api.query import MetricsQuery
from tests.api.support import ID

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
METADATA = {"recordsLag": {"name": "Lag in Events", "unit": "count"}}


def read(payload: Any, time_type: str = "latest") -> DestinationMetrics:
    return DestinationMetrics.parse(MetricsQuery(ID, time_type), payload, NOW)


def single(data: dict[str, Any], time_type: str = "latest") -> DestinationMetrics:
    return read({"data": data, "metadata": METADATA, "more": 1}, time_type)


def series(data: dict[str, Any]) -> DestinationMetrics:
    return single(data, "timeseries")


@pytest.mark.parametrize("time_type", ["latest", "timesummary"])
def test_single_values(time_type: str) -> None:
    metrics = single({"connector_status": "Active", "recordsLag": 0.0, "latency": 12, "newMetric": {"a": 1}}, time_type)
    assert (metrics.destination_id, metrics.time_type, metrics.observed_at) == (ID, time_type, NOW)
    assert metrics.connector_status == "Active"
    assert metrics.records_lag == 0
    assert metrics.latency_ms == 12
    assert metrics.data["newMetric"] == {"a": 1}
    assert metrics.metadata == METADATA


@pytest.mark.parametrize("data", [{}, {"connector_status": None, "recordsLag": None, "latency": None}])
def test_missing_and_null_are_unknown(data: dict[str, Any]) -> None:
    metrics = single(data)
    assert (metrics.connector_status, metrics.records_lag, metrics.latency_ms) == (None, None, None)


def test_blank_status_is_unknown() -> None:
    assert single({"connector_status": "  "}).connector_status is None


def test_nan_and_numbers_above_64_bits_are_unknown() -> None:
    assert single({"recordsLag": float("nan"), "latency": float("inf")}).as_dict()["data"] == {
        "recordsLag": None,
        "latency": None,
    }
    assert single({"recordsLag": 2**63 - 1}).records_lag == 2**63 - 1
    for huge in (2**63, 1e19, 10**400):
        assert single({"recordsLag": huge}).records_lag is None


@pytest.mark.parametrize("metadata", [None, [], "x", 3])
def test_metadata_can_be_missing(metadata: Any) -> None:
    assert read({"data": {}, "metadata": metadata}).metadata == {}
    assert read({"data": {}}).metadata == {}


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        (None, "expected an object, got null"),
        ([], "expected an object, got a list"),
        ("x", "expected an object, got a string"),
        ({}, "data is missing"),
        ({"data": None}, "data must be an object, got null"),
        ({"data": []}, "data must be an object, got a list"),
    ],
)
def test_rejected(payload: Any, said: str) -> None:
    with pytest.raises(StreamkapResponseError, match=said):
        read(payload)


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("connector_status", 3, "connector_status must be a string, got a number"),
        ("connector_status", ["Active"], "connector_status must be a string, got a list"),
        *((name, "NaN", f"{name} must be a number, got a string") for name in NUMERIC_METRICS),
        ("recordsLag", True, "recordsLag must be a number, got a boolean"),
        ("latency", {}, "latency must be a number, got an object"),
    ],
)
def test_value_of_undocumented_type_is_unknown_and_fails_nothing_else(name: str, value: Any, problem: str) -> None:
    metrics = single({name: value, "extra": 7})
    assert metrics.data == {name: None, "extra": 7}
    assert (metrics.connector_status, metrics.records_lag, metrics.latency_ms) == (None, None, None)
    assert metrics.undocumented == {name: problem}
    assert metrics.select(["extra"]).data == {"extra": 7}
    with pytest.raises(StreamkapResponseError, match=problem):
        metrics.select(["extra", name])


@pytest.mark.parametrize(
    ("value", "points", "problem"),
    [
        (3, None, "recordsLag must be a list of points, got a number"),
        ([3], None, "a point of recordsLag is invalid: expected an object, got a number"),
        ([{"value": 1}], None, "a point of recordsLag is invalid: invalid timestamp"),
        ([{"timestamp": None, "value": 1}], None, "a point of recordsLag is invalid: invalid timestamp"),
        ([{"timestamp": "noon", "value": 1}], None, "a point of recordsLag is invalid: invalid timestamp"),
        (
            [{"timestamp": "2025-03-02", "value": "1"}],
            [None],
            "a point of recordsLag is invalid: value must be a number, got a string",
        ),
        (
            [{"timestamp": "2025-03-02", "value": 4}, {"timestamp": "2025-03-03", "value": False}],
            [4, None],
            "a point of recordsLag is invalid: value must be a number, got a boolean",
        ),
    ],
)
def test_series_of_undocumented_type_is_unknown_and_fails_nothing_else(value: Any, points: Any, problem: str) -> None:
    metrics = series({"recordsLag": value, "latency": [{"timestamp": "2025-03-02", "value": 5}]})
    assert [point.value for point in metrics.points("latency")] == [5]
    assert (metrics.data["recordsLag"] is None) == (points is None)
    assert [point.value for point in metrics.points("recordsLag")] == (points or [])
    assert metrics.select(["latency"]).points("latency") == metrics.points("latency")
    with pytest.raises(StreamkapResponseError, match=problem):
        metrics.select(["recordsLag"])


JUNK = "x" * 5000


@pytest.mark.parametrize("time_type", ["latest", "timesummary", "timeseries"])
@pytest.mark.parametrize("junk", [JUNK, [1] * 5000, {"a": JUNK}, {JUNK: 1}])
def test_undocumented_metric_is_bounded(time_type: str, junk: Any) -> None:
    metrics = single({"junk": junk, JUNK: 1, "extra": 7}, time_type)
    assert metrics.data == {"junk": None, "extra": 7}
    assert metrics.undocumented == {"junk": "junk has more than 4,096 characters"}
    with pytest.raises(StreamkapResponseError, match="junk has more than 4,096 characters"):
        metrics.select(["junk"])


def test_status_is_bounded() -> None:
    metrics = single({"connector_status": JUNK, "recordsLag": 0})
    assert metrics.connector_status is None
    assert metrics.undocumented == {"connector_status": "connector_status has more than 4,096 characters"}


def test_undocumented_metrics_are_bounded_in_number() -> None:
    metrics = single({**{f"extra{number}": number for number in range(1000)}, "recordsLag": 0})
    assert metrics.records_lag == 0
    assert metrics.data == {**{f"extra{number}": number for number in range(100)}, "recordsLag": 0}


def test_extra_point_fields_are_bounded() -> None:
    metrics = series({"recordsLag": [{"timestamp": "2025-03-02", "value": 1, "junk": JUNK}], "latency": []})
    assert metrics.data == {"recordsLag": None, "latency": []}
    assert metrics.undocumented == {"recordsLag": "a point of recordsLag is invalid: more than 4,096 characters"}


def test_metadata_are_bounded() -> None:
    about = {"name": "Lag", "unit": "count"}
    extras = {f"extra{number}": about for number in range(1000)}
    metadata = {"recordsLag": about, "latency": {"name": JUNK}, **extras}
    assert read({"data": {}, "metadata": metadata}).metadata == {
        "recordsLag": about,
        **dict(list(extras.items())[:100]),
    }


def test_points_are_sorted_and_timestamps_normalized() -> None:
    metrics = series(
        {
            "recordsLag": [
                {"timestamp": "2025-03-02T09:00:00Z", "value": 3, "extra": "kept"},
                {"timestamp": "2025-03-02 08:00:00", "value": 1.5},
                {"timestamp": "2025-03-02T10:30:00+02:00", "value": None},
                {"timestamp": "2025-03-02 10:00:00"},
            ],
            "latency": None,
            "partitionCount": [],
        }
    )
    assert metrics.points("recordsLag") == [
        Point(datetime(2025, 3, 2, 8, tzinfo=UTC), 1.5),
        Point(datetime(2025, 3, 2, 8, 30, tzinfo=UTC), None),
        Point(datetime(2025, 3, 2, 9, tzinfo=UTC), 3),
        Point(datetime(2025, 3, 2, 10, tzinfo=UTC), None),
    ]
    assert metrics.points("latency") == metrics.points("partitionCount") == metrics.points("qa_exact_count_diff") == []
    assert metrics.as_dict()["data"]["recordsLag"][2] == {
        "timestamp": "2025-03-02T09:00:00+00:00",
        "value": 3,
        "extra": "kept",
    }
    assert metrics.data["latency"] is None
    assert (metrics.connector_status, metrics.records_lag, metrics.latency_ms) == (None, None, None)


def test_undocumented_fields_in_series() -> None:
    like_points = [{"timestamp": "2025-03-02 08:00:00", "value": 2}]
    metrics = series(
        {
            "states": like_points,
            "odd": [{"timestamp": "noon", "value": 1}, 3],
            "bare": [{"timestamp": "2025-03-02"}],
            "connector_status": "Active",
        }
    )
    assert metrics.points("states") == [Point(datetime(2025, 3, 2, 8, tzinfo=UTC), 2)]
    assert metrics.points("odd") == metrics.points("bare") == []
    assert metrics.data["odd"] == [{"timestamp": "noon", "value": 1}, 3]
    assert metrics.data["connector_status"] == "Active"
    assert [row["metric"] for row in metrics.rows()] == ["states"]


def test_single_values_have_no_points() -> None:
    assert single({"recordsLag": 3}).points("recordsLag") == []


@pytest.mark.parametrize("time_type", ["latest", "timeseries"])
def test_unknown_names_are_rejected_with_known_ones(time_type: str) -> None:
    metrics = read({"data": {"extra": None}, "metadata": {"described": {}}}, time_type)
    known = {"extra", "described", *NUMERIC_METRICS} | ({"connector_status"} if time_type == "latest" else set())
    names: list[Any] = ["recordsLag", "lag", 7]
    with pytest.raises(ValueError, match="unknown metrics: 'lag', 7; known: ") as caught:
        metrics.select(names)
    assert set(str(caught.value).partition("known: ")[2].split(", ")) == known
    with pytest.raises(ValueError, match="unknown metrics: 'lag'"):
        metrics.points("lag")


def test_select() -> None:
    metrics = single({"recordsLag": 3, "latency": 1, "connector_status": "Active"})
    chosen = metrics.select(["connector_status", "recordsLag", "partitionCount", "recordsLag"])
    assert chosen.data == {"connector_status": "Active", "recordsLag": 3, "partitionCount": None}
    assert chosen.metadata == METADATA
    assert chosen.observed_at == metrics.observed_at
    assert metrics.select("latency").data == {"latency": 1}
    assert metrics.select(["latency"]).metadata == {}
    assert metrics.data["recordsLag"] == 3


def test_select_of_series() -> None:
    points = [{"timestamp": "2025-03-02T08:00:00+00:00", "value": 1}]
    metrics = series({"recordsLag": points, "latency": None})
    chosen = metrics.select(["recordsLag", "latency", "partitionCount"])
    assert chosen.data == {"recordsLag": points, "latency": [], "partitionCount": []}


def test_as_dict_is_strict_json_and_copy() -> None:
    metrics = single({"recordsLag": 3, "note": "a\0b\ud800", "deep": [{"x": float("-inf")}]})
    exported = metrics.as_dict()
    assert exported == {
        "destination_id": ID,
        "time_type": "latest",
        "observed_at": "2026-03-01T12:00:00+00:00",
        "data": {"recordsLag": 3, "note": "a\ufffdb\ufffd", "deep": [{"x": None}]},
        "metadata": METADATA,
    }
    assert json.loads(json.dumps(exported, allow_nan=False).encode()) == exported
    exported["data"]["deep"][0]["x"] = 1
    exported["metadata"]["recordsLag"]["unit"] = "x"
    assert metrics.data["deep"] == [{"x": None}]
    assert metrics.metadata["recordsLag"]["unit"] == "count"


def test_reading_time_is_converted_to_utc() -> None:
    local = NOW.astimezone(timezone(timedelta(hours=9)))
    metrics = DestinationMetrics.parse(MetricsQuery(ID), {"data": {}}, local)
    assert metrics.observed_at.isoformat() == "2026-03-01T12:00:00+00:00"


def test_rows() -> None:
    metrics = read(
        {
            "data": {"connector_status": "Active", "recordsLag": 3, "latency": None, "deep": {"a": 1}, "list": [1]},
            "metadata": {"recordsLag": {"name": "Lag", "unit": "count"}, "latency": "odd"},
        }
    )
    stamp = "2026-03-01T12:00:00+00:00"
    common = {"destination_id": ID, "timestamp": stamp}
    assert metrics.rows() == [
        {**common, "metric": "connector_status", "name": None, "unit": None, "value": "Active"},
        {**common, "metric": "recordsLag", "name": "Lag", "unit": "count", "value": 3},
        {**common, "metric": "latency", "name": None, "unit": None, "value": None},
    ]


def test_rows_of_series() -> None:
    metrics = series({"recordsLag": [{"timestamp": "2025-03-02 08:00:00", "value": 1}], "latency": None})
    assert metrics.rows() == [
        {
            "destination_id": ID,
            "metric": "recordsLag",
            "name": "Lag in Events",
            "unit": "count",
            "timestamp": "2025-03-02T08:00:00+00:00",
            "value": 1,
        }
    ]


def test_documented_example_response() -> None:
    data = {
        "connector_status": "Active",
        "latency": 0.0,
        "partitionCount": 1.0,
        "putBatchMaxTimeMs": 0.0,
        "recordsLag": 0.0,
        "sinkRecordReadTotal": 101.0,
        "recordsConsumedTotal": None,
        "sinkRecordSendTotal": 65.0,
        "bytesConsumedTotal": None,
    }
    metrics = single(data)
    assert metrics.data == data
    assert len(metrics.rows()) == len(data)
