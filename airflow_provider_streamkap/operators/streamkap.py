# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Operators that push metrics of destinations and sources to XCom."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_streamkap._arguments import plain
from airflow_provider_streamkap.api.query import DESTINATION, SOURCE, MetricsQuery, SourceMetricsQuery
from airflow_provider_streamkap.hooks.streamkap import StreamkapHook
from airflow_provider_streamkap.operators._base import OnError, StreamkapMetricsOperator

if TYPE_CHECKING:
    from airflow_provider_streamkap.api.query import Timestamp


class StreamkapDestinationMetricsOperator(StreamkapMetricsOperator):
    """Fetch the metrics of destinations and return them as plain JSON, for XCom.

    Returns ``{"destination_id", "time_type", "observed_at", "data", "metadata"}``; for a list of ids, a dict of these
    by id, in the order of the ids and without ``metadata``, which is the same for all. If destinations are passed by
    name, each has a ``destination_name``, and the dict is by name. A permanent API error raises
    ``AirflowFailException``, any other failure ``AirflowException``, which is retried according to the task's
    retries.

    :param destination_id: the id of a destination, or a list of ids; templated. A list is read concurrently, up to the
        connection's ``max_concurrency`` (16). To run a task per destination, use ``.expand(destination_id=[...])``.
    :param destination_name: the exact name of a destination, or a list of names, instead of ``destination_id``;
        templated. Names are resolved when the task runs, and again if a cached id no longer exists.
    :param time_type: ``latest`` (default), ``timesummary`` or ``timeseries``.
    :param time_interval: time units per point, default 1.
    :param time_unit: ``minute``, ``hour`` (default), ``day``, ``week`` or ``month``.
    :param timestamp_from: start of the period, as an ISO 8601 string or an aware datetime; templated. Not with
        ``latest``, for which the API ignores the period. ``None``: 24 hours ago (chosen by the API).
    :param timestamp_to: end of the period, likewise; ``None``: the current time (chosen by the API).
    :param metrics: return only these metrics, by their API names; templated. ``None`` (default): all.
    :param max_points: maximum number of timeseries points, default 10,000, counted over all destinations;
        ``None``: no limit. No further requests are sent once it is exceeded.
    :param on_error: what to do if a destination of a list cannot be read: ``"fail"`` (default) the task, or ``"skip"``
        the destination. Skipped destinations are logged, and their errors pushed to the XCom ``skipped``, by id or
        name. The task fails if no destination can be read.
    :param streamkap_conn_id: the Airflow connection, default ``streamkap_default``.
    :raises ValueError: an argument is invalid; the message names it.

    If ``timestamp_from``, ``timestamp_to`` or ``metrics`` is set but has no value in a run, such as a template that
    renders to nothing, the task fails with ``AirflowFailException``, as it does for an empty or reversed period.
    """

    kind = DESTINATION
    query = MetricsQuery
    template_fields: Sequence[str] = (
        "destination_id",
        "destination_name",
        "timestamp_from",
        "timestamp_to",
        "metrics",
        "streamkap_conn_id",
    )

    def __init__(
        self,
        *,
        destination_id: str | Iterable[str] | None = None,
        destination_name: str | Iterable[str] | None = None,
        time_type: str = "latest",
        time_interval: int = 1,
        time_unit: str = "hour",
        timestamp_from: Timestamp | None = None,
        timestamp_to: Timestamp | None = None,
        metrics: str | Iterable[str] | None = None,
        max_points: int | None = 10_000,
        on_error: OnError = "fail",
        streamkap_conn_id: str = StreamkapHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            time_type=time_type,
            time_interval=time_interval,
            time_unit=time_unit,
            timestamp_from=timestamp_from,
            timestamp_to=timestamp_to,
            metrics=metrics,
            max_points=max_points,
            on_error=on_error,
            streamkap_conn_id=streamkap_conn_id,
            **kwargs,
        )
        self.destination_id = plain(destination_id)
        self.destination_name = plain(destination_name)
        self._check_arguments()


class StreamkapSourceMetricsOperator(StreamkapMetricsOperator):
    """Fetch the metrics of sources and return them as plain JSON, for XCom.

    Results, errors and the arguments that are not listed here are those of
    :class:`StreamkapDestinationMetricsOperator`, with ``source_id`` and ``source_name`` as keys.

    :param source_id: the id of a source, or a list of ids; templated.
    :param source_name: the exact name of a source, or a list of names, instead of ``source_id``; templated.
    :raises ValueError: an argument is invalid; the message names it.
    """

    kind = SOURCE
    query = SourceMetricsQuery
    template_fields: Sequence[str] = (
        "source_id",
        "source_name",
        "timestamp_from",
        "timestamp_to",
        "metrics",
        "streamkap_conn_id",
    )

    def __init__(
        self,
        *,
        source_id: str | Iterable[str] | None = None,
        source_name: str | Iterable[str] | None = None,
        time_type: str = "latest",
        time_interval: int = 1,
        time_unit: str = "hour",
        timestamp_from: Timestamp | None = None,
        timestamp_to: Timestamp | None = None,
        metrics: str | Iterable[str] | None = None,
        max_points: int | None = 10_000,
        on_error: OnError = "fail",
        streamkap_conn_id: str = StreamkapHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            time_type=time_type,
            time_interval=time_interval,
            time_unit=time_unit,
            timestamp_from=timestamp_from,
            timestamp_to=timestamp_to,
            metrics=metrics,
            max_points=max_points,
            on_error=on_error,
            streamkap_conn_id=streamkap_conn_id,
            **kwargs,
        )
        self.source_id = plain(source_id)
        self.source_name = plain(source_name)
        self._check_arguments()
