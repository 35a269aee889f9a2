# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The metrics call: shape, parameters, errors."""

from __future__ import annotations

import math
from typing import Any

import pytest

from airflow_provider_streamkap.testing import Reading, scenarios
from airflow_provider_streamkap.testing.readings import JsonValue
from tests.testing.support import Api, Clock


def test_latest_follows_scenario(api: Api, clock: Clock) -> None:
    api.simulator.add("d1", scenarios.draining(lag=120, rate=5, after=10))
    seen = []
    for seconds in (0, 10, 12.1, 11.8, 0.1):
        clock.pass_by(seconds)
        seen.append(api.metrics("d1")["recordsLag"])
    assert seen == [120, 120, 60, 1, 0]


def test_response_has_every_metric_with_label_and_unit(api: Api) -> None:
    api.simulator.add("d1", scenarios.steady())
    answer = api.get("/destinations/d1/metrics").json()
    assert answer.keys() == {"data", "metadata"}
    assert answer["data"].keys() == answer["metadata"].keys()
    assert answer["data"]["connector_status"] == "Active"
    assert answer["data"]["recordsConsumedTotal"] is None
    assert answer["metadata"]["latency"]["unit"] == "milliseconds"
    assert all(entry.keys() == {"name", "unit"} for entry in answer["metadata"].values())


def test_reading_can_omit_and_add_keys(api: Api) -> None:
    reading = Reading(missing=frozenset({"latency", "recordsLag"}), extra={"new": [1], "partitionCount": "x"})
    api.simulator.add("d1", scenarios.sequence([reading]))
    data = api.metrics("d1")
    assert "latency" not in data
    assert "recordsLag" not in data
    assert (data["new"], data["partitionCount"], data["qa_exact_count_diff"]) == ([1], "x", None)


def test_nan_is_serialized_like_python(api: Api) -> None:
    api.simulator.add("d1", scenarios.sequence([Reading(records_lag=math.nan, latency=math.inf)]))
    text = api.get("/destinations/d1/metrics").text
    assert '"recordsLag": NaN' in text
    assert '"latency": Infinity' in text


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"time_type": "latest"},
        {"time_type": "timesummary", "time_interval": 3, "time_unit": "minute"},
        {"time_type": "timeseries", "time_unit": "week"},
        {"timestamp_from": "2025-12-31T23:00:00Z", "timestamp_to": "2026-01-01T00:00:00.5+01:00"},
        {"timestamp_from": "2025-12-31 23:00:00"},
        {"timestamp_to": "9999-12-31T23:59:59Z"},
        {"unheard": "of"},
        {"time_type": ["timeseries", "latest"]},
    ],
)
def test_documented_parameters_are_accepted(api: Api, params: dict[str, Any]) -> None:
    api.simulator.add("d1", scenarios.steady())
    assert "recordsLag" in api.metrics("d1", **params)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("time_type", "Latest"),
        ("time_type", ""),
        ("time_unit", "hours"),
        ("time_interval", "1.5"),
        ("time_interval", ""),
        ("time_interval", "one"),
        ("time_interval", "\uff11"),
        ("timestamp_from", "yesterday"),
        ("timestamp_from", ""),
        ("timestamp_to", "2026-13-01T00:00:00Z"),
        ("timestamp_to", "1767225600"),
        ("timestamp_to", "2026-01-01"),
    ],
)
def test_value_of_wrong_type_is_422(api: Api, name: str, value: str) -> None:
    api.simulator.add("d1", scenarios.steady())
    answer = api.get("/destinations/d1/metrics", **dict[str, Any]({name: value}))
    assert answer.status_code == 422
    (violation,) = answer.json()["detail"]
    assert violation["loc"] == ["query", name]
    assert violation.keys() >= {"loc", "msg", "type"}
    assert all(isinstance(violation[key], str) for key in ("msg", "type"))


def test_all_validation_errors_are_reported_together(api: Api) -> None:
    answer = api.get("/destinations/d1/metrics", time_type="x", time_unit="y", timestamp_from="z")
    assert [item["loc"][1] for item in answer.json()["detail"]] == ["time_type", "time_unit", "timestamp_from"]


@pytest.mark.parametrize(
    "params",
    [
        {"time_interval": "0"},
        {"time_interval": "-1"},
        {"time_interval": "1" + "0" * 30},
        {"timestamp_from": "2025-01-02T00:00:00Z", "timestamp_to": "2025-01-01T00:00:00Z"},
        {"timestamp_from": "2027-01-01T00:00:00Z"},
    ],
)
def test_inconsistent_values_are_400(api: Api, params: dict[str, Any]) -> None:
    api.simulator.add("d1", scenarios.steady())
    answer = api.get("/destinations/d1/metrics", **params)
    assert answer.status_code == 400
    assert isinstance(answer.json()["detail"], str)


def test_unknown_destination_is_404(api: Api) -> None:
    answer = api.get("/destinations/nobody/metrics")
    assert answer.status_code == 404
    assert isinstance(answer.json()["detail"], str)


