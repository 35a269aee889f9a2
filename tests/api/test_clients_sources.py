# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Both clients read sources and pipelines from the simulator."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_streamkap.api.errors import StreamkapNotFoundError, StreamkapPermissionError
from airflow_provider_streamkap.api.query import SourceMetricsQuery
from airflow_provider_streamkap.testing import Fault, StreamkapSimulator, scenarios
from tests.api.support import ID, AnyClient

SOURCE, PIPELINE = "67ad6e0af08a2365c729bb79", "67ad6e0af08a2365c729bc79"


@pytest.fixture
def simulator(simulator: StreamkapSimulator) -> StreamkapSimulator:
    heartbeat = {"heartbeat.enabled": "true"}
    simulator.add_source(SOURCE, name="shop", topics=("a", "b"), config=heartbeat, metrics={"state": "Streaming"})
    simulator.add_pipeline(PIPELINE, SOURCE, ID, name="shop to snowflake", topics=("a",), tag_ids=("t",))
    return simulator


def test_metrics(any_client: AnyClient, simulator: StreamkapSimulator) -> None:
    source = any_client.source_metrics(SourceMetricsQuery(SOURCE))
    assert (source.state, source.connected, source.behind_source_ms) == ("Streaming", True, 0)
    series = any_client.source_metrics(SourceMetricsQuery(SOURCE, "timeseries", 1, "hour"))
    assert series.points("byteTotal")[-1].value == source.data["byteTotal"]
    pipeline = any_client.pipeline_metrics(PIPELINE)
    assert (pipeline.status, pipeline.records_lag) == ("Active", 7)
    assert [request.path for request in simulator.requests[1:]] == [
        f"/sources/{SOURCE}/metrics",
        f"/sources/{SOURCE}/metrics",
        f"/pipelines/{PIPELINE}/metrics",
    ]


def test_records_without_configurations(any_client: AnyClient, simulator: StreamkapSimulator) -> None:
    source, pipeline = any_client.source(SOURCE), any_client.pipeline(PIPELINE)
    assert (source.name, source.topics, source.heartbeat_enabled) == ("shop", ("a", "b"), True)
    assert pipeline.source is not None
    assert pipeline.destination is not None
    assert (pipeline.source.id, pipeline.destination.id, pipeline.topics) == (SOURCE, ID, ("a",))
    assert (any_client.sources(), any_client.pipelines()) == ([source], [pipeline])
    shown = f"{source!r} {source.as_dict()} {pipeline!r} {pipeline.as_dict()}"
    assert not any(secret in shown for secret in simulator.secrets)


def test_all_pages_are_listed(any_client: AnyClient, simulator: StreamkapSimulator) -> None:
    for number in range(120):
        simulator.add_source(f"s{number}")
        simulator.add_pipeline(f"p{number}", f"s{number}", ID)
    for totals in (True, False):
        simulator.paging_totals = totals
        simulator.reset_requests()
        assert len({item.id for item in any_client.sources()}) == 121
        assert len({item.id for item in any_client.pipelines(page_size=50)}) == 121
        assert (simulator.count("/sources"), simulator.count("/pipelines")) == (2, 3)
    assert [item.id for item in any_client.pipelines(source_id="s7")] == ["p7"]


def test_filters_are_sent(any_client: AnyClient, simulator: StreamkapSimulator) -> None:
    filters = {"partial_name": "a b", "connector": "mysql", "status": "Active", "latency": "gt:5", "snapshot": "x"}
    assert any_client.sources(**filters, sort="name", sort_dir="desc", tag_ids=["t"]) == []
    assert simulator.requests[-1].query == {
        **filters,
        "sort": "name",
        "sort_dir": "desc",
        "tag_ids": "t",
        "page": "1",
        "page_size": "100",
    }
    filters = {"source_id": SOURCE, "destination_id": ID, "status": "Active", "tag_ids": "t"}
    assert [item.id for item in any_client.pipelines(**filters)] == [PIPELINE]
    assert simulator.requests[-1].query == {**filters, "page": "1", "page_size": "100"}


@pytest.mark.parametrize("how", ["404", "empty"])
def test_unknown_ids(any_client: AnyClient, simulator: StreamkapSimulator, how: Any) -> None:
    simulator.unknown_destination = how
    for call in (any_client.source, any_client.pipeline):
        with pytest.raises(StreamkapNotFoundError):
            call("000000000000000000000000")
    with pytest.raises(StreamkapNotFoundError, match=r"pipeline 'orders' does not exist .* pass the id, not the name"):
        any_client.pipeline_metrics("orders")


def test_missing_permissions_are_named(any_client: AnyClient, simulator: StreamkapSimulator) -> None:
    simulator.permissions = {"read:destination_metrics"}
    with pytest.raises(StreamkapPermissionError, match="read:source_metrics"):
        any_client.source_metrics(SourceMetricsQuery(SOURCE))
    with pytest.raises(StreamkapPermissionError, match="read:pipeline_metrics"):
        any_client.pipeline_metrics(PIPELINE)


def test_transient_faults_are_retried(any_client: AnyClient, simulator: StreamkapSimulator) -> None:
    for path in ("/sources", "/pipelines"):
        for fault in (Fault.status(503), Fault.truncated(), Fault.not_json()):
            simulator.inject(fault, path=path)
    assert any_client.source(SOURCE).id == SOURCE
    assert any_client.pipeline_metrics(PIPELINE).records_lag == 7
    simulator.set(ID, scenarios.broken())
    assert any_client.pipeline_metrics(PIPELINE).status == "Broken"
