# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""What is left when waits end, fail or are cancelled: nothing; and that nobody waits in vain, in virtual time."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_streamkap.api.errors import StreamkapConnectionError, StreamkapNotFoundError
from airflow_provider_streamkap.gate.target import PollResult, PollTarget
from airflow_provider_streamkap.polling.limiter import LimiterSlot
from airflow_provider_streamkap.polling.poller import Poller
from airflow_provider_streamkap.polling.subscription import BATCH
from tests.polling.support import Service, Wait, now, observation, take
from tests.polling.virtual import VirtualLoop, run, settle


async def nothing_is_left(poller: Poller) -> None:
    """See to it that neither entry, task nor timer outlives the waits."""
    await settle()
    assert len(poller) == 0
    assert asyncio.all_tasks() == {asyncio.current_task()}
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    assert loop.pending_timers() == 0


@pytest.mark.parametrize("after", [0.0, 0.5, 1.0, 5.0], ids=["at once", "while asked", "as it comes", "at rest"])
@pytest.mark.parametrize("others", [0, 3])
def test_leaving_leaves_nothing_behind(after: float, others: int) -> None:
    async def main() -> None:
        service = Service(takes={"d1": 1.0, "d2": 2.0})
        poller = Poller(service.fetch)
        tasks = [asyncio.create_task(Wait(poller, ("d1", "d2"), 10).run()) for _ in range(1 + others)]
        await asyncio.sleep(after)
        tasks[0].cancel()
        await settle()
        assert len(poller) == (2 if others else 0)
        polls = len(service.polls)
        await asyncio.sleep(100)
        # Whoever stays is still polled for, and nobody else is.
        assert (len(service.polls) > polls) is bool(others)
        for task in tasks:
            task.cancel()
        await nothing_is_left(poller)
        assert service.under_way == 0

    run(main())


def test_a_time_out_in_the_middle_of_a_poll_leaves_it_to_the_others() -> None:
    async def main() -> None:
        service = Service(takes={"d1": 10.0})
        poller = Poller(service.fetch)
        patient = asyncio.create_task(Wait(poller, ("d1",), 60).run(rounds=1))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3):
                await Wait(poller, ("d1",), 60).run()
        await patient
        assert len(service.polls) == 1
        await nothing_is_left(poller)

    run(main())


def test_asking_again_and_again_in_vain_keeps_nothing() -> None:
    async def main() -> None:
        service = Service()
        poller = Poller(service.fetch)
        with poller.subscribe([PollTarget("d1")]) as follower:
            for _ in range(100):
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.1):
                        await follower.next(not_before=now() + 3600, due=now() + 3600)
            gc.collect()
            waiting = [thing for thing in gc.get_objects() if type(thing).__name__ == "Waiter"]
            # The last one may still be held by the traceback of its time-out.
            assert len(waiting) <= 1
            # The poll that nobody waits for any more is not made.
            await asyncio.sleep(7200)
            assert service.polls == []
        await nothing_is_left(poller)

    run(main())


def test_polls_are_made_only_while_somebody_waits() -> None:
    async def main() -> None:
        service = Service()
        poller = Poller(service.fetch)
        with poller.subscribe([PollTarget("d1")]) as follower:
            await take(follower, now(), now())
            await asyncio.sleep(3600)
            assert len(service.polls) == 1
            await take(follower, now(), now() + 5)
            assert len(service.polls) == 2

    run(main())


def test_the_last_leaves_and_another_comes_at_the_same_moment() -> None:
    async def main() -> None:
        service = Service(takes={"d1": 1.0})
        poller = Poller(service.fetch)
        first = asyncio.create_task(Wait(poller, ("d1",), 10).run())
        await asyncio.sleep(0.5)
        first.cancel()
        came = now()
        second = Wait(poller, ("d1",), 10)
        await second.run(rounds=2)
        # It comes before the first has quite left, so the poll goes on; but that reading is too old for it.
        assert [sample.began - came for sample in second.seen] == pytest.approx([0.5, 10.5])
        await nothing_is_left(poller)

    run(main())


