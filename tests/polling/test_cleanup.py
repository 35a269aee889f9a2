# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Waits that end, fail or are cancelled leave nothing behind and no wait hangs, in virtual time."""

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
from airflow_provider_streamkap.polling.subscription import DELIVERY_BATCH
from tests.polling.fake_service import Service, Wait, now, observation, take
from tests.polling.virtual_loop import VirtualLoop, run, settle


async def nothing_is_left(poller: Poller) -> None:
    """Assert that no entry, task or timer outlives the waits."""
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
        # The remaining waits are still polled for, and nothing else is.
        assert (len(service.polls) > polls) is bool(others)
        for task in tasks:
            task.cancel()
        await nothing_is_left(poller)
        assert service.under_way == 0

    run(main())


def test_timeout_during_poll_leaves_poll_to_others() -> None:
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


def test_repeated_failing_requests_leak_nothing() -> None:
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
            # The traceback of the timeout can still reference the last one.
            assert len(waiting) <= 1
            # A poll without waits is not made.
            await asyncio.sleep(7200)
            assert service.polls == []
        await nothing_is_left(poller)

    run(main())


def test_polls_are_made_only_while_there_are_waits() -> None:
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


def test_cancelled_round_does_not_bring_poll_of_others_forward() -> None:
    async def main() -> None:
        service = Service()
        poller = Poller(service.fetch)
        start = now()
        with poller.subscribe([PollTarget("d1")]) as first, poller.subscribe([PollTarget("d1")]) as second:
            sooner = asyncio.create_task(take(first, start + 10, start + 10))
            later = asyncio.create_task(take(second, start + 20, start + 20))
            await asyncio.sleep(5)
            sooner.cancel()
            await later
        assert service.began("d1") == pytest.approx([start + 20])
        await nothing_is_left(poller)

    run(main())


def test_last_wait_leaves_while_another_joins() -> None:
    async def main() -> None:
        service = Service(takes={"d1": 1.0})
        poller = Poller(service.fetch)
        first = asyncio.create_task(Wait(poller, ("d1",), 10).run())
        await asyncio.sleep(0.5)
        first.cancel()
        arrived_at = now()
        second = Wait(poller, ("d1",), 10)
        await second.run(rounds=2)
        # It joins before the first has fully left, so the poll continues; but that reading is too old for it.
        assert [sample.began - arrived_at for sample in second.seen] == pytest.approx([0.5, 10.5])
        await nothing_is_left(poller)

    run(main())


def test_failing_destination_affects_only_its_own_waits() -> None:
    async def main() -> None:
        not_found = StreamkapNotFoundError("no such destination", status=404)
        service = Service(fails=lambda id_, _: not_found if id_ == "bad" else None)
        poller = Poller(service.fetch)
        waits = [Wait(poller, (id_,), 10) for id_ in ("bad", "good", "bad", "good")]
        both = Wait(poller, ("good", "bad"), 10)
        await asyncio.gather(*(wait.run(rounds=5) for wait in [*waits, both]))
        assert [len(wait.errors) for wait in [*waits, both]] == [5, 0, 5, 0, 5]
        assert len(service.of("good")) == len(service.of("bad")) == 5
        # Delivered as a value: if it were raised in each wait, it would collect all of their tracebacks.
        assert all(error is not_found for error in waits[0].errors)
        await nothing_is_left(poller)

    run(main())


def test_unexpected_exception_in_poll_reaches_every_wait_and_polling_continues() -> None:
    async def main() -> None:
        service = Service(fails=lambda id_, number: ZeroDivisionError("a bug") if number == 0 else None)
        poller = Poller(service.fetch)
        waits = [Wait(poller, ("d1",), 10) for _ in range(3)]
        ends = await asyncio.gather(*(wait.run(rounds=1) for wait in waits), return_exceptions=True)
        assert [type(end) for end in ends] == [ZeroDivisionError] * 3
        await Wait(poller, ("d1",), 10).run(rounds=1)
        await nothing_is_left(poller)

    run(main())


def test_round_ended_by_unexpected_exception_leaves_no_unretrieved_exception() -> None:
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


def test_poll_cancelled_by_library_counts_as_failed() -> None:
    async def cancelled_once(watch: PollTarget, turn: LimiterSlot) -> PollResult:
        async with turn:
            if not polls:
                polls.append(now())
                raise asyncio.CancelledError
            polls.append(now())
            return observation(watch.resource_id)

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


@pytest.mark.parametrize("leave", [1, DELIVERY_BATCH, 2 * DELIVERY_BATCH])
def test_leaving_during_delivery_does_not_affect_others(leave: int) -> None:
    async def main() -> None:
        service = Service()
        poller = Poller(service.fetch)
        waits = [Wait(poller, ("d1",), 10) for _ in range(4 * DELIVERY_BATCH)]
        tasks = [asyncio.create_task(wait.run(rounds=1)) for wait in waits]
        # They leave in the same iteration that wakes the first batch: some of it, and some of later batches.
        leaving = tasks[DELIVERY_BATCH // 2 : DELIVERY_BATCH // 2 + leave]
        for task in leaving:
            waits[0].then.append(task.cancel)
        await asyncio.gather(*tasks, return_exceptions=True)
        left = {task for task, wait in zip(tasks, waits, strict=True) if not wait.times}
        assert left <= set(leaving)
        assert len(left) >= leave - DELIVERY_BATCH
        assert len(service.polls) == 1
        await nothing_is_left(poller)

    run(main())


def test_poll_ending_before_first_attempt_releases_its_slot() -> None:
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
def test_event_loop_shutdown_ends_polls(end: Callable[[asyncio.Task[None]], object]) -> None:
    service = Service(takes={"d1": 1e6})

    async def main() -> None:
        task = asyncio.create_task(Wait(Poller(service.fetch), ("d1",), 10).run())
        await asyncio.sleep(1)
        end(task)

    run(main())
    assert service.under_way == 0
