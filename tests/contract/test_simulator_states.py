# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Simulator states that generated requests do not reach, each checked against the
description."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from airflow_provider_streamkap.testing import (
    Reading,
    Reporting,
    Scenario,
    SourceScenario,
    StreamkapSimulator,
    scenarios,
)
from tests.contract.description import validator

NOW = 1_767_225_600.0
TIME_TYPES = {"latest": "Latest", "timesummary": "Timesummary", "timeseries": "Timeseries"}


@pytest.fixture
def simulator() -> Iterator[StreamkapSimulator]:
    with StreamkapSimulator(clock=lambda: NOW) as running:
        yield running


class Client:
    """Calls the simulator and validates its responses against the description."""

    def __init__(self, simulator: StreamkapSimulator) -> None:
        self.url = simulator.url
        self.session = requests.Session()
        self.session.trust_env = False

    def ask(self, method: str, path: str, status: int, schema: str, **options: Any) -> Any:
        answer = self.session.request(method, self.url + path, timeout=60, **options)
        assert answer.status_code == status, answer.text
        assert answer.headers["X-Request-Id"]
        assert answer.headers["Content-Type"].startswith("application/json")
        content = answer.json()
        validator(schema).validate(content)
        return content


@pytest.fixture
def client(simulator: StreamkapSimulator) -> Iterator[Client]:
    created = Client(simulator)
    body = {"client_id": simulator.client_id, "secret": simulator.secret}
    token = created.ask("POST", "/auth/access-token", 200, "Token", json=body)
    created.session.headers["Authorization"] = f"Bearer {token['accessToken']}"
    yield created
    created.session.close()


def test_tokens(client: Client, simulator: StreamkapSimulator) -> None:
    for key in (simulator.project_key, simulator.project_key_base64):
        token = client.ask("POST", "/auth/access-token", 200, "Token", json={"project_key": key})
        renewal = {"refresh_token": token["refreshToken"]}
        client.ask("POST", "/auth/access-token/refresh", 200, "Token", json=renewal)
        client.ask("POST", "/auth/access-token/refresh", 401, "Error", json=renewal)
    client.ask("GET", "/auth/whoami", 200, "Whoami")
    simulator.refuse_credentials()
    client.ask("POST", "/auth/access-token", 401, "Error", json={"client_id": "a", "secret": "b"})
    client.ask("POST", "/auth/access-token", 422, "ValidationErrors", json={})
    client.ask("POST", "/auth/access-token", 422, "ValidationErrors", data="{")


def test_refusals(client: Client, simulator: StreamkapSimulator) -> None:
    simulator.add("d1", scenarios.steady())
    simulator.permissions = ()
    for path in ("/destinations", "/destinations/d1", "/destinations/d1/metrics"):
        client.ask("GET", path, 403, "Error")
    simulator.permissions = None
    simulator.revoke_tokens()
    for path in ("/auth/whoami", "/destinations", "/destinations/d1", "/destinations/d1/metrics"):
        client.ask("GET", path, 401, "Error")


@pytest.mark.parametrize("totals", [True, False])
def test_pages(client: Client, simulator: StreamkapSimulator, totals: bool) -> None:
    simulator.paging_totals = totals
    assert client.ask("GET", "/destinations", 200, "DestinationPage")["result"] == []
    for number, scenario in enumerate((scenarios.steady(), scenarios.paused(), scenarios.sequence([None]))):
        simulator.add(f"d{number}", scenario, topics=("a",), tag_ids=("t",))
    page = client.ask("GET", "/destinations", 200, "DestinationPage", params={"page_size": 2})
    assert len(page["result"]) == 2
    assert client.ask("GET", "/destinations/d1", 200, "DestinationPage")["result"][0]["id"] == "d1"


def test_unknown_destination(client: Client, simulator: StreamkapSimulator) -> None:
    client.ask("GET", "/destinations/d1", 404, "Error")
    client.ask("GET", "/destinations/d1/metrics", 404, "Error")
    simulator.unknown_destination = "empty"
    assert client.ask("GET", "/destinations/d1", 200, "DestinationPage")["result"] == []


@pytest.fixture
def pipeline(simulator: StreamkapSimulator) -> None:
    simulator.add("d1", scenarios.draining())
    simulator.add_source("s1", topics=("a",))
    simulator.add_pipeline("p1", "s1", "d1")


@pytest.mark.usefixtures("pipeline")
def test_sources_and_pipelines(client: Client, simulator: StreamkapSimulator) -> None:
    for path, schema in (("/sources", "SourcePage"), ("/pipelines", "PipelinePage")):
        for totals in (True, False):
            simulator.paging_totals = totals
            (listed,) = client.ask("GET", path, 200, schema)["result"]
            (one,) = client.ask("GET", f"{path}/{listed['id']}", 200, schema)["result"]
            assert one == listed
        client.ask("GET", f"{path}/nobody", 404, "Error")
        client.ask("GET", f"{path}/nobody/metrics", 404, "Error")
        client.ask("GET", path, 422, "ValidationErrors", params={"page": 0})
    client.ask("GET", "/sources", 422, "ValidationErrors", params={"latency": "5"})
    client.ask("GET", "/pipelines/p1/metrics", 422, "ValidationErrors", params={"time_type": "timeseries"})


