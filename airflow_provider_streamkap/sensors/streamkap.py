# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Sensors: wait until destinations are healthy and drained, or until what was committed at a source is consumed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_streamkap._arguments import plain, rendered_number, seconds
from airflow_provider_streamkap._compat import conf
from airflow_provider_streamkap._lazy import LazyModule
from airflow_provider_streamkap.api.query import DESTINATION, PIPELINE, Timestamp
from airflow_provider_streamkap.gate.conditions import SETTLE_SECONDS, IdleSource, LagSource, SourceGate
from airflow_provider_streamkap.gate.spec import Require, WaitSpec
from airflow_provider_streamkap.hooks.streamkap import StreamkapHook
from airflow_provider_streamkap.sensors._base import StreamkapWaitSensor

if TYPE_CHECKING:
    from airflow_provider_streamkap.gate.pipeline import PipelineParts
    from airflow_provider_streamkap.sensors import _runtime
else:
    _runtime = LazyModule("airflow_provider_streamkap.sensors._runtime")

# Keys of the resolved resources in the state that a poke stores for the next one.
_PIPELINES = "pipelines"
_NAMES = "names"


class StreamkapDestinationSensor(StreamkapWaitSensor):
    """Wait until Streamkap destinations have caught up.

    By default, the wait ends when the connector is Active and two lag points measured since the start show that the
    records that were in Kafka then have been consumed. If the timeseries has no points, the sensor falls back to the
    latest lag, with a warning. Returns the last snapshot; for a list of ids, a dict of snapshots by id, without
    ``metadata``. If destinations are passed by name, each snapshot has a ``destination_name``, and the dict is by name.

    A slow API does not block a worker: a poll of all destinations is limited to ``poke_interval``, or to 10 s if that
    is longer. Before it defers, a deferrable sensor polls once, for at most 10 s and without retries.

    The task ends the same way in every mode. A timeout raises ``AirflowSensorTimeout`` (not retried; skipped under
    ``soft_fail``). A status in ``fail_on_status`` and permanent API errors (401 with a fresh token, 403, 404 of a
    destination that does not exist, 400, 422) raise ``AirflowFailException`` (not retried). Too many failed polls in a
    row, ``stall_after`` and ``status_grace`` raise ``AirflowException`` (retried according to the task's retries).
    ``soft_fail`` applies to timeouts only.

    :param destination_id: the id of a destination, or a list of ids; templated. A list is polled concurrently, up to
        the connection's ``max_concurrency`` (16).
    :param destination_name: the exact name of a destination, or a list of names, instead of ``destination_id``;
        templated. Names are resolved in the worker at the start of the wait, and again if the first poll finds that a
        destination no longer exists. If a name cannot be resolved, the task fails without a retry.
    :param max_records_lag: highest accepted lag in records, default 0; templated; ``None``: ignore the lag.
    :param connector_status: accepted status or statuses, default ``"Active"``; templated; ``None``: ignore the status.
    :param max_latency_ms: highest accepted latency in milliseconds; templated; ``None`` (default): ignore the latency.
    :param observed_after: count only lag measured after this time, as an ISO 8601 string or an aware datetime,
        typically ``"{{ data_interval_end }}"``; templated; requires ``connector_status`` and at least 2
        ``confirmations``. ``None`` (default): after the start of the wait. The task fails if this is set but renders
        to nothing.
    :param max_reading_age: the newest point must not be older than this; ``None`` (default): any age. In seconds or as
        a timedelta, like ``confirm_interval``, ``status_grace`` and ``stall_after``.
    :param lag_source: ``"auto"`` (default): the timestamped points of the timeseries; if the first three polls find
        none and neither ``observed_after`` nor ``max_reading_age`` is set, the latest lag, confirmed for 150 s, with a
        warning.
        ``"timeseries"``: never fall back. ``"latest"``: the latest lag, which can be minutes old.
    :param confirmations: consecutive good points of the timeseries (one per minute) that are required, default 2; with
        ``lag_source="latest"``, or if the lag is ignored, consecutive good polls.
    :param confirm_interval: maximum seconds between confirming polls, default 60; 20 for points of the timeseries, if
        that is shorter. After the fallback, the interval is always 75 s.
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

    kind = DESTINATION
    template_fields: Sequence[str] = ("destination_id", "destination_name", *StreamkapWaitSensor.template_fields)

    def __init__(
        self,
        *,
        destination_id: str | Iterable[str] | None = None,
        destination_name: str | Iterable[str] | None = None,
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
        super().__init__(
            max_records_lag=max_records_lag,
            connector_status=connector_status,
            max_latency_ms=max_latency_ms,
            observed_after=observed_after,
            confirmations=confirmations,
            confirm_interval=confirm_interval,
            require=require,
            fail_on_status=fail_on_status,
            status_grace=status_grace,
            stall_after=stall_after,
            max_poll_failures=max_poll_failures,
            streamkap_conn_id=streamkap_conn_id,
            deferrable=deferrable,
            **kwargs,
        )
        self.destination_id = plain(destination_id)
        self.destination_name = plain(destination_name)
        self.max_reading_age = seconds(max_reading_age)
        self.lag_source = lag_source
        self._check_arguments()

    def _resolve_spec(self, get: Callable[[str], Any], state: Mapping[str, Any]) -> WaitSpec:
        # Check the rendered arguments before the first request.
        spec = self._build_spec(("x",), get)
        stored = state.get(_NAMES)
        if stored:
            names = dict(stored)
            return replace(spec, resource_ids=tuple(names), names=names)
        resolved, names = self.resolve_resources(self.hook.resolve_names)
        return replace(spec, resource_ids=tuple(resolved.values()), names=names)

    def _resolved_state(self, spec: WaitSpec) -> dict[str, Any]:
        return {_NAMES: list(spec.names.items())} if spec.names else {}


class StreamkapPipelineSensor(StreamkapWaitSensor):
    """Wait until everything committed at the source before a moment has been consumed by the destination.

    The moment is the start of the wait, or ``observed_after``. The wait ends in this order: the source has captured
    everything that was committed before the moment, proved independently of the lag; no snapshot is running;
    and then, after ``settle_seconds``, the destination meets the conditions of
    :class:`StreamkapDestinationSensor` with lag points of which the newest was measured after the capture.

    Returns ``{"pipeline_id", "pipeline_name", "source", "destination", "evidence", "complete_through"}``: the last
    snapshots of both sides, the evidence used, and the moment up to which that evidence holds; for a list, a dict of
    these by id, or by name if names were passed.

    At the start of the wait, the task reads each pipeline once. If that fails, the task fails, and is retried unless
    the error is permanent. The other outcomes are those of :class:`StreamkapDestinationSensor`;
    a status in ``fail_on_status`` and failed polls count for both sides. In reschedule mode, the sensor requires
    Airflow 3.3 or later.

    :param pipeline_id: the id of a pipeline, or a list of ids; templated.
    :param pipeline_name: the exact name of a pipeline, or a list of names, instead of ``pipeline_id``; templated.
    :param observed_after: wait for everything that was committed at the source before this time, as an ISO 8601 string
        or an aware datetime, typically ``"{{ data_interval_end }}"``; templated; requires ``connector_status`` and at
        least 2 ``confirmations``. ``None`` (default): before the start of the wait. The task fails if this is set but
        renders to nothing.
    :param max_source_delay_ms: highest accepted delay of the last captured event, from its commit to its capture, in
        milliseconds; templated; ``None`` (default): ignore the delay.
    :param idle_source: what to conclude from a source that is connected, streaming and idle. ``"proof"`` (default):
        nothing, keep waiting for a proof. ``"assume"``: it has captured everything; the log and the result say so.
    :param allow_snapshot: whether a snapshot of the pipeline's topics may be running, pending or paused, default
        False.
    :param settle_seconds: minimum time from the capture to the newest lag point, default 60; in seconds or as a
        timedelta, like ``confirm_interval``, ``status_grace`` and ``stall_after``.
    :param max_records_lag: highest accepted lag of the destination in records, default 0; templated.
    :param connector_status: accepted status or statuses of the destination, default ``"Active"``; templated; ``None``:
        ignore the status.
    :param max_latency_ms: highest accepted latency of the destination in milliseconds; templated; ``None`` (default):
        ignore the latency.
    :param confirmations: consecutive good points of the destination's timeseries (one per minute) that are required,
        default 2.
    :param confirm_interval: seconds between confirming polls, default 60; values above 20 count as 20.
    :param require: for a list: ``"all"`` (default) must be ready in the same polls, or ``"any"`` of them.
    :param fail_on_status: statuses of the source or the destination that fail the wait at once, default
        ``("Broken",)``.
    :param status_grace: fail after the destination's status has been neither accepted nor in ``fail_on_status``, the
        source has not been connected, or metrics of either have been missing, for this many seconds; ``None``
        (default): wait until the timeout.
    :param stall_after: fail after a lag above the limit has not fallen for this many seconds; ``None`` (default): wait
        until the timeout.
    :param max_poll_failures: consecutive failed polls of one side that are tolerated, default 10.
    :param streamkap_conn_id: the Airflow connection, default ``streamkap_default``; templated.
    :param deferrable: wait in the triggerer; default: ``[operators] default_deferrable``.
    :param kwargs: arguments of every sensor, such as ``poke_interval`` (60 s), ``timeout`` (7 days) and ``soft_fail``.
    :raises ValueError: an argument is invalid; the message names it.
    """

    kind = PIPELINE
    reasons_without_value: ClassVar[Mapping[str, str]] = {
        **StreamkapWaitSensor.reasons_without_value,
        "max_source_delay_ms": StreamkapWaitSensor.reasons_without_value["max_latency_ms"],
    }
    template_fields: Sequence[str] = (
        "pipeline_id",
        "pipeline_name",
        "max_source_delay_ms",
        *StreamkapWaitSensor.template_fields,
    )

    def __init__(
        self,
        *,
        pipeline_id: str | Iterable[str] | None = None,
        pipeline_name: str | Iterable[str] | None = None,
        observed_after: Timestamp | None = None,
        max_source_delay_ms: float | str | None = None,
        idle_source: IdleSource = "proof",
        allow_snapshot: bool = False,
        settle_seconds: float | timedelta = SETTLE_SECONDS,
        max_records_lag: float | str = 0,
        connector_status: str | Iterable[str] | None = "Active",
        max_latency_ms: float | str | None = None,
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
        super().__init__(
            max_records_lag=max_records_lag,
            connector_status=connector_status,
            max_latency_ms=max_latency_ms,
            observed_after=observed_after,
            confirmations=confirmations,
            confirm_interval=confirm_interval,
            require=require,
            fail_on_status=fail_on_status,
            status_grace=status_grace,
            stall_after=stall_after,
            max_poll_failures=max_poll_failures,
            streamkap_conn_id=streamkap_conn_id,
            deferrable=deferrable,
            **kwargs,
        )
        self.pipeline_id = plain(pipeline_id)
        self.pipeline_name = plain(pipeline_name)
        self.max_source_delay_ms = max_source_delay_ms
        self.idle_source = idle_source
        self.allow_snapshot = allow_snapshot
        self.settle_seconds = seconds(settle_seconds)
        self._check_arguments()

    def _build_spec(self, ids: tuple[str, ...], get: Callable[[str], Any]) -> WaitSpec:
        source_gate = SourceGate(
            self.idle_source,
            rendered_number("max_source_delay_ms", get("max_source_delay_ms")),
            self.allow_snapshot,
            self.settle_seconds,
        )
        return replace(super()._build_spec(ids, get), source_gate=source_gate)

    def _resolve_spec(self, get: Callable[[str], Any], state: Mapping[str, Any]) -> WaitSpec:
        # Check the rendered arguments before the first request.
        spec = self._build_spec(("x",), get)
        stored = state.get(_PIPELINES)
        pipelines = _runtime.restore_pipelines(stored) if stored else self._read_pipelines()
        names = {id_: parts.name for id_, parts in pipelines.items() if self.by_name and parts.name is not None}
        return replace(spec, resource_ids=tuple(pipelines), pipelines=pipelines, names=names)

    def _resolved_state(self, spec: WaitSpec) -> dict[str, Any]:
        # A list: not every database keeps the order of an object.
        return {_PIPELINES: [[id_, parts.to_dict()] for id_, parts in spec.pipelines.items()]}

    def _read_pipelines(self) -> dict[str, PipelineParts]:
        ids, by_name = self._resolve_ids()
        try:
            return _runtime.read_pipelines(self.hook, ids, self.log)
        except _runtime.StreamkapNotFoundError:
            if not by_name:
                raise
        # A pipeline may have been re-created since its id was cached.
        self.hook.forget_names(PIPELINE)
        ids, _ = self._resolve_ids()
        return _runtime.read_pipelines(self.hook, ids, self.log)

    def _resolve_ids(self) -> tuple[list[str], bool]:
        """Return the ids of the pipelines, and whether they were passed by name."""
        resolved, names = self.resolve_resources(self.hook.resolve_names)
        return list(resolved.values()), bool(names)
