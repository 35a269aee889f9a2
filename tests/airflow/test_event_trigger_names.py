# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The event trigger and the asset of a destination by name."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

from airflow_provider_streamkap.assets.streamkap import asset_uri, destination_asset, sanitize_uri
from airflow_provider_streamkap.testing import Fault, StreamkapSimulator, scenarios
from airflow_provider_streamkap.triggers.event import StreamkapDestinationEventTrigger
from tests.airflow.log_capture import Logged
from tests.airflow.test_event_trigger import DRAINED, LAGGING, Store, needs_watchers

LIST = "/destinations?"


def trigger(**arguments: Any) -> StreamkapDestinationEventTrigger:
    """Return a trigger by name that polls fast and uses the latest lag."""
    fast: dict[str, Any] = {"poke_interval": 0.02, "lag_source": "latest", "destination_name": "orders"}
    return StreamkapDestinationEventTrigger(**fast | arguments)


def events(watcher: StreamkapDestinationEventTrigger, done: Callable[[list[Any]], bool]) -> list[Any]:
    """Run a trigger until a condition on the payloads of its events is true, and return them."""

    async def watch() -> list[Any]:
        fired: list[Any] = []

        async def collect() -> None:
            async for event in watcher.run():
                fired[len(fired) :] = [json.loads(json.dumps(event.payload, allow_nan=False))]

        task = asyncio.create_task(collect())
        async with asyncio.timeout(20):
            while not done(fired):  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        assert not task.done()
        task.cancel()
        await asyncio.wait([task])
        return fired

    return asyncio.run(watch())


def test_name_is_resolved_once_and_is_in_the_event(named: StreamkapSimulator, logged: Logged) -> None:
    named.add("d1", scenarios.sequence([LAGGING] * 3 + [DRAINED]), name="orders")
    (event,) = events(trigger(), bool)
    assert (event["destination_id"], event["destination_name"], event["data"]["recordsLag"]) == ("d1", "orders", 0)
    assert "evidence" in event
    assert "orders (d1) meets the condition, firing an event" in logged.text
    assert named.count(LIST) == 1


def test_recreated_destination_is_found_again(named: StreamkapSimulator, logged: Logged) -> None:
    named.add("d1", scenarios.steady(lag=120), name="orders")

    def recreate(fired: list[Any]) -> bool:
        if "d1" in named.destinations and named.count("/d1/metrics") >= 4:
            named.remove("d1")
            named.add("d2", scenarios.steady(), name="orders")
        return bool(fired)

    (event,) = events(trigger(), recreate)
    assert event["destination_id"] == "d2"
    assert logged.text.count("Cannot watch orders: StreamkapNotFoundError: ") == 1
    assert named.count(LIST) == 2


def test_unresolved_name_is_tried_again(named: StreamkapSimulator, logged: Logged) -> None:
    named.inject(Fault.status(503), path=LIST, times=1)

    def add_later(fired: list[Any]) -> bool:
        if named.count(LIST) >= 3 and not named.destinations:
            named.add("d1", scenarios.sequence([LAGGING] * 3 + [DRAINED]), name="orders")
        return bool(fired)

    assert events(trigger(), add_later)[0]["destination_id"] == "d1"
    (line,) = (line for line in logged.lines if "Cannot watch" in line)
    assert "Cannot watch orders: StreamkapServerError: " in line


def test_thousand_triggers_send_one_listing(named: StreamkapSimulator) -> None:
    for number in range(200):
        named.add(f"d{number}", scenarios.steady(), name=f"table {number}")

    async def watch() -> None:
        watchers = [trigger(destination_name=f"table {number}", poke_interval=60) for number in range(200)]
        tasks = [asyncio.ensure_future(anext(watcher.run())) for watcher in watchers]
        async with asyncio.timeout(20):
            while not named.count("/metrics"):  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)

    asyncio.run(watch())
    assert named.count(LIST) == 2


def test_state_is_stored_by_name(named: StreamkapSimulator) -> None:
    named.add("d1", scenarios.steady(), name="orders")
    by_name, by_id, store = trigger(), trigger(destination_name=None, destination_id="orders"), Store()
    by_name.asset_state_store = by_id.asset_state_store = store  # type: ignore[assignment]
    events(by_name, lambda _: len(store.stored) == 1)
    assert by_name._store_key() in store.stored
    assert by_name._store_key() != by_id._store_key()


def test_trigger_is_serialized_with_what_it_was_given() -> None:
    path, arguments = trigger().serialize()
    assert path.endswith(".StreamkapDestinationEventTrigger")
    assert "destination_id" not in arguments
    assert StreamkapDestinationEventTrigger(**json.loads(json.dumps(arguments))).serialize() == (path, arguments)
    assert "destination_name" not in StreamkapDestinationEventTrigger("d1").serialize()[1]


@pytest.mark.parametrize("arguments", [{}, {"destination_id": "d1", "destination_name": "orders"}])
def test_id_or_name_is_required(arguments: dict[str, Any]) -> None:
    for create in (StreamkapDestinationEventTrigger, asset_uri):
        with pytest.raises(ValueError, match="pass either destination_id or destination_name"):
            create(**arguments)
    with pytest.raises(ValueError, match="destination_name must be a non-empty string"):
        StreamkapDestinationEventTrigger(destination_name=" ")


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("orders", "orders"),
        ("a/b ?#%", "a%2Fb%20%3F%23%25"),
        ("Köln 注", "K%C3%B6ln%20%E6%B3%A8"),
        ("67ad6e0af08a2365c729ba79", "67ad6e0af08a2365c729ba79"),
    ],
)
def test_uri_contains_the_quoted_name(name: str, path: str) -> None:
    uri = asset_uri(destination_name=name)
    assert uri == f"streamkap://api.streamkap.com/destinations/by-name/{path}"
    assert sanitize_uri(urlsplit(uri)).geturl() == uri
    query = "edge=out_of&max_records_lag=100"
    assert sanitize_uri(urlsplit(f"{uri}?max_records_lag=100.0&edge=out_of")).geturl() == f"{uri}?{query}"
    assert uri != asset_uri(name)


def test_by_name_is_also_a_valid_id() -> None:
    assert sanitize_uri(urlsplit("streamkap://x/destinations/by-name/")).path == "/destinations/by-name"


@needs_watchers
def test_asset_by_name_needs_no_request(named: StreamkapSimulator) -> None:
    asset = destination_asset(destination_name="Köln 注", edge="out_of")
    assert asset.name == asset.uri
    assert asset.uri == "streamkap://api.streamkap.com/destinations/by-name/K%C3%B6ln%20%E6%B3%A8?edge=out_of"
    (watcher,) = asset.watchers
    assert watcher.name == "streamkap_by-name/K%C3%B6ln%20%E6%B3%A8?edge=out_of"
    assert watcher.name.isascii()
    given = trigger()
    assert destination_asset(destination_name="orders", trigger=given).watchers[0].trigger is not None
    with pytest.raises(ValueError, match="destination 'users' differs from the trigger's"):
        destination_asset(destination_name="users", trigger=given)
    assert named.count() == 0
