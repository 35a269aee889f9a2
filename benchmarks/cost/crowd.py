# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The process that is measured: N triggers in one event loop, run as Airflow's triggerer runs them.

``python -m benchmarks.cost.crowd ARGUMENTS``, where ARGUMENTS is the JSON of :class:`Task`; prints the JSON of what it
measured. Of the triggerer it has what every step of a trigger passes through: a task for each trigger, the greenback
portal, the context of the log, and logging as JSON to a pipe, of which nobody reads.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import resource
import sys
import time
import tracemalloc
import urllib.request
from dataclasses import asdict, dataclass, field
from typing import Any

import psutil
from airflow.triggers.base import BaseTrigger

from benchmarks.cost.contestants import CONTESTANTS, FIVETRAN, Contestant, make, point_fivetran, prepare

LOOK_EVERY = 0.02


@dataclass(frozen=True)
class Task:
    """What to measure.

    :param contestant: key of the contestant.
    :param url: the server.
    :param waits: number of triggers.
    :param destinations: what they wait for, each for one of them in turn.
    :param interval: seconds between two polls of a wait.
    :param polls: intervals in which requests and processor time are measured, after the first one; then as many for the
        loop's lag.
    :param moving: every reading differs from the one before.
    :param memory: trace allocations; costs time, so that nothing else is measured then.
    """

    contestant: str
    url: str
    waits: int
    destinations: int
    interval: float
    polls: int = 2
    moving: bool = False
    memory: bool = False


@dataclass
class Figures:
    """What was measured.

    :param requests: polls that the server saw in the window.
    :param seconds: the window.
    :param connections: sockets opened in all, until the end of the window.
    :param tokens: calls for a token until then.
    :param cpu: processor seconds of the window.
    :param rss: bytes of resident memory for a wait.
    :param traced: bytes that tracemalloc counts for a wait.
    :param lag_p99: seconds that the loop was late, 99th percentile of looks.
    :param lag_max: the most.
    :param event_median: seconds from the server's first passing answer to the event.
    :param event_max: the most.
    :param fired: triggers that fired after the readings had begun to pass.
    """

    requests: int = 0
    seconds: float = 0.0
    connections: int = 0
    tokens: int = 0
    cpu: float = 0.0
    rss: float = 0.0
    traced: float = 0.0
    lag_p99: float = 0.0
    lag_max: float = 0.0
    event_median: float = 0.0
    event_max: float = 0.0
    fired: int = 0


@dataclass
class Lag:
    """Looks at how late the loop is."""

    late: list[float] = field(default_factory=list)

    async def watch(self) -> None:
        """Look for ever."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + LOOK_EVERY
            await asyncio.sleep(LOOK_EVERY)
            self.late.append(max(loop.time() - due, 0.0))

    def percentile(self, share: float) -> float:
        """Give the lag that so many looks stay below."""
        return sorted(self.late)[min(int(len(self.late) * share), len(self.late) - 1)]


class Crowd:
    """Runs the triggers."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.contestant: Contestant = CONTESTANTS[task.contestant]
        self.fired: dict[int, float] = {}
        self.tasks: list[asyncio.Task[None]] = []

    def _id(self, number: int) -> str:
        return f"{number % self.task.destinations:024x}"

    async def _run(self, number: int, trigger: BaseTrigger) -> None:
        import greenback
        from structlog.contextvars import bind_contextvars

        await greenback.ensure_portal()
        bind_contextvars(trigger_id=number, dag_id="dag", task_id="wait", run_id="run", try_number=1, map_index=number)
        async for _ in trigger.run():
            self.fired[number] = time.time()

    async def start(self) -> None:
        """Start the triggers, spread over one interval: in the worst case for us, those of one destination too."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        for number in range(self.task.waits):
            trigger = make(self.contestant.serialized(self._id(number), self.task.interval))
            self.tasks.append(asyncio.create_task(self._run(number, trigger)))
            await asyncio.sleep(max(began + self.task.interval * number / self.task.waits - loop.time(), 0))

    async def warm_up(self) -> None:
        """Let one trigger import what it needs, so that this is not counted as memory of a wait."""
        trigger = make(self.contestant.serialized(self._id(0), 0.1))
        task = asyncio.create_task(self._run(0, trigger))
        await asyncio.sleep(1.0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        self.fired.clear()

    async def leave(self) -> None:
        """Cancel those that are left."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


async def control(url: str, word: str) -> dict[str, Any]:
    """Tell the server something, and get what it has counted."""

    def call() -> dict[str, Any]:
        with urllib.request.urlopen(f"{url}/_control/{word}", timeout=60) as answer:
            told: dict[str, Any] = json.load(answer)
            return told

    return await asyncio.to_thread(call)


async def measure(task: Task) -> Figures:
    """Run a crowd and measure it."""
    figures = Figures()
    crowd = Crowd(task)
    process = psutil.Process()
    await control(task.url, "move" if task.moving else "reset")
    await crowd.warm_up()
    connections = (await control(task.url, "stats"))["connections"]
    gc.collect()
    rss = process.memory_info().rss
    if task.memory:
        tracemalloc.start()
    await crowd.start()
    # The last to start polls at the latest one interval later.
    await asyncio.sleep(task.interval * 1.05 + 1)
    gc.collect()
    figures.rss = (process.memory_info().rss - rss) / task.waits
    if task.memory:
        figures.traced = tracemalloc.get_traced_memory()[0] / task.waits
        await crowd.leave()
        return figures

    told = await control(task.url, "stats")
    counted, began, cpu = told["requests"].get(crowd.contestant.resource, 0), time.monotonic(), time.process_time()
    await asyncio.sleep(task.interval * task.polls)
    figures.cpu, figures.seconds = time.process_time() - cpu, time.monotonic() - began
    told = await control(task.url, "stats")
    figures.requests = told["requests"].get(crowd.contestant.resource, 0) - counted
    figures.connections, figures.tokens = told["connections"] - connections, told["requests"].get("auth", 0)

    # In a time of its own: who looks fifty times a second takes as much of the processor as the waits.
    lag = Lag()
    watching = asyncio.create_task(lag.watch())
    await asyncio.sleep(task.interval * task.polls)
    figures.lag_p99, figures.lag_max = lag.percentile(0.99), max(lag.late)
    watching.cancel()

    crowd.fired.clear()
    await control(task.url, "open")
    await asyncio.sleep(task.interval * 1.05 + 3)
    passed = (await control(task.url, "stats"))["passed"]
    late = sorted(at - passed[crowd._id(number)] for number, at in crowd.fired.items())
    figures.fired = len(late)
    figures.event_median, figures.event_max = late[len(late) // 2], late[-1]
    await crowd.leave()
    return figures


def main() -> None:
    """Measure what the command line says."""
    task = Task(**json.loads(sys.argv[1]))
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    prepare(task.url)
    # What is logged goes where a triggerer's goes: as JSON into a pipe.
    from airflow.sdk.execution_time.supervisor import _configure_logs_over_json_channel

    _configure_logs_over_json_channel(os.open(os.devnull, os.O_WRONLY))
    if task.contestant == FIVETRAN:
        point_fivetran(task.url)
    print(json.dumps(asdict(asyncio.run(measure(task)))))


if __name__ == "__main__":
    main()
