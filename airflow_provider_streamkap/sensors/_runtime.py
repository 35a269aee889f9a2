# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""What only a running sensor needs, imported on first use; and one poll of all resources in the worker."""

from __future__ import annotations

import logging
import time
from collections.abc import Generator, Sequence
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
from airflow_provider_streamkap.api.errors import (
    StreamkapError,
    StreamkapNotFoundError,
    StreamkapTimeoutError,
    resource_label,
)
from airflow_provider_streamkap.api.pipelines import Pipeline
from airflow_provider_streamkap.api.query import DESTINATION
from airflow_provider_streamkap.api.retry import Deadline
from airflow_provider_streamkap.gate.pipeline import PipelineParts
from airflow_provider_streamkap.gate.spec import DEADLINE_GRACE, raise_version_mismatch
from airflow_provider_streamkap.gate.state import FailureKind
from airflow_provider_streamkap.gate.wait import Failed, PollAgain, ResourceWait, Succeeded
from airflow_provider_streamkap.polling.poll import poll
from airflow_provider_streamkap.triggers.streamkap import StreamkapWaitTrigger

if TYPE_CHECKING:
    from airflow_provider_streamkap.api.client import StreamkapClient
    from airflow_provider_streamkap.api.flows import ApiSession, Flow
    from airflow_provider_streamkap.gate.target import AnyPollResult, PollTarget
    from airflow_provider_streamkap.hooks.streamkap import StreamkapHook

__all__ = [
    "FIRST_POLL_SECONDS",
    "ResourceWait",
    "StreamkapNotFoundError",
    "StreamkapWaitTrigger",
    "poll_once",
    "raise_deferral_timeout",
    "raise_task_exceptions",
    "read_pipelines",
    "restore_pipelines",
    "result_of_event",
    "skip_on_any_failure",
    "skip_only_on_timeout",
]

#: Seconds for the first poll before deferring, over all resources.
FIRST_POLL_SECONDS = 10.0
#: Minimum time limit of a poll in seconds, over all resources, if ``poke_interval`` is shorter.
MIN_POLL_SECONDS = 10.0


