# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Both clients against the simulator: requests, results, and their environment."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_streamkap import __version__
from airflow_provider_streamkap.api.async_client import AsyncStreamkapClient
from airflow_provider_streamkap.api.errors import (
    StreamkapAuthError,
    StreamkapConnectionError,
    StreamkapNotFoundError,
    StreamkapResponseError,
)
from airflow_provider_streamkap.api.query import MetricsQuery
from airflow_provider_streamkap.api.settings import Credentials
from airflow_provider_streamkap.testing import Fault, StreamkapSimulator, scenarios
from tests.api.conftest import MakeClient
from tests.api.support import ID, AnyClient, settings_for


@pytest.mark.parametrize("time_type", ["latest", "timesummary"])
def test_single_values(any_client: AnyClient, time_type: str) -> None:
    metrics = any_client.metrics(MetricsQuery(ID, time_type))
    assert (metrics.connector_status, metrics.records_lag) == ("Active", 7)


def test_timeseries(any_client: AnyClient) -> None:
    query = MetricsQuery(ID, "timeseries", 2, "hour", "2020-01-01T00:00:00+01:00")
    assert any_client.metrics(query).points("recordsLag")[-1].value == 7


def test_request_headers_and_path(any_client: AnyClient, simulator: StreamkapSimulator) -> None:
    query = MetricsQuery(ID, "timeseries", 2, "day", "2025-03-02T00:00:00Z", "2025-03-04T00:00:00Z")
    any_client.metrics(query)
    sent = simulator.requests[-1]
    assert (sent.method, sent.path, sent.query) == ("GET", query.path, dict(query.params))
    assert sent.token_generation == 1
    assert sent.headers["user-agent"] == f"airflow-provider-streamkap/{__version__}"
    assert sent.headers["accept"] == "application/json"
    assert sent.headers["accept-encoding"] == "gzip, deflate"


def test_base_url_path_prefix_is_kept(make: MakeClient, simulator: StreamkapSimulator) -> None:
    with pytest.raises(StreamkapAuthError):
        make(settings_for(simulator, base_url=f"{simulator.url}/v1/")).whoami()
    assert simulator.requests[-1].path == "/v1/auth/access-token"


@pytest.mark.parametrize(
    "odd", ["a/b", "a?b=c#d", "50%", "%2e%2e", "../x", "...", "ü 中🚰", "a;b,c+d", "a\\b", "~'()*!"]
)
def test_unusual_ids_reach_their_own_resource(any_client: AnyClient, simulator: StreamkapSimulator, odd: str) -> None:
    simulator.add(odd, scenarios.steady(lag=3))
    assert any_client.metrics(MetricsQuery(odd)).records_lag == 3
    assert simulator.requests[-1].raw_path == MetricsQuery(odd).path
    assert any_client.destination(odd).id == odd


def test_project_key(make: MakeClient, simulator: StreamkapSimulator) -> None:
    for key in (simulator.project_key, simulator.project_key_base64):
        any_client = make(settings_for(simulator, credentials=Credentials(project_key=key)))
        assert any_client.whoami()["project_key_id"].startswith("pk_")


