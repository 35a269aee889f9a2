# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The base class of sensors: run a wait in each mode, with one deadline, and end the task the same way.

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
    NO_VALUE,
    ResourceArguments,
    check_conn_id,
    plain,
    rendered_number,
    seconds,
)
from airflow_provider_streamkap._compat import BaseSensorOperator, PokeReturnValue
from airflow_provider_streamkap._lazy import LazyModule
from airflow_provider_streamkap.api.query import Timestamp
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
    "max_source_delay_ms": 0,
    "observed_after": "1970-01-01T00:00:00Z",
}

# Seconds after the trigger's latest possible end at which Airflow times out the deferral.
_AIRFLOW_TIMEOUT_MARGIN = 60.0


class StreamkapWaitSensor(ResourceArguments, BaseSensorOperator):
    """Wait until resources of one kind are ready.

    The arguments are documented in the subclasses. A subclass sets its own arguments, then calls
    :meth:`_check_arguments`.
    """

    reasons_without_value: ClassVar[Mapping[str, str]] = {
        "observed_after": f"the template or upstream task returned nothing, or {NO_INTERVAL}",
        **dict.fromkeys(
            ("max_records_lag", "connector_status", "max_latency_ms"),
            "the template or upstream task returned nothing; return a value, or omit the argument",
        ),
        "streamkap_conn_id": NO_VALUE,
    }
    template_fields: Sequence[str] = (
        "max_records_lag",
        "connector_status",
        "max_latency_ms",
        "observed_after",
        "streamkap_conn_id",
    )
    #: Maximum age of a lag, in seconds; ``None``: any age.
    max_reading_age: float | None = None
    #: Which lag counts.
    lag_source: LagSource = "timeseries"
    operator_extra_links = (StreamkapLink(),)
    ui_color = "#d5f0ec"

    def __init__(
        self,
        *,
        max_records_lag: float | str | None,
        connector_status: str | Iterable[str] | None,
        max_latency_ms: float | str | None,
        observed_after: Timestamp | None,
        confirmations: int,
        confirm_interval: float | timedelta,
        require: Require,
        fail_on_status: str | Iterable[str] | None,
        status_grace: float | timedelta | None,
        stall_after: float | timedelta | None,
        max_poll_failures: int,
        streamkap_conn_id: str,
        deferrable: bool,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.max_records_lag = max_records_lag
        self.connector_status = plain(connector_status)
        self.max_latency_ms = max_latency_ms
        self.observed_after = observed_after
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

    def _check_arguments(self) -> None:
        """Check the arguments that are final when the DAG is parsed, and record the optional ones that are set."""
        self.record_set_arguments()
        with self.checked():
            self._check_literals()

    def _check_literals(self) -> None:
        if not isinstance(self.deferrable, bool):
            raise ValueError(f"deferrable must be True or False; got {self.deferrable!r}")
        if self.exponential_backoff or self.max_wait is not None:
            raise ValueError(
                f"exponential_backoff and max_wait are not supported, since all waits on a {self.kind.name} share its "
                "polls: remove them and set poke_interval"
            )
        self.check_resources()
        self.check_literal(self.streamkap_conn_id, check_conn_id)
        spec = self._build_spec(("x",), self._known)
        if self._new_process_per_poke:
            self._check_state_store(spec, AIRFLOW_HAS_STATE_STORE)

    @staticmethod
    def _check_state_store(spec: WaitSpec, available: bool) -> None:
        if spec.source_gate is not None:
            check_state_store(available, "a wait on a pipeline requires", "")
        if spec.failure_policy.needs_state:
            check_state_store(available, "stall_after and status_grace require", ", or remove them")

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
                "Polling %d %s%s once before deferring (timeout %.0f s)",
                (count := len(wait.spec.resource_ids)),
                self.kind.name,
                "" if count == 1 else "s",
                _runtime.FIRST_POLL_SECONDS,
            )
        while True:
            step = _runtime.poll_once(wait, self.hook, keyed=self.keyed, log=self.log, first_poll=first_poll)
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
                self.log.info("Deferring: not all %ss were read. The triggerer continues polling", self.kind.name)
            self._defer_wait(wait)
        if self._new_process_per_poke:
            save_state(context, wait.to_dict() | self._resolved_state(wait.spec))
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
        state = load_state(context) if self._new_process_per_poke else {}
        spec = self._resolve_spec(partial(getattr, self), state)
        push_link(context, self.hook.connection(), spec.resource_ids[0])
        if not self._new_process_per_poke:
            return _runtime.ResourceWait(spec)
        self._check_state_store(spec, task_has_state_store(context))
        return _runtime.ResourceWait.from_dict(spec, state)

    def _resolve_spec(self, get: Callable[[str], Any], state: Mapping[str, Any]) -> WaitSpec:
        """Return the arguments of the wait, with the ids of its resources.

        :param get: returns a rendered argument.
        :param state: what the last poke stored; empty in the first one.
        :raises ValueError: an argument is invalid.
        :raises StreamkapError: a request failed.
        """
        raise NotImplementedError

    def _resolved_state(self, spec: WaitSpec) -> dict[str, Any]:
        """Return what the next poke needs besides the state of the wait, so that it sends no request for it.

        :param spec: the arguments of the wait.
        """
        return {}

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
            trigger=_runtime.StreamkapWaitTrigger(
                self.streamkap_conn_id,
                spec.to_dict(),
                keyed=self.keyed,
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
