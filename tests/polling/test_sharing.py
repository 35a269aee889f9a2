# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Which waits share polls, and how many polls there are, in virtual time."""

from __future__ import annotations

import asyncio
from collections import Counter
from itertools import pairwise

import pytest

from airflow_provider_streamkap.gate.target import PollTarget
from airflow_provider_streamkap.polling.poller import Poller
from airflow_provider_streamkap.polling.subscription import DELIVERY_BATCH
from tests.polling.fake_service import Service, Wait, now, take
from tests.polling.virtual_loop import COARSE, LINUX, run, settle


@pytest.mark.parametrize("early", [LINUX, COARSE])
@pytest.mark.parametrize("waits", [1, 7, DELIVERY_BATCH, 3 * DELIVERY_BATCH + 1])
def test_number_of_polls_is_independent_of_number_of_waits(waits: int, early: float) -> None:
    async def main() -> None:
        service = Service()
        poller = Poller(service.fetch)
        start = now()
        followers = [Wait(poller, ("d1",), 10) for _ in range(waits)]
        await asyncio.gather(*(wait.run(rounds=5) for wait in followers))
        assert service.began("d1") == pytest.approx([start + 10 * n for n in range(5)])
        assert all(len(wait.seen) == 5 for wait in followers)

    run(main(), early=early)


def test_waits_started_at_different_times_synchronize() -> None:
    async def main() -> None:
        service = Service(takes={"d1": 0.3})
        poller = Poller(service.fetch)
        start = now()

        async def late(number: int) -> None:
            await asyncio.sleep(number * 0.73)
            await Wait(poller, ("d1",), 60, spread_first=True).run(rounds=20)

        await asyncio.gather(*(late(number) for number in range(100)))
        # A new wait may need one extra poll; after that there is one poll per interval.
        hour = [began - start for began in service.began("d1") if began - start > 200]
        gaps = [later - sooner for sooner, later in pairwise(hour)]
        assert len(hour) >= 15
        assert min(gaps) >= 59

    run(main())


def test_new_waits_join_scheduled_polls() -> None:
    async def main() -> None:
        service = Service()
        poller = Poller(service.fetch)
        old = asyncio.create_task(Wait(poller, ("d1",), 60).run())
        await asyncio.sleep(0.5)

        async def churn(number: int) -> None:
            await asyncio.sleep(number)
            await Wait(poller, ("d1",), 60, spread_first=True).run(rounds=1)

        await asyncio.gather(*(churn(number) for number in range(600)))
        assert len(service.polls) <= 600 / 60 + 2
        old.cancel()

    run(main())


@pytest.mark.parametrize("seed", range(8))
def test_staggered_waits_poll_no_more_often_than_one(seed: int) -> None:
    """A triggerer takes seconds to start a thousand triggers."""

    async def main() -> None:
        service = Service(takes={"d1": 0.01, "d2": 0.2})
        poller = Poller(service.fetch, seed=seed)
        start = now()

        async def begun(number: int) -> None:
            await asyncio.sleep(number * 0.005)
            await Wait(poller, (f"d{number % 2 + 1}",), 1, spread_first=True).run(rounds=6)

        await asyncio.gather(*(begun(number) for number in range(600)))
        intervals = now() - start
        # A new wait cannot use a poll in flight, which may cost one more poll, once.
        assert len(service.began("d1")) <= intervals + 2
        assert len(service.began("d2")) <= intervals + 2

    run(main())


def test_new_waits_do_not_rely_on_polls_of_departed_waits() -> None:
    async def main() -> None:
        service = Service()
        poller = Poller(service.fetch, seed=1)
        moments = []
        for gone in (False, True):
            with poller.subscribe([PollTarget("d1")]) as first, poller.subscribe([PollTarget("d1")]) as second:
                start = now()
                if gone:
                    with pytest.raises(TimeoutError):
                        async with asyncio.timeout(0):
                            await take(first, start, start + 59)
                await take(second, start, start + 60, 60)
                moments.append(now())
        # Its poll time within the minute is fixed, and a request made one second earlier has not moved it.
        assert round((moments[1] - moments[0]) % 60, 6) in (0, 60)

    run(main())


def test_shorter_interval_gets_fresher_readings_without_affecting_others() -> None:
    async def main() -> None:
        service = Service()
        poller = Poller(service.fetch)
        slow, quick = Wait(poller, ("d1",), 60), Wait(poller, ("d1",), 10)
        start = now()
        slow_task = asyncio.create_task(slow.run(rounds=4))
        await quick.run(rounds=13)
        await slow_task
        assert [at - start for at in quick.times] == pytest.approx([10 * n for n in range(13)])
        # At most one poll every 10 s serves both; the slow one never waits longer than its own interval.
        assert len(service.polls) == 13
        assert max(later - sooner for sooner, later in pairwise(slow.times)) <= 60

    run(main())


