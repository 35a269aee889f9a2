# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The event trigger behind an asset fires on changes and keeps running whatever happens to its polls."""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import airflow
import pytest

from airflow_provider_streamkap.assets.streamkap import asset_uri, destination_asset, sanitize_uri
from airflow_provider_streamkap.hooks._clients import ClientClock
from airflow_provider_streamkap.testing import Fault, StreamkapSimulator, scenarios
from airflow_provider_streamkap.triggers.event import StreamkapDestinationEventTrigger
from tests.airflow.log_capture import Logged
from tests.airflow.secrets_backends import Flaky
from tests.api.support import SimulatedClock
from tests.client_clock import use_client_clock

DRAINED, LAGGING = scenarios.Reading(records_lag=0), scenarios.Reading(records_lag=120)


class Store:
    """An asset's state store, as Airflow 3.3 passes it to the trigger of a watcher."""

    def __init__(self) -> None:
        self.stored: dict[str, Any] = {}

    async def aget(self, key: str) -> Any:
        """Return the stored value, if any."""
        return self.stored.get(key)

    async def aset(self, key: str, value: Any) -> None:
        """Store a value after a JSON round trip."""
        self.stored[key] = json.loads(json.dumps(value))


def trigger(store: Store | None = None, **arguments: Any) -> StreamkapDestinationEventTrigger:
    """Return a trigger that polls fast and uses the latest lag, because points take minutes."""
    instance = StreamkapDestinationEventTrigger("d1", **{"poke_interval": 0.02, "lag_source": "latest", **arguments})
    instance.asset_state_store = store  # type: ignore[assignment]
    return instance


async def polled(simulator: StreamkapSimulator, times: int) -> None:
    """Wait until the metrics were requested this many times."""
    while simulator.count("/metrics") < times:  # noqa: ASYNC110
        await asyncio.sleep(0.005)


def events(watcher: StreamkapDestinationEventTrigger, simulator: StreamkapSimulator, polls: int) -> list[Any]:
    """Run a trigger for this many polls and return the payloads of its events."""

    async def collect(stream: AsyncIterator[Any], into: list[Any]) -> None:
        async for event in stream:
            payload = json.dumps(event.payload, allow_nan=False)
            into += [json.loads(payload)]

    async def watch() -> list[Any]:
        fired: list[Any] = []
        task = asyncio.create_task(collect(watcher.run(), fired))
        await asyncio.wait_for(polled(simulator, simulator.count("/metrics") + polls), 20)
        assert not task.done()
        task.cancel()
        await asyncio.wait([task])
        return fired

    return asyncio.run(watch())


def test_draining_twice_fires_twice(streamkap: StreamkapSimulator) -> None:
    course = [LAGGING] * 3 + [DRAINED] * 5 + [LAGGING] * 3 + [DRAINED]
    streamkap.add("d1", scenarios.sequence(course))
    fired = events(trigger(), streamkap, 20)
    assert [payload["data"]["recordsLag"] for payload in fired] == [0, 0]
    assert [payload["destination_id"] for payload in fired] == ["d1", "d1"]


def test_missing_metrics_neither_meet_nor_leave_condition(streamkap: StreamkapSimulator) -> None:
    bare = scenarios.Reading(has_metrics=False)
    streamkap.add("d1", scenarios.sequence([LAGGING] * 3 + [bare] * 3 + [DRAINED] * 3 + [bare] * 3 + [DRAINED]))
    fired = events(trigger(), streamkap, 20)
    assert [payload["data"]["recordsLag"] for payload in fired] == [0]


def test_unchanged_state_fires_no_event(streamkap: StreamkapSimulator) -> None:
    streamkap.add("d1", scenarios.steady())
    assert events(trigger(), streamkap, 8) == []


def test_log_tells_changes_that_fire_an_event_from_others(streamkap: StreamkapSimulator, logged: Logged) -> None:
    streamkap.add("d1", scenarios.sequence([LAGGING] * 2 + [DRAINED] * 2 + [LAGGING]))
    events(trigger(edge="out_of"), streamkap, 8)
    first, second, third = (line for line in logged.text.splitlines() if "the condition, " in line)
    assert "d1 does not meet the condition, no event: status Active, lag 120" in first
    assert "d1 meets the condition, no event: status Active, lag 0" in second
    assert "d1 no longer meets the condition, firing an event: status Active, lag 120" in third


