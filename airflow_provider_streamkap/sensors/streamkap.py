# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""StreamkapDestinationSensor: wait until destinations are healthy and drained.

In poke and reschedule mode the sensor polls; in deferrable mode it checks once and then defers to the trigger. The gate
decides what a reading means, so that all modes end in the same way.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_streamkap._arguments import (
    NO_INTERVAL,
    CheckedArguments,
    check_conn_id,
    plain,
    rendered_number,
    seconds,
)
from airflow_provider_streamkap._compat import BaseSensorOperator, PokeReturnValue, conf
from airflow_provider_streamkap._lazy import LazyModule
from airflow_provider_streamkap.api.query import DESTINATION, Timestamp, is_keyed, resource_ids
from airflow_provider_streamkap.gate.conditions import DestinationGate, LagSource
from airflow_provider_streamkap.gate.spec import DEADLINE_GRACE, FailurePolicy, Require, WaitSpec
from airflow_provider_streamkap.hooks.streamkap import StreamkapHook
from airflow_provider_streamkap.links.streamkap import StreamkapLink, push_link
from airflow_provider_streamkap.sensors._state_store import (
    AIRFLOW_HAS_STATE_STORE,
    check_state_store,
    load_state,
    save_state,
    task_has_state_store,
    timeout_per_try,
    wait_started,
)

if TYPE_CHECKING:
    from airflow_provider_streamkap._compat import Context
    from airflow_provider_streamkap.gate.wait import PollAgain, ResourceWait
    from airflow_provider_streamkap.sensors import _runtime
else:
    _runtime = LazyModule("airflow_provider_streamkap.sensors._runtime")

#: Seconds for which a deferrable sensor keeps its worker slot to confirm a reading: deferring would take as long.
CONFIRM_IN_WORKER = 10.0

# Ten years: adding the longest timedelta to a date overflows.
_LONGEST_WAIT = 315_360_000.0

# Valid values to check the other arguments with, while these are templates.
_PLACEHOLDERS = {
    "max_records_lag": 0,
    "connector_status": "not rendered yet",
    "max_latency_ms": 0,
    "observed_after": "1970-01-01T00:00:00Z",
}

# Seconds after the trigger's latest possible end at which Airflow times out the deferral.
_AIRFLOW_TIMEOUT_MARGIN = 60.0


