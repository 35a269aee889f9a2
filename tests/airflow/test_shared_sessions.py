# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""One session and one token per connection and process, for all hooks, threads and tasks."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from airflow_provider_streamkap._compat import AirflowNotFoundException
from airflow_provider_streamkap.api import ClientSettings, Credentials, StreamkapAuthError
from airflow_provider_streamkap.hooks._clients import shared_clients
from airflow_provider_streamkap.hooks._connection import StreamkapConnection
from airflow_provider_streamkap.hooks.streamkap import StreamkapHook
from airflow_provider_streamkap.testing import Fault, StreamkapSimulator, scenarios

THREADS = 6


@pytest.fixture
def d1(streamkap: StreamkapSimulator) -> StreamkapSimulator:
    """Add one destination to the simulator."""
    streamkap.add("d1", scenarios.steady(lag=7))
    return streamkap


def lag() -> float | None:
    """Fetch metrics as a task does, with its own hook."""
    return StreamkapHook().get_destination_metrics("d1").records_lag


async def alag() -> float | None:
    """Fetch metrics as an asynchronous task does."""
    return (await StreamkapHook().aget_destination_metrics("d1")).records_lag


def test_hooks_share_session_and_token(d1: StreamkapSimulator) -> None:
    assert [lag() for _ in range(5)] == [7] * 5
    assert (d1.connections, d1.token_calls) == (1, 1)


def test_threads_share_token(d1: StreamkapSimulator) -> None:
    # Slow enough that all threads find no token yet.
    d1.inject(Fault.slow(0.2), path="/auth/access-token")
    with ThreadPoolExecutor(THREADS) as pool:
        assert list(pool.map(lambda _: lag(), range(4 * THREADS))) == [7] * 4 * THREADS
    assert d1.token_calls == 1
    assert d1.connections <= THREADS


def test_threads_refresh_lost_token_once(d1: StreamkapSimulator) -> None:
    lag()
    d1.revoke_tokens()
    d1.inject(Fault.slow(0.2), path="/auth/access-token")
    with ThreadPoolExecutor(THREADS) as pool:
        assert list(pool.map(lambda _: lag(), range(2 * THREADS))) == [7] * 2 * THREADS
    assert d1.token_calls == 2


def test_tasks_share_sockets_and_token(d1: StreamkapSimulator) -> None:
    async def many() -> list[float | None]:
        d1.inject(Fault.slow(0.2), path="/auth/access-token")
        return await asyncio.gather(*(alag() for _ in range(20)))

    assert asyncio.run(many()) == [7] * 20
    assert d1.token_calls == 1


def test_client_in_use_keeps_its_socket(d1: StreamkapSimulator) -> None:
    async def five() -> None:
        async with StreamkapHook().aclient():
            for _ in range(5):
                assert await alag() == 7

    asyncio.run(five())
    assert (d1.connections, d1.token_calls) == (1, 1)


def test_last_user_closes_sockets(d1: StreamkapSimulator) -> None:
    async def two() -> None:
        async with StreamkapHook().aclient() as client:
            async with StreamkapHook().aclient() as same:
                assert same is client
                assert await alag() == 7
            assert await alag() == 7
        async with StreamkapHook().aclient() as fresh:
            assert fresh is not client
            assert await alag() == 7

    asyncio.run(two())
    assert (d1.connections, d1.token_calls) == (2, 1)


def test_token_outlives_event_loop_and_serves_both_clients(d1: StreamkapSimulator) -> None:
    assert asyncio.run(alag()) == 7
    assert asyncio.run(alag()) == 7
    assert lag() == 7
    assert d1.token_calls == 1


class Counting(StreamkapHook):
    """Counts how often the connection is read for an event loop."""

    reads = 0

    async def _look_up_async(self) -> StreamkapConnection:
        type(self).reads += 1
        return await super()._look_up_async()


