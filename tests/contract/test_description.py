# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The description matches the vendor's reference: parameters, defaults, enumerations, metrics, statuses."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from airflow_provider_streamkap.api.metrics import METRIC_NAMES
from airflow_provider_streamkap.api.query import PIPELINE, SOURCE
from airflow_provider_streamkap.testing.params import TIME_TYPES, TIME_UNITS
from airflow_provider_streamkap.testing.readings import METADATA, NUMERIC_METRICS, SOURCE_METRICS, STREAMING
from tests.contract.description import load, validator

DESCRIPTION = load()
METRICS_CALL = DESCRIPTION["paths"]["/destinations/{destination_id}/metrics"]["get"]
LIST_CALL = DESCRIPTION["paths"]["/destinations"]["get"]
SCHEMAS = DESCRIPTION["components"]["schemas"]
METRICS = {
    "latency",
    "partitionCount",
    "putBatchMaxTimeMs",
    "recordsLag",
    "sinkRecordReadTotal",
    "recordsConsumedTotal",
    "sinkRecordSendTotal",
    "bytesConsumedTotal",
    "qa_exact_count_diff",
}
BEHIND = "StreamingMilliSecondsBehindSource"
CONNECTOR = dict.fromkeys(SCHEMAS["Destination"]["required"]) | {"id": "s1"}
PIPELINE_ITEM = dict.fromkeys(SCHEMAS["Pipeline"]["required"]) | {"id": "p1"}


def parameters(call: dict[str, Any]) -> dict[str, dict[str, Any]]:
    known = DESCRIPTION["components"]["parameters"]
    resolved = [
        known[item["$ref"].rpartition("/")[2]] if "$ref" in item else item for item in call.get("parameters", ())
    ]
    return {item["name"]: item for item in resolved}


def test_parameters_of_metrics_call() -> None:
    found = parameters(METRICS_CALL)
    assert list(found) == [
        "destination_id",
        "time_type",
        "time_interval",
        "time_unit",
        "timestamp_from",
        "timestamp_to",
    ]
    assert [item["in"] for item in found.values()] == ["path"] + ["query"] * 5
    assert [item["required"] for item in found.values()] == [True] + [False] * 5
    assert found["destination_id"]["schema"] == {"type": "string"}
    assert found["time_type"]["schema"] == {
        "type": "string",
        "enum": ["timeseries", "timesummary", "latest"],
        "default": "latest",
    }
    assert found["time_interval"]["schema"] == {"type": "integer", "default": 1}
    assert found["time_unit"]["schema"] == {
        "type": "string",
        "enum": ["minute", "hour", "day", "week", "month"],
        "default": "hour",
    }
    for name in ("timestamp_from", "timestamp_to"):
        assert found[name]["schema"] == {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]}


def test_simulator_knows_same_values() -> None:
    found = parameters(METRICS_CALL)
    assert set(found["time_type"]["schema"]["enum"]) == set(TIME_TYPES)
    assert set(found["time_unit"]["schema"]["enum"]) == set(TIME_UNITS)
    assert set(NUMERIC_METRICS) == METRICS
    assert set(METADATA) == METRICS | {"connector_status"}


def test_units_of_metrics() -> None:
    units = {name: entry["unit"] for name, entry in METADATA.items()}
    assert units.pop("connector_status") == "enum"
    assert units.pop("latency") == units.pop("putBatchMaxTimeMs") == "milliseconds"
    assert units.pop("bytesConsumedTotal") == "bytes"
    assert set(units.values()) == {"count"}


def test_statuses_of_metrics_call() -> None:
    assert set(METRICS_CALL["responses"]) == {"200", "400", "401", "403", "404", "422", "500"}


def test_metrics_by_time_type() -> None:
    assert set(SCHEMAS["TimeseriesData"]["properties"]) == METRICS
    assert set(SCHEMAS["LatestData"]["properties"]) == METRICS | {"connector_status"}
    assert SCHEMAS["TimesummaryData"]["properties"] == SCHEMAS["LatestData"]["properties"]
    nullable = {
        name
        for name, schema in SCHEMAS["TimeseriesData"]["properties"].items()
        if schema == {"$ref": "#/components/schemas/NullablePoints"}
    }
    assert nullable == {"latency", "recordsLag", "sinkRecordSendTotal"}
    for name in ("TimeseriesData", "LatestData", "TimesummaryData", "Timeseries", "Latest", "Timesummary", "Point"):
        assert SCHEMAS[name]["additionalProperties"] is True
    for name in ("Timeseries", "Latest", "Timesummary"):
        assert SCHEMAS[name]["required"] == ["data", "metadata"]
    assert SCHEMAS["Point"]["required"] == ["value", "timestamp"]
    assert SCHEMAS["ValidationError"]["required"] == ["loc", "msg", "type"]


def test_parameters_of_list() -> None:
    found = parameters(LIST_CALL)
    assert list(found) == [
        "page",
        "page_size",
        "partial_name",
        "connector",
        "status",
        "lag",
        "sort",
        "sort_dir",
        "tag_ids",
    ]
    assert found["page"]["schema"]["default"] == 1
    assert (found["page_size"]["schema"]["default"], found["page_size"]["schema"]["maximum"]) == (10, 100)
    assert found["lag"]["schema"]["pattern"].startswith("^(gt|lt|gte|lte|eq|ne):")


