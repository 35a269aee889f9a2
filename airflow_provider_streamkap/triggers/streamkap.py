# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""StreamkapWaitTrigger: run a wait in the triggerer.

The arguments contain no secrets: the trigger looks up the connection itself.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from math import inf
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_streamkap._compat import AirflowException, AirflowNotFoundException
from airflow_provider_streamkap._results import error_event, failed_event, succeeded_event, task_result
from airflow_provider_streamkap.api.errors import StreamkapError
from airflow_provider_streamkap.gate.reading import duration
from airflow_provider_streamkap.gate.spec import DEADLINE_GRACE, VersionMismatchError, WaitSpec
from airflow_provider_streamkap.gate.state import FailureKind
from airflow_provider_streamkap.gate.target import PollTarget
from airflow_provider_streamkap.gate.wait import Failed, ResourceWait, Succeeded
from airflow_provider_streamkap.hooks.streamkap import StreamkapHook
from airflow_provider_streamkap.polling.poller import Poller
from airflow_provider_streamkap.polling.subscription import PollWindow, Subscription, TimedResult

# A timeout that fires more than this many seconds late means that the event loop was blocked.
_BLOCKED_LOOP_SECONDS = 5.0

# Seconds by which the wall clock and the clock of the event loop may differ.
_CLOCK_TOLERANCE = 0.1


