# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Many triggers in one event loop share resources, do not block each other and leave nothing behind."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import logging
import time
from typing import Any

import aiohttp
import pytest

from airflow_provider_streamkap.hooks._clients import shared_clients
from airflow_provider_streamkap.testing import Fault, StreamkapSimulator, scenarios
from tests.airflow.log_capture import Logged
from tests.airflow.triggers import event_payload, monitored_event_loop, trigger

METRICS = "/destinations/d1/metrics"
LAGGING, DRAINED = scenarios.Reading(records_lag=120), scenarios.Reading(records_lag=0)


def left_behind() -> list[Any]:
    """Return what a finished trigger must not leave in its event loop."""
    here = asyncio.get_running_loop()
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    entries = list(shared_clients.loop_clients.get(here, {}).values())
    gc.collect()
    sessions = [found for found in gc.get_objects() if type(found) is aiohttp.ClientSession and not found.closed]
    return [*tasks, *entries, *sessions]


async def until_it_follows() -> None:
    """Wait until a trigger has subscribed to polls."""
    for _ in range(2_000):
        if any(len(entry.poller) for entry in shared_clients.loop_clients.get(asyncio.get_running_loop(), {}).values()):
            return
        await asyncio.sleep(0.01)
    raise AssertionError("nothing is followed")


def test_triggers_share_polls_sockets_and_token(streamkap: StreamkapSimulator) -> None:
    ids = [f"d{number}" for number in range(4)]
    for id_ in ids:
        streamkap.add(id_, scenarios.sequence([LAGGING] * 3 + [DRAINED] * 9))

    async def company() -> list[dict[str, Any]]:
        waits = [event_payload(trigger(id_, poke_interval=0.1, confirm_interval=0.1)) for id_ in ids * 25]
        return await asyncio.gather(*waits)

    began = time.monotonic()
    events = asyncio.run(company())
    assert [event["outcome"] for event in events] == ["opened"] * 100
    # One poll per interval and destination, whatever the number of waits.
    assert streamkap.count("/metrics") <= len(ids) * ((time.monotonic() - began) / 0.1 + 2)
    assert streamkap.token_calls == 1
    assert streamkap.connections <= len(ids) + 1


def test_rejection_affects_only_its_own_waits(streamkap: StreamkapSimulator) -> None:
    streamkap.add("good", scenarios.sequence([LAGGING, LAGGING, DRAINED]))

    async def company() -> list[dict[str, Any]]:
        return await asyncio.gather(*(event_payload(trigger(id_)) for id_ in ["good", "bad"] * 5))

    assert [event["outcome"] for event in asyncio.run(company())] == ["opened", "permanent_error"] * 5


def max_poll_gap(streamkap: StreamkapSimulator) -> float:
    """Wait for a destination whose responses take two seconds; return the longest time the event loop was blocked."""

    async def main() -> float:
        # The first trigger in a process imports modules; this measures a warmed-up triggerer.
        assert (await event_payload(trigger("quick")))["outcome"] == "opened"
        async with monitored_event_loop() as gap:
            event = await event_payload(trigger("slow", confirmations=1, seconds=60))
        assert event["outcome"] == "opened"
        return gap.longest

    streamkap.inject(Fault.slow(2), path="/destinations/slow/metrics")
    return asyncio.run(main())


def test_slow_server_does_not_block_event_loop(streamkap: StreamkapSimulator) -> None:
    streamkap.add("quick", scenarios.steady())
    streamkap.add("slow", scenarios.steady())
    # A busy machine can block any loop briefly, but hardly six times; a blocking call always does.
    assert any(max_poll_gap(streamkap) < 0.05 for _ in range(6))


