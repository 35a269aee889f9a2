# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""A fake service without a network, and waits that poll like the trigger."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from airflow_provider_streamkap.api.errors import StreamkapError
from airflow_provider_streamkap.api.metrics import DestinationMetrics
from airflow_provider_streamkap.gate.target import PollResult, PollTarget
from airflow_provider_streamkap.polling.limiter import LimiterSlot
from airflow_provider_streamkap.polling.poller import Poller
from airflow_provider_streamkap.polling.subscription import PollWindow, Subscription, TimedResult

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def now() -> float:
    """Return the time of the running event loop."""
    return asyncio.get_running_loop().time()


@dataclass
class Poll:
    """One call of the service."""

    id: str
    began: float
    ended: float | None = None


@dataclass
class Service:
    """Responds to polls after a delay, or fails them, and records everything.

    :param takes: seconds until the response, by destination; default none.
    :param fails: returns the exception to raise, by destination and number of the poll, from 0 on.
    """

    takes: Mapping[str, float] = field(default_factory=dict)
    fails: Callable[[str, int], BaseException | None] = lambda id_, number: None
    polls: list[Poll] = field(default_factory=list)
    under_way: int = 0
    most_under_way: int = 0

    async def fetch(self, watch: PollTarget, turn: LimiterSlot) -> PollResult:
        """Poll a destination, in one attempt."""
        id_ = watch.resource_id
        async with turn:
            poll = Poll(id_, now())
            error = self.fails(id_, len(self.of(id_)))
            self.polls.append(poll)
            self.under_way += 1
            self.most_under_way = max(self.most_under_way, self.under_way)
            try:
                await asyncio.sleep(self.takes.get(id_, 0.0))
                if error is not None:
                    raise error
                return observation(id_)
            finally:
                self.under_way -= 1
                poll.ended = now()

    def of(self, id_: str) -> list[Poll]:
        """Return the polls of one destination."""
        return [poll for poll in self.polls if poll.id == id_]

    def began(self, id_: str) -> list[float]:
        """Return the start time of each poll of one destination."""
        return [poll.began for poll in self.of(id_)]


def observation(id_: str) -> PollResult:
    """Return a reading of a destination."""
    data = {"recordsLag": 7, "connector_status": "Active"}
    return PollResult(DestinationMetrics(id_, "latest", LONG_AGO, data, {}))


@dataclass
class Wait:
    """A wait that polls at its own interval, as the trigger does.

    :param ids: the destinations.
    :param interval: seconds between two rounds.
    :param spread_first: spread the first polls over the first interval; else poll at once.
    :param then: callbacks to run after each round.
    """

    poller: Poller
    ids: tuple[str, ...]
    interval: float
    spread_first: bool = False
    seen: list[TimedResult] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    then: list[Callable[[], object]] = field(default_factory=list)

    async def run(self, rounds: int | None = None) -> None:
        """Run for a number of rounds; None: until cancelled."""
        spread = self.interval if self.spread_first else 0.0
        need = PollWindow(now(), now() + spread, spread)

        def receive(samples: list[TimedResult]) -> PollWindow | None:
            nonlocal need
            fresh_enough(samples, need)
            self.seen += samples
            self.times.append(now())
            for act in self.then:
                act()
            began = max(sample.began for sample in samples)
            need = PollWindow(began + self.interval / 2, began + self.interval)
            return need if rounds is None or len(self.times) < rounds else None

        with self.poller.subscribe([PollTarget(id_) for id_ in self.ids]) as follower:
            await follower.for_each_round(receive, need)

    @property
    def errors(self) -> list[StreamkapError]:
        """The errors that it received."""
        return [sample.result for sample in self.seen if isinstance(sample.result, StreamkapError)]


async def take(follower: Subscription, not_before: float, due: float, spread: float = 0.0) -> list[TimedResult]:
    """Take part in one round."""
    samples = await follower.next(not_before=not_before, due=due, spread=spread)
    fresh_enough(samples, PollWindow(not_before, due, spread))
    return samples


def fresh_enough(samples: list[TimedResult], need: PollWindow) -> None:
    """Assert that no reading is older than requested."""
    assert all(need.not_before <= sample.began <= now() for sample in samples)
