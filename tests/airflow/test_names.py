# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Resources by name, against a real server: the hook and its cache."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from airflow_provider_streamkap.api import (
    DESTINATION,
    PIPELINE,
    SOURCE,
    StreamkapNameError,
    StreamkapPermissionError,
)
from airflow_provider_streamkap.hooks._clients import ClientClock
from airflow_provider_streamkap.hooks._names import NAMES_SECONDS
from airflow_provider_streamkap.hooks.streamkap import StreamkapHook
from airflow_provider_streamkap.testing import StreamkapSimulator, scenarios
from tests.client_clock import use_client_clock

LIST = "/destinations?"


@pytest.fixture
def thousand(named: StreamkapSimulator) -> StreamkapSimulator:
    """Add a thousand destinations to the simulator."""
    for number in range(1000):
        named.add(f"{number:024x}", scenarios.steady(), name=f"table {number}")
    return named


def test_find_one_of_each_kind(named: StreamkapSimulator) -> None:
    named.add("d1", scenarios.steady(lag=7), name="orders")
    named.add("d2", scenarios.steady(), name="orders eu")
    named.add_source("s1", name="shop")
    named.add_pipeline("p1", "s1", "d1", name="shop to orders")
    hook = StreamkapHook()
    destination, source, pipeline = (
        hook.find_destination("orders"),
        hook.find_source("shop"),
        hook.find_pipeline("shop to orders"),
    )
    assert (destination.id, destination.connector, source.id, pipeline.id) == ("d1", "snowflake", "s1", "p1")
    assert pipeline.source is not None
    assert pipeline.source.name == "shop"
    assert [request.query.get("partial_name") for request in named.requests if request.method == "GET"] == [
        "orders",
        "shop",
        None,
    ]
    # What was found need not be resolved again.
    assert hook.resolve_names(DESTINATION, ["orders"]) == {"orders": "d1"}
    assert hook.resolve_names(PIPELINE, ["shop to orders"]) == {"shop to orders": "p1"}
    assert (named.count(LIST), named.count("/pipelines?")) == (1, 1)


def test_none_and_several(named: StreamkapSimulator) -> None:
    named.add("d1", scenarios.steady(), name="orders")
    named.add("d2", scenarios.steady(), name="users")
    named.add("d3", scenarios.steady(), name="users")
    hook = StreamkapHook()
    with pytest.raises(StreamkapNameError, match=r"no destination is named 'order'; the nearest names are 'orders'"):
        hook.find_destination("order")
    with pytest.raises(
        StreamkapNameError, match="2 destinations are named 'users': d2, d3; pass destination_id"
    ) as two:
        hook.find_destination("users")
    assert two.value.ids == ("d2", "d3")
    with pytest.raises(StreamkapNameError, match=r"'users': .*\(1 more of 3 names cannot be resolved\)"):
        hook.resolve_names(DESTINATION, ["users", "orders", "nothing"])
    with pytest.raises(StreamkapNameError, match="no source is named 'orders': check the name"):
        hook.find_source("orders")
    with pytest.raises(StreamkapNameError, match="no pipeline is named 'orders'"):
        hook.find_pipeline("orders")
    each = hook.resolve_each(DESTINATION, ["nothing", "orders"])
    assert (type(each["nothing"]), each["orders"]) == (StreamkapNameError, "d1")


@pytest.mark.parametrize(
    "name", ["Bestellungen für Köln", "注文 → 倉庫", "100% & a+b #1?", "a/b", "  orders  ", "67ad6e0af08a2365c729ba79"]
)
def test_any_text_can_be_a_name(named: StreamkapSimulator, name: str) -> None:
    named.add("d1", scenarios.steady(), name=name)
    named.add("67ad6e0af08a2365c729ba79", scenarios.steady(), name=f"{name}!")
    assert StreamkapHook().find_destination(name).id == "d1"
    assert asyncio.run(StreamkapHook().aresolve_names(DESTINATION, [name])) == {name: "d1"}


def test_invalid_names_are_rejected_before_any_request(named: StreamkapSimulator) -> None:
    hook = StreamkapHook()
    with pytest.raises(ValueError, match="destination_name must be a non-empty string"):
        hook.find_destination(" ")
    with pytest.raises(ValueError, match="source_name is an empty list"):
        hook.resolve_names(SOURCE, [])
    with pytest.raises(ValueError, match="pipeline_name"):
        asyncio.run(hook.aresolve_names(PIPELINE, [""]))
    assert named.count() == 0


def test_missing_permission(named: StreamkapSimulator) -> None:
    named.permissions = ()
    with pytest.raises(StreamkapPermissionError):
        StreamkapHook().resolve_names(DESTINATION, ["a"])


