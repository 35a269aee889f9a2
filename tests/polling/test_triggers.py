# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Real triggers in one event loop against a real server: the number of requests, sockets and tokens, and leaks."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Literal

import pytest

from airflow_provider_streamkap.gate.conditions import DestinationGate
from airflow_provider_streamkap.gate.spec import WaitSpec
from airflow_provider_streamkap.hooks.streamkap import StreamkapHook
from airflow_provider_streamkap.testing import Fault, StreamkapSimulator, scenarios
from airflow_provider_streamkap.triggers.streamkap import StreamkapWaitTrigger

IDS = tuple(f"{number:024x}" for number in range(20))


@pytest.fixture
def simulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[StreamkapSimulator]:
    """Run a simulator with lagging destinations behind streamkap_default."""
    with StreamkapSimulator() as running:
        for id_ in IDS:
            running.add(id_, scenarios.stalled())
        monkeypatch.setenv("AIRFLOW_CONN_STREAMKAP_DEFAULT", running.airflow_connection(max_attempts=1))
        yield running


def trigger(*ids: str, interval: float = 1.0, **spec: Any) -> StreamkapWaitTrigger:
    """Create a trigger from its serialized arguments, as the triggerer does."""
    started = time.time()
    wait = WaitSpec(
        ids,
        DestinationGate(lag_source="latest"),
        poke_interval=interval,
        deadline=started + 600,
        started=started,
        **spec,
    )
    created = StreamkapWaitTrigger(streamkap_conn_id="streamkap_default", spec=wait.to_dict(), keyed=len(ids) > 1)
    path, arguments = created.serialize()
    assert path.endswith(StreamkapWaitTrigger.__name__)
    return StreamkapWaitTrigger(**arguments)


async def event(waiting: StreamkapWaitTrigger) -> Any:
    """Run a trigger until its event."""
    async for fired in waiting.run():
        return fired.payload
    raise AssertionError("no event")


@asynccontextmanager
async def running(*triggers: StreamkapWaitTrigger) -> AsyncIterator[list[asyncio.Task[Any]]]:
    """Run triggers, and cancel the remaining ones at the end, as a triggerer does."""
    tasks = [asyncio.create_task(event(waiting)) for waiting in triggers]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that another thread does."""
    for _ in range(1_000):
        if condition():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it did not come about")


def sockets() -> int:
    """Count the open sockets of this process."""
    found = 0
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            found += os.readlink(entry).startswith("socket:")
    return found


def test_hundreds_of_waits_send_as_many_requests_as_a_few(simulator: StreamkapSimulator) -> None:
    async def main() -> float:
        began = time.monotonic()
        async with running(*(trigger(IDS[number % 5], interval=1.0) for number in range(300))):
            await until(lambda: simulator.count("/metrics") >= 15)
        return time.monotonic() - began

    seconds = asyncio.run(main())
    assert simulator.token_calls == 1
    assert simulator.connections <= 5
    assert simulator.count("/metrics") <= 5 * (seconds + 1)


def test_all_waits_see_destination_drain_together_and_leave_nothing(simulator: StreamkapSimulator) -> None:
    async def main() -> tuple[int, int]:
        # What an event loop opens by itself, once.
        await asyncio.to_thread(lambda: None)
        before = sockets()
        async with running(*(trigger(IDS[0], interval=0.3, confirmations=1) for _ in range(100))) as tasks:
            await until(lambda: simulator.count("/metrics") >= 2)
            simulator.set(IDS[0], scenarios.steady())
            polls, began = simulator.count("/metrics"), time.monotonic()
            events = await asyncio.gather(*tasks)
            assert {fired["outcome"] for fired in events} == {"opened"}
            # Some of them may have started only now.
            assert simulator.count("/metrics") - polls <= 2 + (time.monotonic() - began) / 0.3
            await until(lambda: asyncio.all_tasks() == {asyncio.current_task()})
        await until(lambda: sockets() <= before)
        return before, sockets()

    before, after = asyncio.run(main())
    assert after <= before


@pytest.mark.parametrize("stage", ["header", "body"])
def test_cancelling_in_middle_of_request_closes_its_socket(
    simulator: StreamkapSimulator, stage: Literal["header", "body"]
) -> None:
    simulator.inject(Fault.hang(stage), path="/metrics", times=None)

    async def main() -> None:
        await asyncio.to_thread(lambda: None)
        before = sockets()
        async with running(*(trigger(id_, interval=0.1) for id_ in IDS[:3] for _ in range(3))):
            await until(lambda: simulator.count("/metrics") >= 3)
        await until(lambda: sockets() <= before)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())


def test_deleted_destination_ends_only_its_own_waits(simulator: StreamkapSimulator) -> None:
    async def main() -> None:
        gone, good = trigger("no-such-destination", interval=0.2), trigger(IDS[0], interval=0.2, confirmations=1)
        async with running(gone, good) as (first, second):
            assert (await first)["outcome"] == "permanent_error"
            assert not second.done()
            simulator.set(IDS[0], scenarios.steady())
            assert (await second)["outcome"] == "opened"

    asyncio.run(main())


def test_wait_on_many_destinations_shares_with_waits_on_one(simulator: StreamkapSimulator) -> None:
    async def main() -> None:
        async with running(trigger(*IDS, interval=0.5), *(trigger(id_, interval=0.5) for id_ in IDS)):
            await until(lambda: simulator.count("/metrics") >= 60)

    asyncio.run(main())
    polled = [request for request in simulator.requests if "/metrics" in request.path]
    seconds = polled[-1].at - polled[0].at
    assert len(polled) <= 20 * (seconds / 0.5 + 2)
    assert simulator.token_calls == 1


def test_max_concurrency_of_connection_is_honored(
    simulator: StreamkapSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_STREAMKAP_DEFAULT", simulator.airflow_connection(max_concurrency=2))
    simulator.inject(Fault.slow(0.05), path="/metrics", times=None)

    async def main() -> None:
        async with running(*(trigger(id_, interval=0.1) for id_ in IDS)):
            await until(lambda: simulator.count("/metrics") >= 40)

    asyncio.run(main())
    assert simulator.connections <= 2


def test_two_ids_of_one_connection_share_and_two_secrets_do_not(
    simulator: StreamkapSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ONE", "TWO"):
        monkeypatch.setenv(f"AIRFLOW_CONN_{name}", simulator.airflow_connection())
    monkeypatch.setenv("AIRFLOW_CONN_KEY", simulator.airflow_connection(use_project_key=True))

    async def main() -> None:
        async with (
            StreamkapHook("one").poller() as one,
            StreamkapHook("two").poller() as two,
            StreamkapHook("key").poller() as key,
        ):
            assert one is two
            assert key is not one

    asyncio.run(main())
