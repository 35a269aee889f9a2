# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Measure the cost of N triggers that run in one event loop, as in Airflow's triggerer.

``python -m benchmarks.cost.measure ARGUMENTS``, where ARGUMENTS is a :class:`MeasurementTask` as JSON, prints
:class:`Measurements` as JSON. To be comparable with a triggerer, each trigger has its own task, greenback portal and
logging context, and logs are written as JSON to a pipe.
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

from benchmarks.cost.trigger_kinds import FIVETRAN, TRIGGER_KINDS, TriggerKind, create_trigger, point_fivetran, prepare

LAG_SAMPLE_INTERVAL = 0.02


@dataclass(frozen=True)
class MeasurementTask:
    """Parameters of one measurement.

    :param kind: key of the trigger kind.
    :param url: URL of the server.
    :param waits: number of triggers.
    :param destinations: number of destinations, assigned round-robin.
    :param interval: poll interval in seconds.
    :param polls: number of intervals, after the first one, over which to measure requests and CPU time; the loop lag is
        measured over as many again.
    :param moving: the lag changes at every poll.
    :param memory: trace allocations only, because tracing distorts the other measurements.
    """

    kind: str
    url: str
    waits: int
    destinations: int
    interval: float
    polls: int = 2
    moving: bool = False
    memory: bool = False


@dataclass
class Measurements:
    """Results of one measurement.

    :param requests: polls received by the server within the window.
    :param seconds: length of the window.
    :param connections: connections opened up to the end of the window.
    :param tokens: token calls up to the end of the window.
    :param cpu: CPU seconds within the window.
    :param rss: resident memory per wait, in bytes.
    :param traced: traced memory per wait, in bytes.
    :param lag_p99: 99th percentile of the event loop lag, in seconds.
    :param lag_max: maximum event loop lag, in seconds.
    :param event_median: median seconds from the server's first passing response to the event.
    :param event_max: maximum of the same.
    :param fired: triggers that fired after the readings started to pass.
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
class LoopLag:
    """Sample the lag of the event loop."""

    late: list[float] = field(default_factory=list)

    async def watch(self) -> None:
        """Sample until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + LAG_SAMPLE_INTERVAL
            await asyncio.sleep(LAG_SAMPLE_INTERVAL)
            self.late.append(max(loop.time() - due, 0.0))

    def percentile(self, share: float) -> float:
        """Return a percentile of the samples."""
        return sorted(self.late)[min(int(len(self.late) * share), len(self.late) - 1)]


class TriggerRunner:
    """Run the triggers of one measurement."""

    def __init__(self, task: MeasurementTask) -> None:
        self.task = task
        self.kind: TriggerKind = TRIGGER_KINDS[task.kind]
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
        """Start the triggers, spread evenly over one interval, including triggers of the same destination."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        for number in range(self.task.waits):
            trigger = create_trigger(self.kind.serialized(self._id(number), self.task.interval))
            self.tasks.append(asyncio.create_task(self._run(number, trigger)))
            await asyncio.sleep(max(began + self.task.interval * number / self.task.waits - loop.time(), 0))

    async def warm_up(self) -> None:
        """Run one trigger, so that imports do not count as memory of a wait."""
        trigger = create_trigger(self.kind.serialized(self._id(0), 0.1))
        task = asyncio.create_task(self._run(0, trigger))
        await asyncio.sleep(1.0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        self.fired.clear()

    async def cancel_all(self) -> None:
        """Cancel all remaining triggers."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


async def control(url: str, word: str) -> dict[str, Any]:
    """Send a control command to the server and return its counters."""

    def call() -> dict[str, Any]:
        with urllib.request.urlopen(f"{url}/_control/{word}", timeout=60) as response:
            stats: dict[str, Any] = json.load(response)
            return stats

    return await asyncio.to_thread(call)


async def measure(task: MeasurementTask) -> Measurements:
    """Run one measurement."""
    measured = Measurements()
    runner = TriggerRunner(task)
    process = psutil.Process()
    await control(task.url, "move" if task.moving else "reset")
    await runner.warm_up()
    connections = (await control(task.url, "stats"))["connections"]
    gc.collect()
    rss = process.memory_info().rss
    if task.memory:
        tracemalloc.start()
    await runner.start()
    # The last trigger polls at most one interval after its start.
    await asyncio.sleep(task.interval * 1.05 + 1)
    gc.collect()
    measured.rss = (process.memory_info().rss - rss) / task.waits
    if task.memory:
        measured.traced = tracemalloc.get_traced_memory()[0] / task.waits
        await runner.cancel_all()
        return measured

    stats = await control(task.url, "stats")
    counted, began, cpu = stats["requests"].get(runner.kind.resource, 0), time.monotonic(), time.process_time()
    await asyncio.sleep(task.interval * task.polls)
    measured.cpu, measured.seconds = time.process_time() - cpu, time.monotonic() - began
    stats = await control(task.url, "stats")
    measured.requests = stats["requests"].get(runner.kind.resource, 0) - counted
    measured.connections, measured.tokens = stats["connections"] - connections, stats["requests"].get("auth", 0)

    # Measure the loop lag separately: sampling 50 times per second costs as much CPU as the waits.
    lag = LoopLag()
    watching = asyncio.create_task(lag.watch())
    await asyncio.sleep(task.interval * task.polls)
    measured.lag_p99, measured.lag_max = lag.percentile(0.99), max(lag.late)
    watching.cancel()

    runner.fired.clear()
    await control(task.url, "open")
    await asyncio.sleep(task.interval * 1.05 + 3)
    passed = (await control(task.url, "stats"))["passed"]
    late = sorted(at - passed[runner._id(number)] for number, at in runner.fired.items())
    measured.fired = len(late)
    measured.event_median, measured.event_max = late[len(late) // 2], late[-1]
    await runner.cancel_all()
    return measured


def main() -> None:
    """Run the measurement given on the command line."""
    task = MeasurementTask(**json.loads(sys.argv[1]))
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    prepare(task.url)
    # Log as a triggerer does: as JSON into a pipe.
    from airflow.sdk.execution_time.supervisor import _configure_logs_over_json_channel

    _configure_logs_over_json_channel(os.open(os.devnull, os.O_WRONLY))
    if task.kind == FIVETRAN:
        point_fivetran(task.url)
    print(json.dumps(asdict(asyncio.run(measure(task)))))


if __name__ == "__main__":
    main()
