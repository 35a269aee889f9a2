# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Lists of destinations are read concurrently within one time limit, and one failure does not lose other results."""

from __future__ import annotations

import logging
import signal
import threading
import time as real
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from airflow_provider_streamkap.api.client import PROGRESS_SECONDS, StreamkapClient
from airflow_provider_streamkap.api.errors import (
    StreamkapAuthError,
    StreamkapError,
    StreamkapNotFoundError,
    StreamkapServerError,
    StreamkapTimeoutError,
)
from airflow_provider_streamkap.api.flows import ApiSession
from airflow_provider_streamkap.api.metrics import DestinationMetrics
from airflow_provider_streamkap.api.query import MetricsQuery
from airflow_provider_streamkap.gate.target import AnyPollResult, PollResult, PollTarget
from airflow_provider_streamkap.polling.poll import poll
from airflow_provider_streamkap.testing import Fault, StreamkapSimulator, scenarios
from tests.api.support import SimulatedClock, settings_for

IDS = [f"d{number}" for number in range(40)]
WATCHES = [PollTarget(id_) for id_ in IDS]
QUERIES = [MetricsQuery(id_) for id_ in IDS]
TOKEN, METRICS = "/auth/access-token", "/metrics"


@pytest.fixture
def service() -> Iterator[StreamkapSimulator]:
    with StreamkapSimulator() as running:
        for number, id_ in enumerate(IDS):
            running.add(id_, scenarios.steady(lag=number))
        yield running


@pytest.fixture
def make(service: StreamkapSimulator) -> Iterator[Callable[..., StreamkapClient]]:
    created: list[StreamkapClient] = []

    def client(settings: dict[str, Any] | None = None, **options: Any) -> StreamkapClient:
        created.append(StreamkapClient(settings_for(service, **(settings or {})), **options))
        return created[-1]

    yield client
    for one in created:
        one.close()


def lags(got: dict[str, DestinationMetrics | StreamkapError]) -> dict[str, Any]:
    return {id_: one.records_lag for id_, one in got.items() if isinstance(one, DestinationMetrics)}


def read(client: StreamkapClient) -> dict[str, DestinationMetrics | StreamkapError]:
    return {query.destination_id: got for query, got in client.call_each(QUERIES, ApiSession.metrics)}


def poll_targets(client: StreamkapClient, **limits: Any) -> dict[str, AnyPollResult | StreamkapError]:
    return {watch.resource_id: got for watch, got in client.call_each(WATCHES, poll, **limits)}


def test_requests_are_concurrent_and_connections_are_kept(
    service: StreamkapSimulator, make: Callable[..., StreamkapClient]
) -> None:
    client = make(max_concurrency=4)
    service.inject(Fault.slow(0.02), path=METRICS, times=None)
    for _ in range(2):
        assert lags(read(client)) == {id_: number for number, id_ in enumerate(IDS)}
    assert service.token_calls == 1
    # Sequential reads use one connection, and a pool that is too small keeps opening new ones.
    assert 1 < service.connections <= 4


def test_pool_keeps_one_connection_per_thread(
    service: StreamkapSimulator, make: Callable[..., StreamkapClient]
) -> None:
    client = make(max_concurrency=20)
    service.inject(Fault.slow(0.05), path=METRICS, times=None)
    for _ in range(3):
        read(client)
    assert service.connections <= 20


def test_one_failure_does_not_lose_other_results(
    service: StreamkapSimulator, make: Callable[..., StreamkapClient]
) -> None:
    service.inject(Fault.status(404), path="/destinations/d7/metrics", times=None)
    got = read(make())
    assert isinstance(got.pop("d7"), StreamkapNotFoundError)
    assert len(lags(got)) == len(IDS) - 1


def test_one_time_limit_for_whole_list(service: StreamkapSimulator, make: Callable[..., StreamkapClient]) -> None:
    client = make()
    client.whoami()
    service.inject(Fault.hang(), path=METRICS, times=None)
    began = real.monotonic()
    got = poll_targets(client, within=0.5)
    assert real.monotonic() - began < 5
    assert {type(one) for one in got.values()} == {StreamkapTimeoutError}
    assert set(got) == set(IDS)
    # Queued destinations are not requested.
    assert service.count(METRICS) <= 16


def test_results_read_in_time_are_kept(service: StreamkapSimulator, make: Callable[..., StreamkapClient]) -> None:
    service.inject(Fault.hang(), path="/destinations/d7/metrics", times=None)
    got = poll_targets(make(), within=1.0)
    assert isinstance(got.pop("d7"), StreamkapTimeoutError)
    assert {type(one) for one in got.values()} == {PollResult}


