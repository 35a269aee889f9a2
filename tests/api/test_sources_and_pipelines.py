# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Sources and pipelines: parsing, validation, their metrics, and that no configuration is kept."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from airflow_provider_streamkap.api.errors import (
    StreamkapError,
    StreamkapNotFoundError,
    StreamkapPermissionError,
    StreamkapResponseError,
)
from airflow_provider_streamkap.api.flows import ApiSession, Flow
from airflow_provider_streamkap.api.metrics import METRIC_NAMES, Metrics, PipelineMetrics, SourceMetrics
from airflow_provider_streamkap.api.pipelines import Pipeline, PipelineConnector, PipelinesQuery
from airflow_provider_streamkap.api.query import PIPELINE, SOURCE, PipelineMetricsQuery, SourceMetricsQuery
from airflow_provider_streamkap.api.resources import ListQuery, Record
from airflow_provider_streamkap.api.sources import Source, SourcesQuery
from tests.api.scripted_session import BASE, response_of, scripted_session
from tests.api.support import ID

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PASSWORD = "hunter22-of-the-database"
CONFIG = {"database.password": PASSWORD, "nested": {"deep": [PASSWORD]}}
CONNECTOR = {
    "id": ID,
    "name": "shop",
    "connector": "postgresql",
    "connector_display_name": "PostgreSQL",
    "connector_status": "Active",
    "desired_state": "Active",
    "task_statuses": {"0": "Active"},
    "topics": ["public.orders"],
    "created_timestamp": "2025-03-02T08:00:00Z",
}
NESTED = {name: CONNECTOR[name] for name in ("id", "name", "connector", "connector_status")}
WHOLE_PIPELINE = {
    "id": "p1",
    "name": "shop to snowflake",
    "source": {**CONNECTOR, "config": CONFIG},
    "destination": {**CONNECTOR, "id": "d1", "connector": "snowflake", "config": CONFIG},
    "topics": ["public.orders"],
    "transforms": [{"script": PASSWORD}],
    "tags": ["t1"],
    "snapshot_new_tables": True,
    "periodic_audit": None,
    "config": CONFIG,
}
# The reference's sample.
SAMPLE = {
    "state": "Streaming",
    "streamingState": "connected",
    "StreamingConnected": 1,
    "StreamingMilliSecondsBehindSource": 0,
    "StreamingMilliSecondsSinceLastEvent": 0,
    "StreamingLastEvent": "position",
    "StreamingTotalNumberOfCreateEventsSeen": 73,
    "StreamingTotalNumberOfUpdateEventsSeen": 0,
    "StreamingTotalNumberOfDeleteEventsSeen": 0,
    "SnapshotRunning": 0,
    "SnapshotCompleted": 0,
    "SnapshotMilliSecondsSinceLastEvent": None,
    "SnapshotTotalNumberOfEventsSeen": 20254,
    "snapshotState": "none",
    "snapshotStatus": [{"status": "completed", "topic_id": "public.orders", "submit_timestamp": None}],
    "sourceRecordWriteTotal": 20327,
    "recordSendTotal": 20327,
    "byteTotal": 1000,
    "recordRetryTotal": None,
}


def source_metrics(data: dict[str, Any], time_type: str = "latest") -> SourceMetrics:
    return SourceMetrics.parse(SourceMetricsQuery(ID, time_type), {"data": data, "more": 1}, NOW)


def pipeline_metrics(data: dict[str, Any]) -> PipelineMetrics:
    return PipelineMetrics.parse(PipelineMetricsQuery(ID), {"data": data}, NOW)


def test_source_keeps_only_heartbeat_settings() -> None:
    heartbeat = {"heartbeat.enabled": True, "heartbeat.data.collection.schema.or.database": "streamkap"}
    source = Source.parse({**CONNECTOR, "config": {**CONFIG, **heartbeat}, "more": PASSWORD})
    assert source.as_dict() == {**CONNECTOR, "heartbeat_enabled": True, "heartbeat_collection": "streamkap"}
    assert PASSWORD not in repr(source) + json.dumps(source.as_dict())