def poll_once(
    wait: ResourceWait, hook: StreamkapHook, *, keyed: bool, log: Any, first_poll: float | None = None
) -> PollAgain | PokeReturnValue:
    """Poll every resource once.

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
    before_deferring = first_poll is not None
    results = _poll_all(hook, wait.targets(), within, before_deferring=before_deferring)
    if not wait.polls and _resolve_again(wait, hook, results, log):
        results = _poll_all(hook, wait.targets(), within, before_deferring=before_deferring)
    spec = wait.spec
    seen = wait.round_of(results)
    now = time.time()
    step = wait.advance(seen, now)
    if first_poll is not None and isinstance(step, Failed) and step.kind is FailureKind.UNREACHABLE:
        step = PollAgain(spec.poke_interval, failing=True)
    for warning in wait.warnings:
        log.warning("%s", warning)
    if line := wait.progress(step, now):
        failed = any(isinstance(got, StreamkapError) for got in results)
        log.log(logging.WARNING if failed else logging.INFO, "%s", line)
    if isinstance(step, Failed):
        raise failure_exception(step)
    if isinstance(step, Succeeded):
        return PokeReturnValue(True, task_result(step.passed, keyed, wait.snapshots(seen), spec.names, spec.kind))
    return step


def _resolve_again(
    wait: ResourceWait, hook: StreamkapHook, results: Sequence[AnyPollResult | StreamkapError | None], log: Any
) -> bool:
    """Resolve the names again if a destination no longer exists: it may have been re-created since its id was cached.

    :returns: whether an id has changed; the wait then polls the new ids.
    """
    kind, names = wait.spec.kind, wait.spec.names
    if kind != DESTINATION or not names or not any(isinstance(got, StreamkapNotFoundError) for got in results):
        return False
    hook.forget_names(kind)
    try:
        ids = hook.resolve_names(kind, list(names.values()))
    except StreamkapError as error:
        log.warning("Cannot resolve the names again: %s", error)
        return False
    if tuple(ids.values()) == wait.spec.resource_ids:
        return False
    wait.replace_resources({id_: name for name, id_ in ids.items()})
    return True


def _poll_all(
    hook: StreamkapHook, targets: Sequence[PollTarget], within: float, *, before_deferring: bool
) -> list[AnyPollResult | StreamkapError | None]:
    """Poll each target once; before deferring, without retries.

    :returns: the results in the order of the targets; before deferring, ``None`` for a target for which a working API
        left too little time.
    """
    deadline = Deadline(within, time.monotonic)
    polled_early: set[PollTarget] = set()

    def timed_poll(session: ApiSession, target: PollTarget) -> Flow[AnyPollResult]:
        if deadline.left() > within / 2:
            polled_early.add(target)
        return poll(session, target)

    def poll_each(
        client: StreamkapClient, targets: Sequence[PollTarget]
    ) -> Generator[tuple[PollTarget, AnyPollResult | StreamkapError], None, None]:
        attempts = 1 if before_deferring else None
        return client.call_each(targets, timed_poll, within=deadline.left(), attempts=attempts)

    # Several pipelines can have the same source or destination.
    seen: dict[PollTarget, AnyPollResult | StreamkapError] = dict(
        hook.call_each(list(dict.fromkeys(targets)), poll_each)
    )
    if not before_deferring or all(isinstance(got, StreamkapError) for got in seen.values()):
        return [seen[target] for target in targets]
    return [
        seen[target] if target in polled_early or not isinstance(seen[target], StreamkapTimeoutError) else None
        for target in targets
    ]


def read_pipelines(hook: StreamkapHook, ids: Sequence[str], log: Any) -> dict[str, PipelineParts]:
    """Return what each pipeline connects.

    :param hook: the hook to request them with.
    :param ids: ids of the pipelines, without duplicates.
    :param log: logger for one line per pipeline.
    :raises ValueError: a pipeline has no source or no destination.
    :raises StreamkapError: a request failed.
    """

    def request_each(
        client: StreamkapClient, ids: Sequence[str]
    ) -> Generator[tuple[str, Pipeline | StreamkapError], None, None]:
        return client.call_each(ids, lambda session, id_: session.resource(Pipeline, id_))

    found: dict[str, Pipeline | StreamkapError] = dict(hook.call_each(ids, request_each))
    pipelines = {}
    for id_ in ids:
        pipeline = found[id_]
        if isinstance(pipeline, StreamkapError):
            raise pipeline
        parts = pipelines[id_] = _parts(pipeline)
        log.info(
            "Pipeline %s: source %s (%s), destination %s",
            resource_label(id_, pipeline.name),
            parts.source_id,
            parts.connector or "unknown connector",
            parts.destination_id,
        )
    return pipelines


def _parts(pipeline: Pipeline) -> PipelineParts:
    source, destination = pipeline.source, pipeline.destination
    source_id, destination_id = (None if side is None else side.id for side in (source, destination))
    if not source_id or not destination_id:
        missing = "source" if not source_id else "destination"
        raise ValueError(
            f"pipeline {resource_label(pipeline.id, pipeline.name)} has no {missing}: there is nothing to wait for"
        )
    return PipelineParts(
        source_id,
        destination_id,
        None if source is None else source.connector,
        tuple(topic for topic in pipeline.topics if isinstance(topic, str)),
        pipeline.name,
    )


def restore_pipelines(stored: Sequence[Sequence[Any]]) -> dict[str, PipelineParts]:
    """Return the pipelines that an earlier poke stored, possibly with another version of this package.

    :param stored: pairs of an id and the parts as plain JSON.
    :raises VersionMismatchError: they cannot be parsed.
    """
    with raise_version_mismatch():
        return {id_: PipelineParts.from_dict(parts) for id_, parts in stored}