def test_falling_behind_and_status_changes_fire(streamkap: StreamkapSimulator) -> None:
    broken = scenarios.Reading(records_lag=0, connector_status="Broken")
    streamkap.add("d1", scenarios.sequence([DRAINED] * 3 + [LAGGING] * 2 + [broken]))
    (left,) = events(trigger(edge="out_of"), streamkap, 8)
    assert left["data"]["recordsLag"] == 120
    streamkap.set("d1", scenarios.sequence([DRAINED] * 3 + [broken]))
    (broke,) = events(trigger(max_records_lag=None, connector_status="Broken"), streamkap, 8)
    assert broke["data"]["connector_status"] == "Broken"


def test_change_during_restart_fires_with_state_store(streamkap: StreamkapSimulator) -> None:
    store = Store()
    streamkap.add("d1", scenarios.steady(lag=120))
    assert events(trigger(store), streamkap, 5) == []
    streamkap.set("d1", scenarios.steady())
    assert len(events(trigger(store), streamkap, 5)) == 1
    # Once only, however often it is restarted.
    assert events(trigger(store), streamkap, 5) == []
    # Another condition has its own state.
    assert events(trigger(store, edge="out_of"), streamkap, 5) == []
    assert len(store.stored) == 2


def test_restart_without_state_store_starts_from_first_reading(streamkap: StreamkapSimulator) -> None:
    streamkap.add("d1", scenarios.steady(lag=120))
    assert events(trigger(), streamkap, 5) == []
    streamkap.set("d1", scenarios.steady())
    assert events(trigger(), streamkap, 5) == []


@pytest.mark.parametrize("fault", [Fault.status(500), Fault.status(403), Fault.drop(), Fault.html()])
def test_keeps_polling_when_polls_fail(fault: Fault, streamkap: StreamkapSimulator) -> None:
    streamkap.add("d1", scenarios.sequence([LAGGING] * 3 + [DRAINED]))
    streamkap.inject(fault, path="/metrics", times=3)
    assert len(events(trigger(), streamkap, 12)) == 1


def test_keeps_polling_after_connection_is_fixed(
    streamkap: StreamkapSimulator, monkeypatch: pytest.MonkeyPatch, logged: Logged
) -> None:
    good = streamkap.airflow_connection(max_attempts=1)
    streamkap.add("d1", scenarios.sequence([LAGGING] * 3 + [DRAINED]))

    async def watch() -> Any:
        monkeypatch.setenv("AIRFLOW_CONN_STREAMKAP_DEFAULT", '{"conn_type": "streamkap"}')
        stream = trigger().run()
        first = asyncio.ensure_future(anext(aiter(stream)))
        async with asyncio.timeout(20):
            while "Cannot watch d1" not in logged.text:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        assert not first.done()
        monkeypatch.setenv("AIRFLOW_CONN_STREAMKAP_DEFAULT", good)
        return await asyncio.wait_for(first, 20)

    assert asyncio.run(watch()).payload["data"]["recordsLag"] == 0


class Failing(Store):
    """A state store that fails like Airflow's while the API server is unavailable.

    :param reads: number of reads that fail.
    :param writes: number of writes that fail.
    :param stored: the stored values.
    """

    def __init__(self, reads: float = 0, writes: float = 0, stored: dict[str, Any] | None = None) -> None:
        super().__init__()
        self.reads, self.writes, self.tried = reads, writes, 0
        self.stored = dict(stored or {})

    async def aget(self, key: str) -> Any:
        """Fail, or return the stored value."""
        self.reads -= 1
        if self.reads >= 0:
            raise RuntimeError("API_SERVER_ERROR: 503")
        return await super().aget(key)

    async def aset(self, key: str, value: Any) -> None:
        """Fail, or store a value."""
        self.tried += 1
        self.writes -= 1
        if self.writes >= 0:
            raise json.JSONDecodeError("Expecting value", "<html>", 0)
        await super().aset(key, value)


