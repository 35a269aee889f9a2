# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""StreamkapDestinationMetricsOperator: push metrics of destinations to XCom."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args

from airflow_provider_streamkap._arguments import NO_INTERVAL, NO_VALUE, CheckedArguments, check_conn_id, plain
from airflow_provider_streamkap._compat import BaseOperator
from airflow_provider_streamkap._lazy import LazyModule
from airflow_provider_streamkap.api.checks import check_integer
from airflow_provider_streamkap.api.query import MetricsQuery, aware_utc, destination_ids, is_keyed
from airflow_provider_streamkap.hooks.streamkap import StreamkapHook
from airflow_provider_streamkap.links.streamkap import StreamkapLink, push_link

if TYPE_CHECKING:
    from airflow_provider_streamkap._compat import Context
    from airflow_provider_streamkap.api.errors import StreamkapError
    from airflow_provider_streamkap.api.metrics import DestinationMetrics
    from airflow_provider_streamkap.api.query import Timestamp
    from airflow_provider_streamkap.operators import _runtime
else:
    _runtime = LazyModule("airflow_provider_streamkap.operators._runtime")

OnError = Literal["fail", "skip"]

# Log up to this many destinations individually.
_MAX_LOGGED = 10

_EMPTY_INTERVAL = (
    "On Airflow 3 a run of a plain cron or preset schedule such as '@daily' has an empty data interval, which starts "
    "and ends at the same time: schedule the DAG with CronDataIntervalTimetable('0 0 * * *', timezone='UTC'), or "
    "compute timestamp_from or timestamp_to in the DAG"
)


