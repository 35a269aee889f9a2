# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The life itself: real triggers in one event loop, made of what a triggerer gets, that come and go for an hour."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import subprocess
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import cycle
from random import Random
from typing import Any

import aiohttp

from airflow_provider_streamkap.api.async_client import AsyncStreamkapClient
from airflow_provider_streamkap.api.errors import StreamkapError
from airflow_provider_streamkap.gate.conditions import DestinationGate
from airflow_provider_streamkap.gate.spec import WaitSpec
from airflow_provider_streamkap.gate.wait import ResourceWait
from airflow_provider_streamkap.hooks import _shared as shared
from airflow_provider_streamkap.hooks.streamkap import StreamkapHook
from airflow_provider_streamkap.polling.poller import Poller
from airflow_provider_streamkap.polling.subscription import Subscription, Waiter
from airflow_provider_streamkap.triggers.streamkap import StreamkapDestinationTrigger
from benchmarks.cost.contestants import make
from benchmarks.haste import HastyClock, run_hastily
from benchmarks.soak.plan import Plan
from benchmarks.soak.sample import Sample, held

CANCELLED = "cancelled"

#: What none must be left of when the last wait has gone.
GONE = (
    StreamkapDestinationTrigger,
    ResourceWait,
    Poller,
    Subscription,
    Waiter,
    AsyncStreamkapClient,
    aiohttp.ClientSession,
    aiohttp.TCPConnector,
    aiohttp.ClientResponse,
)


@dataclass
class Life:
    """What was seen of a life.

    :param samples: one for each minute.
    :param ends: of waits, by kind.
    :param told: what the world says in the end.
    :param left: what was left when everybody had gone, and should not have been.
    """

    samples: list[Sample] = field(default_factory=list)
    ends: Counter[str] = field(default_factory=Counter)
    told: dict[str, int] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)


class Triggerer:
    """Runs the waits, and looks at itself.

    :param plan: of the life.
    :param clock: of the process.
    :param ask: gives what the world has counted.
    """

    def __init__(self, plan: Plan, clock: HastyClock, ask: Callable[[], dict[str, int]]) -> None:
        self.plan = plan
        self.clock = clock
        self.ask = ask
        self.life = Life()
        self.alive = 0
        self.begun = 0

    async def live(self) -> Life:
        """Live, and leave."""
        # What was not closed, or not looked at, before it was collected is told to the loop, and would only be logged.
        asyncio.get_running_loop().set_exception_handler(lambda _, told: self.life.left.append(told["message"]))
        await self._warm_up()
        # What there is now is the process's own: it is neither traced nor counted from here on.
        gc.collect()
        gc.freeze()
        before, began = held(0), self.clock.elapsed()
        waiters = [asyncio.create_task(self._wait_on(number)) for number in range(self.plan.waiters)]
        for minute in range(1, self.plan.minutes + 1):
            await asyncio.sleep(began + 60 * minute - self.clock.elapsed())
            self.life.samples.append(await self._look(minute))
        await self._end(waiters)
        # A task that is done keeps what it ended with.
        del waiters
        await self._leave(before)
        self.life.told = self.ask()
        return self.life

    async def _look(self, minute: int) -> Sample:
        followed = 0
        if self.alive:
            async with StreamkapHook().poller() as poller:
                followed = len(poller)
            # Else what is counted next would count the poller's user, too.
            del poller
        told = self.ask()
        more = {"waits": self.alive, "begun": self.begun, "requests": told["requests"]}
        return held(minute, followed=followed, **more)

    async def _wait_on(self, number: int) -> None:
        chance = Random(f"{self.plan.seed}/{number}")
        await asyncio.sleep(chance.uniform(0, 120))
        while True:
            await self._wait(chance)
            await asyncio.sleep(chance.expovariate(1 / 30))

    async def _wait(self, chance: Random) -> None:
        task = asyncio.create_task(_event(self._trigger(chance)))
        self.alive += 1
        self.begun += 1
        # Now and then a task is cleared, or marked, by a person: its trigger is cancelled.
        failure_policy = chance.expovariate(1 / 240) if chance.random() < 0.25 else None
        try:
            async with asyncio.timeout(failure_policy):
                self.life.ends[await task] += 1
        except TimeoutError:
            self.life.ends[CANCELLED] += 1
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            self.alive -= 1

    def _trigger(self, chance: Random) -> Any:
        kinds = list(self.plan.kinds)
        kind = chance.choices(kinds, [6, 2, 1, 0.3, 1])[0]
        ids = self.plan.ids(kind)
        some = chance.sample(ids, min(len(ids), chance.choice([1, 1, 1, 2])))
        now = self.clock.time()
        gate = (
            DestinationGate(observed_after=self.clock.wall())
            if kind == "dated"
            else DestinationGate(lag_source="latest")
        )
        plan = WaitSpec(
            tuple(some),
            gate,
            require=chance.choice(["all", "any"]),
            poke_interval=chance.choice([15.0, 30.0, 60.0]),
            confirm_interval=chance.choice([10.0, 30.0]),
            started=now,
            deadline=now + chance.uniform(120, 900),
        )
        return make(StreamkapDestinationTrigger("streamkap_default", plan.to_dict(), keyed=len(some) > 1).serialize())

    async def _warm_up(self) -> None:
        """Let one call and one wait import and open what they need, as the first ones do in every triggerer."""
        for id_ in cycle(self.plan.ids("tides")):
            # What has to be imported may take longer than a call has time, at this speed.
            with suppress(StreamkapError):
                await StreamkapHook().aget_destination_metrics(id_)
                break
        await _event(self._trigger(Random(0)))
        await self._rounds()

    async def _rounds(self) -> None:
        # A connection that is closed has its socket closed in the next rounds of the loop.
        for _ in range(20):
            await asyncio.sleep(1)

    async def _end(self, waiters: list[asyncio.Task[None]]) -> None:
        for waiter in waiters:
            waiter.cancel()
        ended = await asyncio.gather(*waiters, return_exceptions=True)
        self.life.left += [repr(end) for end in ended if not isinstance(end, asyncio.CancelledError)]

    async def _leave(self, before: Sample) -> None:
        """Look at what is left once everybody has gone."""
        loop = asyncio.get_running_loop()
        await self._rounds()
        await loop.shutdown_default_executor()
        after = held(self.plan.minutes)
        for name in ("sockets", "fds", "tasks", "threads"):
            if getattr(after, name) > getattr(before, name):
                self.life.left.append(f"{name}: {getattr(before, name)} before, {getattr(after, name)} after")
        kinds = Counter(type(found) for found in gc.get_objects())
        self.life.left += [f"{kinds[kind]} of {kind.__name__}" for kind in GONE if kinds[kind]]


async def _event(trigger: Any) -> str:
    async for event in trigger.run():
        return str(event.payload["outcome"])
    raise AssertionError("no event")


def live(plan: Plan, clock: HastyClock, world: subprocess.Popen[str]) -> Life:
    """Live once, in this process, which has to be one of its own.

    :param plan: of the life.
    :param clock: of the world.
    :param world: the other process.
    """
    assert world.stdin is not None
    assert world.stdout is not None
    asked, answers = world.stdin, world.stdout

    def ask() -> dict[str, int]:
        asked.write("\n")
        asked.flush()
        told: dict[str, int] = json.loads(answers.readline())
        return told

    os.environ["AIRFLOW_CONN_STREAMKAP_DEFAULT"] = answers.readline()
    with clock.everywhere(), shared.use_client_clock(shared.ClientClock(clock=clock.monotonic, wall=clock.wall)):
        return run_hastily(Triggerer(plan, clock, ask).live(), plan.speed)
