# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Sources and pipelines of the simulator."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from airflow_provider_streamkap.testing import Fault, Reporting, scenarios
from airflow_provider_streamkap.testing.demo import add_demo
from airflow_provider_streamkap.testing.readings import SOURCE_METRICS, STREAMING
from tests.testing.support import START, Api, Clock


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
    with pytest.raises(ValueError, match="there is already a source 's1'"):
        simulator.add_pipeline("p9", "s1", "d9", scenarios.pipeline())
    with pytest.raises(ValueError, match="there is already a destination 'd1'"):
        simulator.add_pipeline("p9", "s9", "d1", scenarios.pipeline())
    with pytest.raises(LookupError, match="there is no source 's9'"):
        simulator.set_source("s9", scenarios.source_idle())
    for pipeline_id in ("p1", "p9"):
        with pytest.raises(LookupError, match=f"there is no pipeline '{pipeline_id}' with a scenario"):
            simulator.committed(pipeline_id)


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


BEHIND = "StreamingMilliSecondsBehindSource"
SINCE = "StreamingMilliSecondsSinceLastEvent"


def points(api: Api, clock: Clock, path: str, metric: str, seconds: int) -> list[tuple[float, float]]:
    """Return the points of the last `seconds`, with times in seconds since the start of the clock."""
    begin = datetime.fromtimestamp(clock.now - seconds, tz=UTC).isoformat()
    params = {"time_type": "timeseries", "time_unit": "minute", "timestamp_from": begin}
    found = data(api, path, **params)[metric]
    return [(datetime.fromisoformat(point["timestamp"]).timestamp() - START, point["value"]) for point in found]


def test_latest_and_timeseries_follow_one_scenario(api: Api, clock: Clock) -> None:
    scenario = scenarios.source_restarts(at=130, for_=60, every=20)
    api.simulator.add_source("s1", scenario, reporting=Reporting(stamp="end"))
    latest = {}
    for moment in range(60, 301, 60):
        clock.pass_by(60)
        found = data(api, "/sources/s1/metrics")
        assert found == scenario.at(moment).data()
        latest[moment] = (found[BEHIND], found[SINCE])
    assert latest == {60: (502, 19500), 120: (505, 19500), 180: (-1, -1), 240: (504, 19500), 300: (500, 19500)}
    for index, metric in enumerate((BEHIND, SINCE)):
        assert points(api, clock, "/sources/s1/metrics", metric, 300) == [
            (at, pair[index]) for at, pair in latest.items()
        ]


def test_timeseries_of_source_has_no_flags(api: Api) -> None:
    api.simulator.add_source("s1", scenarios.source_snapshots())
    series = data(api, "/sources/s1/metrics", time_type="timeseries")
    assert not series.keys() & {"StreamingConnected", "SnapshotRunning", "SnapshotCompleted", "StreamingLastEvent"}
    assert {"SnapshotRunning", "StreamingLastEvent"} <= data(api, "/sources/s1/metrics").keys()


def test_scenario_sets_connector_and_heartbeat_of_source(api: Api) -> None:
    api.simulator.add_source("s1", scenarios.source_mysql_idle())
    api.simulator.add_source("s2", scenarios.source_idle(heartbeat="table"), connector="oracle", metrics={BEHIND: 7})
    sources = {item["id"]: item for item in api.get("/sources").json()["result"]}
    assert (sources["s1"]["connector"], sources["s1"]["connector_display_name"]) == ("mysql", "MySQL")
    assert (sources["s2"]["connector"], sources["s2"]["connector_display_name"]) == ("oracle", "Oracle")
    assert sources["s1"]["config"]["heartbeat.enabled"] is False
    assert sources["s2"]["config"]["heartbeat.data.collection.schema.or.database"] == "streamkap"
    assert data(api, "/sources/s2/metrics")[BEHIND] == 7


def test_set_source_keeps_history_and_totals(api: Api, clock: Clock) -> None:
    api.simulator.add_source("s1", scenarios.source_streaming(every=1), reporting=Reporting(stamp="end"))
    clock.pass_by(120)
    before = data(api, "/sources/s1/metrics")
    api.simulator.set_source("s1", scenarios.source_broken(of=scenarios.source_idle()))
    after = data(api, "/sources/s1/metrics")
    for name, value in before.items():
        if "Total" in name:
            assert after[name] == value
    assert after[SINCE] == 3599500
    clock.pass_by(60)
    assert points(api, clock, "/sources/s1/metrics", SINCE, 180) == [(60, 500), (120, 3599500), (180, 3599500)]
    (source,) = api.get("/sources/s1").json()["result"]
    assert source["connector_status"] == "Broken"
    assert ids(api, "/sources", status="Broken") == ["s1"]


def test_pipeline_scenario_keeps_lag_at_zero_while_source_is_stalled(api: Api, clock: Clock) -> None:
    simulator = api.simulator
    orders = scenarios.pipeline(scenarios.source_stalls(at=60), consume_delay=3)
    simulator.add_pipeline("p1", "s1", "d1", orders, name="orders", topics=("public.orders",))
    (pipeline,) = api.get("/pipelines/p1").json()["result"]
    assert (pipeline["source"]["topics"], pipeline["destination"]["topics"]) == (["public.orders"], ["public.orders"])
    clock.pass_by(57)
    behind = simulator.committed("p1") - simulator.consumed("p1")
    assert behind == data(api, "/pipelines/p1/metrics")["recordsLag"] == 1
    clock.pass_by(543)
    assert simulator.committed("p1") - simulator.consumed("p1") == 109
    assert simulator.consumed("p1") == simulator.committed("p1", START + 59)
    for at in range(64, 600, 60):
        assert simulator.consumed("p1", START + at) == simulator.consumed("p1")
    assert data(api, "/pipelines/p1/metrics") == {"latency": 0, "recordsLag": 0, "status": "Active"}
    read = api.metrics("d1")
    assert (read["recordsLag"], read["connector_status"]) == (0, "Active")
    source = data(api, "/sources/s1/metrics")
    assert (source["StreamingConnected"], source[BEHIND], source[SINCE]) == (1, 501, 544500)
