# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""One poll per destination and interval, however many waits ask for it.

All waits of one event loop on one connection share a :class:`Poller`. A wait says from when on a
reading is of use to it, and when it needs one at the latest. The destination is asked at the earliest of those
moments, once, and everybody whom that reading serves gets it. Nobody waiting means nobody polling.
"""

from __future__ import annotations

import asyncio
import contextvars
import random
from collections.abc import Awaitable, Callable, Sequence
from math import floor, inf

from airflow_provider_streamkap.api.errors import StreamkapConnectionError, StreamkapError
from airflow_provider_streamkap.gate.target import PollResult, PollTarget
from airflow_provider_streamkap.polling.limiter import Limiter, LimiterSlot
from airflow_provider_streamkap.polling.subscription import Delivery, PollWindow, Subscription, TimedResult, Waiter

#: Seconds between the moments at which destinations are first polled: one after the other, a process that rests in
#: between needs twice the processor time for each that it needs for several together.
TOGETHER = 1.0
#: The least number of such moments in the time over which first polls are spread.
MOMENTS = 10


Fetch = Callable[[PollTarget, LimiterSlot], Awaitable[PollResult]]


class Poller:
    """Polls destinations for the waits of one event loop.

    :param fetch: looks at one destination, with whatever retries it likes. It enters the turn for each attempt;
        the first one is free when it is called.
    :param max_concurrency: attempts under way at once, default 16; the others queue in the order of their turn, so
        that no destination starves.
    :param seed: where the moments of first polls come from; default: from chance.
    """

    def __init__(self, fetch: Fetch, *, max_concurrency: int = 16, seed: int | None = None) -> None:
        self._fetch = fetch
        self._slots = Limiter(max_concurrency)
        self._seed = random.SystemRandom().getrandbits(64) if seed is None else seed
        self._destinations: dict[PollTarget, _Destination] = {}
        self._delivery = Delivery()

    def __len__(self) -> int:
        """Count the destinations that somebody follows."""
        return len(self._destinations)

    def follow(self, targets: Sequence[PollTarget]) -> Subscription:
        """Take part in the polls of some destinations: a context, which lasts until it is left.

        :param watches: the destinations and how to look at them; each is polled for as long as anybody follows it.
        """
        return Subscription([self._join(target) for target in targets])

    def _join(self, target: PollTarget) -> _Destination:
        destination = self._destinations.get(target)
        if destination is None:
            phase = random.Random(f"{self._seed}/{target.destination_id}").random()  # noqa: S311
            gone = self._destinations.pop
            destination = _Destination(target, self._fetch, LimiterSlot(self._slots), phase, self._delivery, gone)
            self._destinations[target] = destination
        destination.followers += 1
        return destination


class _Destination:
    """The polls of one destination: a timer while it rests, a task while it is asked."""

    __slots__ = (
        "_delivery",
        "_due",
        "_fetch",
        "_gone",
        "_loop",
        "_phase",
        "_task",
        "_timer",
        "_turn",
        "_waiters",
        "followers",
        "target",
    )

    def __init__(
        self,
        target: PollTarget,
        fetch: Fetch,
        slot: LimiterSlot,
        phase: float,
        delivery: Delivery,
        gone: Callable[[PollTarget], object],
    ) -> None:
        self.target = target
        self.followers = 0
        self._fetch = fetch
        self._turn = slot
        self._phase = phase
        self._delivery = delivery
        self._gone = gone
        self._loop = asyncio.get_running_loop()
        # In the order in which they came: a set would wake them in any.
        self._waiters: dict[Waiter, None] = {}
        # Of the next poll; while one is under way, of the one after it.
        self._due = inf
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[TimedResult] | None = None

    def ask(self, waiter: Waiter, need: PollWindow) -> None:
        due, spread = need.due, need.spread
        if spread and not need.not_before <= self._due <= due:
            # The same moment for all who come before it: were it counted from when each of them comes, some would
            # find it just ahead, one after the other, and each would have the destination asked.
            sooner, apart = due - spread, min(TOGETHER, spread / MOMENTS)
            due = sooner + (floor(spread * self._phase / apart) * apart - sooner) % spread
        waiter.not_before, waiter.due = need.not_before, max(need.not_before, due)
        self._waiters[waiter] = None
        if waiter.due < self._due:
            self._rest_until(waiter.due)

    def forget(self, waiter: Waiter) -> None:
        if self._waiters.pop(waiter, waiter) is None and not self._waiters:
            # Else a newcomer would ride along with a poll that will not be made.
            self._rest_until(inf)

    def leave(self) -> None:
        self.followers -= 1
        if self.followers:
            return
        self._gone(self.target)
        self._rest_until(inf)
        if self._task is not None:
            self._task.cancel()

    def _rest_until(self, due: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._due, self._timer = due, None
        if self._task is None and due < inf:
            self._timer = self._loop.call_at(due, self._wake)

    def _wake(self) -> None:
        due = min((waiter.due for waiter in self._waiters), default=inf)
        # Loops fire a timer up to the resolution of their clock early, and early is too soon for a reading that
        # has to begin at that moment. Or whoever wanted the poll has left.
        if due > self._loop.time():
            self._rest_until(due)
            return
        self._due, self._timer = inf, None
        # A context of its own: a task inherits the log context of whoever creates it, and what is polled for many
        # must not be logged as the work of one.
        self._task = self._loop.create_task(self._poll(), context=contextvars.Context())
        self._task.add_done_callback(self._polled)

    async def _poll(self) -> TimedResult:
        try:
            await self._turn.take()
            self._turn.start()
            got: PollResult | StreamkapError = await self._fetch(self.target, self._turn)
        except StreamkapError as error:
            got = error
        finally:
            self._turn.give_back()
        return TimedResult(got, self._turn.began)

    def _polled(self, task: asyncio.Task[TimedResult]) -> None:
        """Give everybody whom the poll serves what it brought, and rest until the next is due."""
        self._task = None
        began = self._turn.began
        served = [waiter for waiter in self._waiters if waiter.not_before <= began]
        for waiter in served:
            del self._waiters[waiter]
        self._rest_until(min((waiter.due for waiter in self._waiters), default=inf))
        if task.cancelled():
            # Not by us, or nobody would wait; a library may cancel what it should not. That passes.
            lost = StreamkapConnectionError("the poll was cancelled before it ended")
            self._delivery.put(served, TimedResult(lost, began))
        else:
            self._delivery.put(served, task.exception() or task.result())