def test_netrc_is_not_used(
    make: MakeClient, simulator: StreamkapSimulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password pw\ndefault login me password pw\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    assert make(settings_for(simulator)).metrics().records_lag == 7
    assert [item.status for item in simulator.requests] == [200, 200]


def test_connection_refused(make: MakeClient, simulator: StreamkapSimulator) -> None:
    any_client = make(settings_for(simulator, max_attempts=2))
    simulator.stop()
    with pytest.raises(StreamkapConnectionError, match="connection failed: ConnectionRefusedError") as caught:
        any_client.metrics()
    assert caught.value.transient
    assert caught.value.attempts == 2
    simulator.start()
    assert any_client.metrics().records_lag == 7


def test_unknown_host(make: MakeClient, simulator: StreamkapSimulator) -> None:
    # Some resolvers map any name under localhost to loopback; nothing listens on that port either way.
    any_client = make(settings_for(simulator, base_url="https://no-such-host.localhost:1", max_attempts=1))
    with pytest.raises(StreamkapConnectionError, match="connection failed") as caught:
        any_client.metrics()
    assert caught.value.transient


def test_connections_are_reused(any_client: AnyClient, simulator: StreamkapSimulator) -> None:
    for _ in range(5):
        any_client.metrics()
    assert simulator.connections == 1


def test_all_pages_are_listed(any_client: AnyClient, simulator: StreamkapSimulator) -> None:
    for number in range(249):
        simulator.add(f"more-{number}", scenarios.steady())
    simulator.reset_requests()
    assert len({item.id for item in any_client.destinations()}) == 250
    assert simulator.count("/destinations") == 3
    simulator.paging_totals = False
    simulator.reset_requests()
    assert len({item.id for item in any_client.destinations(page_size=50)}) == 250
    assert simulator.count("/destinations") == 6


def test_filters_are_sent(any_client: AnyClient, simulator: StreamkapSimulator) -> None:
    filters = {"partial_name": "a b", "connector": "snowflake", "status": "Active", "lag": "gt:5", "sort": "name"}
    assert any_client.destinations(**filters, sort_dir="desc", tag_ids=["t"], page_size=7) == []
    sent = simulator.requests[-1].query
    assert sent == {**filters, "sort_dir": "desc", "tag_ids": "t", "page": "1", "page_size": "7"}


def test_api_that_ignores_page_is_not_requested_forever(any_client: AnyClient, simulator: StreamkapSimulator) -> None:
    same: Any = {"result": [{"id": "a"}, {"id": "b"}], "has_next": True}
    simulator.inject(Fault.json(same), path="/destinations", times=None)
    assert [item.id for item in any_client.destinations(page_size=2)] == ["a", "b"]
    assert simulator.count("/destinations") == 2


@pytest.mark.parametrize("how", ["404", "empty"])
def test_unknown_destination(any_client: AnyClient, simulator: StreamkapSimulator, how: Any) -> None:
    simulator.unknown_destination = how
    with pytest.raises(StreamkapNotFoundError) as caught:
        any_client.destination("000000000000000000000000")
    assert caught.value.permanent


def test_destination_without_configuration(any_client: AnyClient, simulator: StreamkapSimulator) -> None:
    found = any_client.destination()
    assert (found.id, found.connector_status) == (ID, "Active")
    for secret in simulator.secrets:
        assert secret not in repr(found) + str(found.as_dict())


def test_client_closed_while_opening_opens_no_session(simulator: StreamkapSimulator) -> None:
    async def run() -> None:
        client = AsyncStreamkapClient(settings_for(simulator))
        call = asyncio.create_task(client.whoami())
        await asyncio.sleep(0)
        await client.close()
        with pytest.raises(RuntimeError, match="this Streamkap client is closed"):
            await call

    asyncio.run(run())
    assert simulator.connections == 0


def test_closed_client_cannot_be_used(any_client: AnyClient, simulator: StreamkapSimulator) -> None:
    any_client.metrics()
    any_client.close()
    for use in (any_client.metrics, any_client.whoami, any_client.destinations):
        with pytest.raises(RuntimeError, match="this Streamkap client is closed: create a new one"):
            use()
    any_client.close()
    assert simulator.count("/metrics") == 1


def test_page_far_larger_than_requested_is_rejected(any_client: AnyClient, simulator: StreamkapSimulator) -> None:
    items: Any = [{"id": f"d{number}", "name": "x", "connector": "y"} for number in range(1_000)]
    simulator.inject(Fault.json({"result": items, "page": 1, "total": 1_000}), path="/destinations", times=None)
    with pytest.raises(StreamkapResponseError, match="a page contains 1,000 destinations; at most 100 were requested"):
        any_client.destinations(page_size=1)