def lagging_store(simulator: StreamkapSimulator) -> dict[str, Any]:
    """Return the contents of a store after a trigger has seen the destination lag."""
    store = Store()
    simulator.add("d1", scenarios.steady(lag=120))
    assert events(trigger(store), simulator, 5) == []
    return store.stored


@pytest.mark.parametrize("reads", [1, 5])
def test_failed_first_read_of_state_store_is_retried(streamkap: StreamkapSimulator, reads: int) -> None:
    stored = lagging_store(streamkap)
    streamkap.set("d1", scenarios.steady())
    # The change during the restart fires although the first read failed.
    assert len(events(trigger(Failing(reads=reads, stored=stored)), streamkap, 8)) == 1


def test_unavailable_state_store_does_not_block_trigger(streamkap: StreamkapSimulator, logged: Logged) -> None:
    streamkap.add("d1", scenarios.sequence([LAGGING] * 5 + [DRAINED]))
    store = Failing(reads=float("inf"), writes=float("inf"))
    assert len(events(trigger(store), streamkap, 12)) == 1
    assert "without its last known state" in logged.text
    assert logged.text.count("retrying after each poll") == 1


@pytest.mark.parametrize("writes", [1, 4])
def test_event_fires_once_even_if_saving_state_fails(streamkap: StreamkapSimulator, writes: int) -> None:
    stored = lagging_store(streamkap)
    streamkap.set("d1", scenarios.steady())
    store = Failing(writes=writes, stored=stored)
    # The first write fails right after the event fired.
    assert len(events(trigger(store), streamkap, 12)) == 1
    assert store.tried == writes + 1
    # A later poll stores it, so a restart does not fire again.
    assert events(trigger(store), streamkap, 5) == []


def test_trigger_of_several_assets_watches_without_state_store(streamkap: StreamkapSimulator, logged: Logged) -> None:
    class Several(Store):
        async def aget(self, key: str) -> Any:
            raise ValueError("Task has 2 concrete inlets and outlets")

        async def aset(self, key: str, value: Any) -> None:
            raise ValueError("Task has 2 concrete inlets and outlets")

    streamkap.add("d1", scenarios.sequence([LAGGING] * 3 + [DRAINED]))
    assert len(events(trigger(Several()), streamkap, 8)) == 1
    assert "several assets" in logged.text
    assert "cannot be stored" not in logged.text


def test_keeps_polling_when_connection_lookup_fails(
    streamkap: StreamkapSimulator, backend: type[Flaky], logged: Logged
) -> None:
    streamkap.add("d1", scenarios.sequence([LAGGING] * 3 + [DRAINED]))
    backend.failures = 24
    time = SimulatedClock()
    with use_client_clock(ClientClock(asleep=time.asleep)):
        assert len(events(trigger(), streamkap, 8)) == 1
    assert "Cannot watch d1: AirflowException: Connection 'streamkap_default' could not be looked up" in logged.text


def test_triggers_on_same_destination_share_polls(streamkap: StreamkapSimulator) -> None:
    streamkap.add("d1", scenarios.sequence([LAGGING] * 4 + [DRAINED]))

    async def watch() -> int:
        watchers = [trigger(poke_interval=0.1) for _ in range(20)]
        waiting = [asyncio.ensure_future(anext(aiter(watcher.run()))) for watcher in watchers]
        await asyncio.wait_for(asyncio.gather(*waiting), 20)
        return streamkap.count("/metrics")

    assert asyncio.run(watch()) <= 8
    assert streamkap.token_calls == 1


