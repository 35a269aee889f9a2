# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Create and run triggers as the triggerer does, and monitor the event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from typing import Any

from airflow_provider_streamkap.gate.conditions import DestinationGate
from airflow_provider_streamkap.gate.spec import WaitSpec
from airflow_provider_streamkap.hooks._clients import ClientClock
from airflow_provider_streamkap.testing import StreamkapSimulator
from airflow_provider_streamkap.triggers.streamkap import StreamkapWaitTrigger
from tests.airflow.sensor_modes import rebuilt_trigger
from tests.client_clock import use_client_clock


def trigger(*ids: str, seconds: float = 20.0, streamkap_conn_id: str = "streamkap_default", **spec: Any) -> Any:
    """Create a trigger that polls fast, as the triggerer has it."""
    now = time.time()
    created = WaitSpec(
        **{
            "resource_ids": ids or ("d1",),
            "gate": DestinationGate(lag_source="latest"),
            "poke_interval": 0.02,
            "confirm_interval": 0.01,
            "started": now,
            "deadline": now + seconds,
            **spec,
        }
    )
    return rebuilt_trigger(StreamkapWaitTrigger(streamkap_conn_id, created.to_dict(), keyed=len(ids) > 1))


async def event_payload(waiting: Any) -> dict[str, Any]:
    """Run a trigger in this event loop and return the payload of its only event."""
    (event,) = [event async for event in waiting.run()]
    payload: dict[str, Any] = event.payload
    return payload


@contextmanager
def fast_simulator(speed: float = 60) -> Iterator[StreamkapSimulator]:
    """Run a simulator with a fast clock, and let all clients of this process use that clock.

    :param speed: simulated seconds per second.
    """
    start = time.time()

    def clock() -> float:
        return start + (time.time() - start) * speed

    fast = ClientClock(wall=lambda: datetime.fromtimestamp(clock(), UTC))
    with use_client_clock(fast), StreamkapSimulator(clock=clock) as simulator:
        yield simulator


class EventLoopMonitor:
    """The longest time, in seconds, for which an event loop was blocked."""

    def __init__(self) -> None:
        self.longest = 0.0

    async def watch(self) -> None:
        """Wake up every two milliseconds and record longer delays."""
        before = time.perf_counter()
        while True:
            await asyncio.sleep(0.002)
            now = time.perf_counter()
            self.longest = max(self.longest, now - before)
            before = now


@asynccontextmanager
async def monitored_event_loop() -> AsyncIterator[EventLoopMonitor]:
    """Monitor the event loop while the block runs."""
    gap = EventLoopMonitor()
    watching = asyncio.create_task(gap.watch())
    try:
        yield gap
    finally:
        watching.cancel()