@pytest.mark.parametrize("path", ["/auth/access-token", METRICS])
@pytest.mark.parametrize("many", [False, True])
def test_trigger_cancelled_during_request_leaves_nothing_behind(
    streamkap: StreamkapSimulator, path: str, many: bool
) -> None:
    streamkap.add("d1", scenarios.steady())
    streamkap.add("d2", scenarios.steady(lag=5))
    streamkap.inject(Fault.hang(), path=path, times=None)

    async def main() -> None:
        waits = [asyncio.create_task(event_payload(trigger("d1", *(["d2"] if many else [])))) for _ in range(3)]
        while not await asyncio.to_thread(streamkap.wait_for_requests, 1, path, timeout=5):
            raise AssertionError("nobody asks")
        for wait in waits:
            wait.cancel()
        ended = await asyncio.gather(*waits, return_exceptions=True)
        assert [type(end) for end in ended] == [asyncio.CancelledError] * 3
        await asyncio.sleep(0)
        assert left_behind() == []

    asyncio.run(main())


def test_trigger_cancelled_between_polls_leaves_nothing_behind(streamkap: StreamkapSimulator) -> None:
    streamkap.add("d1", scenarios.steady(lag=120))

    async def main() -> None:
        wait = asyncio.create_task(event_payload(trigger(poke_interval=3600, seconds=3600)))
        await until_it_follows()
        wait.cancel()
        with pytest.raises(asyncio.CancelledError):
            await wait
        assert left_behind() == []

    asyncio.run(main())
    assert streamkap.count() == 0


def test_cancelled_trigger_does_not_affect_others(streamkap: StreamkapSimulator) -> None:
    streamkap.add("d1", scenarios.sequence([LAGGING, LAGGING, DRAINED]))
    streamkap.inject(Fault.slow(0.2), path=METRICS)

    async def main() -> dict[str, Any]:
        leaving, staying = (asyncio.create_task(event_payload(trigger())) for _ in range(2))
        await asyncio.to_thread(streamkap.wait_for_requests, 1, METRICS)
        leaving.cancel()
        event = await staying
        await asyncio.sleep(0)
        assert leaving.cancelled()
        return event

    assert asyncio.run(main())["outcome"] == "opened"
    assert (streamkap.connections, streamkap.token_calls) == (1, 1)


@pytest.mark.parametrize("outcome", ["opened", "deadline", "permanent_error", "broken"])
def test_finished_trigger_leaves_nothing_behind(streamkap: StreamkapSimulator, outcome: str) -> None:
    lag, status = (120, "Active") if outcome == "deadline" else (0, "Broken" if outcome == "broken" else "Active")
    reading = scenarios.Reading(records_lag=lag, connector_status=status)
    streamkap.add("d1", scenarios.sequence([reading]))
    if outcome == "permanent_error":
        streamkap.inject(Fault.status(403), path=METRICS, times=None)

    async def main() -> str:
        event = await event_payload(trigger(seconds=0.1 if outcome == "deadline" else 20))
        await asyncio.sleep(0)
        assert left_behind() == []
        return str(event["outcome"])

    assert asyncio.run(main()) == outcome


def test_shared_polls_are_not_logged_as_one_triggers_work(
    streamkap: StreamkapSimulator, monkeypatch: pytest.MonkeyPatch, logged: Logged
) -> None:
    # Airflow assigns log lines to triggers by a context variable.
    whose = contextvars.ContextVar("whose", default="nobody")
    seen: list[tuple[str, str]] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append((whose.get(), record.getMessage()))

    monkeypatch.setenv("AIRFLOW_CONN_STREAMKAP_DEFAULT", streamkap.airflow_connection(max_attempts=2))
    streamkap.add("d1", scenarios.steady())
    streamkap.inject(Fault.status(503, retry_after=0), path=METRICS)

    async def company() -> None:
        async def mine(number: int) -> None:
            whose.set(f"task {number}")
            await event_payload(trigger())

        await asyncio.gather(*(mine(number) for number in range(3)))

    retries, handler = logging.getLogger("airflow_provider_streamkap.api"), Handler()
    retries.addHandler(handler)
    try:
        asyncio.run(company())
    finally:
        retries.removeHandler(handler)
    assert [(name, "attempt 1 of 2" in line) for name, line in seen] == [("nobody", True)]
    # Each trigger logs its own progress.
    assert len([line for line in logged.lines if "The gate is open" in line]) == 3
