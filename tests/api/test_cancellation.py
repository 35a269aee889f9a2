# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""A cancelled call ends, whatever else happens at the same time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from airflow_provider_streamkap.api.async_client import AsyncStreamkapClient
from airflow_provider_streamkap.testing import Fault, StreamkapSimulator
from tests.api.support import QUERY, SimulatedClock, settings_for

TIMEOUT = 10.0


class _JumpingLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock can be advanced, so that several timers are due in the same iteration."""

    ahead = 0.0

    def time(self) -> float:
        return super().time() + self.ahead


def test_cancelled_call_releases_its_resources(simulator: StreamkapSimulator) -> None:
    simulator.inject(Fault.hang(), path="/auth/access-token")

    async def run() -> None:
        async with AsyncStreamkapClient(settings_for(simulator)) as client:
            first: asyncio.Task[Any] = asyncio.create_task(client.whoami())
            assert await asyncio.to_thread(simulator.wait_for_requests, 1)
            first.cancel()
            with pytest.raises(asyncio.CancelledError):
                await first
            assert (await client.get_destination_metrics(QUERY)).records_lag == 7

    asyncio.run(run())


@pytest.mark.parametrize("after", [TIMEOUT / 2, 2 * TIMEOUT], ids=["just before", "just after"])
def test_call_cancelled_at_timeout_is_not_retried(simulator: StreamkapSimulator, after: float) -> None:
    # Otherwise it would open sockets that nothing closes.
    settings, time = settings_for(simulator, timeout=TIMEOUT), SimulatedClock()

    async def run() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, _JumpingLoop)
        async with AsyncStreamkapClient(settings, sleep=time.asleep, clock=time.clock) as client:
            await client.whoami()
            simulator.inject(Fault.hang(), path="/metrics")
            call = asyncio.create_task(client.get_destination_metrics(QUERY))
            # The token, the caller and this task.
            assert await asyncio.to_thread(simulator.wait_for_requests, 3)
            loop.call_later(after, call.cancel)
            loop.ahead += 10 * TIMEOUT
            with pytest.raises(asyncio.CancelledError):
                await call

    with asyncio.Runner(loop_factory=_JumpingLoop) as runner:
        runner.run(run())
    assert time.waits == []
    assert len(simulator.requests) == 3
