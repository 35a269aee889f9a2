# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The public methods of the hook, against a real server."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle
from datetime import UTC, datetime
from typing import Any

import pytest

from airflow_provider_streamkap._compat import AirflowNotFoundException
from airflow_provider_streamkap.api import (
    DestinationMetrics,
    StreamkapConnectionError,
    StreamkapNotFoundError,
    StreamkapRequestError,
)
from airflow_provider_streamkap.hooks.streamkap import StreamkapHook
from airflow_provider_streamkap.testing import StreamkapSimulator, scenarios
from tests.airflow.log_capture import Logged

WINDOW: dict[str, Any] = {
    "time_interval": 5,
    "time_unit": "minute",
    "timestamp_from": "2026-03-02T07:00:00+01:00",
    "timestamp_to": datetime(2026, 3, 2, 7, tzinfo=UTC),
}


def comparable(metrics: DestinationMetrics) -> dict[str, Any]:
    """Return the responses without values that change over time."""
    return metrics.select(["recordsLag", "latency"]).as_dict() | {"observed_at": None}


@pytest.mark.parametrize("time_type", ["latest", "timesummary", "timeseries"])
def test_sync_and_async_metrics_are_equal(streamkap: StreamkapSimulator, time_type: str) -> None:
    streamkap.add("d1", scenarios.steady(lag=7))
    hook = StreamkapHook()
    window = {name: value for name, value in WINDOW.items() if time_type != "latest" or "timestamp" not in name}
    metrics = hook.get_destination_metrics("d1", time_type, **window)
    second = asyncio.run(hook.aget_destination_metrics("d1", time_type, **window))
    assert comparable(metrics) == comparable(second)
    assert metrics.time_type == time_type
    one, other = (request for request in streamkap.requests if request.path == "/destinations/d1/metrics")
    assert one.query == other.query
    period = {"timestamp_from": "2026-03-02T06:00:00Z", "timestamp_to": "2026-03-02T07:00:00Z"}
    assert one.query == {
        "time_type": time_type,
        "time_interval": "5",
        "time_unit": "minute",
        **(period if time_type != "latest" else {}),
    }


def test_latest_is_default(streamkap: StreamkapSimulator) -> None:
    streamkap.add("d1", scenarios.steady(lag=7))
    metrics = StreamkapHook().get_destination_metrics("d1")
    assert (metrics.time_type, metrics.records_lag, metrics.connector_status) == ("latest", 7, "Active")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"destination_id": ""}, "destination_id"),
        ({"time_type": "now"}, "time_type"),
        ({"time_interval": 0}, "time_interval"),
        ({"time_unit": "second"}, "time_unit"),
        ({"timestamp_from": "2026-03-02T07:00:00"}, "timestamp_from"),
        ({"timestamp_from": "2026-03-02T07:00:00Z"}, "no effect with time_type='latest'"),
        ({"timestamp_from": "2026-03-02T07:00:00Z", "timestamp_to": "2026-03-01T07:00:00Z"}, "timestamp_from"),
    ],
)
def test_invalid_arguments_are_rejected_before_any_request(
    streamkap: StreamkapSimulator, arguments: dict[str, Any], named: str
) -> None:
    hook = StreamkapHook()
    with pytest.raises(ValueError, match=named):
        hook.get_destination_metrics(**{"destination_id": "d1"} | arguments)
    with pytest.raises(ValueError, match=named):
        asyncio.run(hook.aget_destination_metrics(**{"destination_id": "d1"} | arguments))
    assert streamkap.count() == 0


def test_all_pages_of_destinations_are_listed(streamkap: StreamkapSimulator) -> None:
    ids = {f"{number:024x}" for number in range(230)}
    for id_ in ids:
        streamkap.add(id_, scenarios.steady())
    found = StreamkapHook().list_destinations()
    assert streamkap.count() == 0
    first = next(found)
    assert streamkap.count("/destinations") == 1
    assert {first.id, *(destination.id for destination in found)} == ids
    assert streamkap.count("/destinations") == 3


def test_destinations_are_filtered_server_side(streamkap: StreamkapSimulator) -> None:
    streamkap.add("a", scenarios.steady(lag=500), name="orders to snowflake")
    streamkap.add("b", scenarios.steady(lag=0), name="orders to postgres")
    streamkap.add("c", scenarios.steady(lag=500), name="users to snowflake")
    hook = StreamkapHook()
    assert [found.id for found in hook.list_destinations("orders", lag="gt:100", page_size=1)] == ["a"]
    assert [found.name for found in hook.list_destinations(partial_name="users")] == ["users to snowflake"]
    with pytest.raises(ValueError, match="lag"):
        hook.list_destinations(lag="much")
    with pytest.raises(TypeError, match="colour"):
        hook.list_destinations(colour="blue")


def test_one_destination_without_its_configuration(streamkap: StreamkapSimulator) -> None:
    streamkap.add("d1", scenarios.paused(), name="orders")
    found = StreamkapHook().get_destination("d1")
    assert (found.id, found.name, found.connector_status) == ("d1", "orders", "Paused")
    shown = json.dumps(found.as_dict()) + repr(found)
    assert not any(secret in shown for secret in streamkap.secrets)


@pytest.mark.parametrize("answer", ["404", "empty"])
def test_unknown_destination(streamkap: StreamkapSimulator, answer: Any) -> None:
    streamkap.unknown_destination = answer
    with pytest.raises(StreamkapNotFoundError):
        StreamkapHook().get_destination("nowhere")