@pytest.mark.parametrize(
    ("config", "enabled", "collection"),
    [
        (None, None, None),
        ("text", None, None),
        ({}, None, None),
        ({"heartbeat.enabled": None}, None, None),
        ({"heartbeat.enabled": False, "heartbeat.data.collection.schema.or.database": None}, False, None),
        ({"heartbeat.enabled": " True ", "heartbeat.data.collection.schema.or.database": "a\0"}, True, "a\ufffd"),
        ({"heartbeat.enabled": "false", "heartbeat.data.collection.schema.or.database": " "}, False, None),
        ({"heartbeat.enabled": 1, "heartbeat.data.collection.schema.or.database": ["x"]}, None, None),
        ({"heartbeat.enabled": {"deep": [PASSWORD]}}, None, None),
    ],
)
def test_heartbeat_of_any_type(config: Any, enabled: bool | None, collection: str | None) -> None:
    source = Source.parse({"id": ID, "config": config})
    assert source == Source(ID, heartbeat_enabled=enabled, heartbeat_collection=collection)


def test_pipeline_drops_both_configurations() -> None:
    pipeline = Pipeline.parse(WHOLE_PIPELINE)
    assert pipeline.as_dict() == {
        "id": "p1",
        "name": "shop to snowflake",
        "source": NESTED,
        "destination": {**NESTED, "id": "d1", "connector": "snowflake"},
        "topics": ["public.orders"],
        "tags": ["t1"],
        "snapshot_new_tables": True,
    }
    assert pipeline.topics == ("public.orders",)
    assert PASSWORD not in repr(pipeline) + json.dumps(pipeline.as_dict())


@pytest.mark.parametrize("record", [Source, Pipeline])
@pytest.mark.parametrize("value", [None, "missing"])
def test_everything_except_id_may_be_missing_or_null(record: type[Record], value: Any) -> None:
    payload = {} if value else dict.fromkeys((*CONNECTOR, *WHOLE_PIPELINE))
    assert record.parse({**payload, "id": ID}) == record(ID)


def test_fields_of_nested_connectors_may_be_missing_or_null() -> None:
    pipeline = Pipeline.parse({"id": "p1", "source": {}, "destination": dict.fromkeys(CONNECTOR)})
    assert pipeline == Pipeline("p1", source=PipelineConnector(), destination=PipelineConnector())


@pytest.mark.parametrize(
    ("record", "change", "said"),
    [
        (Source, None, "a source is not an object"),
        (Source, {"id": None}, "a source has no id"),
        (Source, {"name": [PASSWORD]}, f"the name of source {ID} is not a string"),
        (Source, {"topics": PASSWORD}, f"the topics of source {ID} are not a list"),
        (Pipeline, None, "a pipeline is not an object"),
        (Pipeline, {"id": 7}, "a pipeline has no id"),
        (Pipeline, {"name": {"a": PASSWORD}}, f"the name of pipeline {ID} is not a string"),
        (Pipeline, {"source": PASSWORD}, f"the source of pipeline {ID} is not an object"),
        (Pipeline, {"destination": [PASSWORD]}, f"the destination of pipeline {ID} is not an object"),
        (Pipeline, {"source": {"id": [PASSWORD]}}, f"the id of the source of pipeline {ID} is not a string"),
        (
            Pipeline,
            {"destination": {"connector_status": [PASSWORD]}},
            f"the connector_status of the destination of pipeline {ID} is not a string",
        ),
        (Pipeline, {"topics": {"a": PASSWORD}}, f"the topics of pipeline {ID} are not a list"),
        (Pipeline, {"snapshot_new_tables": PASSWORD}, f"the snapshot_new_tables of pipeline {ID} is not a boolean"),
    ],
)
def test_rejected(record: type[Record], change: Any, said: str) -> None:
    with pytest.raises(StreamkapResponseError, match=said) as caught:
        record.parse(change and {"id": ID, **change})
    assert PASSWORD not in str(caught.value)


def test_configurations_of_any_depth_are_accepted() -> None:
    deep: Any = 1
    for _ in range(200):
        deep = [deep]
    assert Source.parse({"id": ID, "config": {"deep": deep}}) == Source(ID)
    nested = {"id": "x", "config": deep}
    assert Pipeline.parse({"id": ID, "source": nested, "transforms": deep}).source == PipelineConnector("x")