def test_every_argument_survives_serialization() -> None:
    arguments: dict[str, Any] = {
        "destination_id": "d2",
        "edge": "out_of",
        "max_records_lag": 5,
        "connector_status": ["Active", "Starting"],
        "max_latency_ms": 10,
        "confirmations": 3,
        "poke_interval": 7,
        "streamkap_conn_id": "other",
        "lag_source": "timeseries",
    }
    everything = set(inspect.signature(StreamkapDestinationEventTrigger.__init__).parameters)
    assert set(arguments) == everything - {"self", "destination_name"}
    path, serialized = StreamkapDestinationEventTrigger(**arguments).serialize()
    assert path == "airflow_provider_streamkap.triggers.event.StreamkapDestinationEventTrigger"
    assert json.loads(json.dumps(serialized)) == arguments


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"destination_id": ""}, "destination_id"),
        ({"edge": "up"}, "edge"),
        ({"poke_interval": 0}, "poke_interval must be a number of at least 0.01 seconds; got 0"),
        ({"poke_interval": 0.001}, "poke_interval"),
        ({"poke_interval": "60"}, "poke_interval must be a number of at least 0.01 seconds; got '60'"),
        ({"poke_interval": True}, "poke_interval must be a number of at least 0.01 seconds; got True"),
        ({"poke_interval": float("nan")}, "poke_interval"),
        ({"confirmations": 0}, "confirmations"),
        ({"max_records_lag": None, "connector_status": None}, "nothing to wait for"),
    ],
)
def test_invalid_arguments_are_rejected_at_parse_time(arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        StreamkapDestinationEventTrigger(**{"destination_id": "d1", **arguments})


def test_asset_uri_is_canonical() -> None:
    assert asset_uri("67ad") == "streamkap://api.streamkap.com/destinations/67ad"
    assert asset_uri("a/b") == "streamkap://api.streamkap.com/destinations/a%2Fb"
    shouted = sanitize_uri(urlsplit("streamkap://API.Streamkap.com/destinations/67ad/"))
    assert shouted.geturl() == "streamkap://api.streamkap.com/destinations/67ad"
    stored = sanitize_uri(urlsplit(asset_uri("a/b c")))
    assert stored.geturl() == asset_uri("a/b c")
    assert asset_uri("67ad", "API.Streamkap.com") == asset_uri("67ad")


@pytest.mark.parametrize(
    ("query", "canonical"),
    [
        ("edge=out_of", "edge=out_of"),
        ("max_records_lag=100&edge=out_of", "edge=out_of&max_records_lag=100"),
        ("max_records_lag=1e2", "max_records_lag=100"),
        ("max_records_lag=100.0", "max_records_lag=100"),
        ("max_latency_ms=0.5", "max_latency_ms=0.5"),
        ("connector_status=STARTING&connector_status=Active", "connector_status=active&connector_status=starting"),
        ("connector_status=404", "connector_status=404"),
        ("connector_status=Pending%20Update", "connector_status=pending+update"),
        ("connector_status=any&max_records_lag=ANY", "connector_status=any&max_records_lag=ANY"),
        ("connector_status=ANY", "connector_status=ANY"),
        # Default values are omitted.
        ("edge=into&max_records_lag=0&connector_status=active&max_latency_ms=ANY&confirmations=2", ""),
    ],
)
def test_condition_is_canonical(query: str, canonical: str) -> None:
    once = sanitize_uri(urlsplit(f"{asset_uri('67ad')}?{query}"))
    assert once.query == canonical
    assert sanitize_uri(once) == once


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("x=1", "'x' is not part of a condition; allowed: edge, max_records_lag"),
        ("poke_interval=5", "'poke_interval' is not part of a condition"),
        ("edge=up", "edge must be"),
        ("edge=into&edge=out_of", "edge is set more than once in the asset URI; set it once"),
        ("max_records_lag=many", "max_records_lag"),
        ("max_records_lag=" + "9" * 400, "max_records_lag"),
        ("connector_status=", "connector_status"),
        ("max_records_lag=ANY&connector_status=ANY", "nothing to wait for"),
    ],
)
def test_invalid_condition_is_rejected(query: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        sanitize_uri(urlsplit(f"{asset_uri('67ad')}?{query}"))


CONDITIONS: list[dict[str, Any]] = [
    {},
    {"edge": "out_of"},
    {"max_records_lag": 1},
    {"max_records_lag": 0.5},
    {"max_records_lag": None},
    {"connector_status": "Paused"},
    {"connector_status": ["Active", "Paused"]},
    {"connector_status": None},
    {"max_latency_ms": 0},
    {"max_latency_ms": 1e18},
    {"confirmations": 1},
    {"edge": "out_of", "confirmations": 1},
]


def test_each_condition_has_its_own_state() -> None:
    triggers = [trigger(**arguments) for arguments in CONDITIONS]
    other = StreamkapDestinationEventTrigger("d2")
    for identity in (StreamkapDestinationEventTrigger.condition, StreamkapDestinationEventTrigger._store_key):
        assert len({identity(one) for one in triggers}) == len(CONDITIONS)
    assert other._store_key() not in {one._store_key() for one in triggers}
    for one in triggers:
        assert StreamkapDestinationEventTrigger.from_condition("d1", one.condition()).condition() == one.condition()


def test_interval_and_connection_are_not_part_of_condition() -> None:
    one, two = trigger(), trigger(poke_interval=7, streamkap_conn_id="other")
    assert (one.condition(), one._store_key()) == (two.condition(), two._store_key())


@pytest.mark.parametrize(
    "same",
    [
        {"connector_status": ("Paused", "Broken", "Active")},
        {"connector_status": {"Active", "Broken", "Paused"}},
        {"connector_status": (status for status in ("Broken", "Active", "Paused"))},
        {"connector_status": ["broken ", "ACTIVE", "paused", "Paused"]},
        {"max_records_lag": 0.0},
    ],
)
def test_equivalent_conditions_are_equal(same: dict[str, Any]) -> None:
    statuses: dict[str, Any] = {"connector_status": ["Active", "Broken", "Paused"]}
    one, two = trigger(**statuses), trigger(**{**statuses, **same})
    assert (one.condition(), one._store_key()) == (two.condition(), two._store_key())


IDENTITY = """
from airflow_provider_streamkap.triggers.event import StreamkapDestinationEventTrigger
made = StreamkapDestinationEventTrigger("d1", connector_status={"Active", "Paused", "Broken", "Starting", "Pending"})
print(made.condition(), made._store_key(), made.serialize())
"""


def test_set_of_statuses_is_stable_across_processes() -> None:
    outputs = {
        subprocess.run(
            [sys.executable, "-c", IDENTITY],
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
            check=True,
            capture_output=True,
            text=True,
        ).stdout.splitlines()[-1]
        for seed in (1, 2)
    }
    assert len(outputs) == 1


needs_watchers = pytest.mark.skipif(airflow.__version__.startswith("2."), reason="Airflow 2 has no watchers")


@needs_watchers
def test_each_condition_is_its_own_asset() -> None:
    assets = [destination_asset("67ad", **arguments) for arguments in CONDITIONS]
    for identities in (
        {asset.uri for asset in assets},
        {asset.name for asset in assets},
        {asset.watchers[0].name for asset in assets},
    ):
        assert len(identities) == len(CONDITIONS)
    assert assets[0].uri == "streamkap://api.streamkap.com/destinations/67ad"
    assert assets[1].uri == "streamkap://api.streamkap.com/destinations/67ad?edge=out_of"
    assert all(asset.name == asset.uri for asset in assets)
    assert all(type(asset)(uri=asset.uri).uri == asset.uri for asset in assets)


@needs_watchers
def test_asset_host_is_lowercased() -> None:
    asset = destination_asset("67ad", host="API.x")
    assert asset.name == asset.uri == "streamkap://api.x/destinations/67ad"


@needs_watchers
def test_asset_takes_its_condition_from_its_trigger() -> None:
    given = StreamkapDestinationEventTrigger("67ad", edge="out_of")
    asset = destination_asset("67ad", given)
    assert asset == destination_asset("67ad", given, name=asset.uri)
    assert asset.uri == destination_asset("67ad", edge="out_of").uri
    with pytest.raises(ValueError, match="edge has no effect together with trigger="):
        destination_asset("67ad", given, edge="into")
    with pytest.raises(ValueError, match="destination 'other' differs from the trigger's, '67ad': pass the same one"):
        destination_asset("other", given)


@pytest.mark.parametrize(
    "uri",
    [
        "streamkap:///destinations/67ad",
        "streamkap://api.streamkap.com/67ad",
        "streamkap://api.streamkap.com/destinations/",
        "streamkap://api.streamkap.com/destinations/67ad/metrics",
        "streamkap://api.streamkap.com/destinations/67ad#part",
        "streamkap://api.streamkap.com/destinations/..",
        "streamkap://user:secret@api.streamkap.com/destinations/67ad",
    ],
)
def test_other_uris_are_rejected(uri: str) -> None:
    with pytest.raises(ValueError, match=r"streamkap://<host>/destinations/<id>|destination_id"):
        sanitize_uri(urlsplit(uri))
