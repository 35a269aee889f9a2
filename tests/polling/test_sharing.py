# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Who shares a poll with whom, and how many polls that makes, in virtual time."""

from __future__ import annotations

import asyncio
from collections import Counter
from itertools import pairwise

import pytest

from airflow_provider_streamkap.gate.target import PollTarget
from airflow_provider_streamkap.polling.poller import Poller
from airflow_provider_streamkap.polling.subscription import BATCH
from tests.polling.support import Service, Wait, now, take
from tests.polling.virtual import COARSE, LINUX, run, settle


@pytest.mark.parametrize("early", [LINUX, COARSE])
@pytest.mark.parametrize("waits", [1, 7, BATCH, 3 * BATCH + 1])
def test_polls_are_those_of_one_wait_whatever_the_number_of_waits(waits: int, early: float) -> None:
    async def main() -> None:
        service = Service()
        poller = Poller(service.fetch)
        start = now()
        followers = [Wait(poller, ("d1",), 10) for _ in range(waits)]
        await asyncio.gather(*(wait.run(rounds=5) for wait in followers))
        assert service.began("d1") == pytest.approx([start + 10 * n for n in range(5)])
        assert all(len(wait.seen) == 5 for wait in followers)

    run(main(), early=early)


def test_waits_that_begin_out_of_step_fall_into_step() -> None:
    async def main() -> None:
        service = Service(takes={"d1": 0.3})
        poller = Poller(service.fetch)
        start = now()

        async def late(number: int) -> None:
            await asyncio.sleep(number * 0.73)
            await Wait(poller, ("d1",), 60, spread_first=True).run(rounds=20)

        await asyncio.gather(*(late(number) for number in range(100)))
        # A newcomer may need a poll of its own once; after that there is one poll an interval.
        hour = [began - start for began in service.began("d1") if began - start > 200]
        gaps = [later - sooner for sooner, later in pairwise(hour)]
        assert len(hour) >= 15
        assert min(gaps) >= 59

    run(main())


def test_newcomers_ride_along_with_polls_that_are_planned() -> None:
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


@pytest.mark.parametrize("seed", range(20))
def test_waits_that_begin_one_after_the_other_ask_no_more_often_than_one(seed: int) -> None:
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
        # A poll that is under way when a newcomer comes is of no use to it: that may take one more, once.
        assert len(service.began("d1")) <= intervals + 2
        assert len(service.began("d2")) <= intervals + 2

    run(main())


def test_newcomers_do_not_count_on_polls_whose_waits_have_gone() -> None:
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
        # It has its own moment in each minute, and what had been asked for a second earlier has not moved that.
        assert round((moments[1] - moments[0]) % 60, 6) in (0, 60)

    run(main())


def test_a_shorter_interval_gets_fresher_readings_and_takes_none_from_the_others() -> None:
    async def main() -> None:
        service = Service()
        poller = Poller(service.fetch)
        slow, quick = Wait(poller, ("d1",), 60), Wait(poller, ("d1",), 10)
        start = now()
        slow_task = asyncio.create_task(slow.run(rounds=4))
        await quick.run(rounds=13)
        await slow_task
        assert [at - start for at in quick.times] == pytest.approx([10 * n for n in range(13)])
        # One poll at most every 10 s serves both; the slow one is never left waiting longer than its own interval.
        assert len(service.polls) == 13
        assert max(later - sooner for sooner, later in pairwise(slow.times)) <= 60

    run(main())


def test_a_reading_asked_for_before_is_not_handed_out() -> None:
    async def main() -> None:
        service = Service(takes={"d1": 5.0})
        poller = Poller(service.fetch)
        with poller.subscribe([PollTarget("d1")]) as first, poller.subscribe([PollTarget("d1")]) as second:
            start = now()
            early = asyncio.create_task(take(first, start, start))
            await asyncio.sleep(2)
            # The poll is under way, but what it brings may be older than this moment.
            late = asyncio.create_task(take(second, now(), now()))
            await asyncio.gather(early, late)
            assert service.began("d1") == [start, start + 5]
            assert late.result()[0].began == start + 5

    run(main())