def test_parameters_of_sources_and_pipelines() -> None:
    paths = {path: parameters(calls["get"]) for path, calls in DESCRIPTION["paths"].items() if "get" in calls}
    same = {name: schema["schema"] for name, schema in parameters(METRICS_CALL).items() if name != "destination_id"}
    source = paths["/sources/{source_id}/metrics"]
    assert {name: source[name]["schema"] for name in source if name != "source_id"} == same
    assert list(paths["/sources"]) == [
        "page",
        "page_size",
        "partial_name",
        "connector",
        "status",
        "latency",
        "snapshot",
        "sort",
        "sort_dir",
        "tag_ids",
    ]
    assert list(paths["/pipelines"]) == ["page", "page_size", "tag_ids", "source_id", "destination_id", "status"]
    pipeline = paths["/pipelines/{pipeline_id}/metrics"]
    assert list(pipeline) == ["pipeline_id", "time_type"]
    assert pipeline["time_type"]["schema"]["enum"] == ["latest"]


def data_of(schema: str) -> dict[str, Any]:
    found: dict[str, Any] = SCHEMAS[schema]["properties"]["data"]["properties"]
    return found


def test_metrics_of_sources_and_pipelines() -> None:
    latest, series = data_of("SourceLatest"), data_of("SourceTimeseries")
    assert set(latest) == set(STREAMING) == METRIC_NAMES[SOURCE].all
    assert {name for name, schema in series.items() if schema is False} == {
        "StreamingConnected",
        "SnapshotRunning",
        "SnapshotCompleted",
        "StreamingLastEvent",
    }
    assert {name for name, schema in series.items() if schema} <= set(METRIC_NAMES[SOURCE].series)
    assert set(SOURCE_METRICS) == set(METRIC_NAMES[SOURCE].series)
    assert set(data_of("PipelineLatest")) == METRIC_NAMES[PIPELINE].all


def test_other_calls() -> None:
    paths = {path: set(calls) for path, calls in DESCRIPTION["paths"].items()}
    assert paths == {
        "/auth/access-token": {"post"},
        "/auth/access-token/refresh": {"post"},
        "/auth/whoami": {"get"},
        "/destinations": {"get"},
        "/destinations/{destination_id}": {"get"},
        "/destinations/{destination_id}/metrics": {"get"},
        "/sources": {"get"},
        "/sources/{source_id}": {"get"},
        "/sources/{source_id}/metrics": {"get"},
        "/pipelines": {"get"},
        "/pipelines/{pipeline_id}": {"get"},
        "/pipelines/{pipeline_id}/metrics": {"get"},
    }
    assert SCHEMAS["Token"]["required"] == ["accessToken", "refreshToken", "expires", "expiresIn"]
    assert SCHEMAS["Whoami"]["required"] == ["tenant_id", "service_id", "sub", "token_type", "project_key_id"]
    assert SCHEMAS["DestinationPage"]["required"] == ["result", "page", "page_size", "total", "has_next"]
    assert SCHEMAS["ClientCredentials"]["required"] == ["client_id", "secret"]
    assert SCHEMAS["ProjectKey"]["required"] == ["project_key"]


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_schema_is_valid(name: str) -> None:
    Draft202012Validator.check_schema(SCHEMAS[name])


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        ("Latest", {"data": {"recordsLag": None, "new": []}, "metadata": {}}, {"data": {"recordsLag": "0"}}),
        ("Timesummary", {"data": {"latency": 1.5}, "metadata": {}}, {"data": {"latency": True}, "metadata": {}}),
        (
            "Timeseries",
            {"data": {"latency": None, "partitionCount": []}, "metadata": {"latency": {"unit": "ms"}}},
            {"data": {"partitionCount": None}, "metadata": {}},
        ),
        ("Timeseries", {"data": {}, "metadata": {}}, {"data": {"latency": [{"value": 1}]}, "metadata": {}}),
        (
            "SourceLatest",
            {"data": {"snapshotStatus": [{"status": "running", "submit_timestamp": None}], "StreamingConnected": 1}},
            {"data": {"StreamingConnected": "1"}},
        ),
        ("SourceTimeseries", {"data": {"byteTotal": []}}, {"data": {"SnapshotRunning": []}}),
        (
            "SourceTimeseries",
            {"data": {BEHIND: [{"timestamp": "2025-03-02 08:00:00", "value": -1}]}},
            {"data": {BEHIND: [{"timestamp": "2025-03-02 08:00:00", "value": None}]}},
        ),
        ("SourceLatest", {"data": {BEHIND: -1, "StreamingLastEvent": None}}, {"data": {"StreamingLastEvent": 5}}),
        ("Source", {**CONNECTOR, "config": {"heartbeat.enabled": True}}, CONNECTOR),
        ("Source", {**CONNECTOR, "config": None}, {**CONNECTOR, "config": {"heartbeat.enabled": 1}}),
        ("Pipeline", PIPELINE_ITEM, {**PIPELINE_ITEM, "status": "Active"}),
        ("PipelineLatest", {"data": {"status": "Active", "recordsLag": None}}, {"data": {"status": 1}}),
        ("ValidationErrors", {"detail": []}, {"detail": [{"loc": ["query"], "msg": "m"}]}),
        ("Error", {"detail": {"a": 1}}, {"detail": [1]}),
        ("ClientCredentials", {"client_id": "", "secret": ""}, {"client_id": "", "secret": "", "project_key": ""}),
    ],
)
def test_schemas_reject_invalid_values(schema: str, good: object, bad: object) -> None:
    assert validator(schema).is_valid(good)
    assert not validator(schema).is_valid(bad)