class StreamkapDestinationSensor(CheckedArguments, BaseSensorOperator):
    """Wait until Streamkap destinations have caught up.

    By default, the wait ends when the connector is Active and two lag points measured since the start show that the
    records that were in Kafka then have been consumed. Returns the last snapshot; for a list of ids, a dict of
    snapshots by id, without ``metadata``.

    A slow API does not block a worker: a poll of all destinations takes at most ``poke_interval`` (but at least 10 s).
    Before it defers, a deferrable sensor polls once, for at most 10 s and without retries.

    The task ends the same way in every mode. A timeout raises ``AirflowSensorTimeout`` (not retried; skipped under
    ``soft_fail``). A status in ``fail_on_status`` and permanent API errors (401 with a fresh token, 403, 404 of a
    destination that does not exist, 400, 422) raise ``AirflowFailException`` (not retried). Too many failed polls in a
    row raise ``AirflowException`` (retried according to the task's retries). ``soft_fail`` applies to timeouts only.

    :param destination_id: the id of a destination, or a list of ids; templated. A list is polled concurrently, up to
        the connection's ``max_concurrency`` (16).
    :param max_records_lag: highest accepted lag in records, default 0; templated; ``None``: ignore the lag.
    :param connector_status: accepted status or statuses, default ``"Active"``; templated; ``None``: ignore the status.
    :param max_latency_ms: highest accepted latency in milliseconds; templated; ``None`` (default): ignore the latency.
    :param observed_after: count only lag measured after this time, as an ISO 8601 string or an aware datetime,
        typically ``"{{ data_interval_end }}"``; templated; requires ``connector_status`` and at least 2
        ``confirmations``. ``None`` (default): after the start of the wait. The task fails if this is set but renders
        to nothing.
    :param max_reading_age: count only lag that is not older than this; ``None`` (default): any age. In seconds
        or as a timedelta, like ``confirm_interval``, ``status_grace`` and ``stall_after``.
    :param lag_source: ``"auto"`` (default): the timestamped points of the timeseries; if the first three polls find
        none and neither ``observed_after`` nor ``max_reading_age`` is set, the latest lag, confirmed for 150 s, with a
        warning.
        ``"timeseries"``: never fall back. ``"latest"``: the latest lag, which can be minutes old.
    :param confirmations: consecutive good points of the timeseries (one per minute) that are required, default 2; with
        ``lag_source="latest"``, or if the lag is ignored, consecutive good polls.
    :param confirm_interval: seconds between confirming polls, default 60; at most 20 for points of the timeseries.
    :param require: for a list: ``"all"`` (default) must be ready in the same polls, or ``"any"`` of them.
    :param fail_on_status: statuses that fail the wait at once, default ``("Broken",)``.
    :param status_grace: fail after a status has been neither accepted nor in ``fail_on_status``, or metrics have been
        missing (404 although the destination exists), for this many seconds; ``None`` (default): wait until the
        timeout.
    :param stall_after: fail after a lag above the limit has not fallen for this many seconds; ``None`` (default): wait
        until the timeout.
    :param max_poll_failures: consecutive failed polls that are tolerated, default 10. In reschedule mode before Airflow
        3.3, which cannot store state between pokes, a failed poll is repeated in the same poke.
    :param streamkap_conn_id: the Airflow connection, default ``streamkap_default``; templated.
    :param deferrable: wait in the triggerer; default: ``[operators] default_deferrable``.
    :param kwargs: arguments of every sensor, such as ``poke_interval`` (60 s), ``timeout`` (7 days) and ``soft_fail``.
    :raises ValueError: an argument is invalid; the message names it.
    """

    reasons_without_value: ClassVar[Mapping[str, str]] = {
        "observed_after": f"the template or upstream task returned nothing, or {NO_INTERVAL}",
        **dict.fromkeys(
            ("max_records_lag", "connector_status", "max_latency_ms"),
            "the template or upstream task returned nothing; return a value, or omit the argument",
        ),
    }
    template_fields: Sequence[str] = (
        "destination_id",
        "max_records_lag",
        "connector_status",
        "max_latency_ms",
        "observed_after",
        "streamkap_conn_id",
    )
    operator_extra_links = (StreamkapLink(),)
    ui_color = "#d5f0ec"

    def __init__(
        self,
        *,
        destination_id: str | Iterable[str],
        max_records_lag: float | str | None = 0,
        connector_status: str | Iterable[str] | None = "Active",
        max_latency_ms: float | str | None = None,
        observed_after: Timestamp | None = None,
        max_reading_age: float | timedelta | None = None,
        lag_source: LagSource = "auto",
        confirmations: int = 2,
        confirm_interval: float | timedelta = 60,
        require: Require = "all",
        fail_on_status: str | Iterable[str] | None = ("Broken",),
        status_grace: float | timedelta | None = None,
        stall_after: float | timedelta | None = None,
        max_poll_failures: int = 10,
        streamkap_conn_id: str = StreamkapHook.default_conn_name,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.destination_id = plain(destination_id)
        self.max_records_lag = max_records_lag
        self.connector_status = plain(connector_status)
        self.max_latency_ms = max_latency_ms
        self.observed_after = observed_after
        self.max_reading_age = seconds(max_reading_age)
        self.lag_source = lag_source
        self.confirmations = confirmations
        self.confirm_interval = seconds(confirm_interval)
        self.require = require
        self.fail_on_status = plain(fail_on_status)
        self.status_grace = seconds(status_grace)
        self.stall_after = seconds(stall_after)
        self.max_poll_failures = max_poll_failures
        self.streamkap_conn_id = streamkap_conn_id
        self.deferrable = deferrable
        self._started: float | None = None
        self._wait: ResourceWait | None = None
        self._hook: StreamkapHook | None = None
        self.record_set_arguments()
        with self.checked():
            self._check_literals()

    def _check_literals(self) -> None:
        """Check the arguments that are final when the DAG is parsed."""
        if not isinstance(self.deferrable, bool):
            raise ValueError(f"deferrable must be True or False; got {self.deferrable!r}")
        if self.exponential_backoff or self.max_wait is not None:
            raise ValueError(
                "exponential_backoff and max_wait are not supported, since all waits on a destination share its polls: "
                "remove them and set poke_interval"
            )
        self.check_literal(self.destination_id, partial(resource_ids, DESTINATION))
        self.check_literal(self.streamkap_conn_id, check_conn_id)
        spec = self._build_spec(("x",), self._known)
        if spec.failure_policy.needs_state and self._new_process_per_poke:
            check_state_store(AIRFLOW_HAS_STATE_STORE)

    def _known(self, name: str) -> Any:
        """Return an argument, or a valid stand-in if it is a template."""
        value = getattr(self, name)
        parts = value if isinstance(value, list) else [value]
        return value if all(self.is_literal(part) for part in parts) else _PLACEHOLDERS[name]

    @property
    def hook(self) -> StreamkapHook:
        """The hook, created on first use."""
        if self._hook is None:
            self._hook = StreamkapHook(self.streamkap_conn_id)
        return self._hook

    def execute(self, context: Context) -> Any:
        """Wait in the chosen mode, and return the snapshot."""
        self._started, self._wait, self._hook = wait_started(context, self.reschedule), None, None
        with (
            _runtime.skip_on_any_failure(self.never_fail),
            _runtime.skip_only_on_timeout(self.soft_fail, self._timeout_message),
            timeout_per_try(self, context),
        ):
            return super().execute(context)

    def poke(self, context: Context) -> bool | PokeReturnValue:
        """Poll once, and again if the poll belongs to the same poke, such as a confirmation.

        :returns: whether the wait is over, with the snapshot if it is.
        :raises TaskDeferred: the wait is not over, and the sensor is deferrable.
        """
        with _runtime.raise_task_exceptions():
            wait = self._wait = self._wait or self._start_wait(context)
        first_poll = _runtime.FIRST_POLL_SECONDS if self.deferrable else None
        ends = time.monotonic() + _runtime.FIRST_POLL_SECONDS + CONFIRM_IN_WORKER
        if self.deferrable:
            self.log.info(
                "Polling %d destination(s) once before deferring (timeout %.0f s)",
                len(wait.spec.resource_ids),
                _runtime.FIRST_POLL_SECONDS,
            )
        while True:
            step = _runtime.poll_once(wait, self.hook, keyed=self._keyed, log=self.log, first_poll=first_poll)
            if isinstance(step, PokeReturnValue):
                return step
            if not self._continues_in_this_poke(wait, step, context):
                break
            self._sleep(step.after)
            if first_poll is not None:
                # Do not block the worker if the API becomes slow while the reading is confirmed.
                first_poll = min(_runtime.FIRST_POLL_SECONDS, ends - time.monotonic())
        if self.deferrable:
            if step.failing:
                self.log.info("Deferring: not all destinations could be read. The triggerer continues polling")
            self._defer_wait(wait)
        if self._new_process_per_poke:
            save_state(context, wait.to_dict())
        return False

    def _sleep(self, seconds: float) -> None:
        """Sleep between two polls of the same poke."""
        time.sleep(seconds)

    def execute_complete(self, context: Context, event: Any = None) -> Any:
        """Return the result of the trigger, or raise its failure.

        :param event: payload of the trigger's event.
        :returns: the snapshot.
        """
        return _runtime.result_of_event(event)

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Resume after the deferral; ``soft_fail`` and ``never_fail`` mean the same as in the other modes."""
        began = getattr(context.get("ti"), "start_date", None)
        with _runtime.skip_on_any_failure(self.never_fail), _runtime.skip_only_on_timeout(self.soft_fail):
            _runtime.raise_deferral_timeout(next_method, next_kwargs, self.soft_fail, began)
            return super().resume_execution(next_method, next_kwargs, context)

    def _start_wait(self, context: Context) -> ResourceWait:
        self.check_set_arguments()
        ids = resource_ids(DESTINATION, self.destination_id)
        spec = self._build_spec(ids, partial(getattr, self))
        push_link(context, self.hook.connection(), ids[0])
        if not self._new_process_per_poke:
            return _runtime.ResourceWait(spec)
        if spec.failure_policy.needs_state:
            check_state_store(task_has_state_store(context))
        return _runtime.ResourceWait.from_dict(spec, load_state(context))

    def _timeout_message(self) -> str | None:
        return None if self._wait is None else self._wait.timeout_message(time.time())

    @property
    def _new_process_per_poke(self) -> bool:
        return self.reschedule and not self.deferrable

    def _continues_in_this_poke(self, wait: ResourceWait, step: PollAgain, context: Context) -> bool:
        """Return whether the next poll belongs to this poke."""
        if self.deferrable:
            # Confirmations start anew in the triggerer: otherwise each of its restarts would count them again.
            return step.confirming and wait.spec.max_confirm_seconds <= CONFIRM_IN_WORKER
        if step.confirming:
            return True
        if self.reschedule:
            return step.failing and not task_has_state_store(context)
        return step.after < self.poke_interval

    def _defer_wait(self, wait: ResourceWait) -> None:
        started = self._started if self._started is not None else time.time()
        spec = replace(wait.spec, started=started, deadline=self._deadline(started))
        left = max(self._deadline(started) - time.time(), 0)
        self.defer(
            trigger=_runtime.StreamkapDestinationTrigger(
                self.streamkap_conn_id,
                spec.to_dict(),
                keyed=self._keyed,
                state=wait.to_dict(),
            ),
            method_name="execute_complete",
            # The trigger ends by itself at the deadline. This timeout only covers a trigger that was lost.
            timeout=timedelta(seconds=left + spec.max_confirm_seconds + DEADLINE_GRACE + _AIRFLOW_TIMEOUT_MARGIN),
        )

    def _build_spec(self, ids: tuple[str, ...], get: Callable[[str], Any]) -> WaitSpec:
        return WaitSpec(
            resource_ids=ids,
            gate=DestinationGate(
                rendered_number("max_records_lag", get("max_records_lag")),
                get("connector_status"),
                rendered_number("max_latency_ms", get("max_latency_ms")),
                self.fail_on_status,
                get("observed_after"),
                self.max_reading_age,
                self.lag_source,
            ),
            # silent_fail means to continue after any failed poll.
            failure_policy=FailurePolicy(
                None if self.silent_fail else self.max_poll_failures, self.stall_after, self.status_grace
            ),
            require=self.require,
            poke_interval=self.poke_interval,
            confirmations=self.confirmations,
            confirm_interval=self.confirm_interval,
            deadline=None if self._started is None else self._deadline(self._started),
            started=self._started,
        )

    def _deadline(self, started: float) -> float:
        return started + min(self.timeout, _LONGEST_WAIT)

    @property
    def _keyed(self) -> bool:
        return is_keyed(self.destination_id)
