# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Sources and pipelines of the simulator."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_streamkap.testing import Fault, Reporting, scenarios
from airflow_provider_streamkap.testing.demo import add_demo
from airflow_provider_streamkap.testing.readings import SOURCE_METRICS, STREAMING
from tests.testing.support import Api, Clock


@pytest.fixture
def project(api: Api) -> Api:
    simulator = api.simulator
    simulator.add("d1", scenarios.draining(lag=120, rate=5))
    simulator.add("d2", scenarios.broken())
    simulator.add_source("s1", name="shop", topics=("a", "b"), tag_ids=("t1",))
    simulator.add_source("s2", name="crm", connector="mysql", metrics={"StreamingMilliSecondsBehindSource": 900})
    simulator.add_pipeline("p1", "s1", "d1", tag_ids=("t1",))
    simulator.add_pipeline("p2", "s2", "d2", name="crm to d2", topics=("b",))
    return api


def ids(api: Api, path: str, **params: Any) -> list[str]:
    return [item["id"] for item in api.get(path, **params).json()["result"]]


def data(api: Api, path: str, **params: Any) -> dict[str, Any]:
    found: dict[str, Any] = api.get(path, **params).json()["data"]
    return found


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, ["s2", "s1"]),
        ({"partial_name": "SHO"}, ["s1"]),
        ({"connector": "mysql"}, ["s2"]),
        ({"status": "active", "sort": "id"}, ["s1", "s2"]),
        ({"status": "Broken"}, []),
        ({"tag_ids": "t1"}, ["s1"]),
        ({"latency": "gt:100"}, ["s2"]),
        ({"latency": "lte:0"}, ["s1"]),
        ({"lag": "ignored", "snapshot": "ignored"}, ["s2", "s1"]),
    ],
)
def test_filters_of_sources(project: Api, params: dict[str, Any], expected: list[str]) -> None:
    assert ids(project, "/sources", **params) == expected


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, ["p2", "p1"]),
        ({"source_id": "s1"}, ["p1"]),
        ({"destination_id": "d2"}, ["p2"]),
        ({"source_id": "s1", "destination_id": "d2"}, []),
        ({"status": "broken"}, ["p2"]),
        ({"tag_ids": "t1"}, ["p1"]),
        ({"partial_name": "ignored"}, ["p2", "p1"]),
        ({"page_size": 1, "page": 2}, ["p1"]),
    ],
)
def test_filters_of_pipelines(project: Api, params: dict[str, Any], expected: list[str]) -> None:
    assert ids(project, "/pipelines", **params) == expected


def test_pipeline_contains_source_and_destination(project: Api) -> None:
    (pipeline,) = project.get("/pipelines/p1").json()["result"]
    assert (pipeline["name"], pipeline["topics"]) == ("pipeline-p1", ["a", "b"])
    assert "status" not in pipeline
    for kind in ("source", "destination"):
        (nested,) = project.get(f"/{kind}s/{pipeline[kind]['id']}").json()["result"]
        assert pipeline[kind] == nested
        assert set(nested["config"].values()) & set(project.simulator.secrets)
    assert project.get("/pipelines/p2").json()["result"][0]["topics"] == ["b"]


def test_source_metrics(project: Api) -> None:
    assert data(project, "/sources/s1/metrics") == {**STREAMING}
    assert data(project, "/sources/s2/metrics")["StreamingMilliSecondsBehindSource"] == 900
    summary = data(project, "/sources/s1/metrics", time_type="timesummary")
    assert (summary["state"], summary["byteTotal"]) == ("Streaming", STREAMING["byteTotal"])
    series = data(project, "/sources/s2/metrics", time_type="timeseries")
    assert series.keys() == set(SOURCE_METRICS)
    assert {point["value"] for point in series["StreamingMilliSecondsBehindSource"]} == {900}
    assert series["SnapshotMilliSecondsSinceLastEvent"] == []


def test_reporting_applies_to_sources(api: Api) -> None:
    api.simulator.add_source("s1", reporting=Reporting(layout="plain", totals="interval"))
    points = data(api, "/sources/s1/metrics", time_type="timeseries")["byteTotal"]
    assert {point["value"] for point in points} == {0}
    assert all(" " in point["timestamp"] for point in points)


def test_pipeline_metrics_are_those_of_destination(project: Api, clock: Clock) -> None:
    clock.pass_by(10)
    lag = project.metrics("d1")["recordsLag"]
    assert data(project, "/pipelines/p1/metrics") == {"latency": 14000.0, "recordsLag": lag, "status": "Active"}
    assert data(project, "/pipelines/p2/metrics")["status"] == "Broken"
    project.simulator.set("d1", scenarios.sequence([None]))
    assert project.get("/pipelines/p1/metrics").status_code == 200
    assert project.get("/pipelines/p1/metrics", time_type="timeseries").status_code == 422


def test_unknown_ids(project: Api) -> None:
    for kind in ("sources", "pipelines"):
        assert project.get(f"/{kind}/nobody").status_code == project.get(f"/{kind}/nobody/metrics").status_code == 404
    project.simulator.unknown_destination = project.simulator.unknown_metrics = "empty"
    for kind in ("sources", "pipelines"):
        assert project.get(f"/{kind}/nobody").json()["result"] == []
        assert project.get(f"/{kind}/nobody/metrics").json()["data"] == {}


def test_faults_and_tokens(project: Api) -> None:
    project.simulator.inject(Fault.status(503), path="/pipelines")
    assert [project.get("/sources").status_code, project.get("/pipelines").status_code] == [200, 503]
    project.simulator.revoke_tokens()
    assert project.get("/sources/s1/metrics").status_code == project.get("/pipelines").status_code == 401


def test_invalid_additions(project: Api) -> None:
    simulator = project.simulator
    with pytest.raises(ValueError, match="source_id must not be empty"):
        simulator.add_source("")
    with pytest.raises(ValueError, match="there is already a source 's1'"):
        simulator.add_source("s1")
    with pytest.raises(ValueError, match="there is already a pipeline 'p1'"):
        simulator.add_pipeline("p1", "s1", "d1")
    with pytest.raises(LookupError, match="there is no source 's9'"):
        simulator.add_pipeline("p9", "s9", "d1")
    with pytest.raises(LookupError, match="there is no destination 'd9'"):
        simulator.add_pipeline("p9", "s1", "d9")


def test_demo(api: Api) -> None:
    add_demo(api.simulator)
    (pipeline,) = api.get(f"/pipelines/{scenarios.DEMO_PIPELINE}").json()["result"]
    assert (pipeline["source"]["id"], pipeline["destination"]["id"]) == (scenarios.DEMO_SOURCE, scenarios.DEMO_DRAINING)
    assert pipeline["source"]["connector_status"] == "Active"


def test_destination_without_metrics_has_none_in_pipeline(api: Api) -> None:
    api.simulator.add("d1", scenarios.sequence([scenarios.Reading(has_metrics=False)]))
    api.simulator.add_source("s1")
    api.simulator.add_pipeline("p1", "s1", "d1")
    assert api.get("/pipelines/p1/metrics").status_code == 404
