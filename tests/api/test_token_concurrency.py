# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Many threads and tasks that need a token: one refresh at a time, and no duplicate calls."""

from __future__ import annotations

import asyncio
import gc
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from airflow_provider_streamkap.api.async_client import AsyncStreamkapClient
from airflow_provider_streamkap.api.client import StreamkapClient
from airflow_provider_streamkap.api.errors import StreamkapError, StreamkapTimeoutError
from airflow_provider_streamkap.api.flows import REJECTION_SECONDS, ApiSession
from airflow_provider_streamkap.testing import Fault, StreamkapSimulator
from tests.api.support import QUERY, SimulatedClock, settings_for

THREADS = 20
TASKS = 50


def over_threads(number: int, work: Callable[[], object]) -> list[object]:
    """Start this many threads at the same moment."""
    gate = threading.Barrier(number)

    def one() -> object:
        gate.wait(10)
        return work()

    with ThreadPoolExecutor(number) as pool:
        return [future.result(30) for future in [pool.submit(one) for _ in range(number)]]


def test_threads_share_one_token_refresh(simulator: StreamkapSimulator) -> None:
    new_tokens: list[str] = []
    # A slow token call lets every thread arrive and wait for it.
    simulator.inject(Fault.slow(0.3), path="/auth/access-token", times=2)
    with StreamkapClient(settings_for(simulator), on_token=new_tokens.append) as client:
        for calls in (1, 2):
            over_threads(THREADS, lambda: client.get_destination_metrics(QUERY))
            assert simulator.token_calls == calls
            simulator.revoke_tokens()
    assert len(new_tokens) == 2


def test_clients_may_share_session(simulator: StreamkapSimulator) -> None:
    settings = settings_for(simulator)
    session = ApiSession(settings)
    simulator.inject(Fault.slow(0.2), path="/auth/access-token")

    def ask() -> None:
        with StreamkapClient(settings, session=session) as client:
            client.get_destination_metrics(QUERY)

    over_threads(THREADS, ask)
    assert simulator.token_calls == 1


def test_tasks_share_one_token_refresh(simulator: StreamkapSimulator) -> None:
    new_tokens: list[str] = []

    async def on_token(access: str) -> None:
        await asyncio.sleep(0)
        new_tokens.append(access)

    async def run() -> None:
        async with AsyncStreamkapClient(settings_for(simulator), on_token=on_token) as client:
            for calls in (1, 2):
                await asyncio.gather(*(client.get_destination_metrics(QUERY) for _ in range(TASKS)))
                assert simulator.token_calls == calls
                simulator.revoke_tokens()

    simulator.inject(Fault.slow(0.3), path="/auth/access-token", times=2)
    asyncio.run(run())
    assert len(new_tokens) == 2


def test_concurrent_first_calls_share_session(simulator: StreamkapSimulator) -> None:
    settings = settings_for(simulator)
    session = ApiSession(settings)
    with StreamkapClient(settings, session=session) as client:
        client.whoami()

    async def run() -> None:
        async with AsyncStreamkapClient(settings, session=session) as client:
            await asyncio.gather(*(client.get_destination_metrics(QUERY) for _ in range(5)))

    # A session that was opened twice and closed once would warn when it is garbage-collected.
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        asyncio.run(run())
        gc.collect()
    assert [str(item.message) for item in caught if "client session" in str(item.message)] == []
    assert simulator.token_calls == 1


def test_event_loop_is_never_blocked(simulator: StreamkapSimulator) -> None:
    simulator.inject(Fault.slow(1.0), path="/auth/access-token")
    simulator.inject(Fault.slow(1.0), path="/metrics")

    async def run() -> float:
        longest, done = 0.0, asyncio.Event()
        loop = asyncio.get_running_loop()

        async def watch() -> None:
            nonlocal longest
            while not done.is_set():
                before = loop.time()
                await asyncio.sleep(0.005)
                longest = max(longest, loop.time() - before - 0.005)

        watching = asyncio.create_task(watch())
        async with AsyncStreamkapClient(settings_for(simulator)) as client:
            await client.get_destination_metrics(QUERY)
        done.set()
        await watching
        return longest

    # A blocking call would stop it for a second.
    assert asyncio.run(run()) < 0.9


def test_failed_token_refresh_lets_next_caller_try(simulator: StreamkapSimulator) -> None:
    simulator.refuse_credentials()
    time = SimulatedClock()
    with StreamkapClient(settings_for(simulator), clock=time.clock) as client:

        def ask() -> object:
            with pytest.raises(StreamkapError) as caught:
                client.get_destination_metrics(QUERY)
            return caught.value.permanent

        assert over_threads(4, ask) == [True] * 4
        assert simulator.token_calls == 1
        simulator.accept_credentials()
        time.now += REJECTION_SECONDS
        assert client.get_destination_metrics(QUERY).records_lag == 7


def test_thread_does_not_wait_forever_for_token_refresh(simulator: StreamkapSimulator) -> None:
    settings = settings_for(simulator, max_attempts=1)
    session = ApiSession(settings)
    refused = pytest.raises(StreamkapTimeoutError, match="waiting for a token refresh by another call")
    with StreamkapClient(settings, session=session) as client, session.lock, refused:
        client.get_destination_metrics(QUERY, within=0.05)
    assert simulator.requests == []


def test_task_does_not_wait_forever_for_token_refresh(simulator: StreamkapSimulator) -> None:
    async def run() -> None:
        held, go_on = asyncio.Event(), asyncio.Event()

        async def on_token(access: str) -> None:
            held.set()
            await go_on.wait()

        settings = settings_for(simulator, max_attempts=1)
        async with AsyncStreamkapClient(settings, on_token=on_token) as client:
            first = asyncio.create_task(client.whoami())
            await held.wait()
            simulator.revoke_tokens()
            with pytest.raises(StreamkapTimeoutError, match="waiting for a token refresh by another call"):
                await client.get_destination_metrics(QUERY, within=0.2)
            go_on.set()
            assert (await first)["tenant_id"]

    asyncio.run(run())
