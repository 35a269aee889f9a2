# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Secret rotation while tasks run: a rejection is final only after the connection was reloaded."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from airflow_provider_streamkap._compat import AirflowException, AirflowFailException
from airflow_provider_streamkap.api import ApiSession, StreamkapAuthError, StreamkapError
from airflow_provider_streamkap.api.query import MetricsQuery
from airflow_provider_streamkap.gate.spec import FailurePolicy
from airflow_provider_streamkap.hooks._clients import shared_clients
from airflow_provider_streamkap.hooks.streamkap import StreamkapHook
from airflow_provider_streamkap.operators.streamkap import StreamkapDestinationMetricsOperator
from airflow_provider_streamkap.testing import Fault, StreamkapSimulator, scenarios
from airflow_provider_streamkap.triggers.event import StreamkapDestinationEventTrigger
from tests.airflow.sensor_modes import MODES, TaskInstance, rebuilt_trigger, run, sensor
from tests.airflow.triggers import event_payload, trigger

SIGN_IN = "/auth/access-token"
DRAINED, LAGGING = scenarios.Reading(records_lag=0), scenarios.Reading(records_lag=120)


class Rotation:
    """Two simulators: the old one starts rejecting the old secret, the new one accepts the new secret.

    A simulator has one secret, so the rotated connection also changes the host.
    """

    def __init__(self, old: StreamkapSimulator, new: StreamkapSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
        self.old, self.new, self._monkeypatch = old, new, monkeypatch

    def change_connection(self) -> None:
        """Update the connection."""
        self._monkeypatch.setenv("AIRFLOW_CONN_STREAMKAP_DEFAULT", self.new.airflow_connection(max_attempts=1))

    def rotate(self) -> None:
        """Update the connection, then revoke the old secret."""
        self.change_connection()
        self.revoke()

    def revoke(self) -> None:
        """Revoke the old secret and every token issued for it."""
        self.old.refuse_credentials()
        self.old.revoke_tokens()


@pytest.fixture
def rotation(streamkap: StreamkapSimulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rotation]:
    """Add the same destination to both simulators."""
    with StreamkapSimulator() as new:
        for simulator in (streamkap, new):
            simulator.add("d1", scenarios.steady(lag=7))
        yield Rotation(streamkap, new, monkeypatch)


async def eventually(holds: Callable[[], object]) -> None:
    """Wait until a condition is true."""
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


def test_hook_uses_rotated_secret(rotation: Rotation) -> None:
    hook = StreamkapHook()
    assert hook.get_destination_metrics("d1").records_lag == 7
    rotation.rotate()
    assert hook.get_destination_metrics("d1").records_lag == 7
    assert hook.get_destination("d1").id == "d1"
    assert [item.id for item in hook.list_destinations()] == ["d1"]
    # The old service received one request with its token and one for a new token; then the hook reloads the connection.
    assert rotation.old.token_calls == 2
    assert rotation.new.token_calls == 1


def test_listing_uses_rotated_secret(rotation: Rotation) -> None:
    hook = StreamkapHook()
    hook.connection()
    rotation.rotate()
    assert [item.id for item in hook.list_destinations()] == ["d1"]


def test_async_hook_uses_rotated_secret(rotation: Rotation) -> None:
    async def ask() -> None:
        hook = StreamkapHook()
        for _ in range(2):
            assert (await hook.aget_destination_metrics("d1")).records_lag == 7
        rotation.rotate()
        for _ in range(3):
            assert (await hook.aget_destination_metrics("d1")).records_lag == 7

    asyncio.run(ask())
    assert rotation.old.token_calls == 2
    assert rotation.new.token_calls == 1


def test_operator_uses_rotated_secret(rotation: Rotation, monkeypatch: pytest.MonkeyPatch) -> None:
    # The secret is rotated between the connection lookup and the first request.
    class Rotating(TaskInstance):
        def xcom_push(self, key: str, value: Any) -> None:
            rotation.rotate()

    operator = StreamkapDestinationMetricsOperator(task_id="snapshot", destination_id="d1")
    context: Any = {"ti": Rotating()}
    assert operator.execute(context)["data"]["recordsLag"] == 7


class Counting(StreamkapHook):
    """A hook that counts its connection lookups."""

    def __init__(self) -> None:
        super().__init__()
        self.lookups = 0

    def _look_up(self) -> Any:
        self.lookups += 1
        return super()._look_up()


def each(hook: StreamkapHook, ids: list[str], seen: Callable[[], object] = lambda: None) -> dict[str, Any]:
    """Fetch the metrics of a list, and run a callback after each result."""
    found: dict[str, Any] = {}
    queries = [MetricsQuery(id_) for id_ in ids]
    for query, got in hook.call_each(queries, lambda client, some: client.call_each(some, ApiSession.metrics)):
        assert query.destination_id not in found
        found[query.destination_id] = got
        seen()
    return found


def test_operator_on_list_uses_rotated_secret(rotation: Rotation) -> None:
    class Rotating(TaskInstance):
        def xcom_push(self, key: str, value: Any) -> None:
            rotation.rotate()

    ids = ["d2", "d3", "d4"]
    for id_ in ids:
        rotation.new.add(id_, scenarios.steady(lag=8))
    operator = StreamkapDestinationMetricsOperator(task_id="snapshot", destination_id=ids)
    context: Any = {"ti": Rotating()}
    assert [shot["data"]["recordsLag"] for shot in operator.execute(context).values()] == [8, 8, 8]
    assert rotation.old.token_calls == 1
    assert rotation.new.token_calls == 1


def test_list_rejected_midway_keeps_results_and_retries_rest(
    rotation: Rotation, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_at_once = rotation.old.airflow_connection(max_attempts=1, max_concurrency=1)
    monkeypatch.setenv("AIRFLOW_CONN_STREAMKAP_DEFAULT", one_at_once)
    ids = [f"d{number}" for number in range(2, 32)]
    for id_ in ids:
        rotation.old.add(id_, scenarios.steady(lag=7))
        rotation.new.add(id_, scenarios.steady(lag=8))
    hook = Counting()
    found = each(hook, ids, rotation.rotate)
    lags = [found[id_].records_lag for id_ in ids]
    assert lags == sorted(lags)
    assert (lags[0], lags[-1]) == (7, 8)
    assert hook.lookups == 2


def test_list_of_unknown_destinations_reloads_connection_once(rotation: Rotation) -> None:
    hook = Counting()
    found = each(hook, ["d1", *(f"none{number}" for number in range(20))])
    assert found.pop("d1").records_lag == 7
    assert all(isinstance(got, StreamkapError) and got.permanent for got in found.values())
    assert len(found) == 20
    assert hook.lookups == 2


def test_list_errors_are_not_final_while_connection_lookup_fails(rotation: Rotation) -> None:
    class Failing(Counting):
        def _look_up(self) -> Any:
            if self.lookups:
                self.lookups += 1
                raise AirflowException("the secrets backend is down")
            return super()._look_up()

    rotation.old.refuse_credentials()
    hook = Failing()
    found = each(hook, ["d1", "d2", "d3"])
    assert len(found) == 3
    assert all("not final: the secrets backend is down" in str(got) and not got.permanent for got in found.values())
    assert hook.lookups == 2


@pytest.mark.parametrize("mode", MODES)
def test_wait_uses_rotated_secret(rotation: Rotation, mode: str) -> None:
    rotation.new.set("d1", scenarios.steady())

    class Rotating(TaskInstance):
        def xcom_push(self, key: str, value: Any) -> None:
            super().xcom_push(key, value)
            if rotation.old.token_calls == 0:
                rotation.rotate()

    assert run(sensor(mode), Rotating())["data"]["recordsLag"] == 0
    assert rotation.old.token_calls == 1


def test_poke_wait_survives_rotation(rotation: Rotation) -> None:
    rotation.old.add("d2", scenarios.steady(lag=1))
    rotation.new.set("d1", scenarios.steady())
    rotation.new.add("d2", scenarios.steady())
    task = sensor("poke", destination_id=["d1", "d2"])
    assert task.poke({"ti": TaskInstance()}) is False  # type: ignore[typeddict-item]
    rotation.rotate()
    found: Any = task.poke({"ti": TaskInstance()})  # type: ignore[typeddict-item]
    assert set(found.xcom_value) == {"d1", "d2"}
    assert rotation.old.token_calls == 2


def test_deferred_waits_survive_rotation(rotation: Rotation) -> None:
    rotation.new.set("d1", scenarios.steady())
    for number in range(2, 20):
        rotation.old.add(f"d{number}", scenarios.steady(lag=1))
        rotation.new.add(f"d{number}", scenarios.steady())

    async def wait() -> list[dict[str, Any]]:
        waiting = [asyncio.create_task(event_payload(trigger(f"d{number}"))) for number in range(1, 20)]
        await eventually(lambda: rotation.old.count("/metrics") > 40)
        rotation.rotate()
        return await asyncio.wait_for(asyncio.gather(*waiting), 20)

    assert {event["outcome"] for event in asyncio.run(wait())} == {"opened"}
    assert rotation.old.token_calls <= 3
    assert rotation.new.token_calls == 1


def test_waits_with_old_and_new_secret_coexist(rotation: Rotation) -> None:
    async def wait() -> tuple[dict[str, Any], dict[str, Any]]:
        one = asyncio.create_task(event_payload(trigger()))
        await eventually(lambda: rotation.old.count("/metrics"))
        rotation.change_connection()
        # It uses the new connection and so shares nothing with the first.
        other = asyncio.create_task(event_payload(trigger()))
        await eventually(lambda: rotation.new.count("/metrics"))
        rotation.revoke()
        rotation.new.set("d1", scenarios.steady())
        events = await asyncio.wait_for(asyncio.gather(one, other), 20)
        assert shared_clients.loop_clients[asyncio.get_running_loop()] == {}
        return events

    assert [event["outcome"] for event in asyncio.run(wait())] == ["opened", "opened"]


def test_two_ids_of_one_connection_share_until_one_changes(rotation: Rotation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_TWIN", rotation.old.airflow_connection(max_attempts=1))
    rotation.new.set("d1", scenarios.steady())

    async def wait() -> list[dict[str, Any]]:
        failure_policy = FailurePolicy(max_poll_failures=None)
        waits = [
            trigger(streamkap_conn_id=name, failure_policy=failure_policy) for name in ("streamkap_default", "twin")
        ]
        one, twin = (asyncio.create_task(event_payload(each)) for each in waits)
        await eventually(lambda: rotation.old.count("/metrics"))
        assert rotation.old.token_calls == 1
        rotation.rotate()
        # While they differ, neither uses the other's settings and neither ends as rejected.
        await eventually(lambda: rotation.old.token_calls == 2)
        assert rotation.new.count() == 0
        monkeypatch.setenv("AIRFLOW_CONN_TWIN", rotation.new.airflow_connection(max_attempts=1))
        return list(await asyncio.wait_for(asyncio.gather(one, twin), 20))

    assert [event["outcome"] for event in asyncio.run(wait())] == ["opened", "opened"]


@pytest.mark.parametrize("mode", MODES)
def test_rejection_is_final_if_connection_is_unchanged(rotation: Rotation, mode: str) -> None:
    rotation.old.refuse_credentials()
    with pytest.raises(AirflowFailException, match="the token endpoint rejected the credentials"):
        run(sensor(mode))
    assert rotation.old.token_calls == 1
    assert rotation.new.count() == 0


def test_deferred_rejection_is_final_if_connection_is_unchanged(rotation: Rotation) -> None:
    async def wait() -> dict[str, Any]:
        waiting = asyncio.create_task(event_payload(trigger()))
        await eventually(lambda: rotation.old.count("/metrics"))
        rotation.revoke()
        return await asyncio.wait_for(waiting, 20)

    event = asyncio.run(wait())
    assert event["outcome"] == "permanent_error"
    assert "the token endpoint rejected the credentials" in event["message"]


@pytest.mark.parametrize("fault", [Fault.status(403), Fault.status(404), Fault.redirect("https://elsewhere.example")])
def test_any_permanent_error_can_be_fixed_in_connection(rotation: Rotation, fault: Fault) -> None:
    rotation.old.inject(fault, path="/metrics", times=None)
    hook = StreamkapHook()
    with pytest.raises(StreamkapError):
        hook.get_destination_metrics("d1")
    fresh = StreamkapHook()
    fresh.connection()
    rotation.change_connection()
    shared_clients.repeated_lookups.clear()
    assert fresh.get_destination_metrics("d1").records_lag == 7


def test_deleted_or_invalid_connection_makes_rejection_final(
    rotation: Rotation, monkeypatch: pytest.MonkeyPatch
) -> None:
    rotation.old.refuse_credentials()
    for connection in ('{"conn_type": "streamkap"}', None):
        hook = StreamkapHook()
        hook.connection()
        with monkeypatch.context() as patch:
            if connection is None:
                patch.delenv("AIRFLOW_CONN_STREAMKAP_DEFAULT")
            else:
                patch.setenv("AIRFLOW_CONN_STREAMKAP_DEFAULT", connection)
            with pytest.raises(StreamkapAuthError, match="rejected the credentials") as caught:
                hook.get_destination_metrics("d1")
        assert caught.value.permanent
        shared_clients.repeated_lookups.clear()


def test_many_rejected_calls_reload_connection_once(rotation: Rotation) -> None:
    class Counting(StreamkapHook):
        lookups = 0

        @classmethod
        def get_connection(cls, conn_id: str) -> Any:
            Counting.lookups += 1
            return super().get_connection(conn_id)

    rotation.old.refuse_credentials()
    hook = Counting()
    for _ in range(20):
        with pytest.raises(StreamkapAuthError):
            hook.get_destination_metrics("d1")
    assert rotation.old.token_calls == 1
    assert Counting.lookups <= 3


def watch(**arguments: Any) -> StreamkapDestinationEventTrigger:
    created = rebuilt_trigger(
        StreamkapDestinationEventTrigger("d1", poke_interval=0.02, lag_source="latest", **arguments)
    )
    assert isinstance(created, StreamkapDestinationEventTrigger)
    return created


def test_event_trigger_uses_rotated_secret(rotation: Rotation) -> None:
    rotation.new.set("d1", scenarios.sequence([LAGGING] * 3 + [DRAINED]))

    async def wait() -> Any:
        stream = watch().run()
        first = asyncio.ensure_future(anext(aiter(stream)))
        await eventually(lambda: rotation.old.count("/metrics") > 3)
        rotation.rotate()
        return await asyncio.wait_for(first, 20)

    assert asyncio.run(wait()).payload["data"]["recordsLag"] == 0


def test_event_trigger_recovers_after_rejected_secret_is_fixed(rotation: Rotation) -> None:
    rotation.new.set("d1", scenarios.sequence([LAGGING] * 3 + [DRAINED]))
    rotation.old.refuse_credentials()

    async def wait() -> Any:
        stream = watch().run()
        first = asyncio.ensure_future(anext(aiter(stream)))
        await eventually(lambda: rotation.old.token_calls)
        rotation.change_connection()
        return await asyncio.wait_for(first, 20)

    assert asyncio.run(wait()).payload["data"]["recordsLag"] == 0
    assert rotation.old.token_calls == 1


def test_fifty_event_triggers_with_rejected_secret_sign_in_once(rotation: Rotation) -> None:
    for number in range(2, 52):
        rotation.old.add(f"d{number}", scenarios.steady())
    rotation.old.refuse_credentials()

    async def refused(id_: str) -> None:
        stream = StreamkapDestinationEventTrigger(id_, poke_interval=0.05, lag_source="latest").run()
        async for _ in stream:
            raise AssertionError("there is nothing to tell")

    async def wait() -> None:
        tasks = [asyncio.create_task(refused(f"d{number}")) for number in range(2, 52)]
        await eventually(lambda: rotation.old.token_calls)
        # About ten intervals, in which each trigger polls the cached rejection.
        done, _ = await asyncio.wait(tasks, timeout=0.5)
        assert not done
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)

    asyncio.run(wait())
    assert rotation.old.token_calls == 1
    assert rotation.old.count("/metrics") == 0