def test_thousand_names_take_ten_requests_once_per_process(thousand: StreamkapSimulator) -> None:
    names = [f"table {number}" for number in range(1000)]
    ids = StreamkapHook().resolve_names(DESTINATION, names)
    assert ids == {f"table {number}": f"{number:024x}" for number in range(1000)}
    assert thousand.count(LIST) == 10
    assert StreamkapHook().resolve_names(DESTINATION, names[::-1]) == ids
    assert asyncio.run(StreamkapHook().aresolve_names(DESTINATION, names[:1])) == {"table 0": f"{0:024x}"}
    assert thousand.count(LIST) == 10


def test_thousand_concurrent_triggers_send_one_listing(thousand: StreamkapSimulator) -> None:
    async def resolve() -> list[dict[str, str]]:
        hook = StreamkapHook()
        async with hook.aclient():
            calls = (hook.aresolve_names(DESTINATION, [f"table {number}"]) for number in range(1000))
            return await asyncio.gather(*calls)

    found = asyncio.run(resolve())
    assert found == [{f"table {number}": f"{number:024x}"} for number in range(1000)]
    assert thousand.count(LIST) == 10


def test_cache_expires_after_five_minutes(named: StreamkapSimulator) -> None:
    now = 1000.0
    named.add("d1", scenarios.steady(), name="orders")
    named.add("d2", scenarios.steady(), name="users")
    with use_client_clock(ClientClock(monotonic=lambda: now)):
        hook = StreamkapHook()
        assert hook.resolve_names(DESTINATION, ["orders"]) == {"orders": "d1"}
        now += NAMES_SECONDS - 1
        # A name that is added later does not extend the life of the others.
        assert hook.resolve_names(DESTINATION, ["users", "orders"]) == {"users": "d2", "orders": "d1"}
        assert named.count(LIST) == 2
        named.remove("d1")
        named.add("d9", scenarios.steady(), name="orders")
        now += 1
        assert hook.resolve_names(DESTINATION, ["orders"]) == {"orders": "d9"}
        assert named.count(LIST) == 3


def test_names_can_be_forgotten(named: StreamkapSimulator) -> None:
    named.add("d1", scenarios.steady(), name="orders")
    named.add_source("s1", name="shop")
    hook = StreamkapHook()
    hook.resolve_names(DESTINATION, ["orders"])
    hook.resolve_names(SOURCE, ["shop"])
    hook.forget_names(DESTINATION)
    hook.forget_names(DESTINATION)
    hook.resolve_names(DESTINATION, ["orders"])
    hook.resolve_names(SOURCE, ["shop"])
    assert (named.count(LIST), named.count("/sources?")) == (2, 1)


def test_each_connection_has_its_own_names(named: StreamkapSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    named.add("d1", scenarios.steady(), name="orders")
    with StreamkapSimulator() as production:
        production.add("d7", scenarios.steady(), name="orders")
        monkeypatch.setenv("AIRFLOW_CONN_PRODUCTION", production.airflow_connection())
        StreamkapHook("production").forget_names(DESTINATION)
        assert StreamkapHook().resolve_names(DESTINATION, ["orders"]) == {"orders": "d1"}
        assert StreamkapHook("production").resolve_names(DESTINATION, ["orders"]) == {"orders": "d7"}


def test_changed_connection_is_picked_up(named: StreamkapSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    with StreamkapSimulator() as new:
        new.add("d7", scenarios.steady(), name="orders")
        hook, ahook = StreamkapHook(), StreamkapHook()
        hook.connection()
        asyncio.run(ahook.aconnection())
        monkeypatch.setenv("AIRFLOW_CONN_STREAMKAP_DEFAULT", new.airflow_connection(max_attempts=1))
        hook_of_new = StreamkapHook()
        hook_of_new.forget_names(DESTINATION)
        named.refuse_credentials()
        assert hook.resolve_names(DESTINATION, ["orders"]) == {"orders": "d7"}
        assert asyncio.run(ahook.aresolve_names(DESTINATION, ["orders"])) == {"orders": "d7"}
        assert hook_of_new.resolve_names(DESTINATION, ["orders"]) == {"orders": "d7"}
        # The first async request went to the old host.
        assert new.count(LIST) == 2


def names_error(call: Any) -> str:
    """Return the message of the error that a call raises."""
    with pytest.raises(StreamkapNameError) as raised:
        call()
    return str(raised.value)


def test_async_errors_are_the_same(named: StreamkapSimulator) -> None:
    named.add("d1", scenarios.steady(), name="orders")
    hook = StreamkapHook()
    assert names_error(lambda: hook.resolve_names(DESTINATION, ["ordrs"])) == names_error(
        lambda: asyncio.run(hook.aresolve_names(DESTINATION, ["ordrs"]))
    )
