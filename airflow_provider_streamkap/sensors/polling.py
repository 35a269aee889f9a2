# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""One round of a sensor's polls in a worker: every destination is looked at once, and Airflow told what it came to."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import PokeReturnValue

from airflow_provider_streamkap.api.errors import StreamkapError
from airflow_provider_streamkap.outcomes import exception_for
from airflow_provider_streamkap.plan import LAST_POLL_SECONDS, WaitPlan
from airflow_provider_streamkap.wait import Again, DestinationWait, GaveUp, Opened, result, snapshots

if TYPE_CHECKING:
    from airflow_provider_streamkap.api.watch import Observation
    from airflow_provider_streamkap.hooks.streamkap import StreamkapHook


def poll(
    wait: DestinationWait, hook: StreamkapHook, *, many: bool, tell: Callable[[str, str], object]
) -> Again | PokeReturnValue:
    """Look at every destination once.

    :param wait: what is waited for, which takes in what is seen.
    :param hook: asks.
    :param many: the result is a dict by id rather than one snapshot.
    :param tell: takes a line of progress, as a logger does.
    :returns: when to look again, or done with the snapshot.
    :raises AirflowException: the wait is over without success; its class tells why.
    """
    seen = {id_: _look(hook, wait.plan, id_) for id_ in wait.plan.destination_ids}
    now = time.time()
    step = wait.observe(seen, now)
    if line := wait.progress(step, now):
        tell("%s", line)
    if isinstance(step, GaveUp):
        raise exception_for(step)
    if isinstance(step, Opened):
        return PokeReturnValue(True, result(step.passed, many, snapshots(seen)))
    return step


def _look(hook: StreamkapHook, plan: WaitPlan, id_: str) -> Observation | StreamkapError:
    within = None if plan.deadline is None else max(plan.deadline - time.time(), 0) + LAST_POLL_SECONDS
    try:
        return hook.call(lambda client: client.observe(plan.watch(id_), within=within))
    except StreamkapError as error:
        return error