@pytest.mark.parametrize("fault", [Fault.status(503), Fault.hang(), Fault.drop(), Fault.status(401)])
def test_failed_token_call_ends_whole_list(
    service: StreamkapSimulator, make: Callable[..., StreamkapClient], fault: Fault
) -> None:
    service.inject(fault, path=TOKEN, times=None)
    got = poll_targets(make({"timeout": 0.3}), within=10.0, attempts=1)
    assert (service.token_calls, service.count(METRICS)) == (1, 0)
    assert set(got) == set(IDS)
    assert len({id(error) for error in got.values()}) == 1


def test_token_lost_midway_that_cannot_be_refreshed_ends_whole_list(
    service: StreamkapSimulator, make: Callable[..., StreamkapClient]
) -> None:
    client = make(max_concurrency=2)
    client.whoami()
    service.refuse_credentials()
    service.revoke_tokens()
    got = poll_targets(client)
    assert {type(error) for error in got.values()} == {StreamkapAuthError}
    # Both threads can have received the 401 at the same time.
    assert service.token_calls <= 1 + 2
    assert service.count(METRICS) <= 2


def test_attempts_can_be_limited(service: StreamkapSimulator, make: Callable[..., StreamkapClient]) -> None:
    service.inject(Fault.status(503), path=METRICS, times=None)
    got = poll_targets(make(), attempts=1)
    assert {type(error) for error in got.values()} == {StreamkapServerError}
    assert service.count(METRICS) == len(IDS)


def test_stopping_early_drops_pending_requests(
    service: StreamkapSimulator, make: Callable[..., StreamkapClient]
) -> None:
    service.inject(Fault.slow(0.05), path=METRICS, times=None)
    with closing(make(max_concurrency=2).call_each(QUERIES, ApiSession.metrics)) as answers:
        next(answers)
    assert service.count(METRICS) < len(IDS) / 2


def test_task_timeout_does_not_wait_for_requests_in_flight(
    service: StreamkapSimulator, make: Callable[..., StreamkapClient]
) -> None:
    def ring(*_: object) -> None:
        raise TimeoutError("the task has timed out")

    client = make()
    client.whoami()
    service.inject(Fault.hang(), path=METRICS, times=None)
    before = signal.signal(signal.SIGALRM, ring)
    began = real.monotonic()
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with pytest.raises(TimeoutError, match="the task has timed out"):
            poll_targets(client, within=8.0)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert real.monotonic() - began < 4


def test_thread_stuck_beyond_time_limit_is_abandoned(
    service: StreamkapSimulator, make: Callable[..., StreamkapClient]
) -> None:
    # As in a host name lookup, which no socket timeout bounds.
    free = threading.Event()
    service.inject(Fault.status(503), path=METRICS, times=None)
    client = make({"max_attempts": 9}, sleep=lambda _: free.wait(20))
    try:
        got = poll_targets(client, within=0.3)
        assert set(got) == set(IDS)
        assert any("no response within" in str(error) for error in got.values())
    finally:
        free.set()


def test_progress_is_logged_periodically(
    service: StreamkapSimulator, make: Callable[..., StreamkapClient], caplog: pytest.LogCaptureFixture
) -> None:
    time = SimulatedClock()

    def clock() -> float:
        time.now += PROGRESS_SECONDS / 40
        return time.now

    with caplog.at_level(logging.INFO, "airflow_provider_streamkap.api"):
        read(make({"max_elapsed": 86400}, clock=clock))
    progress = [line for line in caplog.messages if line.startswith("Read ")]
    assert 0 < len(progress) < len(IDS)
    assert all(f" of {len(IDS)} destinations in " in line for line in progress)


def test_retries_in_list_are_not_warnings(
    service: StreamkapSimulator, make: Callable[..., StreamkapClient], caplog: pytest.LogCaptureFixture
) -> None:
    client = make({"max_attempts": 50}, sleep=lambda _: None)
    with caplog.at_level(logging.INFO, "airflow_provider_streamkap.api"):
        service.inject(Fault.status(503), path=METRICS, times=30)
        assert len(lags(read(client))) == len(IDS)
        assert [line for line in caplog.messages if "attempt" in line] == []
        service.inject(Fault.status(503), path=METRICS, times=3)
        assert len(list(client.call_each(QUERIES[:5], ApiSession.metrics))) == 5
    assert len([line for line in caplog.messages if "attempt" in line]) == 3


def test_list_of_one_uses_no_thread(service: StreamkapSimulator, make: Callable[..., StreamkapClient]) -> None:
    threads = set[str]()
    client = make(on_token=lambda _: threads.add(threading.current_thread().name))
    (only,) = client.call_each(QUERIES[:1], ApiSession.metrics)
    assert only[0] is QUERIES[0]
    assert threads == {threading.current_thread().name}
    assert service.connections == 1


def test_token_callback_runs_in_calling_thread(
    service: StreamkapSimulator, make: Callable[..., StreamkapClient]
) -> None:
    threads = set[str]()
    read(make(on_token=lambda _: threads.add(threading.current_thread().name)))
    assert threads == {threading.current_thread().name}
