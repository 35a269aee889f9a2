# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""What only a running sensor needs, imported on first use; and one poll of all destinations in the worker."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_streamkap._compat import PokeReturnValue
from airflow_provider_streamkap._results import (
    failure_exception,
    raise_deferral_timeout,
    raise_task_exceptions,
    result_of_event,
    skip_on_any_failure,
    skip_only_on_timeout,
    task_result,
)
from airflow_provider_streamkap.api.errors import StreamkapError, StreamkapTimeoutError
from airflow_provider_streamkap.api.retry import Deadline
from airflow_provider_streamkap.gate.spec import DEADLINE_GRACE, WaitSpec
from airflow_provider_streamkap.gate.state import FailureKind
from airflow_provider_streamkap.gate.wait import Failed, PollAgain, ResourceWait, Succeeded
from airflow_provider_streamkap.polling.poll import poll
from airflow_provider_streamkap.triggers.streamkap import StreamkapDestinationTrigger

if TYPE_CHECKING:
    from airflow_provider_streamkap.api.client import StreamkapClient
    from airflow_provider_streamkap.api.flows import ApiSession, Flow
    from airflow_provider_streamkap.gate.target import PollResult, PollTarget
    from airflow_provider_streamkap.hooks.streamkap import StreamkapHook

__all__ = [
    "FIRST_POLL_SECONDS",
    "ResourceWait",
    "StreamkapDestinationTrigger",
    "poll_once",
    "raise_deferral_timeout",
    "raise_task_exceptions",
    "result_of_event",
    "skip_on_any_failure",
    "skip_only_on_timeout",
]

#: Seconds for the first poll before deferring, over all destinations.
FIRST_POLL_SECONDS = 10.0
#: Minimum time limit of a poll in seconds, over all destinations, if ``poke_interval`` is shorter.
MIN_POLL_SECONDS = 10.0


def poll_once(
    wait: ResourceWait, hook: StreamkapHook, *, keyed: bool, log: Any, first_poll: float | None = None
) -> PollAgain | PokeReturnValue:
    """Poll every destination once.

    The time limit is ``poke_interval``, or :data:`MIN_POLL_SECONDS` if that is longer. The poll ends
    :data:`~airflow_provider_streamkap.gate.spec.DEADLINE_GRACE` after the deadline at the latest.

    :param wait: the wait, which is updated.
    :param hook: the hook to poll with.
    :param keyed: whether the result is a dict by id.
    :param log: logger for the poll line.
    :param first_poll: time limit in seconds of the first poll before deferring, which does not retry requests and never
        fails on errors that are not permanent; destinations for which it has no time are left to the trigger. ``None``
        (default): a regular poll.
    :returns: when to poll again, or the snapshot.
    :raises AirflowException: the wait failed; the class depends on the reason.
    """
    spec = wait.spec
    within = max(spec.poke_interval, MIN_POLL_SECONDS) if first_poll is None else first_poll
    if spec.deadline is not None:
        within = min(within, max(spec.deadline - time.time(), 0) + DEADLINE_GRACE)
    seen = _poll_all(hook, spec, within) if first_poll is None else _poll_before_deferring(hook, spec, within)
    now = time.time()
    step = wait.advance(seen, now)
    if first_poll is not None and isinstance(step, Failed) and step.kind is FailureKind.UNREACHABLE:
        step = PollAgain(spec.poke_interval, failing=True)
    for warning in wait.warnings:
        log.warning("%s", warning)
    if line := wait.progress(step, now):
        failed = any(isinstance(got, StreamkapError) for got in seen.values())
        log.log(logging.WARNING if failed else logging.INFO, "%s", line)
    if isinstance(step, Failed):
        raise failure_exception(step)
    if isinstance(step, Succeeded):
        return PokeReturnValue(True, task_result(step.passed, keyed, wait.snapshots(seen)))
    return step


def _poll_before_deferring(
    hook: StreamkapHook, spec: WaitSpec, within: float
) -> dict[str, PollResult | StreamkapError]:
    """Poll without retries. Omit the destinations for which a working API leaves too little time."""
    half_time = Deadline(within / 2, time.monotonic)
    polled_early = set()

    def timed_poll(session: ApiSession, target: PollTarget) -> Flow[PollResult]:
        if half_time.left() > 0:
            polled_early.add(target.resource_id)
        return poll(session, target)

    seen = _poll_all(hook, spec, within, timed_poll, attempts=1)
    if all(isinstance(got, StreamkapError) for got in seen.values()):
        return seen
    return {id_: got for id_, got in seen.items() if id_ in polled_early or not isinstance(got, StreamkapTimeoutError)}


def _poll_all(
    hook: StreamkapHook,
    spec: WaitSpec,
    within: float,
    flow: Callable[[ApiSession, PollTarget], Flow[PollResult]] = poll,
    attempts: int | None = None,
) -> dict[str, PollResult | StreamkapError]:
    targets = [spec.target(id_) for id_ in spec.resource_ids]
    deadline = Deadline(within, time.monotonic)

    def poll_each(
        client: StreamkapClient, targets: Sequence[PollTarget]
    ) -> Generator[tuple[PollTarget, PollResult | StreamkapError], None, None]:
        return client.call_each(targets, flow, within=deadline.left(), attempts=attempts)

    seen = {target.resource_id: got for target, got in hook.call_each(targets, poll_each)}
    return {id_: seen[id_] for id_ in spec.resource_ids}
