# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Random sets of waits over hours of virtual time, with invariants for each of them."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from itertools import pairwise
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_streamkap.api.errors import StreamkapServerError, StreamkapTimeoutError
from airflow_provider_streamkap.polling.poller import Poller
from tests.polling.fake_service import Service, Wait, now
from tests.polling.virtual_loop import VirtualLoop, run, settle

IDS = ("a", "b", "c", "d")
SLOWEST = 20.0


class Plan(NamedTuple):
    """The schedule of one wait."""

    ids: list[str]
    interval: float
    comes: float
    stays: float
    spread: bool


plans = st.builds(
    Plan,
    ids=st.lists(st.sampled_from(IDS), min_size=1, max_size=3, unique=True),
    interval=st.sampled_from([1.0, 5.0, 10.0, 17.0, 60.0]),
    comes=st.floats(0, 300),
    stays=st.floats(0, 600),
    spread=st.booleans(),
)
ends = st.sampled_from([None, StreamkapServerError("down", status=503), StreamkapTimeoutError("late")])


@settings(max_examples=60, deadline=None)
@given(
    crowd=st.lists(plans, min_size=1, max_size=25),
    takes=st.fixed_dictionaries({id_: st.floats(0, SLOWEST) for id_ in IDS}),
    failures=st.lists(ends, min_size=1, max_size=7),
    limit=st.integers(1, 5),
)
def test_every_wait_gets_fresh_readings_in_time_without_extra_polls(
    crowd: list[Plan], takes: dict[str, float], failures: list[Exception | None], limit: int
) -> None:
    async def main() -> None:
        service = Service(takes=takes, fails=lambda id_, number: failures[(number + ord(id_)) % len(failures)])
        poller = Poller(service.fetch, max_concurrency=limit)
        # In the worst case a poll is in flight when a wait needs one, and all others come first, one after the other.
        in_time = 2 * len(IDS) * SLOWEST

        async def live(plan: Plan) -> Wait:
            await asyncio.sleep(plan.comes)
            wait = Wait(poller, tuple(plan.ids), plan.interval, spread_first=plan.spread)
            arrived_at = now()
            try:
                async with asyncio.timeout(plan.stays):
                    await wait.run()
            except TimeoutError:
                pass
            assert all(
                later - sooner <= plan.interval + in_time for sooner, later in pairwise([arrived_at, *wait.times])
            )
            assert plan.stays <= plan.interval + in_time or wait.times
            return wait

        waits = await asyncio.gather(*map(live, crowd))

        # No wait received anything that the service did not return (freshness is checked on delivery).
        delivered = defaultdict(set)
        for poll in service.polls:
            delivered[poll.began].add(poll.id)
        assert all(sample.began in delivered for wait in waits for sample in wait.seen)
        assert service.most_under_way <= limit
        for id_ in IDS:
            polls = service.of(id_)
            assert all(later.began >= (sooner.ended or 0.0) for sooner, later in pairwise(polls))
            intervals = [plan.interval for plan in crowd if id_ in plan.ids]
            # A new wait may need one extra poll; after that, the shortest interval determines the polls.
            assert len(polls) <= 900 / min(intervals, default=900) + 1 + 2 * len(intervals)
        await settle()
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        assert (len(poller), len(asyncio.all_tasks()), loop.pending_timers()) == (0, 1, 0)

    run(main())