@pytest.mark.usefixtures("pipeline")
def test_metrics_of_sources_and_pipelines(client: Client, simulator: StreamkapSimulator) -> None:
    for time_type, schema in (("latest", "Latest"), ("timesummary", "Latest"), ("timeseries", "Timeseries")):
        params = {"time_type": time_type}
        content = client.ask("GET", "/sources/s1/metrics", 200, f"Source{schema}", params=params)
        assert content["metadata"]["byteTotal"]["unit"] == "bytes"
    assert client.ask("GET", "/pipelines/p1/metrics", 200, "PipelineLatest")["data"]["recordsLag"] == 120
    simulator.set("d1", scenarios.sequence([None]))
    client.ask("GET", "/pipelines/p1/metrics", 200, "PipelineLatest")


@pytest.mark.usefixtures("pipeline")
def test_refusals_of_sources_and_pipelines(client: Client, simulator: StreamkapSimulator) -> None:
    for kind, id_ in (("source", "s1"), ("pipeline", "p1")):
        for path, permission in (
            (f"/{kind}s", f"read:{kind}s"),
            (f"/{kind}s/{id_}", f"read:{kind}s"),
            (f"/{kind}s/{id_}/metrics", f"read:{kind}_metrics"),
        ):
            simulator.permissions = {"read:destinations", "read:destination_metrics"}
            client.ask("GET", path, 403, "Error")
            simulator.permissions = {permission}
            assert client.session.get(client.url + path).status_code == 200
            client.ask("POST", path, 405, "Error")


@pytest.mark.parametrize("time_type", TIME_TYPES)
@pytest.mark.parametrize(
    "scenario",
    [
        scenarios.steady(),
        scenarios.draining(),
        scenarios.flapping(),
        scenarios.stalled(),
        scenarios.null_lag(),
        scenarios.broken(),
        scenarios.paused(lag=None),
        scenarios.starting(),
        scenarios.frozen(),
        scenarios.sequence([None]),
        Scenario("bare", lambda elapsed: Reading(None, None, None, None, None, None, partition_count=None)),
        Scenario("audited", lambda elapsed: Reading(missing=frozenset(), extra={"qa_exact_count_diff": 3})),
    ],
    ids=lambda scenario: scenario.name,
)
def test_metrics_of_every_scenario(
    client: Client, simulator: StreamkapSimulator, scenario: Scenario, time_type: str
) -> None:
    simulator.add("d1", scenario)
    client.ask("GET", "/destinations/d1/metrics", 200, TIME_TYPES[time_type], params={"time_type": time_type})


@pytest.mark.parametrize("time_type", ["latest", "timesummary", "timeseries"])
@pytest.mark.parametrize(
    "scenario",
    [
        scenarios.source_streaming(),
        scenarios.source_idle(heartbeat="table"),
        scenarios.source_idle(heartbeat="kafka"),
        scenarios.source_mysql_idle(),
        scenarios.source_stalls(),
        scenarios.source_restarts(for_=60),
        scenarios.source_snapshots(at=60, pending=60),
        scenarios.source_snapshots(for_=60),
        scenarios.source_broken(),
        scenarios.source_events([]),
    ],
    ids=lambda scenario: scenario.name,
)
def test_metrics_of_every_source_scenario(
    client: Client, simulator: StreamkapSimulator, scenario: SourceScenario, time_type: str
) -> None:
    simulator.add_pipeline("p1", "s1", "d1", scenarios.pipeline(scenario))
    schema = "SourceTimeseries" if time_type == "timeseries" else "SourceLatest"
    client.ask("GET", "/sources/s1/metrics", 200, schema, params={"time_type": time_type})
    client.ask("GET", "/sources", 200, "SourcePage")
    client.ask("GET", "/pipelines", 200, "PipelinePage")
    client.ask("GET", "/destinations/d1/metrics", 200, TIME_TYPES[time_type], params={"time_type": time_type})
    client.ask("GET", "/pipelines/p1/metrics", 200, "PipelineLatest")


@pytest.mark.parametrize(
    "reporting",
    [
        Reporting(stamp="end", value="mean"),
        Reporting(layout="plain", partial=True),
        Reporting(delay=600, latest_delay=600, gaps=((-86400, -43200),)),
    ],
)
@pytest.mark.parametrize("time_type", TIME_TYPES)
def test_metrics_with_every_reporting_option(
    client: Client, simulator: StreamkapSimulator, time_type: str, reporting: Reporting
) -> None:
    simulator.add("d1", scenarios.flapping(), reporting=reporting)
    client.ask("GET", "/destinations/d1/metrics", 200, TIME_TYPES[time_type], params={"time_type": time_type})
    simulator.add_source("s1", scenarios.source_restarts(), reporting=reporting)
    schema = "SourceTimeseries" if time_type == "timeseries" else "SourceLatest"
    client.ask("GET", "/sources/s1/metrics", 200, schema, params={"time_type": time_type})


@pytest.mark.parametrize(
    ("params", "schema"),
    [
        ({"time_interval": 0}, "Error"),
        ({"timestamp_from": "2026-01-02T00:00:00Z", "timestamp_to": "2026-01-01T00:00:00Z"}, "Error"),
        ({"time_type": "x", "time_unit": "y", "timestamp_to": "z"}, "ValidationErrors"),
    ],
)
def test_parameters_that_are_rejected(
    client: Client, simulator: StreamkapSimulator, params: dict[str, Any], schema: str
) -> None:
    simulator.add("d1", scenarios.steady())
    status = 400 if schema == "Error" else 422
    client.ask("GET", "/destinations/d1/metrics", status, schema, params=params)
