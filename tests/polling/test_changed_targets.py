# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""A subscription that polls other targets from its next round."""

from __future__ import annotations

import asyncio

from airflow_provider_streamkap.api.query import SOURCE
from airflow_provider_streamkap.gate.target import PollResult, PollTarget
from airflow_provider_streamkap.polling.poller import Poller
from tests.polling.fake_service import Service, now
from tests.polling.virtual_loop import run

A, B, C = (PollTarget(id_) for id_ in ("a", "b", "c"))


def test_next_round_polls_new_targets_only() -> None:
    async def main() -> None:
        service = Service()
        poller = Poller(service.fetch)
        with poller.subscribe([A, B]) as subscription:
            await subscription.next(not_before=now(), due=now())
            poller.change(subscription, [C, B])
            assert len(poller) == 2
            results = [timed.result for timed in await subscription.next(not_before=now(), due=now() + 10)]
            assert [result.latest.resource_id for result in results if isinstance(result, PollResult)] == ["c", "b"]
        assert [len(service.of(id_)) for id_ in "abc"] == [1, 2, 1]
        assert len(poller) == 0

    run(main())


def test_kept_target_keeps_schedule_shared_with_others() -> None:
    async def main() -> None:
        service = Service()
        poller = Poller(service.fetch)
        with poller.subscribe([A]) as other, poller.subscribe([A, B]) as subscription:
            await subscription.next(not_before=now(), due=now())
            begin = now()
            poller.change(subscription, [A])
            rounds = (each.next(not_before=begin + 5, due=begin + 10) for each in (subscription, other))
            await asyncio.gather(*rounds)
        assert service.began("a") == [begin, begin + 10]

    run(main())


def test_target_without_other_subscribers_keeps_its_resource() -> None:
    async def main() -> None:
        poller = Poller(Service().fetch)
        with poller.subscribe([A]) as subscription:
            (before,) = poller._resources.values()
            poller.change(subscription, [A, B])
            assert poller._resources[A] is before

    run(main())


def test_targets_that_differ_in_kind_or_record_are_polled_separately() -> None:
    async def main() -> None:
        service = Service()
        poller = Poller(service.fetch)
        targets = [A, PollTarget("a", kind=SOURCE), PollTarget("a", kind=SOURCE, record=True)]
        with poller.subscribe(targets) as subscription:
            await subscription.next(not_before=now(), due=now())
        assert len(service.of("a")) == 3

    run(main())