def test_reading_requested_earlier_is_not_delivered() -> None:
    async def main() -> None:
        service = Service(takes={"d1": 5.0})
        poller = Poller(service.fetch)
        with poller.subscribe([PollTarget("d1")]) as first, poller.subscribe([PollTarget("d1")]) as second:
            start = now()
            early = asyncio.create_task(take(first, start, start))
            await asyncio.sleep(2)
            # The poll is in flight, but its result may be older than requested.
            late = asyncio.create_task(take(second, now(), now()))
            await asyncio.gather(early, late)
            assert service.began("d1") == [start, start + 5]
            assert late.result()[0].began == start + 5

    run(main())


@pytest.mark.parametrize("early", [LINUX, COARSE])
def test_confirmation_poll_starts_no_earlier_than_requested(early: float) -> None:
    async def main() -> None:
        service = Service()
        with Poller(service.fetch).subscribe([PollTarget("d1")]) as follower:
            for number in range(1, 50):
                due = 1_000 + number / 7
                (sample,) = await take(follower, due, due)
                assert due <= sample.began <= due + 1e-6
        # A poll that is too early would have to be repeated.
        assert len(service.polls) == 49

    run(main(), early=early)


def test_first_polls_spread_over_interval_by_destination_and_not_by_wait() -> None:
    async def main() -> None:
        service = Service()
        poller = Poller(service.fetch, seed=1)
        start = now()
        waits = [Wait(poller, (f"{number % 600:024x}",), 60, spread_first=True) for number in range(1_200)]
        await asyncio.gather(*(wait.run(rounds=1) for wait in waits))
        assert len(service.polls) == 600
        by_second = Counter(int(poll.began - start) for poll in service.polls)
        assert set(by_second) == set(range(60))
        assert max(by_second.values()) <= 25

    run(main())


@pytest.mark.parametrize(("interval", "apart"), [(60, 1.0), (10, 1.0), (2, 0.2), (0.5, 0.05)])
def test_polls_are_batched_and_spread_over_at_least_ten_slots_per_interval(interval: float, apart: float) -> None:
    async def main() -> None:
        service = Service()
        poller = Poller(service.fetch, seed=1)
        waits = [Wait(poller, (f"{number:024x}",), interval, spread_first=True) for number in range(600)]
        await asyncio.gather(*(wait.run(rounds=3) for wait in waits))
        moments = Counter(round(poll.began % interval / apart, 6) for poll in service.polls)
        assert set(moments) <= set(range(round(interval / apart)))
        assert len(moments) >= 10
        assert max(moments.values()) <= 3 * 2 * 600 / len(moments)

    run(main())


def test_first_poll_times_differ_between_pollers() -> None:
    async def main() -> list[float]:
        service = Service()
        start = now()
        poller = Poller(service.fetch)
        await asyncio.gather(*(Wait(poller, (f"d{n}",), 60, spread_first=True).run(rounds=1) for n in range(20)))
        return [poll.began - start for poll in service.polls]

    assert run(main()) != run(main())


def test_round_of_many_destinations_keeps_requested_order() -> None:
    async def main() -> None:
        service = Service(takes={"d1": 3.0, "d2": 1.0, "d3": 2.0})
        with Poller(service.fetch).subscribe([PollTarget("d3"), PollTarget("d1"), PollTarget("d2")]) as follower:
            samples = await take(follower, now(), now())
        assert [sample.result.latest.resource_id for sample in samples if not isinstance(sample.result, Exception)] == [
            "d3",
            "d1",
            "d2",
        ]

    run(main())


def test_watches_of_one_destination_share_poll_only_if_equal() -> None:
    async def main() -> None:
        service = Service()
        poller = Poller(service.fetch)
        watches = [
            PollTarget("d1"),
            PollTarget.with_timeseries("d1"),
            PollTarget.with_timeseries("d1"),
            PollTarget("d1"),
        ]
        with poller.subscribe(watches) as follower:
            await take(follower, now(), now())
            assert len(poller) == 2
        assert len(service.polls) == 2

    run(main())


@pytest.mark.parametrize("destinations", [1, 5, DELIVERY_BATCH])
def test_thousands_of_waits_are_woken_in_batches(destinations: int) -> None:
    async def main() -> None:
        service = Service()
        poller = Poller(service.fetch, max_concurrency=DELIVERY_BATCH)
        waits = [Wait(poller, (f"d{number % destinations}",), 10) for number in range(10 * DELIVERY_BATCH)]
        tasks = [asyncio.create_task(wait.run(rounds=1)) for wait in waits]
        woken: list[int] = []
        while not all(task.done() for task in tasks):
            woken.append(sum(bool(wait.times) for wait in waits))
            await settle(1)
        steps = [later - sooner for sooner, later in pairwise(woken)]
        assert max(steps) <= DELIVERY_BATCH

    run(main())
