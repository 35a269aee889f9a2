# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""StreamkapDestinationSensor: wait until destinations are healthy and drained.

The sensor is the clock of poke and reschedule, and hands over to the trigger where it is deferrable. What a
reading means is decided elsewhere (``gate``, ``wait``), so that all modes come to the same end.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
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
from airflow_provider_streamkap.api.query import Timestamp, destination_ids, is_one_id
from airflow_provider_streamkap.gate.conditions import DestinationGate, LagSource
from airflow_provider_streamkap.gate.spec import LAST_POLL_SECONDS, FailurePolicy, Require, WaitSpec
from airflow_provider_streamkap.hooks.streamkap import StreamkapHook
from airflow_provider_streamkap.links.streamkap import StreamkapLink, push_link
from airflow_provider_streamkap.sensors._endings import (
    check_deferral,
    fail_on_bad_arguments,
    skip_on_any_failure,
    skip_only_on_timeout,
)
from airflow_provider_streamkap.sensors._state_store import (
    HAS_STORE,
    check_state_store,
    has_store,
    load_state,
    save_state,
    started,
    timed_by_try,
)

if TYPE_CHECKING:
    from airflow_provider_streamkap._compat import Context
    from airflow_provider_streamkap.gate.wait import PollAgain, ResourceWait

#: Seconds of confirmations for which a deferrable sensor keeps its worker: a deferral takes as long.
CONFIRM_IN_WORKER = 10.0

# Ten years: Airflow cannot compute the end of the longest timedelta.
_LONGEST_WAIT = 315_360_000.0

# What the other arguments are checked with as long as a template is not rendered.
_STAND_INS = {
    "max_records_lag": 0,
    "connector_status": "not rendered yet",
    "max_latency_ms": 0,
    "observed_after": "1970-01-01T00:00:00Z",
}

# Seconds between the latest end of a trigger and the moment at which Airflow times the deferral out.
_AIRFLOW_TIMEOUT_MARGIN = 60.0

# Whatever this module imports is paid for whenever a DAG file that uses the sensor is parsed, which is all the time. So
# what only a running task needs is imported where it needs it.