def test_id_is_one_path_segment(streamkap: StreamkapSimulator) -> None:
    streamkap.add("a/b ?%", scenarios.steady(lag=3))
    assert StreamkapHook().get_destination_metrics("a/b ?%").records_lag == 3
    assert asyncio.run(StreamkapHook().aget_destination_metrics("a/b ?%")).records_lag == 3
    assert streamkap.count("/destinations/a%2Fb%20%3F%25/metrics") == 2


def test_connection_is_read_once_per_hook(streamkap: StreamkapSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    hook = StreamkapHook()
    url = hook.connection().settings.base_url
    monkeypatch.setenv("AIRFLOW_CONN_STREAMKAP_DEFAULT", streamkap.airflow_connection(timeout=3))
    assert hook.connection().settings.timeout == 30
    assert asyncio.run(hook.aconnection()) is hook.connection()
    fresh = StreamkapHook()
    assert asyncio.run(fresh.aconnection()).settings.timeout == 3
    assert fresh.connection().settings.base_url == url


def test_connection_with_custom_id(streamkap: StreamkapSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_OTHER", streamkap.airflow_connection(use_project_key=True))
    monkeypatch.delenv("AIRFLOW_CONN_STREAMKAP_DEFAULT")
    streamkap.add("d1", scenarios.steady(lag=1))
    hook = StreamkapHook(streamkap_conn_id="other")
    assert hook.get_destination_metrics("d1").records_lag == 1
    assert asyncio.run(hook.aget_destination_metrics("d1")).records_lag == 1


def test_nonexistent_connection(airflow_database: None) -> None:
    hook = StreamkapHook("not_there")
    with pytest.raises(AirflowNotFoundException, match="not_there"):
        hook.get_conn()
    with pytest.raises(AirflowNotFoundException, match="not_there"):
        asyncio.run(hook.aget_destination_metrics("d1"))


def test_invalid_connection(streamkap: StreamkapSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_STREAMKAP_DEFAULT", streamkap.airflow_connection(timeout="soon"))
    with pytest.raises(ValueError, match="Connection 'streamkap_default': extra timeout"):
        StreamkapHook().get_conn()
    with pytest.raises(ValueError, match="Connection 'streamkap_default': extra timeout"):
        asyncio.run(StreamkapHook().aget_destination_metrics("d1"))
    assert streamkap.count() == 0


def test_unreadable_ca_bundle(streamkap: StreamkapSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = json.loads(streamkap.airflow_connection(verify="/not/there.pem"))
    connection["host"] = connection["host"].replace("http:", "https:")
    monkeypatch.setenv("AIRFLOW_CONN_STREAMKAP_DEFAULT", json.dumps(connection))
    with pytest.raises(StreamkapConnectionError, match=r"verify: .*/not/there\.pem") as caught:
        StreamkapHook().get_destination_metrics("d1")
    assert caught.value.permanent
    with pytest.raises(StreamkapConnectionError, match=r"verify: .*/not/there\.pem") as caught:
        asyncio.run(StreamkapHook().aget_destination_metrics("d1"))
    assert caught.value.permanent
    assert streamkap.connections == 0


def test_rejection_reason_reaches_caller(streamkap: StreamkapSimulator) -> None:
    streamkap.add("d1", scenarios.steady())
    hook = StreamkapHook()
    with pytest.raises(StreamkapRequestError) as caught:
        # The service validates more than the client can.
        hook.get_destination_metrics("d1", "timeseries", timestamp_from="9999-01-01T00:00:00Z")
    assert caught.value.status == 400
    assert caught.value.request_id


def test_pickled_hook_carries_no_secret(streamkap: StreamkapSimulator) -> None:
    streamkap.add("d1", scenarios.steady(lag=7))
    hook = StreamkapHook()
    assert hook.get_destination_metrics("d1").records_lag == 7
    for pickled in (pickle.dumps(hook), pickle.dumps(copy.deepcopy(hook))):
        assert streamkap.secret.encode() not in pickled
    second = pickle.loads(pickle.dumps(hook))
    assert second.get_destination_metrics("d1").records_lag == 7


def test_unknown_extra_key_is_logged_as_warning(
    streamkap: StreamkapSimulator, monkeypatch: pytest.MonkeyPatch, logged: Logged
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_STREAMKAP_DEFAULT", streamkap.airflow_connection(timout=5))
    streamkap.add("d1", scenarios.steady())
    StreamkapHook().get_destination_metrics("d1")
    asyncio.run(StreamkapHook().aget_destination_metrics("d1"))
    said = "Connection 'streamkap_default': extra key 'timout' is unknown and ignored; did you mean 'timeout'?"
    assert logged.text.count(said) == 2


def test_shared_client_is_recreated_after_close(streamkap: StreamkapSimulator) -> None:
    streamkap.add("d1", scenarios.steady(lag=7))
    for _ in range(2):
        with StreamkapHook().get_conn() as client:
            assert client.whoami()["tenant_id"]
    assert StreamkapHook().get_destination_metrics("d1").records_lag == 7
    assert streamkap.token_calls == 1


def test_client_cannot_be_used_after_context_exit(streamkap: StreamkapSimulator) -> None:
    async def ask() -> None:
        async with StreamkapHook().aclient() as client:
            assert (await client.whoami())["tenant_id"]
        with pytest.raises(RuntimeError, match="this Streamkap client is closed"):
            await client.whoami()

    asyncio.run(ask())
