# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Triggers as the triggerer has them, and event loops that tell on what runs in them."""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from airflow_provider_streamkap.gate import DestinationGate
from airflow_provider_streamkap.triggers.streamkap import StreamkapDestinationTrigger
from airflow_provider_streamkap.wait import WaitPlan
from tests.face.modes import carried

T = TypeVar("T")


def trigger(*ids: str, seconds: float = 20.0, streamkap_conn_id: str = "streamkap_default", **plan: Any) -> Any:
    """Make a trigger that does not take its time, as the triggerer has it."""
    now = time.time()
    made = WaitPlan(
        **{
            "destination_ids": ids or ("d1",),
            "gate": DestinationGate(),
            "poke_interval": 0.02,
            "confirm_interval": 0.01,
            "started": now,
            "deadline": now + seconds,
            **plan,
        }
    )
    return carried(StreamkapDestinationTrigger(streamkap_conn_id, made.arguments(), many=len(ids) > 1))


async def fired(waiting: Any) -> dict[str, Any]:
    """Run a trigger in this event loop, and give the payload of its one event."""
    (event,) = [event async for event in waiting.run()]
    payload: dict[str, Any] = event.payload
    return payload


class Gap:
    """The longest time, in seconds, for which an event loop did not come round."""

    def __init__(self) -> None:
        self.longest = 0.0

    async def watch(self) -> None:
        """Come round every other millisecond, and note when it took longer."""
        before = time.perf_counter()
        while True:
            await asyncio.sleep(0.002)
            now = time.perf_counter()
            self.longest = max(self.longest, now - before)
            before = now


@asynccontextmanager
async def watched() -> AsyncIterator[Gap]:
    """Watch the event loop while the block runs."""
    gap = Gap()
    watching = asyncio.create_task(gap.watch())
    try:
        yield gap
    finally:
        watching.cancel()


class _HastySelector(selectors.DefaultSelector):
    """Waits a hundredth of what it is told to."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        return super().select(timeout / 100 if timeout else timeout)


class _HastyLoop(asyncio.SelectorEventLoop):
    """An event loop on which a second takes ten milliseconds."""

    def __init__(self) -> None:
        super().__init__(_HastySelector())

    def time(self) -> float:
        return super().time() * 100


def run_hastily(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on an event loop whose timers run a hundred times as fast."""
    with asyncio.Runner(loop_factory=_HastyLoop) as runner:
        return runner.run(main)
