# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Run real triggers in one event loop, created from their serialized form, that start and end for one hour."""

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
from airflow_provider_streamkap.hooks._clients import ClientClock, shared_clients
from airflow_provider_streamkap.hooks.streamkap import StreamkapHook
from airflow_provider_streamkap.polling.poller import Poller
from airflow_provider_streamkap.polling.subscription import Subscription, Waiter
from airflow_provider_streamkap.triggers.streamkap import StreamkapWaitTrigger
from benchmarks.cost.trigger_kinds import create_trigger
from benchmarks.fast_loop import FastClock, run_fast
from benchmarks.soak.plan import Plan
from benchmarks.soak.sample import Sample, take_sample

CANCELLED = "cancelled"

#: Types of which no instance may remain after the last wait.
LEAK_CHECKED_TYPES = (
    StreamkapWaitTrigger,
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
class SoakResult:
    """Result of a soak test.

    :param samples: one per simulated minute.
    :param ends: number of waits by outcome.
    :param counters: final counters of the simulated service.
    :param leaks: resources that were not released.
    """

    samples: list[Sample] = field(default_factory=list)
    ends: Counter[str] = field(default_factory=Counter)
    counters: dict[str, int] = field(default_factory=dict)
    leaks: list[str] = field(default_factory=list)


class TriggererSimulation:
    """Run the waits and sample the resource usage.

    :param plan: parameters of the run.
    :param clock: clock of the process.
    :param read_counters: returns the counters of the simulated service.
    """

    def __init__(self, plan: Plan, clock: FastClock, read_counters: Callable[[], dict[str, int]]) -> None:
        self.plan = plan
        self.clock = clock
        self.read_counters = read_counters
        self.result = SoakResult()
        self.alive = 0
        self.begun = 0

    async def run(self) -> SoakResult:
        """Run all waits, then shut down and check for leaks."""
        # Resources and exceptions that are garbage-collected unhandled are reported to this handler.
        asyncio.get_running_loop().set_exception_handler(
            lambda _, context: self.result.leaks.append(context["message"])
        )
        await self._warm_up()
        # Exclude existing objects from the counts.
        gc.collect()
        gc.freeze()
        before, began = take_sample(0), self.clock.elapsed()
        waiters = [asyncio.create_task(self._wait_on(number)) for number in range(self.plan.waiters)]
        for minute in range(1, self.plan.minutes + 1):
            await asyncio.sleep(began + 60 * minute - self.clock.elapsed())
            self.result.samples.append(await self._take_sample(minute))
        await self._end(waiters)
        # A finished task keeps its result alive.
        del waiters
        await self._shut_down(before)
        self.result.counters = self.read_counters()
        return self.result

    async def _take_sample(self, minute: int) -> Sample:
        polled = 0
        if self.alive:
            async with StreamkapHook().poller() as poller:
                polled = len(poller)
            # Otherwise the sample would include this reference to the poller.
            del poller
        counters = self.read_counters()
        more = {"waits": self.alive, "begun": self.begun, "requests": counters["requests"]}
        return take_sample(minute, polled=polled, **more)

    async def _wait_on(self, number: int) -> None:
        random = Random(f"{self.plan.seed}/{number}")
        await asyncio.sleep(random.uniform(0, 120))
        while True:
            await self._wait(random)
            await asyncio.sleep(random.expovariate(1 / 30))

    async def _wait(self, random: Random) -> None:
        task = asyncio.create_task(_event(self._trigger(random)))
        self.alive += 1
        self.begun += 1
        # Some tasks are cleared or marked by a user, which cancels the trigger.
        cancel_after = random.expovariate(1 / 240) if random.random() < 0.25 else None
        try:
            async with asyncio.timeout(cancel_after):
                self.result.ends[await task] += 1
        except TimeoutError:
            self.result.ends[CANCELLED] += 1
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            self.alive -= 1

    def _trigger(self, random: Random) -> Any:
        kinds = list(self.plan.kinds)
        kind = random.choices(kinds, [6, 2, 1, 0.3, 1])[0]
        ids = self.plan.ids(kind)
        some = random.sample(ids, min(len(ids), random.choice([1, 1, 1, 2])))
        now = self.clock.time()
        gate = (
            DestinationGate(observed_after=self.clock.wall())
            if kind == "timestamped"
            else DestinationGate(lag_source="latest")
        )
        plan = WaitSpec(
            tuple(some),
            gate,
            require=random.choice(["all", "any"]),
            poke_interval=random.choice([15.0, 30.0, 60.0]),
            confirm_interval=random.choice([10.0, 30.0]),
            started=now,
            deadline=now + random.uniform(120, 900),
        )
        return create_trigger(
            StreamkapWaitTrigger("streamkap_default", plan.to_dict(), keyed=len(some) > 1).serialize()
        )

    async def _warm_up(self) -> None:
        """Run one request and one wait, so that imports and one-time resources do not count as growth."""
        for id_ in cycle(self.plan.ids("cycling")):
            # At this speed, imports can take longer than the request timeout.
            with suppress(StreamkapError):
                await StreamkapHook().aget_destination_metrics(id_)
                break
        await _event(self._trigger(Random(0)))
        await self._run_loop_callbacks()

    async def _run_loop_callbacks(self) -> None:
        # Sockets of closed connections are closed in later iterations of the event loop.
        for _ in range(20):
            await asyncio.sleep(1)

    async def _end(self, waiters: list[asyncio.Task[None]]) -> None:
        for waiter in waiters:
            waiter.cancel()
        ended = await asyncio.gather(*waiters, return_exceptions=True)
        self.result.leaks += [repr(end) for end in ended if not isinstance(end, asyncio.CancelledError)]

    async def _shut_down(self, before: Sample) -> None:
        """Check for resources that were not released."""
        loop = asyncio.get_running_loop()
        await self._run_loop_callbacks()
        await loop.shutdown_default_executor()
        after = take_sample(self.plan.minutes)
        for name in ("sockets", "fds", "tasks", "threads"):
            if getattr(after, name) > getattr(before, name):
                self.result.leaks.append(f"{name}: {getattr(before, name)} before, {getattr(after, name)} after")
        kinds = Counter(type(item) for item in gc.get_objects())
        self.result.leaks += [f"{kinds[kind]} of {kind.__name__}" for kind in LEAK_CHECKED_TYPES if kinds[kind]]


async def _event(trigger: Any) -> str:
    async for event in trigger.run():
        return str(event.payload["outcome"])
    raise AssertionError("no event")


def run_soak(plan: Plan, clock: FastClock, service: subprocess.Popen[str]) -> SoakResult:
    """Run one soak test in this process, which must not run anything else.

    :param plan: parameters of the run.
    :param clock: clock shared with the simulated service.
    :param service: process of the simulated service.
    """
    assert service.stdin is not None
    assert service.stdout is not None
    stdin, stdout = service.stdin, service.stdout

    def read_counters() -> dict[str, int]:
        stdin.write("\n")
        stdin.flush()
        counters: dict[str, int] = json.loads(stdout.readline())
        return counters

    os.environ["AIRFLOW_CONN_STREAMKAP_DEFAULT"] = stdout.readline()
    shared_clients.clock = ClientClock(monotonic=clock.monotonic, wall=clock.wall)
    with clock.patch_time():
        return run_fast(TriggererSimulation(plan, clock, read_counters).run(), plan.speed)
