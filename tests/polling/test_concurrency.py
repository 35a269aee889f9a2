# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The number and order of concurrent polls, in virtual time."""

from __future__ import annotations

import asyncio

import pytest

from airflow_provider_streamkap.api.errors import StreamkapServerError, StreamkapTimeoutError
from airflow_provider_streamkap.gate.target import PollResult, PollTarget
from airflow_provider_streamkap.polling.limiter import LimiterSlot
from airflow_provider_streamkap.polling.poller import Poller
from tests.polling.fake_service import Service, Wait, now, observation
from tests.polling.virtual_loop import run, settle


@pytest.mark.parametrize("limit", [1, 2, 16])
def test_concurrency_is_limited_and_no_destination_is_skipped(limit: int) -> None:
    async def main() -> None:
        ids = [f"d{number}" for number in range(50)]
        service = Service(takes=dict.fromkeys(ids, 1.0))
        poller = Poller(service.fetch, max_concurrency=limit)
        start = now()

        async def wait(number: int) -> None:
            await asyncio.sleep(number / 1000)
            await Wait(poller, (ids[number],), 100).run(rounds=1)

        await asyncio.gather(*map(wait, range(50)))
        assert service.most_under_way == limit
        assert now() - start == pytest.approx(-(-50 // limit), abs=0.05)
        # FIFO order.
        assert [poll.id for poll in service.polls] == ids

    run(main())


def test_default_limit_is_16() -> None:
    async def main() -> None:
        service = Service(takes={f"d{number}": 1.0 for number in range(40)})
        poller = Poller(service.fetch)
        await asyncio.gather(*(Wait(poller, (id_,), 100).run(rounds=1) for id_ in service.takes))
        assert service.most_under_way == 16

    run(main())


def test_fast_poller_does_not_starve_slow_one() -> None:
    async def main() -> None:
        greedy = [f"g{number}" for number in range(20)]
        service = Service(takes={**dict.fromkeys(greedy, 1.0), "rare": 1.0})
        poller = Poller(service.fetch, max_concurrency=2)
        tasks = [asyncio.create_task(Wait(poller, (id_,), 0.1).run()) for id_ in greedy]
        await asyncio.sleep(60)
        rare = Wait(poller, ("rare",), 10)
        requested_at = now()
        await rare.run(rounds=1)
        # Each earlier destination in the queue is polled once before it.
        assert now() - requested_at <= len(greedy) / 2 + 2
        for task in tasks:
            task.cancel()

    run(main())


def test_call_waiting_to_retry_blocks_no_other() -> None:
    async def napping(watch: PollTarget, turn: LimiterSlot) -> PollResult:
        if watch.resource_id == "healthy":
            async with turn:
                return observation("healthy")
        for _ in range(3):
            try:
                async with turn:
                    raise StreamkapServerError("unavailable", status=503)
            except StreamkapServerError:
                await asyncio.sleep(60)
        raise StreamkapServerError("unavailable", status=503, attempts=3)

    async def main() -> None:
        poller = Poller(napping, max_concurrency=2)
        tasks = [asyncio.create_task(Wait(poller, (f"down{n}",), 1).run()) for n in range(10)]
        await settle()
        healthy = Wait(poller, ("healthy",), 1)
        start = now()
        await healthy.run(rounds=100)
        assert now() - start == pytest.approx(99)
        for task in tasks:
            task.cancel()

    run(main())


def test_hanging_destinations_delay_only_each_other() -> None:
    async def main() -> None:
        hung = {f"hung{number}": 30.0 for number in range(40)}
        service = Service(takes=hung, fails=lambda id_, _: StreamkapTimeoutError("late") if id_ in hung else None)
        poller = Poller(service.fetch, max_concurrency=4)
        tasks = [asyncio.create_task(Wait(poller, (id_,), 10).run()) for id_ in hung]
        # That they hang is not known yet: until each was polled once, they can use all slots.
        await asyncio.sleep(30 * len(hung) / 4 + 1)
        healthy = Wait(poller, ("healthy",), 10)
        start = now()
        await healthy.run(rounds=50)
        assert now() - start <= 50 * 10
        for task in tasks:
            task.cancel()

    run(main())


def test_recovered_destination_leaves_slow_queue() -> None:
    async def main() -> None:
        def fails(id_: str, number: int) -> Exception | None:
            return StreamkapTimeoutError("late") if number < 2 else None

        ids = [f"d{number}" for number in range(8)]
        service = Service(takes=dict.fromkeys(ids, 1.0), fails=fails)
        poller = Poller(service.fetch, max_concurrency=8)
        waits = [Wait(poller, (id_,), 100) for id_ in ids]
        together: list[int] = []

        async def watch() -> None:
            for _ in range(6):
                service.most_under_way = 0
                await asyncio.sleep(100)
                together.append(service.most_under_way)

        await asyncio.gather(watch(), *(wait.run(rounds=6) for wait in waits))
        # The second round, and the third, which retries the last two failures, use only half of the slots.
        assert together[:3] == [8, 4, 4]
        assert min(together[3:]) > 4

    run(main())


def test_abandoned_queued_poll_releases_its_place() -> None:
    async def main() -> None:
        service = Service(takes={"slow": 10.0})
        poller = Poller(service.fetch, max_concurrency=1)
        slow = asyncio.create_task(Wait(poller, ("slow",), 100).run(rounds=1))
        await settle()
        queued = [asyncio.create_task(Wait(poller, (f"q{n}",), 100).run(rounds=1)) for n in range(3)]
        await settle()
        queued[0].cancel()
        queued[2].cancel()
        await asyncio.gather(slow, *queued, return_exceptions=True)
        assert [poll.id for poll in service.polls] == ["slow", "q1"]
        # The slot is free again: nothing leaked.
        await Wait(poller, ("last",), 100).run(rounds=1)
        assert len(poller) == 0

    run(main())