@pytest.mark.parametrize("early", [LINUX, COARSE])
def test_a_confirmation_begins_no_sooner_than_wanted(early: float) -> None:
    async def main() -> None:
        service = Service()
        with Poller(service.fetch).subscribe([PollTarget("d1")]) as follower:
            for number in range(1, 50):
                due = 1_000 + number / 7
                (sample,) = await take(follower, due, due)
                assert due <= sample.began <= due + 1e-6
        # Too early a poll would have had to be made again.
        assert len(service.polls) == 49

    run(main(), early=early)


def test_first_polls_spread_over_the_interval_by_destination_and_not_by_wait() -> None:
    async def main() -> None:
        service = Service()
        poller = Poller(service.fetch, seed=1)
        start = now()
        waits = [Wait(poller, (f"{number % 600:024x}",), 60, spread_first=True) for number in range(6_000)]
        await asyncio.gather(*(wait.run(rounds=1) for wait in waits))
        assert len(service.polls) == 600
        by_second = Counter(int(poll.began - start) for poll in service.polls)
        assert set(by_second) == set(range(60))
        assert max(by_second.values()) <= 25

    run(main())


@pytest.mark.parametrize(("interval", "apart"), [(60, 1.0), (10, 1.0), (2, 0.2), (0.5, 0.05)])
def test_destinations_are_polled_several_at_a_moment_and_at_ten_moments_of_an_interval_at_least(
    interval: float, apart: float
) -> None:
    async def main() -> None:
        service = Service()
        poller = Poller(service.fetch, seed=1)
        waits = [Wait(poller, (f"{number:024x}",), interval, spread_first=True) for number in range(600)]
        await asyncio.gather(*(wait.run(rounds=5) for wait in waits))
        moments = Counter(round(poll.began % interval / apart, 6) for poll in service.polls)
        assert set(moments) <= set(range(round(interval / apart)))
        assert len(moments) >= 10
        assert max(moments.values()) <= 5 * 2 * 600 / len(moments)

    run(main())


def test_moments_of_first_polls_differ_between_pollers() -> None:
    async def main() -> list[float]:
        service = Service()
        start = now()
        poller = Poller(service.fetch)
        await asyncio.gather(*(Wait(poller, (f"d{n}",), 60, spread_first=True).run(rounds=1) for n in range(20)))
        return [poll.began - start for poll in service.polls]

    assert run(main()) != run(main())


def test_a_round_of_many_destinations_brings_each_in_the_order_asked() -> None:
    async def main() -> None:
        service = Service(takes={"d1": 3.0, "d2": 1.0, "d3": 2.0})
        with Poller(service.fetch).subscribe([PollTarget("d3"), PollTarget("d1"), PollTarget("d2")]) as follower:
            samples = await take(follower, now(), now())
        assert [
            sample.outcome.latest.destination_id for sample in samples if not isinstance(sample.outcome, Exception)
        ] == [
            "d3",
            "d1",
            "d2",
        ]

    run(main())


def test_watches_of_one_destination_share_a_poll_only_if_they_look_alike() -> None:
    async def main() -> None:
        service = Service()
        poller = Poller(service.fetch)
        watches = [PollTarget("d1"), PollTarget.timestamped("d1"), PollTarget.timestamped("d1"), PollTarget("d1")]
        with poller.subscribe(watches) as follower:
            await take(follower, now(), now())
            assert len(poller) == 2
        assert len(service.polls) == 2

    run(main())


@pytest.mark.parametrize("destinations", [1, 5, BATCH])
def test_thousands_of_waits_are_woken_in_batches_whatever_they_wait_for(destinations: int) -> None:
    async def main() -> None:
        service = Service()
        poller = Poller(service.fetch, max_concurrency=BATCH)
        waits = [Wait(poller, (f"d{number % destinations}",), 10) for number in range(10 * BATCH)]
        tasks = [asyncio.create_task(wait.run(rounds=1)) for wait in waits]
        woken: list[int] = []
        while not all(task.done() for task in tasks):
            woken.append(sum(bool(wait.times) for wait in waits))
            await settle(1)
        steps = [later - sooner for sooner, later in pairwise(woken)]
        assert max(steps) <= BATCH

    run(main())
