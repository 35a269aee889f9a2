# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The side of those who follow polls: what a follower needs, what it is given, and how that reaches thousands."""

from __future__ import annotations

import asyncio
import contextvars
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from types import TracebackType
from typing import NamedTuple, Protocol, Self

from airflow_provider_streamkap.api.errors import StreamkapError
from airflow_provider_streamkap.gate.target import PollResult

#: Waits that are given something at once; then the loop may turn to others, since each takes a while to digest it.
BATCH = 64


@dataclass(frozen=True, slots=True)
class TimedResult:
    """What one poll brought.

    :param got: what was seen, or the error that came instead. It is handed over as a value: one exception raised
        in thousands of waits would collect a traceback from each.
    :param began: loop time at which the request was sent; what it shows is not older.
    """

    got: PollResult | StreamkapError
    began: float


class PollWindow(NamedTuple):
    """What a follower needs its next round to be.

    :param not_before: loop time; a reading whose request began earlier is of no use.
    :param due: loop time at which to poll at the latest; at least ``not_before``.
    :param spread: seconds before ``due``; each destination is polled at a moment of its own in them, the same for all
        its followers, so that a thousand waits that begin together do not ask for a thousand destinations at once. A
        destination that will be polled for others by ``due`` gets no poll for that.
    """

    not_before: float
    due: float
    spread: float = 0.0


OnReadings = Callable[[list[TimedResult]], PollWindow | None]


class Polled(Protocol):
    """A destination, as its followers see it."""

    def ask(self, waiter: Waiter, need: PollWindow) -> None:
        """Hand the waiter a sample that serves the need, once."""

    def forget(self, waiter: Waiter) -> None:
        """Do not poll for the waiter any more."""

    def leave(self) -> None:
        """Follow it no longer."""


class Subscription:
    """One follower's view of its destinations: a reading of each, again and again, until the context is left."""

    __slots__ = ("_followed",)

    def __init__(self, followed: Sequence[Polled]) -> None:
        self._followed = followed

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        followed, self._followed = self._followed, ()
        for destination in followed:
            destination.leave()

    async def each(self, step: OnReadings, need: PollWindow) -> None:
        """Wait for one round after the other, for as long as there is need of one.

        A follower that rests costs nothing, and one that takes a round not much more than the step itself: its task
        is not woken for it.

        :param step: takes a round in, in the order of the watches, and says what it needs next; ``None``: nothing. It
            is called from the event loop, in the context of whoever called this, and so must not block. What it
            raises is raised here.
        :param need: what the first round has to be.
        """
        following = _Following(self._followed, step)
        try:
            following.ask(need)
            error = await following.ended
        finally:
            following.leave()
        if error is not None:
            raise error

    async def next(self, *, not_before: float, due: float, spread: float = 0.0) -> list[TimedResult]:
        """Wait for one round; parameters as of :class:`PollWindow`.

        :returns: what the polls brought, in the order of the watches.
        """
        round_: list[TimedResult] = []
        await self.each(round_.extend, PollWindow(not_before, due, spread))
        return round_


class _Following:
    """A follower while it waits for rounds."""

    __slots__ = ("_context", "_got", "_step", "_waiters", "ended")

    def __init__(self, followed: Sequence[Polled], step: OnReadings) -> None:
        # With what was raised as its result: not everything that can be raised is taken for a future's exception.
        self.ended: asyncio.Future[BaseException | None] = asyncio.get_running_loop().create_future()
        # Airflow tells by the context whose log a line belongs to.
        self._context = contextvars.copy_context()
        self._step = step
        self._waiters = [Waiter(self, destination) for destination in followed]
        self._got: dict[Waiter, TimedResult] = {}

    def ask(self, need: PollWindow) -> None:
        for waiter in self._waiters:
            waiter.destination.ask(waiter, need)

    def take(self, waiter: Waiter, what: TimedResult | BaseException) -> None:
        if self.ended.done():
            return
        if not isinstance(what, TimedResult):
            self._end(what)
            return
        self._got[waiter] = what
        if len(self._got) < len(self._waiters):
            return
        samples = [self._got[waiter] for waiter in self._waiters]
        # Not to be kept while resting: a thousand waits would keep a thousand rounds.
        self._got.clear()
        try:
            need = self._context.run(self._step, samples)
        # It is for whoever waits, and must not keep what has come from the others.
        except BaseException as error:
            self._end(error)
            return
        if need is None:
            self._end(None)
        elif not self.ended.done():
            self.ask(need)

    def _end(self, error: BaseException | None) -> None:
        # A step can have cancelled its own task.
        if not self.ended.done():
            self.ended.set_result(error)

    def leave(self) -> None:
        for waiter in self._waiters:
            waiter.destination.forget(waiter)
        # They know each other.
        self._waiters.clear()
        # What is being handed out finds that nobody waits.
        self.ended.cancel()


class Waiter:
    """A follower's place among those who wait for one destination."""

    __slots__ = ("destination", "due", "following", "not_before")

    def __init__(self, following: _Following, destination: Polled) -> None:
        self.following = following
        self.destination = destination
        self.not_before = self.due = inf


class Delivery:
    """Hands out what polls brought: to no more waits at once than the loop bears, whatever they wait for."""

    __slots__ = ("_queue",)

    def __init__(self) -> None:
        self._queue: deque[tuple[Waiter, TimedResult | BaseException]] = deque()

    def put(self, waiters: Sequence[Waiter], what: TimedResult | BaseException) -> None:
        if waiters and not self._queue:
            asyncio.get_running_loop().call_soon(self._hand_out)
        self._queue.extend((waiter, what) for waiter in waiters)

    def _hand_out(self) -> None:
        for _ in range(min(BATCH, len(self._queue))):
            waiter, what = self._queue.popleft()
            waiter.following.take(waiter, what)
        if self._queue:
            asyncio.get_running_loop().call_soon(self._hand_out)