def test_concurrent_hooks_read_connection_once(d1: StreamkapSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    async def both() -> None:
        Counting.reads = 0
        first, *others = [asyncio.create_task(Counting().aconnection()) for _ in range(50)]
        await asyncio.sleep(0)
        first.cancel()
        (known,) = set(await asyncio.gather(*others))
        # The first lookup was cancelled, and the second took its place.
        assert first.cancelled()
        assert Counting.reads == 2
        # Later lookups see the change.
        monkeypatch.setenv("AIRFLOW_CONN_STREAMKAP_DEFAULT", d1.airflow_connection(max_concurrency=3))
        assert (known.max_concurrency, (await Counting().aconnection()).max_concurrency) == (16, 3)
        monkeypatch.delenv("AIRFLOW_CONN_STREAMKAP_DEFAULT")
        refused = await asyncio.gather(*(Counting().aconnection() for _ in range(3)), return_exceptions=True)
        assert [type(error) for error in refused] == [AirflowNotFoundException] * 3
        assert not shared_clients.pending_lookups[asyncio.get_running_loop()]

    asyncio.run(both())


def test_equal_connections_share_under_two_ids(d1: StreamkapSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_TWIN", d1.airflow_connection(max_attempts=1))
    assert StreamkapHook("twin").get_conn() is StreamkapHook().get_conn()


def test_connections_with_different_concurrency_share_token(
    d1: StreamkapSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_TWIN", d1.airflow_connection(max_attempts=1, max_concurrency=40))
    # Each keeps as many open connections as it has concurrent requests.
    assert StreamkapHook("twin").get_conn() is not StreamkapHook().get_conn()
    assert StreamkapHook("twin").get_destination_metrics("d1").records_lag == lag()
    assert d1.token_calls == 1


def test_changed_secret_starts_new_session(d1: StreamkapSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    old = StreamkapHook()
    assert old.get_destination_metrics("d1").records_lag == 7
    changed = json.loads(d1.airflow_connection(max_attempts=1)) | {"password": "another"}
    monkeypatch.setenv("AIRFLOW_CONN_STREAMKAP_DEFAULT", json.dumps(changed))
    # The token of the old secret is not reused for the new one.
    with pytest.raises(StreamkapAuthError):
        lag()
    with pytest.raises(StreamkapAuthError):
        asyncio.run(alag())
    assert old.get_destination_metrics("d1").records_lag == 7


def test_clients_of_old_secrets_are_released() -> None:
    def connection(number: int) -> StreamkapConnection:
        credentials = Credentials(client_id="id", secret=f"rotated-{number}")
        return StreamkapConnection(ClientSettings(credentials, "http://127.0.0.1:9"))

    first = weakref.ref(shared_clients.client(connection(0)))
    for number in range(1, 40):
        shared_clients.client(connection(number))
    gc.collect()
    assert first() is None
    assert shared_clients.client(connection(39)) is shared_clients.client(connection(39))


def in_a_child(ask: Callable[[], float | None]) -> bool:
    """Return whether a forked process can fetch metrics within 20 seconds."""
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    # From here on this is another process, which must not return to pytest.
    try:
        signal.alarm(20)
        os._exit(0 if ask() == 7 else 1)
    finally:
        os._exit(2)


def test_forked_child_uses_own_socket_and_token(d1: StreamkapSimulator) -> None:
    hook = StreamkapHook()

    def ask() -> float | None:
        return hook.get_destination_metrics("d1").records_lag

    assert ask() == 7
    assert in_a_child(ask)
    assert (d1.connections, d1.token_calls) == (2, 2)
    # The parent's socket and token still work.
    assert ask() == 7
    assert (d1.connections, d1.token_calls) == (2, 2)


def test_fork_leaves_parent_event_loop_alone(d1: StreamkapSimulator) -> None:
    hook = StreamkapHook()

    async def ask() -> float | None:
        return (await hook.aget_destination_metrics("d1")).records_lag

    def ask_in_the_child() -> float | None:
        gc.collect()
        return lag()

    async def parent() -> None:
        async with hook.aclient():
            assert await ask() == 7
            assert in_a_child(ask_in_the_child)
            assert await asyncio.wait_for(ask(), 10) == 7

    asyncio.run(parent())
    assert (d1.connections, d1.token_calls) == (2, 2)


def test_fork_while_another_thread_holds_locks(d1: StreamkapSimulator) -> None:
    d1.inject(Fault.slow(0.5), path="/auth/access-token")
    with ThreadPoolExecutor(1) as pool:
        renewing = pool.submit(lag)
        assert d1.wait_for_requests(1, "/auth/access-token")
        with shared_clients.lock:
            assert in_a_child(lag)
        assert renewing.result() == 7
    assert d1.token_calls == 2
