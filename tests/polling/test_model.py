# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Any order of joining, requesting, responding, failing, cancelling and leaving, compared with a reference model."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from airflow_provider_streamkap.api.errors import StreamkapError, StreamkapServerError
from airflow_provider_streamkap.gate.target import PollResult, PollTarget
from airflow_provider_streamkap.polling.limiter import LimiterSlot
from airflow_provider_streamkap.polling.poller import Poller
from airflow_provider_streamkap.polling.subscription import Subscription, TimedResult
from tests.polling.fake_service import observation
from tests.polling.reference_model import Model
from tests.polling.virtual_loop import VirtualLoop, settle

IDS = ("a", "b", "c")


class Bug(Exception):
    """An exception that no fetch should raise."""


class PollerAgainstModel(RuleBasedStateMachine):
    """Does everything in both implementations and compares them after every step."""

    limit = len(IDS)
    # Destinations due at the same time can be polled in any order, which matters only when slots are short.
    together = 2

    def __init__(self) -> None:
        super().__init__()
        self.loop = VirtualLoop()
        self.poller = Poller(self._fetch, max_concurrency=self.limit)
        self.model = Model(self.limit, self.loop.time())
        self.under_way: dict[str, tuple[float, asyncio.Future[PollResult]]] = {}
        self.stacks: dict[int, ExitStack] = {}
        self.rounds: dict[int, Subscription] = {}
        self.tasks: dict[int, asyncio.Task[list[TimedResult]]] = {}
        self.number = 0

    async def _fetch(self, watch: PollTarget, turn: LimiterSlot) -> PollResult:
        id_ = watch.resource_id
        async with turn:
            assert id_ not in self.under_way, "asked twice at a time"
            self.under_way[id_] = (self.loop.time(), self.loop.create_future())
            try:
                return await self.under_way[id_][1]
            finally:
                del self.under_way[id_]

    def _step(self, seconds: float = 0.0) -> None:
        async def step() -> None:
            await settle()
            if seconds:
                await asyncio.sleep(seconds)
                await settle()

        self.loop.run_until_complete(step())

    def _idle(self) -> list[int]:
        return [follower for follower in self.model.followed if follower not in self.tasks]

    @rule(ids=st.lists(st.sampled_from(IDS), min_size=1, max_size=2, unique=True))
    def join(self, ids: list[str]) -> None:
        ids = ids[: self.together]

        async def enter(stack: ExitStack) -> Subscription:
            return stack.enter_context(self.poller.subscribe([PollTarget(id_) for id_ in ids]))

        self.number += 1
        self.stacks[self.number] = ExitStack()
        self.rounds[self.number] = self.loop.run_until_complete(enter(self.stacks[self.number]))
        self.model.join(self.number, tuple(ids))

    @precondition(lambda self: self._idle())
    @rule(data=st.data(), later=st.integers(-20, 20), slack=st.integers(0, 30))
    def ask(self, data: st.DataObject, later: int, slack: int) -> None:
        follower = data.draw(st.sampled_from(self._idle()), label="follower")
        self.number += 1
        # No two are due at the same time, because their order is undefined.
        not_before = self.model.time + later + self.number / 10_000
        due = not_before + slack
        coroutine = self.rounds[follower].next(not_before=not_before, due=due)
        self.tasks[follower] = self.loop.create_task(coroutine)
        self._step()
        self.model.ask(follower, not_before, due)

    @rule(seconds=st.integers(1, 25))
    def pass_time(self, seconds: int) -> None:
        until = self.loop.time() + seconds
        self._step(seconds)
        self.model.advance(until)

    @precondition(lambda self: self.model.under_way)
    @rule(data=st.data(), end=st.sampled_from(["answer", "answer", "failure", "bug"]))
    def finish(self, data: st.DataObject, end: str) -> None:
        id_ = data.draw(st.sampled_from(sorted(self.model.under_way)), label="destination")
        observation_ = observation(id_)
        what: PollResult | StreamkapError = observation_
        bug = None
        future = self.under_way[id_][1]
        if end == "answer":
            future.set_result(observation_)
        elif end == "failure":
            what = StreamkapServerError("unavailable", status=503)
            future.set_exception(what)
        else:
            bug = Bug()
            future.set_exception(bug)
        self._step()
        self.model.finish(id_, what, bug)

    @precondition(lambda self: self.tasks)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        follower = data.draw(st.sampled_from(sorted(self.tasks)), label="follower")
        self.tasks.pop(follower).cancel()
        self._step()
        self.model.stop_asking(follower)

    @precondition(lambda self: self.model.followed)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        follower = data.draw(st.sampled_from(sorted(self.model.followed)), label="follower")

        async def exit_() -> None:
            if (task := self.tasks.pop(follower, None)) is not None:
                task.cancel()
                await asyncio.wait([task])
            self.stacks.pop(follower).close()

        self.loop.run_until_complete(exit_())
        self._step()
        self.model.leave(follower)

    @invariant()
    def polls_match_model(self) -> None:
        assert {id_: began for id_, (began, _) in self.under_way.items()} == pytest.approx(
            self.model.under_way, abs=1e-6
        )
        assert len(self.poller) == len(self.model.destinations())

    @invariant()
    def rounds_match_model(self) -> None:
        ended = {follower for follower, task in self.tasks.items() if task.done()}
        assert ended == {follower for follower, round_ in self.model.rounds.items() if round_.done}
        for follower in ended:
            task, expected = self.tasks.pop(follower), self.model.rounds.pop(follower)
            if expected.bug is not None:
                assert task.exception() is expected.bug
                continue
            samples = dict(zip(expected.wanted, task.result(), strict=True))
            assert {id_: sample.result for id_, sample in samples.items()} == {
                id_: what for id_, (what, _) in expected.got.items()
            }
            assert [samples[id_].began for id_ in expected.wanted] == pytest.approx(
                [expected.got[id_][1] for id_ in expected.wanted], abs=1e-6
            )

    @invariant()
    def task_count_is_bounded(self) -> None:
        under_way = len(self.model.under_way) + len(self.model.queue)
        assert len(asyncio.all_tasks(self.loop)) == sum(not task.done() for task in self.tasks.values()) + under_way

    def teardown(self) -> None:
        async def leave_all() -> None:
            for task in self.tasks.values():
                task.cancel()
            await asyncio.gather(*self.tasks.values(), return_exceptions=True)
            for stack in self.stacks.values():
                stack.close()
            await settle()

        self.loop.run_until_complete(leave_all())
        left = (len(self.poller), len(asyncio.all_tasks(self.loop)), self.loop.pending_timers(), len(self.under_way))
        self.loop.close()
        assert left == (0, 0, 0, 0)


class PollerShortOfSlots(PollerAgainstModel):
    """The same with fewer slots than destinations."""

    limit = 1
    together = 1


ENOUGH = settings(max_examples=75, stateful_step_count=40, deadline=None)
TestPollerAgainstModel = PollerAgainstModel.TestCase
TestPollerAgainstModel.settings = ENOUGH
TestPollerShortOfSlots = PollerShortOfSlots.TestCase
TestPollerShortOfSlots.settings = ENOUGH