class StreamkapDestinationMetricsOperator(CheckedArguments, BaseOperator):
    """Fetch the metrics of destinations and return them as plain JSON, for XCom.

    Returns ``{"destination_id", "time_type", "observed_at", "data", "metadata"}``; for a list of ids, a dict of these
    by id, in the order of the ids and without ``metadata``, which is the same for all. A permanent API error raises
    ``AirflowFailException``, any other failure ``AirflowException``, which is retried according to the task's
    retries.

    :param destination_id: the id of a destination, or a list of ids; templated. A list is read concurrently, up to the
        connection's ``max_concurrency`` (16). To run a task per destination, use ``.expand(destination_id=[...])``.
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
        the destination. Skipped destinations are logged, and their errors pushed to the XCom ``skipped``, by id. The
        task fails if no destination can be read.
    :param streamkap_conn_id: the Airflow connection, default ``streamkap_default``.
    :raises ValueError: an argument is invalid; the message names it.

    If ``timestamp_from``, ``timestamp_to`` or ``metrics`` is set but has no value in a run, such as a template that
    renders to nothing, the task fails with ``AirflowFailException``, as it does for an empty or reversed period.
    """

    reasons_without_value: ClassVar[Mapping[str, str]] = {
        "timestamp_from": f"the template or upstream task returned nothing, or {NO_INTERVAL}",
        "timestamp_to": f"the template or upstream task returned nothing, or {NO_INTERVAL}",
        "metrics": "the template or upstream task returned no names; omit metrics to fetch all",
        **dict.fromkeys(("destination_id", "streamkap_conn_id"), NO_VALUE),
    }
    template_fields: Sequence[str] = (
        "destination_id",
        "timestamp_from",
        "timestamp_to",
        "metrics",
        "streamkap_conn_id",
    )
    operator_extra_links = (StreamkapLink(),)
    ui_color = "#d5f0ec"

    def __init__(
        self,
        *,
        destination_id: str | Iterable[str],
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
        super().__init__(**kwargs)
        self.destination_id = plain(destination_id)
        self.time_type = time_type
        self.time_interval = time_interval
        self.time_unit = time_unit
        self.timestamp_from = timestamp_from
        self.timestamp_to = timestamp_to
        self.metrics = plain(metrics)
        self.max_points = max_points
        self.on_error = on_error
        self.streamkap_conn_id = streamkap_conn_id
        self.record_set_arguments()
        with self.checked():
            self._check_literals()

    def _check_literals(self) -> None:
        """Check the arguments that are final when the DAG is parsed."""
        self.check_literal(self.destination_id, destination_ids)
        self.check_literal(self.metrics, _check_metric_names)
        self.check_literal(self.streamkap_conn_id, check_conn_id)
        start = self.timestamp_from if self.is_literal(self.timestamp_from) else datetime.min.replace(tzinfo=UTC)
        end = self.timestamp_to if self.is_literal(self.timestamp_to) else datetime.max.replace(tzinfo=UTC)
        MetricsQuery("x", self.time_type, self.time_interval, self.time_unit, start, end)
        check_integer("max_points", self.max_points, optional=True)
        if self.on_error not in get_args(OnError):
            raise ValueError(f"on_error must be 'fail' or 'skip'; got {self.on_error!r}")

    def execute(self, context: Context) -> dict[str, Any]:
        """Fetch the snapshots and return them."""
        with _runtime.raise_task_exceptions():
            return self._result(context)

    def _result(self, context: Context) -> dict[str, Any]:
        self.check_set_arguments()
        ids, metrics = destination_ids(self.destination_id), _check_metric_names(self.metrics)
        _check_period(self.timestamp_from, self.timestamp_to)
        queries = [
            MetricsQuery(
                id_, self.time_type, self.time_interval, self.time_unit, self.timestamp_from, self.timestamp_to
            )
            for id_ in ids
        ]
        hook = StreamkapHook(self.streamkap_conn_id)
        push_link(context, hook.connection(), ids[0])
        snapshots, failed = self._fetch_snapshots(hook, queries, metrics)
        if failed:
            self._skip(context, failed, len(ids))
        if len(snapshots) > _MAX_LOGGED:
            self.log.info("Read %d of %d destinations", len(snapshots), len(ids))
        for id_, snapshot in snapshots.items():
            if len(snapshots) <= _MAX_LOGGED:
                self.log.info("%s: %s", id_, _runtime.metrics_summary(snapshot))
            if metrics is None and snapshot.undocumented:
                self.log.warning("%s: ignored invalid values: %s", id_, "; ".join(snapshot.undocumented.values()))
        by_id = {id_: snapshot.as_dict() for id_, snapshot in snapshots.items()}
        result: dict[str, Any] = _runtime.task_result(list(by_id), is_keyed(self.destination_id), by_id)
        return result

    def _fetch_snapshots(
        self, hook: StreamkapHook, queries: Sequence[MetricsQuery], metrics: list[Any] | None
    ) -> tuple[dict[str, DestinationMetrics], dict[str, StreamkapError]]:
        snapshots: dict[str, DestinationMetrics] = {}
        failed: dict[str, StreamkapError] = {}
        points = 0
        with closing(
            hook.call_each(
                queries, lambda client, some: client.call_each(some, lambda session, query: session.metrics(query))
            )
        ) as results:
            for query, got in results:
                if isinstance(got, _runtime.StreamkapError):
                    failed[query.destination_id] = got
                    if self.on_error == "fail":
                        break
                    continue
                snapshot = got if metrics is None else got.select(metrics)
                snapshots[query.destination_id] = snapshot
                points += sum(len(value) for value in snapshot.data.values() if isinstance(value, list))
                self._check_points(points, len(snapshots), len(queries))
        ids = [query.destination_id for query in queries]
        errors = {id_: failed[id_] for id_ in ids if id_ in failed}
        if errors and (self.on_error == "fail" or not snapshots):
            raise next(iter(errors.values()))
        return {id_: snapshots[id_] for id_ in ids if id_ in snapshots}, errors

    def _skip(self, context: Context, failed: Mapping[str, StreamkapError], requested: int) -> None:
        messages = {id_: str(error) for id_, error in failed.items()}
        named = "; ".join(f"{id_}: {message}" for id_, message in list(messages.items())[:_MAX_LOGGED])
        more = (
            f"; and {len(messages) - _MAX_LOGGED} more, see the XCom 'skipped'" if len(messages) > _MAX_LOGGED else ""
        )
        self.log.warning(
            "Skipped %d of %d destinations that could not be read: %s%s", len(failed), requested, named, more
        )
        if self.do_xcom_push:
            context["ti"].xcom_push(key="skipped", value=messages)

    def _check_points(self, points: int, read: int, requested: int) -> None:
        if self.max_points is not None and points > self.max_points:
            part = "" if read == requested else f" of {read} of {requested} destinations"
            raise ValueError(
                f"{points:,} points in the timeseries{part}, more than max_points={self.max_points:,} allows: "
                "narrow timestamp_from and timestamp_to, use a coarser time_unit or time_interval, or list the metrics "
                "you need in metrics=[...]"
            )


def _check_period(timestamp_from: Any, timestamp_to: Any) -> None:
    start, end = aware_utc("timestamp_from", timestamp_from), aware_utc("timestamp_to", timestamp_to)
    if start is not None and end is not None and start >= end:
        raise ValueError(
            f"timestamp_from ({start.isoformat()}) must be before timestamp_to ({end.isoformat()}). {_EMPTY_INTERVAL}"
        )


def _check_metric_names(metrics: Any) -> list[str] | None:
    if metrics is None:
        return None
    names = [metrics] if isinstance(metrics, str) else metrics
    # The XComs of a mapped task are a lazy sequence, not a list.
    if isinstance(names, Iterable) and not isinstance(names, Mapping | bytes):
        names = list(names)
        if names and all(isinstance(name, str) and name.strip() for name in names):
            return names
    raise ValueError(f"metrics must be a name, a list of names, or None for all; got {names!r}")