class StreamkapDestinationSensor(CheckedArguments, BaseSensorOperator):
    """Wait until Streamkap destinations have caught up.

    By default: until no record that was in Kafka when the wait began is left there for the destination, shown by two
    lag points measured since, while its connector is Active. Returns the snapshot on which the gate opened; for a list
    of ids a dict by id, of snapshots without ``metadata``.

    A slow API holds no worker. A poll of all destinations together takes ``poke_interval`` at most, or 10 s if that is
    shorter. The first look of a deferrable sensor takes 10 s at most and does not retry; if it fails, it defers.

    How it ends is the same in every mode: past ``timeout`` it raises ``AirflowSensorTimeout`` (not retried; a skip
    under ``soft_fail``); a status in ``fail_on_status`` and an API that refuses for good (401 after a renewal, 403, a
    404 of a destination that does not exist, 400, 422) raise ``AirflowFailException`` (not retried); too many failed
    polls in a row raise ``AirflowException`` (retried by the task's own policy). ``soft_fail`` is for the deadline.

    :param destination_id: a destination's id, or a list of ids; templated. The connection's ``max_concurrency`` (16)
        of a list are read at once.
    :param max_records_lag: the most records that may still wait, default 0; templated; ``None``: lag does not matter.
    :param connector_status: wanted status or statuses, default ``"Active"``; templated; ``None``: it does not matter.
    :param max_latency_ms: the highest latency in milliseconds; templated; ``None`` (default): it does not matter.
    :param observed_after: count only a lag that was measured after this moment, as ISO 8601 text or an aware datetime,
        typically ``"{{ data_interval_end }}"``; templated; needs a wanted status and 2 or more ``confirmations``.
        ``None`` (default): after the wait began. A value that is given and renders to nothing fails the task.
    :param max_reading_age: count only a lag that was measured no longer ago; ``None`` (default): any. Like the three
        intervals below, in seconds or as a timedelta.
    :param lag_source: ``"auto"`` (default): the timestamped points of the timeseries, or, if the first three polls find
        none and neither of the two arguments above is set, the latest lag, confirmed for 150 s, with a warning;
        ``"timeseries"``: never falls back; ``"latest"``: the latest lag, which can be minutes old.
    :param confirmations: consecutive good points of the timeseries, which has one a minute, that open the gate, default
        2; with ``lag_source="latest"``, and where lag does not matter, consecutive good polls.
    :param confirm_interval: seconds between polls that confirm, default 60; for points at most 20.
    :param require: of a list, ``"all"`` (default) must pass in the same polls, or ``"any"`` one of them.
    :param fail_on_status: statuses that end the wait at once, default ``("Broken",)``.
    :param status_grace: seconds for which a status may be neither wanted nor fatal, and a destination without metrics
        (404, though it exists); ``None`` (default): till the deadline.
    :param stall_after: seconds for which a lag above the limit may go without falling; ``None`` (default): till the
        deadline.
    :param max_poll_failures: consecutive polls that may fail in passing, default 10. In reschedule mode a failed poll
        is followed up before the worker is given back, where (below Airflow 3.3) nothing would remember it.
    :param streamkap_conn_id: the Airflow connection, default ``streamkap_default``; templated.
    :param deferrable: wait in the triggerer, after one look; default: ``[operators] default_deferrable``.
    :param kwargs: those of every sensor: ``poke_interval`` (60 s), ``timeout`` (7 days), ``mode``, ``soft_fail``, ...
    :raises ValueError: an argument out of its range; the message names it.
    """

    if_given: ClassVar[Mapping[str, str]] = {
        "observed_after": f"the template or upstream task returned nothing, or {NO_INTERVAL}",
        **dict.fromkeys(
            ("max_records_lag", "connector_status", "max_latency_ms"), "the template or upstream task returned nothing"
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
        self.note_given()
        with self.checked():
            self._check_literals()

    def _check_literals(self) -> None:
        """Check when the DAG is parsed what needs no rendering."""
        if not isinstance(self.deferrable, bool):
            raise ValueError(f"deferrable must be True or False; got {self.deferrable!r}")
        if self.exponential_backoff or self.max_wait is not None:
            raise ValueError(
                "exponential_backoff and max_wait are not supported, since all waits on a destination share its polls: "
                "remove them and set poke_interval"
            )
        self.check_literal(self.destination_id, destination_ids)
        self.check_literal(self.streamkap_conn_id, check_conn_id)
        spec = self._plan(("x",), self._known)
        if spec.failure_policy.needs_state and self._forgets:
            check_state_store(HAS_STORE)

    def _known(self, name: str) -> Any:
        """Return an argument, or something valid if it is not rendered yet."""
        value = getattr(self, name)
        parts = value if isinstance(value, list) else [value]
        return value if all(self.is_literal(part) for part in parts) else _STAND_INS[name]

    def _rendered(self, name: str) -> Any:
        return getattr(self, name)

    @property
    def hook(self) -> StreamkapHook:
        """The hook, which reads the connection once."""
        if self._hook is None:
            self._hook = StreamkapHook(self.streamkap_conn_id)
        return self._hook

    def execute(self, context: Context) -> Any:
        """Wait in the way that was chosen, and return the snapshot."""
        self._started, self._wait, self._hook = started(context, self.reschedule), None, None
        with (
            skip_on_any_failure(self.never_fail),
            skip_only_on_timeout(self.soft_fail, self._timed_out),
            timed_by_try(self, context),
        ):
            return super().execute(context)

    def poke(self, context: Context) -> bool | PokeReturnValue:
        """Look once, and again at once where a good look wants confirming.

        :returns: done with the snapshot, or not yet.
        :raises TaskDeferred: not yet, and the sensor is deferrable.
        """
        from airflow_provider_streamkap.sensors._polling import FIRST_LOOK_SECONDS, poll_once

        with fail_on_bad_arguments():
            wait = self._wait = self._wait or self._begin(context)
        first_look = FIRST_LOOK_SECONDS if self.deferrable else None
        ends = time.monotonic() + FIRST_LOOK_SECONDS + CONFIRM_IN_WORKER
        if self.deferrable:
            self.log.info(
                "Reading %d destination(s) once, within %.0f s, before deferring",
                len(wait.spec.destination_ids),
                FIRST_LOOK_SECONDS,
            )
        while True:
            step = poll_once(wait, self.hook, keyed=self._many(), log=self.log, first_look=first_look)
            if isinstance(step, PokeReturnValue):
                return step
            if not self._stays(wait, step, context):
                break
            self._sleep(step.after)
            if first_look is not None:
                # Confirmations take their time, but not a worker's if the API has become slow.
                first_look = min(FIRST_LOOK_SECONDS, ends - time.monotonic())
        if self.deferrable:
            if step.failing:
                self.log.info("Deferring although the API has not answered in full; the triggerer polls from now on")
            self._hand_over(wait)
        if self._forgets:
            save_state(context, wait.to_dict())
        return False

    def _sleep(self, seconds: float) -> None:
        """Wait between two polls of one poke."""
        time.sleep(seconds)

    def execute_complete(self, context: Context, event: Any = None) -> Any:
        """Come back from the trigger.

        :param event: what the trigger fired.
        :returns: the snapshot.
        """
        from airflow_provider_streamkap._results import settle

        return settle(event)

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Resume after deferral, with the same meaning of ``soft_fail`` and ``never_fail`` as in the other modes."""
        with skip_on_any_failure(self.never_fail), skip_only_on_timeout(self.soft_fail):
            check_deferral(next_method, next_kwargs, self.soft_fail, getattr(context.get("ti"), "start_date", None))
            return super().resume_execution(next_method, next_kwargs, context)

    def _begin(self, context: Context) -> ResourceWait:
        from airflow_provider_streamkap.gate.wait import ResourceWait

        self.check_given()
        ids = destination_ids(self.destination_id)
        spec = self._plan(ids, self._rendered)
        push_link(context, self.hook.connection(), ids[0])
        if not self._forgets:
            return ResourceWait(spec)
        if spec.failure_policy.needs_state:
            check_state_store(has_store(context))
        return ResourceWait.from_dict(spec, load_state(context))

    def _timed_out(self) -> str | None:
        return None if self._wait is None else self._wait.timed_out(time.time())

    @property
    def _forgets(self) -> bool:
        # Each poke of a rescheduled sensor is a process of its own.
        return self.reschedule and not self.deferrable

    def _stays(self, wait: ResourceWait, step: PollAgain, context: Context) -> bool:
        """Say whether the next poll belongs to this poke: nothing remembers the last one, or it is the last."""
        if self.deferrable:
            # Good looks are taken anew in the triggerer: carried there, they would count again whenever it restarts.
            return step.confirming and wait.spec.confirm_seconds <= CONFIRM_IN_WORKER
        if step.confirming:
            return True
        if self.reschedule:
            return step.failing and not has_store(context)
        return step.after < self.poke_interval

    def _hand_over(self, wait: ResourceWait) -> None:
        from airflow_provider_streamkap.triggers.streamkap import StreamkapDestinationTrigger

        started = self._started if self._started is not None else time.time()
        spec = replace(wait.spec, started=started, deadline=self._deadline(started))
        left = max(self._deadline(started) - time.time(), 0)
        self.defer(
            trigger=StreamkapDestinationTrigger(
                self.streamkap_conn_id,
                spec.to_dict(),
                keyed=self._many(),
                state=wait.to_dict(),
            ),
            method_name="execute_complete",
            # The trigger ends by itself at the deadline. Airflow's own timeout only catches a trigger that is gone.
            timeout=timedelta(seconds=left + spec.confirm_seconds + LAST_POLL_SECONDS + _AIRFLOW_TIMEOUT_MARGIN),
        )

    def _plan(self, ids: tuple[str, ...], get: Callable[[str], Any]) -> WaitSpec:
        return WaitSpec(
            destination_ids=ids,
            gate=DestinationGate(
                rendered_number("max_records_lag", get("max_records_lag")),
                get("connector_status"),
                rendered_number("max_latency_ms", get("max_latency_ms")),
                self.fail_on_status,
                get("observed_after"),
                self.max_reading_age,
                self.lag_source,
            ),
            # silent_fail asks to carry on whatever a poke meets.
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

    def _many(self) -> bool:
        return not is_one_id(self.destination_id)
