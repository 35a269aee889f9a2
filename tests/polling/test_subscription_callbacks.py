# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The consequences of calling the callback of a subscriber from the event loop instead of its task."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import weakref

import pytest

from airflow_provider_streamkap.gate.target import PollResult, PollTarget
from airflow_provider_streamkap.polling.poller import Poller
from airflow_provider_streamkap.polling.subscription import DELIVERY_BATCH, PollWindow, TimedResult
from tests.polling.fake_service import Service, Wait, now
from tests.polling.virtual_loop import run

whose = contextvars.ContextVar("whose", default="nobody")


def test_each_step_runs_in_its_own_context() -> None:
    async def main() -> None:
        poller = Poller(Service().fetch)
        found: list[tuple[str, str]] = []

        async def mine(name: str) -> None:
            whose.set(name)
            wait = Wait(poller, ("d1",), 10)
            wait.then.append(lambda: found.append((name, whose.get())))
            await wait.run(rounds=3)
            assert whose.get() == name

        await asyncio.gather(*(mine(f"task {number}") for number in range(2 * DELIVERY_BATCH)))
        assert len(found) == 6 * DELIVERY_BATCH
        assert all(expected == seen for expected, seen in found)

    run(main())


@pytest.mark.parametrize(
    ("error", "seen"),
    [
        (ZeroDivisionError("a bug"), ZeroDivisionError),
        (asyncio.CancelledError("by a library"), asyncio.CancelledError),
        # As in every coroutine.
        (StopIteration("a bug"), RuntimeError),
    ],
)
def test_failing_step_fails_only_its_own_wait(error: BaseException, seen: type[BaseException]) -> None:
    async def main() -> None:
        poller = Poller(Service().fetch)
        waits = [Wait(poller, ("d1",), 10) for _ in range(3 * DELIVERY_BATCH)]

        def fail() -> None:
            raise error

        waits[1].then.append(fail)
        ends = await asyncio.gather(*(wait.run(rounds=2) for wait in waits), return_exceptions=True)
        assert [type(end) for end in ends if end is not None] == [seen]
        assert type(ends[1]) is seen
        assert {len(wait.times) for wait in waits if wait is not waits[1]} == {2}
        assert len(poller) == 0

    run(main())


@pytest.mark.parametrize("rounds", [1, 2])
def test_step_cancelling_its_own_task_affects_no_other(rounds: int) -> None:
    async def main() -> None:
        poller = Poller(Service().fetch)
        waits = [Wait(poller, ("d1",), 10) for _ in range(3 * DELIVERY_BATCH)]
        tasks = [asyncio.create_task(wait.run(rounds=rounds)) for wait in waits]
        waits[1].then.append(tasks[1].cancel)
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        assert [number for number, end in enumerate(ends) if end is not None] == [1]
        assert tasks[1].cancelled()
        assert len(poller) == 0

    run(main())


def test_follower_task_is_not_woken_for_each_round() -> None:
    async def main() -> None:
        steps: list[float] = []
        wakes = 0

        def step(samples: list[TimedResult]) -> PollWindow | None:
            steps.append(now())
            return PollWindow(now() + 10, now() + 10) if len(steps) < 100 else None

        class Counting:
            """Forwards what a coroutine awaits, and counts how often it is resumed."""

            def __init__(self, poller: Poller) -> None:
                self.poller = poller

            async def follow(self) -> None:
                with self.poller.subscribe([PollTarget("d1")]) as rounds:
                    await rounds.for_each_round(step, PollWindow(now(), now()))

            def __await__(self):  # type: ignore[no-untyped-def]
                nonlocal wakes
                inner = self.follow().__await__()
                for awaited in inner:
                    yield awaited
                    wakes += 1

        await Counting(Poller(Service().fetch))
        assert (len(steps), wakes) == (100, 1)

    run(main())


def test_idle_follower_keeps_no_reading() -> None:
    async def main() -> None:
        looks: list[weakref.ref[PollResult]] = []

        def step(samples: list[TimedResult]) -> PollWindow:
            (got,) = [sample.result for sample in samples if isinstance(sample.result, PollResult)]
            looks.append(weakref.ref(got))
            return PollWindow(now() + 3600, now() + 3600)

        async def follow() -> None:
            with Poller(Service().fetch).subscribe([PollTarget("d1")]) as rounds:
                await rounds.for_each_round(step, PollWindow(now(), now()))

        task = asyncio.create_task(follow())
        await asyncio.sleep(1)
        gc.collect()
        assert [look() for look in looks] == [None]
        task.cancel()

    run(main())
