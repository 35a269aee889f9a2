# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""StreamkapDestinationSensor: wait until destinations are healthy and drained."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, ClassVar

from airflow_provider_streamkap._arguments import NO_VALUE, plain, rendered_number, seconds
from airflow_provider_streamkap._compat import conf
from airflow_provider_streamkap.api.query import DESTINATION, Timestamp, destination_ids, is_keyed
from airflow_provider_streamkap.gate.conditions import DestinationGate, LagSource
from airflow_provider_streamkap.gate.spec import Require, WaitSpec
from airflow_provider_streamkap.hooks.streamkap import StreamkapHook
from airflow_provider_streamkap.sensors._base import StreamkapWaitSensor


class StreamkapDestinationSensor(StreamkapWaitSensor):
    """Wait until Streamkap destinations have caught up.

    By default, the wait ends when the connector is Active and two lag points measured since the start show that the
    records that were in Kafka then have been consumed. If the timeseries has no points, the sensor falls back to the
    latest lag, with a warning. Returns the last snapshot; for a list of ids, a dict of snapshots by id, without
    ``metadata``.

    A slow API does not block a worker: a poll of all destinations is limited to ``poke_interval``, or to 10 s if that
    is longer. Before it defers, a deferrable sensor polls once, for at most 10 s and without retries.

    The task ends the same way in every mode. A timeout raises ``AirflowSensorTimeout`` (not retried; skipped under
    ``soft_fail``). A status in ``fail_on_status`` and permanent API errors (401 with a fresh token, 403, 404 of a
    destination that does not exist, 400, 422) raise ``AirflowFailException`` (not retried). Too many failed polls in a
    row, ``stall_after`` and ``status_grace`` raise ``AirflowException`` (retried according to the task's retries).
    ``soft_fail`` applies to timeouts only.

    :param destination_id: the id of a destination, or a list of ids; templated. A list is polled concurrently, up to
        the connection's ``max_concurrency`` (16).
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
    reasons_without_value: ClassVar[Mapping[str, str]] = {
        **StreamkapWaitSensor.reasons_without_value,
        "destination_id": NO_VALUE,
    }
    template_fields: Sequence[str] = ("destination_id", *StreamkapWaitSensor.template_fields)

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
        self.max_reading_age = seconds(max_reading_age)
        self.lag_source = lag_source
        self._check_arguments()

    def _check_resources(self) -> None:
        self.check_literal(self.destination_id, destination_ids)

    def _resolve_spec(self, get: Callable[[str], Any]) -> WaitSpec:
        return self._build_spec(destination_ids(self.destination_id), get)

    def _build_gate(self, get: Callable[[str], Any]) -> DestinationGate:
        return DestinationGate(
            rendered_number("max_records_lag", get("max_records_lag")),
            get("connector_status"),
            rendered_number("max_latency_ms", get("max_latency_ms")),
            self.fail_on_status,
            get("observed_after"),
            self.max_reading_age,
            self.lag_source,
        )

    @property
    def _keyed(self) -> bool:
        return is_keyed(self.destination_id)