class StreamkapWaitTrigger(BaseTrigger):
    """Wait in the triggerer until destinations or pipelines are ready, then fire once.

    All such triggers of one triggerer on one connection share polls, sockets and the token.

    :param streamkap_conn_id: the Airflow connection.
    :param spec: the serialized :class:`~airflow_provider_streamkap.gate.spec.WaitSpec`. Its deadline, in epoch seconds,
        also applies after a restart.
    :param keyed: whether the result is a dict by id, default False.
    :param state: the state of the wait after the first poll in the worker; ``None`` (default): no poll yet.
    :param unknown: arguments from another version of this package, ignored with a warning.
    """

    def __init__(
        self,
        streamkap_conn_id: str,
        spec: Mapping[str, Any],
        keyed: bool = False,
        state: Mapping[str, Any] | None = None,
        **unknown: Any,
    ) -> None:
        super().__init__()
        self.streamkap_conn_id = streamkap_conn_id
        self.spec = dict(spec)
        self.keyed = keyed
        self.state = dict(state or {})
        self._unknown = sorted(unknown)

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class path and the arguments."""
        path = f"{type(self).__module__}.{type(self).__qualname__}"
        arguments = ("streamkap_conn_id", "spec", "keyed", "state")
        return path, {name: getattr(self, name) for name in arguments}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait, and fire one event: the snapshot, or why the wait failed."""
        try:
            event = await self._wait_for_event()
        except (VersionMismatchError, AirflowNotFoundException, ValueError) as error:
            event = error_event(error)
        yield TriggerEvent(event)

    async def _wait_for_event(self) -> dict[str, Any]:
        spec = WaitSpec.from_dict(self.spec)
        if unknown := [*self._unknown, *WaitSpec.unknown_keys(self.spec)]:
            self.log.warning(
                "Ignoring unknown arguments from another version of airflow-provider-streamkap: %s. Install the same "
                "version on workers and triggerers",
                ", ".join(unknown),
            )
        not_before = asyncio.get_running_loop().time()
        while True:
            try:
                async with StreamkapHook(self.streamkap_conn_id).poller() as poller:
                    return await self._run_wait(spec, poller, not_before)
            except AirflowNotFoundException:
                raise
            except AirflowException as error:
                # The connection lookup failed: retry until the deadline.
                failed = str(error)
            left = (inf if spec.deadline is None else spec.deadline) - time.time()
            if left <= 0:
                return self._timeout_event(ResourceWait.from_dict(spec, self.state), failed)
            seconds = min(spec.poke_interval, left)
            self.log.warning("%s. Retrying in %s", failed, duration(seconds))
            await asyncio.sleep(seconds)

    async def _run_wait(self, spec: WaitSpec, poller: Poller, not_before: float) -> dict[str, Any]:
        wait = ResourceWait.from_dict(spec, self.state)
        targets = wait.targets()
        with poller.subscribe(targets) as subscription:
            return await self._poll_until_event(wait, targets, poller, subscription, not_before)

    async def _poll_until_event(
        self,
        wait: ResourceWait,
        targets: list[PollTarget],
        poller: Poller,
        subscription: Subscription,
        not_before: float,
    ) -> dict[str, Any]:
        loop, spec = asyncio.get_running_loop(), wait.spec
        event: dict[str, Any] | None = None
        # The window of the next round, if it polls other targets.
        changed: PollWindow | None = None

        def next_round(window: PollWindow) -> PollWindow | None:
            nonlocal changed
            # The targets of destinations never change.
            if spec.source_gate is None or wait.targets() == targets:
                return window
            changed = window
            return None

        def add_round(results: Sequence[TimedResult]) -> PollWindow | None:
            nonlocal event
            now = time.time()
            seen = wait.round_of([timed.result for timed in results])
            began = max(timed.began for timed in results)
            step = wait.advance(seen, now)
            for warning in wait.warnings:
                self.log.warning("%s", warning)
            if isinstance(step, Failed) and step.kind is FailureKind.DEADLINE and _requested_before(wait.spec, began):
                # The event loop was blocked, or the response was late: poll once more after the deadline.
                at_once = loop.time()
                _extend_timeout(limit, wait.spec.deadline, at_once)
                return next_round(PollWindow(at_once, at_once))
            if line := wait.progress(step, now):
                failed = any(isinstance(timed.result, StreamkapError) for timed in results)
                self.log.log(logging.WARNING if failed else logging.INFO, "%s", line)
            if isinstance(step, Failed):
                event = failed_event(step)
                return None
            if isinstance(step, Succeeded):
                event = succeeded_event(
                    task_result(step.passed, self.keyed, wait.snapshots(seen), spec.names, spec.kind)
                )
                return None
            due = began + step.after
            _extend_timeout(limit, wait.spec.deadline, due)
            # A poll of another wait up to half an interval early can be shared, except for confirmations.
            return next_round(PollWindow(due if step.confirming else began + step.after / 2, due))

        # First polls are spread over the first interval, so that a restarted triggerer does not poll all destinations
        # at once. A wait whose last reading was good polls immediately.
        left = inf if spec.deadline is None else max(spec.deadline - time.time(), 0)
        spread = 0.0 if wait.passing else min(spec.poke_interval, left)
        # Start counting here, after the connection lookup: otherwise a thousand triggers that waited for the lookup
        # would all poll at once.
        due = loop.time() + spread
        window = PollWindow(not_before, due, spread)
        late = False
        while True:
            limit = asyncio.timeout(None)
            try:
                async with limit:
                    _extend_timeout(limit, wait.spec.deadline, due)
                    await subscription.for_each_round(add_round, window)
            except TimeoutError:
                # A blocked event loop or a stopped process missed the poll at the deadline: poll once now.
                late = not late and loop.time() - (limit.when() or inf) > _BLOCKED_LOOP_SECONDS
            if event is not None:
                return event
            if changed is not None:
                targets = wait.targets()
                poller.change(subscription, targets)
                window, due, changed = changed, changed.due, None
                continue
            if not late:
                return self._timeout_event(wait)
            due = loop.time()
            window = PollWindow(due, due)

    def _timeout_event(self, wait: ResourceWait, why: str = "") -> dict[str, Any]:
        message = ". ".join(filter(None, (wait.timeout_message(time.time()), why)))
        self.log.warning("%s", message)
        return failed_event(Failed(FailureKind.DEADLINE, message))


def _requested_before(spec: WaitSpec, began: float) -> bool:
    """Return whether a request was sent before the deadline.

    :param spec: the arguments of the wait.
    :param began: loop time at which the request was sent.
    """
    ago = asyncio.get_running_loop().time() - began
    return spec.deadline is not None and time.time() - ago < spec.deadline - _CLOCK_TOLERANCE


def _extend_timeout(limit: asyncio.Timeout, deadline: float | None, due: float) -> None:
    """Allow the next poll to end some time after the deadline, or later if a confirmation is due later."""
    if deadline is None:
        return
    now = asyncio.get_running_loop().time()
    last = max(now + deadline - time.time(), due, now) + DEADLINE_GRACE
    allowed = limit.when()
    # The two clocks drift little, unless one of them was set.
    if allowed is None or abs(last - allowed) > 1:
        limit.reschedule(last)
