# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The hook reads sources and pipelines from a real server."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from airflow_provider_streamkap.api import StreamkapNotFoundError, StreamkapPermissionError
from airflow_provider_streamkap.hooks.streamkap import StreamkapHook
from airflow_provider_streamkap.testing import StreamkapSimulator, scenarios


@pytest.fixture
def project(streamkap: StreamkapSimulator) -> StreamkapSimulator:
    streamkap.add("d1", scenarios.steady(lag=7), name="orders")
    streamkap.add_source("s1", name="shop", config={"heartbeat.enabled": True})
    streamkap.add_pipeline("p1", "s1", "d1", name="shop to orders")
    return streamkap


@pytest.mark.parametrize("time_type", ["latest", "timesummary", "timeseries"])
def test_sync_and_async_source_metrics_are_equal(project: StreamkapSimulator, time_type: str) -> None:
    hook = StreamkapHook()
    window: dict[str, Any] = {"time_interval": 5, "time_unit": "minute"}
    if time_type != "latest":
        window |= {"timestamp_from": "2026-03-02T06:00:00Z", "timestamp_to": "2026-03-02T07:00:00Z"}
    first = hook.get_source_metrics("s1", time_type, **window)
    second = asyncio.run(hook.aget_source_metrics("s1", time_type, **window))
    assert first.as_dict() | {"observed_at": None} == second.as_dict() | {"observed_at": None}
    one, other = (request for request in project.requests if request.path == "/sources/s1/metrics")
    assert one.query == other.query == {"time_type": time_type, **{key: str(value) for key, value in window.items()}}


def test_latest_is_default(project: StreamkapSimulator) -> None:
    source, pipeline = StreamkapHook().get_source_metrics("s1"), StreamkapHook().get_pipeline_metrics("p1")
    assert (source.time_type, source.state, source.connected) == ("latest", "Streaming", True)
    assert (pipeline.status, pipeline.records_lag) == ("Active", 7)


def test_invalid_arguments_are_rejected_before_any_request(project: StreamkapSimulator) -> None:
    hook = StreamkapHook()
    with pytest.raises(ValueError, match="source_id"):
        hook.get_source_metrics("")
    with pytest.raises(ValueError, match="time_type"):
        asyncio.run(hook.aget_source_metrics("s1", "now"))
    with pytest.raises(ValueError, match="pipeline_id"):
        hook.get_pipeline_metrics("..")
    with pytest.raises(ValueError, match="latency"):
        hook.list_sources(latency="much")
    with pytest.raises(TypeError, match="partial_name"):
        hook.list_pipelines(partial_name="shop")
    assert project.count() == 0


def test_lists(project: StreamkapSimulator) -> None:
    for number in range(120):
        project.add_source(f"more-{number}")
        project.add_pipeline(f"more-{number}", f"more-{number}", "d1")
    hook = StreamkapHook()
    assert len({source.id for source in hook.list_sources()}) == 121
    assert len({pipeline.id for pipeline in hook.list_pipelines()}) == 121
    assert (project.count("/sources"), project.count("/pipelines")) == (2, 2)
    assert [source.id for source in hook.list_sources("sho", status="Active", page_size=1)] == ["s1"]
    assert [pipeline.name for pipeline in hook.list_pipelines(source_id="s1")] == ["shop to orders"]


def test_one_without_configurations(project: StreamkapSimulator) -> None:
    source, pipeline = StreamkapHook().get_source("s1"), StreamkapHook().get_pipeline("p1")
    assert (source.name, source.heartbeat_enabled) == ("shop", True)
    assert pipeline.source is not None
    assert pipeline.destination is not None
    assert (pipeline.source.name, pipeline.destination.name) == ("shop", "orders")
    shown = json.dumps([source.as_dict(), pipeline.as_dict()]) + repr(source) + repr(pipeline)
    assert not any(secret in shown for secret in project.secrets)


def test_unknown_ids_and_missing_permissions(project: StreamkapSimulator) -> None:
    hook = StreamkapHook()
    for call in (hook.get_source, hook.get_pipeline, hook.get_source_metrics, hook.get_pipeline_metrics):
        with pytest.raises(StreamkapNotFoundError):
            call("nowhere")
    project.permissions = ()
    with pytest.raises(StreamkapPermissionError, match="read:source_metrics"):
        asyncio.run(hook.aget_source_metrics("s1"))