def test_one_destination_that_fails_touches_only_its_own_waits() -> None:
    async def main() -> None:
        gone = StreamkapNotFoundError("no such destination", status=404)
        service = Service(fails=lambda id_, _: gone if id_ == "bad" else None)
        poller = Poller(service.fetch)
        waits = [Wait(poller, (id_,), 10) for id_ in ("bad", "good", "bad", "good")]
        both = Wait(poller, ("good", "bad"), 10)
        await asyncio.gather(*(wait.run(rounds=5) for wait in [*waits, both]))
        assert [len(wait.errors) for wait in [*waits, both]] == [5, 0, 5, 0, 5]
        assert len(service.of("good")) == len(service.of("bad")) == 5
        # Handed over as a value: raised in each wait, it would collect the traceback of each.
        assert all(error is gone for error in waits[0].errors)
        await nothing_is_left(poller)

    run(main())


def test_a_bug_in_a_poll_reaches_every_wait_and_the_next_poll_is_made() -> None:
    async def main() -> None:
        service = Service(fails=lambda id_, number: ZeroDivisionError("a bug") if number == 0 else None)
        poller = Poller(service.fetch)
        waits = [Wait(poller, ("d1",), 10) for _ in range(3)]
        ends = await asyncio.gather(*(wait.run(rounds=1) for wait in waits), return_exceptions=True)
        assert [type(end) for end in ends] == [ZeroDivisionError] * 3
        await Wait(poller, ("d1",), 10).run(rounds=1)
        await nothing_is_left(poller)

    run(main())


def test_a_round_that_a_bug_ends_leaves_no_exception_unseen() -> None:
    complaints: list[dict[str, Any]] = []

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        service = Service(fails=lambda id_, number: ZeroDivisionError("a bug"))
        poller = Poller(service.fetch)
        with pytest.raises(ZeroDivisionError):
            await Wait(poller, ("d1", "d2", "d3"), 10).run(rounds=1)
        await nothing_is_left(poller)
        gc.collect()

    run(main())
    assert complaints == []


def test_a_poll_that_a_library_cancels_counts_as_a_failed_one() -> None:
    async def cancelled_once(watch: PollTarget, turn: LimiterSlot) -> PollResult:
        async with turn:
            if not polls:
                polls.append(now())
                raise asyncio.CancelledError
            polls.append(now())
            return observation(watch.destination_id)

    polls: list[float] = []

    async def main() -> None:
        poller = Poller(cancelled_once)
        wait = Wait(poller, ("d1",), 10)
        await wait.run(rounds=2)
        (error,) = wait.errors
        assert isinstance(error, StreamkapConnectionError)
        assert error.transient
        assert len(polls) == 2
        await nothing_is_left(poller)

    run(main())


@pytest.mark.parametrize("leave", [1, BATCH, 2 * BATCH])
def test_leaving_while_a_reading_is_handed_out_takes_it_from_nobody(leave: int) -> None:
    async def main() -> None:
        service = Service()
        poller = Poller(service.fetch)
        waits = [Wait(poller, ("d1",), 10) for _ in range(4 * BATCH)]
        tasks = [asyncio.create_task(wait.run(rounds=1)) for wait in waits]
        # They go in the very step in which the first batch is woken: some of it, and some of those to come.
        leaving = tasks[BATCH // 2 : BATCH // 2 + leave]
        for task in leaving:
            waits[0].then.append(task.cancel)
        await asyncio.gather(*tasks, return_exceptions=True)
        left = {task for task, wait in zip(tasks, waits, strict=True) if not wait.times}
        assert left <= set(leaving)
        assert len(left) >= leave - BATCH
        assert len(service.polls) == 1
        await nothing_is_left(poller)

    run(main())


def test_a_poll_that_ends_before_its_first_attempt_gives_its_slot_back() -> None:
    async def never_asks(watch: PollTarget, turn: LimiterSlot) -> PollResult:
        raise StreamkapConnectionError("refused before anything was sent")

    async def main() -> None:
        poller = Poller(never_asks, max_concurrency=1)
        wait = Wait(poller, ("d1",), 10)
        await wait.run(rounds=3)
        assert len(wait.errors) == 3
        await nothing_is_left(poller)

    run(main())


@pytest.mark.parametrize("end", [asyncio.Task.cancel, lambda task: None], ids=["cancelled", "left alone"])
def test_a_loop_that_is_shut_down_ends_the_polls(end: Callable[[asyncio.Task[None]], object]) -> None:
    service = Service(takes={"d1": 1e6})

    async def main() -> None:
        task = asyncio.create_task(Wait(Poller(service.fetch), ("d1",), 10).run())
        await asyncio.sleep(1)
        end(task)

    run(main())
    assert service.under_way == 0