def test_queries() -> None:
    query = SourcesQuery("ord", "mysql", "Active", "gte:1.5", "running", "name", "desc", "t1", 50)
    assert query.params(3) == (
        ("page", "3"),
        ("page_size", "50"),
        ("partial_name", "ord"),
        ("connector", "mysql"),
        ("status", "Active"),
        ("latency", "gte:1.5"),
        ("snapshot", "running"),
        ("sort", "name"),
        ("sort_dir", "desc"),
        ("tag_ids", "t1"),
    )
    assert PipelinesQuery("s1", "d1", "Active", ["t1", "t2"]).params(1) == (
        ("page", "1"),
        ("page_size", "100"),
        ("source_id", "s1"),
        ("destination_id", "d1"),
        ("status", "Active"),
        ("tag_ids", "t1"),
        ("tag_ids", "t2"),
    )


@pytest.mark.parametrize(
    ("query", "change", "said"),
    [
        (SourcesQuery, {"latency": "much"}, "latency must look like gt:100"),
        (SourcesQuery, {"snapshot": True}, "snapshot must be a non-empty string"),
        (SourcesQuery, {"sort_dir": "up"}, "sort_dir must be one of asc, desc"),
        (PipelinesQuery, {"source_id": ""}, "source_id must be a non-empty string"),
        (PipelinesQuery, {"destination_id": "a\0"}, "destination_id must not contain NUL"),
        (PipelinesQuery, {"page_size": 101}, "page_size must be an integer from 1 to 100"),
        (SourceMetricsQuery, {"source_id": ".."}, "source_id must not be"),
        (SourceMetricsQuery, {"source_id": ID, "time_unit": "second"}, "time_unit must be one of"),
        (SourceMetricsQuery, {"source_id": ID, "timestamp_to": "2025-03-02T00:00:00Z"}, "no effect with time_type"),
        (PipelineMetricsQuery, {"pipeline_id": 7}, "pipeline_id must be a string; got the number 7"),
    ],
)
def test_rejected_queries(query: type[Any], change: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        query(**change)


def test_metrics_queries() -> None:
    query = SourceMetricsQuery("a/b", "timeseries", 5, "minute", "2025-03-02T00:00:00Z")
    assert query.path == "/sources/a%2Fb/metrics"
    assert query.params == (
        ("time_type", "timeseries"),
        ("time_interval", "5"),
        ("time_unit", "minute"),
        ("timestamp_from", "2025-03-02T00:00:00Z"),
    )
    assert PipelineMetricsQuery("a b").path == "/pipelines/a%20b/metrics"
    assert PipelineMetricsQuery("a b").params == (("time_type", "latest"),)


def test_documented_source_sample() -> None:
    metrics = source_metrics(SAMPLE)
    assert metrics.data == SAMPLE
    assert not metrics.undocumented
    assert SAMPLE.keys() == METRIC_NAMES[SOURCE].all
    assert (metrics.source_id, metrics.state, metrics.streaming_state) == (ID, "Streaming", "connected")
    assert (metrics.connected, metrics.snapshot_running, metrics.snapshot_completed) == (True, False, False)
    assert (metrics.behind_source_ms, metrics.since_last_event_ms) == (0, 0)
    assert metrics.snapshot_status == SAMPLE["snapshotStatus"]
    assert {"source_id": ID, "metric": "byteTotal", "value": 1000}.items() <= metrics.rows()[-2].items()
    assert metrics.as_dict()["source_id"] == ID
    assert metrics.select(["byteTotal", "snapshotState"]).data == {"byteTotal": 1000, "snapshotState": "none"}


@pytest.mark.parametrize("data", [{}, dict.fromkeys(SAMPLE)])
@pytest.mark.parametrize("time_type", ["latest", "timesummary", "timeseries"])
def test_missing_and_null_are_unknown(data: dict[str, Any], time_type: str) -> None:
    metrics = source_metrics(data, time_type)
    assert (metrics.state, metrics.streaming_state, metrics.snapshot_status) == (None, None, None)
    assert (metrics.connected, metrics.snapshot_running, metrics.snapshot_completed) == (None, None, None)
    assert (metrics.behind_source_ms, metrics.since_last_event_ms) == (None, None)
    assert not metrics.undocumented


@pytest.mark.parametrize(("value", "behind"), [(-1, None), (-1.0, None), (-2, -2), (float("nan"), None), (7, 7)])
def test_delay_before_first_event_is_unknown(value: float, behind: float | None) -> None:
    names = ("StreamingMilliSecondsBehindSource", "StreamingMilliSecondsSinceLastEvent")
    metrics = source_metrics(dict.fromkeys(names, value))
    assert (metrics.behind_source_ms, metrics.since_last_event_ms) == (behind, behind)


@pytest.mark.parametrize(("value", "flag"), [(0, False), (1.0, True), (2, None), (True, None), ("1", None)])
def test_flags(value: Any, flag: bool | None) -> None:
    assert source_metrics({"StreamingConnected": value}).connected is flag


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        *((name, "0", f"{name} must be a number, got a string") for name in sorted(METRIC_NAMES[SOURCE].numeric)),
        *((name, 1, f"{name} must be a string, got a number") for name in METRIC_NAMES[SOURCE].texts),
        ("snapshotStatus", {}, "snapshotStatus must be a list of objects, got an object"),
        ("snapshotStatus", [{}, "x"], "snapshotStatus must be a list of objects, got a string in it"),
        ("snapshotStatus", [{"x": "x" * 5000}], "an item of snapshotStatus has more than 4,096 characters"),
    ],
)
def test_value_of_undocumented_type_is_unknown_and_fails_nothing_else(name: str, value: Any, problem: str) -> None:
    metrics = source_metrics({name: value, "extra": 7})
    assert metrics.data == {name: None, "extra": 7}
    assert metrics.undocumented == {name: problem}
    with pytest.raises(StreamkapResponseError, match=problem):
        metrics.select([name])