def test_young_destination_has_no_metrics_yet(api: Api, clock: Clock) -> None:
    api.simulator.add("d1", scenarios.starting(active_after=20, metrics_after=10))
    assert api.get("/destinations/d1/metrics").status_code == 404
    assert api.get("/destinations/d1").json()["result"][0]["connector_status"] == "Starting"
    clock.pass_by(10)
    data = api.metrics("d1")
    assert (data["connector_status"], data["recordsLag"]) == ("Starting", None)
    clock.pass_by(10)
    assert api.metrics("d1")["connector_status"] == "Active"


def test_quoted_id_is_one_segment(api: Api) -> None:
    for destination_id in ("a/b", "a?b", "a#b", "a%2Fb", "ä ö", "..b"):
        api.simulator.add(destination_id, scenarios.steady())
    for quoted in ("a%2Fb", "a%3Fb", "a%23b", "a%252Fb", "%C3%A4%20%C3%B6", "..b"):
        assert api.get(f"/destinations/{quoted}/metrics").status_code == 200
        assert api.simulator.requests[-1].raw_path == f"/destinations/{quoted}/metrics"


@pytest.mark.parametrize("path", ["/", "/auth", "/destinations/", "/destinations//metrics", "/destinations/d1/x"])
def test_other_paths_are_404(api: Api, path: str) -> None:
    answer = api.get(path)
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not Found"})


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/destinations/d1/metrics"),
        ("PUT", "/destinations/d1"),
        ("DELETE", "/destinations"),
        ("GET", "/auth/access-token"),
        ("GET", "/auth/access-token/refresh"),
        ("POST", "/auth/whoami"),
        ("HEAD", "/destinations"),
        ("OPTIONS", "/destinations"),
    ],
)
def test_other_methods_are_405(api: Api, method: str, path: str) -> None:
    answer = api.call(method, path)
    assert answer.status_code == 405
    assert answer.headers["Allow"] in ("GET", "POST")


def test_sequence_advances_per_request(api: Api) -> None:
    turns: list[Reading | float | dict[str, JsonValue] | None] = [
        7,
        None,
        {"recordsLag": 0, "connector_status": "Broken"},
        Reading(records_lag=2.0),
    ]
    api.simulator.add("d1", scenarios.sequence(turns))
    seen = [api.metrics("d1") for _ in range(5)]
    assert [data["recordsLag"] for data in seen] == [7, None, 0, 2, 2]
    assert [data["connector_status"] for data in seen] == ["Active", "Active", "Broken", "Active", "Active"]


def test_sequence_counts_each_time_type_separately(api: Api) -> None:
    api.simulator.add("d1", scenarios.sequence([3, 2, 1]))
    newest = []
    for _ in range(3):
        series = api.metrics("d1", time_type="timeseries")["recordsLag"]
        newest.append({point["value"] for point in series})
        assert series
    assert newest == [{3}, {2}, {1}]
    assert api.metrics("d1")["recordsLag"] == 3
    api.get("/destinations")
    assert api.metrics("d1")["recordsLag"] == 2


def test_scenario_can_be_changed_and_totals_continue(api: Api, clock: Clock) -> None:
    api.simulator.add("d1", scenarios.draining(lag=100, rate=10))
    clock.pass_by(20)
    drained = api.metrics("d1")
    api.simulator.set("d1", scenarios.draining(lag=50, rate=10))
    second = api.metrics("d1")
    assert (drained["recordsLag"], second["recordsLag"]) == (0, 50)
    assert drained["sinkRecordReadTotal"] == second["sinkRecordReadTotal"]
    clock.pass_by(5)
    assert api.metrics("d1")["sinkRecordReadTotal"] == drained["sinkRecordReadTotal"] + 50
    api.simulator.set("d1", scenarios.sequence([4]))
    assert api.metrics("d1")["recordsLag"] == 4


def test_rewound_scenario_starts_with_first_request_and_again_after_pause(api: Api, clock: Clock) -> None:
    api.simulator.add("d1", scenarios.draining(lag=10, rate=1), rewind_after=30)
    clock.pass_by(1000)
    seen = [api.metrics("d1")["recordsLag"]]
    for seconds in (4, 30, 31):
        clock.pass_by(seconds)
        seen.append(api.metrics("d1")["recordsLag"])
    assert seen == [10, 6, 0, 10]


def test_destinations_can_be_added_and_removed(api: Api) -> None:
    api.simulator.add("d1", scenarios.steady())
    assert api.simulator.destinations == {"d1": "destination-d1"}
    with pytest.raises(ValueError, match="already"):
        api.simulator.add("d1", scenarios.steady())
    api.simulator.remove("d1")
    assert api.get("/destinations/d1/metrics").status_code == 404
    for change in (api.simulator.remove, lambda key: api.simulator.set(key, scenarios.steady())):
        with pytest.raises(LookupError, match="d1"):
            change("d1")


def test_destination_needs_id_and_age(api: Api) -> None:
    with pytest.raises(ValueError, match="destination_id"):
        api.simulator.add("", scenarios.steady())
    with pytest.raises(ValueError, match="age"):
        api.simulator.add("d1", scenarios.steady(), age=-1)
