# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""A Retry-After pauses all calls with the same credentials, whichever client makes them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from airflow_provider_streamkap.api.async_client import AsyncStreamkapClient
from airflow_provider_streamkap.api.errors import (
    StreamkapHTTPError,
    StreamkapRateLimitError,
)
from airflow_provider_streamkap.api.flows import ApiSession
from airflow_provider_streamkap.api.query import MetricsQuery
from airflow_provider_streamkap.polling.poll import poll
from airflow_provider_streamkap.polling.poller import Poller
from airflow_provider_streamkap.testing import Fault, StreamkapSimulator, scenarios
from tests.api.support import AnyClient, Kind, SimulatedClock, settings_for
from tests.polling.fake_service import Wait

FIRST, SECOND = MetricsQuery("d1"), MetricsQuery("d2")


@pytest.fixture
def simulator() -> Iterator[StreamkapSimulator]:
    """Run a simulator with two destinations."""
    with StreamkapSimulator() as running:
        for id_ in ("d1", "d2"):
            running.add(id_, scenarios.steady(lag=7))
        yield running


@pytest.fixture(params=["sync", "async"])
def limited(request: pytest.FixtureRequest) -> Kind:
    """The kind of client that receives the Retry-After."""
    kind: Kind = request.param
    return kind


@pytest.fixture(params=["sync", "async"])
def other(request: pytest.FixtureRequest) -> Kind:
    """The kind of client that calls after it."""
    kind: Kind = request.param
    return kind


def put_off(simulator: StreamkapSimulator, status: int, seconds: str | None, path: str = "/d1/") -> None:
    headers = {} if seconds is None else {"Retry-After": seconds}
    simulator.inject(Fault.status(status, headers=headers), path=path)


def calls_after(simulator: StreamkapSimulator, limited: Kind, other: Kind, within: float | None = None) -> list[float]:
    """Let one client receive the fault without retrying, and return the sleeps of the next call of another client."""
    time = SimulatedClock()
    settings = settings_for(simulator, max_attempts=1)
    session = ApiSession(settings, time.clock)
    first, second = (AnyClient(kind, settings, time=time, session=session) for kind in (limited, other))
    try:
        with pytest.raises(StreamkapHTTPError):
            first.metrics(FIRST)
        assert time.waits == []
        assert second.metrics(SECOND, within=within).records_lag == 7
        return time.waits
    finally:
        first.end()
        second.end()


@pytest.mark.parametrize("status", [429, 503])
def test_next_call_of_any_client_waits(simulator: StreamkapSimulator, limited: Kind, other: Kind, status: int) -> None:
    put_off(simulator, status, "17")
    assert calls_after(simulator, limited, other) == [17.0]


def test_absurd_retry_after_is_capped_to_one_minute(simulator: StreamkapSimulator, limited: Kind) -> None:
    put_off(simulator, 429, "86400")
    assert calls_after(simulator, limited, limited) == [60.0]


@pytest.mark.parametrize(
    ("status", "seconds"), [(429, None), (429, "0"), (429, "soon"), (503, None), (404, "17"), (500, "17")]
)
def test_other_responses_pause_no_requests(
    simulator: StreamkapSimulator, limited: Kind, status: int, seconds: str | None
) -> None:
    put_off(simulator, status, seconds)
    assert calls_after(simulator, limited, limited) == []


def test_call_that_would_time_out_fails_immediately_without_request(
    simulator: StreamkapSimulator, limited: Kind
) -> None:
    put_off(simulator, 429, "17")
    with pytest.raises(StreamkapRateLimitError, match=r"another 17\.0 s") as caught:
        calls_after(simulator, limited, limited, within=5)
    assert caught.value.transient
    assert simulator.count("/d2/") == 0


def test_retry_after_on_token_call_pauses_all_requests(simulator: StreamkapSimulator, limited: Kind) -> None:
    put_off(simulator, 429, "17", path="/auth/access-token")
    assert calls_after(simulator, limited, limited) == [17.0]


def test_call_itself_waits_once(simulator: StreamkapSimulator, limited: Kind) -> None:
    put_off(simulator, 429, "17")
    any_client = AnyClient(limited, settings_for(simulator))
    try:
        any_client.metrics(FIRST)
        assert any_client.time.waits == [17.0]
    finally:
        any_client.end()


def test_retry_after_on_one_poll_pauses_all_polls_of_connection(simulator: StreamkapSimulator) -> None:
    ids = [f"p{number}" for number in range(30)]
    for id_ in ids:
        simulator.add(id_, scenarios.steady(lag=7))

    async def main() -> None:
        held = asyncio.Event()

        async def sleep(seconds: float) -> None:
            held.set()
            await asyncio.sleep(seconds)

        async with AsyncStreamkapClient(settings_for(simulator), sleep=sleep) as client:
            poller = Poller(lambda watch, turn: client.call(lambda session: poll(session, watch), turn))
            await Wait(poller, ("d1",), 60).run(rounds=1)
            put_off(simulator, 429, "1")
            limited = asyncio.create_task(Wait(poller, ("d1",), 60).run(rounds=1))
            await held.wait()
            await asyncio.gather(limited, *(Wait(poller, (id_,), 60).run(rounds=1) for id_ in ids))

    asyncio.run(main())
    (met,) = (request.at for request in simulator.requests if request.status == 429)
    later = [request for request in simulator.requests if request.at > met]
    assert len(later) == 31
    assert min(request.at for request in later) - met >= 0.95