def test_snapshot_status_of_many_topics_is_kept() -> None:
    statuses = [{"status": "completed", "topic_id": f"public.table_{number}"} for number in range(1000)]
    metrics = source_metrics({"snapshotStatus": statuses})
    assert metrics.snapshot_status == statuses
    metrics.snapshot_status[0]["status"] = "failed"
    assert metrics.data["snapshotStatus"][0]["status"] == "completed"


def test_timeseries_of_source() -> None:
    points = [{"timestamp": "2025-03-02 08:00:00", "value": 500}]
    metrics = source_metrics({"StreamingMilliSecondsBehindSource": points, "byteTotal": None}, "timeseries")
    (point,) = metrics.points("StreamingMilliSecondsBehindSource")
    assert (point.timestamp, point.value) == (datetime(2025, 3, 2, 8, tzinfo=UTC), 500)
    assert metrics.points("recordSendTotal") == []
    # The API reference shows these only in latest, which carries no time.
    for name in ("StreamingConnected", "SnapshotRunning", "SnapshotCompleted", "StreamingLastEvent", "state"):
        with pytest.raises(ValueError, match="unknown metric"):
            metrics.points(name)


def test_pipeline_metrics() -> None:
    metrics = pipeline_metrics({"latency": 12.5, "recordsLag": 3, "status": "Active", "more": 1})
    assert (metrics.pipeline_id, metrics.status, metrics.records_lag, metrics.latency_ms) == (ID, "Active", 3, 12.5)
    assert metrics.as_dict()["pipeline_id"] == ID
    assert metrics.time_type == "latest"
    empty = pipeline_metrics(dict.fromkeys(METRIC_NAMES[PIPELINE].all))
    assert (empty.status, empty.records_lag, empty.latency_ms) == (None, None, None)
    odd = pipeline_metrics({"latency": True, "recordsLag": "0", "status": ["Active"]})
    assert (odd.status, odd.records_lag, odd.latency_ms) == (None, None, None)
    assert odd.undocumented.keys() == METRIC_NAMES[PIPELINE].all


def flows(session: ApiSession) -> dict[str, Flow[Any]]:
    return {
        "source": session.resource(Source, ID),
        "sources": session.page(SourcesQuery()),
        "pipeline": session.resource(Pipeline, ID),
        "pipelines": session.page(PipelinesQuery()),
    }


