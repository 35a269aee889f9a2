# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Poll each resource once per interval for any number of subscribers.

All waits of one event loop on one connection share a :class:`Poller`. Each subscriber passes the earliest acceptable
start of its next poll and the latest time it is due. The resource is polled once, at the earliest due time, and the
result goes to every subscriber that accepts it. Without subscribers, nothing is polled.
"""

from __future__ import annotations

import asyncio
import contextvars
import random
from collections.abc import Awaitable, Callable, Sequence
from math import floor, inf

from airflow_provider_streamkap.api.errors import StreamkapConnectionError, StreamkapError
from airflow_provider_streamkap.api.options import OPTIONS
from airflow_provider_streamkap.gate.target import AnyPollResult, PollTarget
from airflow_provider_streamkap.polling.limiter import Limiter, LimiterSlot
from airflow_provider_streamkap.polling.subscription import PollWindow, ResultQueue, Subscription, TimedResult, Waiter

#: Seconds between batches of first polls. Waking up for each resource separately takes twice the CPU time.
FIRST_POLL_STEP = 1.0
#: Minimum number of batches over which first polls are spread.
MIN_FIRST_POLL_STEPS = 10


Fetch = Callable[[PollTarget, LimiterSlot], Awaitable[AnyPollResult]]


class Poller:
    """Polls resources for the waits of one event loop.

    :param fetch: polls one target, including retries. It enters the slot for each attempt; the slot for the first
        attempt is already held.
    :param max_concurrency: maximum number of concurrent attempts, default 16; the others queue in FIFO order.
    :param seed: seed for the times of first polls; default: random.
    """

    def __init__(
        self, fetch: Fetch, *, max_concurrency: int = OPTIONS["max_concurrency"].default, seed: int | None = None
    ) -> None:
        self._fetch = fetch
        self._limiter = Limiter(max_concurrency)
        self._seed = random.SystemRandom().getrandbits(64) if seed is None else seed
        self._resources: dict[PollTarget, _ResourcePolls] = {}
        self._results = ResultQueue()

    def __len__(self) -> int:
        """Return the number of resources with subscribers."""
        return len(self._resources)

    def subscribe(self, targets: Sequence[PollTarget]) -> Subscription:
        """Return a subscription to some targets: a context manager that unsubscribes on exit.

        :param targets: the targets. Each is polled as long as it has subscribers.
        """
        return Subscription([self._add_subscriber(target) for target in targets])

    def change(self, subscription: Subscription, targets: Sequence[PollTarget]) -> None:
        """Let a subscription poll other targets from its next round.

        :param subscription: a subscription of this poller, between two rounds.
        :param targets: the new targets. Those that it already has keep their schedule.
        """
        # Subscribe first: a resource without subscribers forgets its schedule.
        subscription.replace([self._add_subscriber(target) for target in targets])

    def _add_subscriber(self, target: PollTarget) -> _ResourcePolls:
        resource = self._resources.get(target)
        if resource is None:
            phase = random.Random(f"{self._seed}/{target.resource_id}").random()  # noqa: S311
            remove = self._resources.pop
            resource = _ResourcePolls(target, self._fetch, LimiterSlot(self._limiter), phase, self._results, remove)
            self._resources[target] = resource
        resource.subscribers += 1
        return resource


class _ResourcePolls:
    """The polls of one resource: a timer between polls, a task during a poll."""

    __slots__ = (
        "_due",
        "_fetch",
        "_loop",
        "_phase",
        "_remove",
        "_results",
        "_slot",
        "_task",
        "_timer",
        "_waiters",
        "subscribers",
        "target",
    )

    def __init__(
        self,
        target: PollTarget,
        fetch: Fetch,
        slot: LimiterSlot,
        phase: float,
        results: ResultQueue,
        remove: Callable[[PollTarget], object],
    ) -> None:
        self.target = target
        self.subscribers = 0
        self._fetch = fetch
        self._slot = slot
        self._phase = phase
        self._results = results
        self._remove = remove
        self._loop = asyncio.get_running_loop()
        # A dict keeps the order of arrival, a set would not.
        self._waiters: dict[Waiter, None] = {}
        # Loop time of the next poll, not counting one in progress.
        self._due = inf
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[TimedResult] | None = None

    def add_waiter(self, waiter: Waiter, window: PollWindow) -> None:
        due, spread = window.due, window.spread
        if spread and not window.not_before <= self._due <= due:
            # Use a time that depends only on the resource, not on the arrival of the waiter. Otherwise waiters that
            # arrive one after the other would each trigger a poll.
            earliest, step = due - spread, min(FIRST_POLL_STEP, spread / MIN_FIRST_POLL_STEPS)
            due = earliest + (floor(spread * self._phase / step) * step - earliest) % spread
        waiter.not_before, waiter.due = window.not_before, max(window.not_before, due)
        self._waiters[waiter] = None
        if waiter.due < self._due:
            self._schedule(waiter.due)

    def remove_waiter(self, waiter: Waiter) -> None:
        if self._waiters.pop(waiter, waiter) is None and not self._waiters:
            # Otherwise a new waiter would rely on a poll that is not going to happen.
            self._schedule(inf)

    def unsubscribe(self) -> None:
        self.subscribers -= 1
        if self.subscribers:
            return
        self._remove(self.target)
        self._schedule(inf)
        if self._task is not None:
            self._task.cancel()

    def _schedule(self, due: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._due, self._timer = due, None
        if self._task is None and due < inf:
            self._timer = self._loop.call_at(due, self._wake)

    def _wake(self) -> None:
        due = min((waiter.due for waiter in self._waiters), default=inf)
        # The loop may fire a timer early, by up to its clock resolution, which is too early for ``not_before``. Or the
        # waiter that was due has been removed.
        if due > self._loop.time():
            self._schedule(due)
            return
        self._due, self._timer = inf, None
        # Use an empty context. Otherwise the task would inherit the log context of one of its waiters.
        self._task = self._loop.create_task(self._poll(), context=contextvars.Context())
        self._task.add_done_callback(self._polled)

    async def _poll(self) -> TimedResult:
        try:
            await self._slot.acquire()
            self._slot.start()
            result: AnyPollResult | StreamkapError = await self._fetch(self.target, self._slot)
        except StreamkapError as error:
            result = error
        finally:
            self._slot.release()
        return TimedResult(result, self._slot.began)

    def _polled(self, task: asyncio.Task[TimedResult]) -> None:
        """Pass the result to every waiter that accepts it, and schedule the next poll."""
        self._task = None
        began = self._slot.began
        served = [waiter for waiter in self._waiters if waiter.not_before <= began]
        for waiter in served:
            del self._waiters[waiter]
        self._schedule(min((waiter.due for waiter in self._waiters), default=inf))
        if task.cancelled():
            # unsubscribe() cancels only without waiters, so a library cancelled the task. Treat it as transient.
            cancelled = StreamkapConnectionError("the poll was cancelled before it finished")
            self._results.put(served, TimedResult(cancelled, began))
        else:
            self._results.put(served, task.exception() or task.result())
