# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Shared helpers of the client tests: a simulated clock, and one interface for both clients."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, Literal, TypeVar

import pytest

from airflow_provider_streamkap.api.async_client import AsyncStreamkapClient
from airflow_provider_streamkap.api.client import StreamkapClient
from airflow_provider_streamkap.api.destinations import Destination, DestinationsQuery
from airflow_provider_streamkap.api.flows import ApiSession, Flow, Request, Response
from airflow_provider_streamkap.api.metrics import DestinationMetrics, PipelineMetrics, SourceMetrics
from airflow_provider_streamkap.api.pipelines import Pipeline, PipelinesQuery
from airflow_provider_streamkap.api.query import MetricsQuery, PipelineMetricsQuery, SourceMetricsQuery
from airflow_provider_streamkap.api.resources import R
from airflow_provider_streamkap.api.settings import ClientSettings, Credentials
from airflow_provider_streamkap.api.sources import Source, SourcesQuery
from airflow_provider_streamkap.gate.target import AnyPollResult, PollResult, PollTarget, SourcePollResult
from airflow_provider_streamkap.polling.poll import poll
from airflow_provider_streamkap.testing import StreamkapSimulator

ID = "67ad6e0af08a2365c729ba79"
QUERY = MetricsQuery(ID)
CREDENTIALS = Credentials("made-up-client-id", "made-up-secret-value")

Kind = Literal["sync", "async"]
P = TypeVar("P", bound=AnyPollResult)
T = TypeVar("T")


class SimulatedClock:
    """A clock that advances only by sleeping and records the sleeps."""

    def __init__(self) -> None:
        self.now = 1_000_000.0
        self.waits: list[float] = []

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds

    async def asleep(self, seconds: float) -> None:
        self.sleep(seconds)


class FullJitter(random.Random):
    """Jitter that always uses the full backoff."""

    def uniform(self, a: float, b: float) -> float:
        return b


class AnyClient:
    """Wraps either client in one blocking interface, so that each scenario is written once."""

    def __init__(self, kind: Kind, settings: ClientSettings, **options: Any) -> None:
        self.kind = kind
        self.time = options.pop("time", None) or SimulatedClock()
        clock, rng = options.pop("clock", self.time.clock), FullJitter()
        self._runner = asyncio.Runner()
        self.sync: StreamkapClient | None = None
        self.wait: AsyncStreamkapClient | None = None
        if kind == "sync":
            self.sync = StreamkapClient(settings, sleep=self.time.sleep, clock=clock, rng=rng, **options)
        else:
            self.wait = AsyncStreamkapClient(settings, sleep=self.time.asleep, clock=clock, rng=rng, **options)

    def _do(self, sync: Callable[[StreamkapClient], T], wait: Callable[[AsyncStreamkapClient], Awaitable[T]]) -> T:
        if self.sync is not None:
            return sync(self.sync)
        assert self.wait is not None
        client = self.wait

        async def run() -> T:
            return await wait(client)

        return self._runner.run(run())

    def metrics(self, query: MetricsQuery = QUERY, within: float | None = None) -> DestinationMetrics:
        return self._do(
            lambda client: client.get_destination_metrics(query, within=within),
            lambda client: client.get_destination_metrics(query, within=within),
        )

    def poll(self, watch: PollTarget) -> PollResult:
        """Poll a destination."""
        return self._poll(PollResult, watch)

    def poll_source(self, watch: PollTarget) -> SourcePollResult:
        """Poll a source."""
        return self._poll(SourcePollResult, watch)

    def _poll(self, kind: type[P], watch: PollTarget) -> P:
        def flow(session: ApiSession) -> Flow[AnyPollResult]:
            return poll(session, watch)

        result = self._do(lambda client: client.call(flow), lambda client: client.call(flow))
        assert isinstance(result, kind)
        return result

    def destination(self, destination_id: str = ID) -> Destination:
        return self._do(
            lambda client: client.get_destination(destination_id), lambda client: client.get_destination(destination_id)
        )

    def destinations(self, **filters: Any) -> list[Destination]:
        query = DestinationsQuery(**filters)
        return self._listed(
            lambda client: client.list_destinations(query), lambda client: client.list_destinations(query)
        )

    def source_metrics(self, query: SourceMetricsQuery) -> SourceMetrics:
        return self._do(
            lambda client: client.get_source_metrics(query), lambda client: client.get_source_metrics(query)
        )

    def pipeline_metrics(self, pipeline_id: str) -> PipelineMetrics:
        query = PipelineMetricsQuery(pipeline_id)
        return self._do(
            lambda client: client.get_pipeline_metrics(query), lambda client: client.get_pipeline_metrics(query)
        )

    def source(self, source_id: str) -> Source:
        return self._do(lambda client: client.get_source(source_id), lambda client: client.get_source(source_id))

    def pipeline(self, pipeline_id: str) -> Pipeline:
        return self._do(
            lambda client: client.get_pipeline(pipeline_id), lambda client: client.get_pipeline(pipeline_id)
        )

    def sources(self, **filters: Any) -> list[Source]:
        query = SourcesQuery(**filters) if filters else None
        return self._listed(lambda client: client.list_sources(query), lambda client: client.list_sources(query))

    def pipelines(self, **filters: Any) -> list[Pipeline]:
        query = PipelinesQuery(**filters) if filters else None
        return self._listed(lambda client: client.list_pipelines(query), lambda client: client.list_pipelines(query))

    def _listed(
        self,
        sync: Callable[[StreamkapClient], Iterator[R]],
        wait: Callable[[AsyncStreamkapClient], AsyncIterator[R]],
    ) -> list[R]:
        async def listed(client: AsyncStreamkapClient) -> list[R]:
            return [item async for item in wait(client)]

        return self._do(lambda client: list(sync(client)), listed)

    def whoami(self) -> dict[str, Any]:
        return self._do(lambda client: client.whoami(), lambda client: client.whoami())

    def close(self) -> None:
        if self.sync is not None:
            self.sync.close()
        if self.wait is not None:
            self._runner.run(self.wait.close())

    def end(self) -> None:
        self.close()
        self._runner.close()


def settings_for(simulator: StreamkapSimulator, **changes: Any) -> ClientSettings:
    """Return settings for a simulator."""
    options: dict[str, Any] = {"base_url": simulator.url, "timeout": 10.0, **changes}
    credentials = options.pop("credentials", None) or Credentials(simulator.client_id, simulator.secret)
    return ClientSettings(credentials, **options)


def signed_in(settings: ClientSettings, access: str = "made-up-token", **options: Any) -> ApiSession:
    """Return a session that has a token, for servers without a token call."""
    session = ApiSession(settings, **options)
    renewal = session.refresh_token(None)
    request = next(renewal)
    assert isinstance(request, Request)
    answer = Response(200, {}, f'{{"accessToken": "{access}"}}'.encode(), settings.base_url)
    with pytest.raises(StopIteration):
        renewal.send(answer)
    return session