@pytest.mark.parametrize("call", ["source", "sources", "pipeline", "pipelines"])
@pytest.mark.parametrize(
    "payload",
    [
        {"result": {"config": CONFIG}},
        {"result": [{**WHOLE_PIPELINE, "id": ID, "name": [PASSWORD], "connector": CONFIG}]},
        {"result": [{**WHOLE_PIPELINE, "id": [PASSWORD]}]},
        {"result": [{"config": CONFIG}] * 300},
        [WHOLE_PIPELINE],
        PASSWORD.encode(),
    ],
)
def test_invalid_responses_are_never_shown(session: ApiSession, call: str, payload: Any) -> None:
    with pytest.raises(StreamkapResponseError, match="not shown because they can contain secrets") as caught:
        scripted_session(session, response_of(payload)).run(flows(session)[call])
    assert PASSWORD not in str(caught.value) + repr(vars(caught.value))


@pytest.mark.parametrize("call", ["source", "sources", "pipeline", "pipelines"])
@pytest.mark.parametrize("status", [400, 403, 404, 422, 500])
@pytest.mark.parametrize(
    "body",
    [
        {"detail": [{"loc": ["body"], "msg": "not valid", "type": "x", "input": WHOLE_PIPELINE}]},
        {"detail": WHOLE_PIPELINE, "config": CONFIG},
        {"result": [WHOLE_PIPELINE]},
        [WHOLE_PIPELINE],
    ],
)
def test_errors_do_not_show_configurations(session: ApiSession, call: str, status: int, body: Any) -> None:
    with pytest.raises(StreamkapError, match=str(status)) as caught:
        scripted_session(session, response_of(body, status)).run(flows(session)[call])
    assert PASSWORD not in str(caught.value) + repr(vars(caught.value))


@pytest.mark.parametrize("call", ["source", "pipeline"])
def test_empty_result_is_not_found(session: ApiSession, call: str) -> None:
    with pytest.raises(StreamkapNotFoundError, match=f"{BASE}/{call}s/{ID}: there is no {call} '{ID}'"):
        scripted_session(session, response_of({"result": []})).run(flows(session)[call])


@pytest.mark.parametrize("query", [SourcesQuery(), PipelinesQuery()])
def test_oversized_page_is_rejected(session: ApiSession, query: ListQuery[Any]) -> None:
    items = [{"id": f"{number}"} for number in range(201)]
    with pytest.raises(StreamkapResponseError, match=f"a page contains 201 {query.record.kind.name}s"):
        scripted_session(session, response_of({"result": items})).run(session.page(query))


def test_metrics_errors_name_kind_and_permission(session: ApiSession) -> None:
    calls: dict[str, Flow[Metrics]] = {
        "source": session.source_metrics(SourceMetricsQuery("orders")),
        "pipeline": session.pipeline_metrics(PipelineMetricsQuery("orders")),
    }
    for kind, flow in calls.items():
        with pytest.raises(
            StreamkapNotFoundError, match=f"{kind} 'orders' does not exist .* pass the id, not the name"
        ):
            scripted_session(session, response_of({"detail": "no"}, 404)).run(flow)
    with pytest.raises(StreamkapPermissionError, match="read:source_metrics"):
        scripted_session(session, response_of({}, 403)).run(session.source_metrics(SourceMetricsQuery(ID)))
    with pytest.raises(StreamkapPermissionError, match="read:pipeline_metrics"):
        scripted_session(session, response_of({}, 403)).run(session.pipeline_metrics(PipelineMetricsQuery(ID)))


def test_texts_and_lists_of_metrics_are_redacted(session: ApiSession) -> None:
    secret = "made-up-secret-value"
    data = {
        "state": f"failed: {secret}",
        "StreamingLastEvent": secret,
        "snapshotStatus": [{"status": "failed", "trace": f"with {secret}"}],
        "byteTotal": secret,
    }
    metrics = scripted_session(session, response_of({"data": data})).run(session.source_metrics(SourceMetricsQuery(ID)))
    assert metrics.state == "failed: ***"
    assert metrics.snapshot_status == [{"status": "failed", "trace": "with ***"}]
    assert secret not in json.dumps(metrics.as_dict()) + str(metrics.undocumented)
    flow = session.pipeline_metrics(PipelineMetricsQuery(ID))
    assert scripted_session(session, response_of({"data": {"status": secret}})).run(flow).status == "***"
