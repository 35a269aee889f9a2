# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The base class of operators that push metrics to XCom."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args

from airflow_provider_streamkap._arguments import NO_INTERVAL, NO_VALUE, ResourceArguments, check_conn_id, plain
from airflow_provider_streamkap._compat import BaseOperator
from airflow_provider_streamkap._lazy import LazyModule
from airflow_provider_streamkap.api.checks import check_integer
from airflow_provider_streamkap.api.query import DESTINATION, MetricsQuery, SourceMetricsQuery, aware_utc
from airflow_provider_streamkap.hooks.streamkap import StreamkapHook
from airflow_provider_streamkap.links.streamkap import StreamkapLink, push_link

if TYPE_CHECKING:
    from airflow_provider_streamkap._compat import Context
    from airflow_provider_streamkap.api.errors import StreamkapError, StreamkapNameError
    from airflow_provider_streamkap.api.flows import ApiSession, Flow
    from airflow_provider_streamkap.api.metrics import Metrics
    from airflow_provider_streamkap.api.query import Timestamp
    from airflow_provider_streamkap.operators import _runtime
else:
    _runtime = LazyModule("airflow_provider_streamkap.operators._runtime")

OnError = Literal["fail", "skip"]

# Log up to this many resources individually.
_MAX_LOGGED = 10

_EMPTY_INTERVAL = (
    "On Airflow 3 a run of a plain cron or preset schedule such as '@daily' has an empty data interval, which starts "
    "and ends at the same time: schedule the DAG with CronDataIntervalTimetable('0 0 * * *', timezone='UTC'), or "
    "compute timestamp_from or timestamp_to in the DAG"
)


class StreamkapMetricsOperator(ResourceArguments, BaseOperator):
    """Fetch the metrics of resources of one kind.

    The arguments are documented in the subclasses, which also list all of them in their signature, for editors and type
    checkers. A subclass sets its own arguments, then calls :meth:`_check_arguments`.
    """

    #: The query for the metrics of one resource.
    query: ClassVar[type[MetricsQuery | SourceMetricsQuery]]
    reasons_without_value: ClassVar[Mapping[str, str]] = {
        "timestamp_from": f"the template or upstream task returned nothing, or {NO_INTERVAL}",
        "timestamp_to": f"the template or upstream task returned nothing, or {NO_INTERVAL}",
        "metrics": "the template or upstream task returned no names; omit metrics to fetch all",
        "streamkap_conn_id": NO_VALUE,
    }
    operator_extra_links = (StreamkapLink(),)
    ui_color = "#d5f0ec"

    def __init__(
        self,
        *,
        time_type: str,
        time_interval: int,
        time_unit: str,
        timestamp_from: Timestamp | None,
        timestamp_to: Timestamp | None,
        metrics: str | Iterable[str] | None,
        max_points: int | None,
        on_error: OnError,
        streamkap_conn_id: str,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.time_type = time_type
        self.time_interval = time_interval
        self.time_unit = time_unit
        self.timestamp_from = timestamp_from
        self.timestamp_to = timestamp_to
        self.metrics = plain(metrics)
        self.max_points = max_points
        self.on_error = on_error
        self.streamkap_conn_id = streamkap_conn_id

    def _check_arguments(self) -> None:
        """Check the arguments when the DAG is parsed, at the end of the subclass's constructor."""
        self.record_set_arguments()
        with self.checked():
            self._check_literals()

    def _check_literals(self) -> None:
        """Check the arguments that are final when the DAG is parsed."""
        self.check_resources()
        self.check_literal(self.metrics, _check_metric_names)
        self.check_literal(self.streamkap_conn_id, check_conn_id)
        start = self.timestamp_from if self.is_literal(self.timestamp_from) else datetime.min.replace(tzinfo=UTC)
        end = self.timestamp_to if self.is_literal(self.timestamp_to) else datetime.max.replace(tzinfo=UTC)
        self.query("x", self.time_type, self.time_interval, self.time_unit, start, end)
        check_integer("max_points", self.max_points, optional=True)
        if self.on_error not in get_args(OnError):
            raise ValueError(f"on_error must be 'fail' or 'skip'; got {self.on_error!r}")

    def execute(self, context: Context) -> dict[str, Any]:
        """Fetch the snapshots and return them."""
        with _runtime.raise_task_exceptions():
            return self._result(context)

    def _result(self, context: Context) -> dict[str, Any]:
        self.check_set_arguments()
        metrics = _check_metric_names(self.metrics)
        _check_period(self.timestamp_from, self.timestamp_to)
        hook = StreamkapHook(self.streamkap_conn_id)
        resolved, names = self.resolve_resources(hook.resolve_each)
        snapshots, failed = self._fetch_snapshots(context, hook, resolved, metrics)
        if names and any(isinstance(error, _runtime.StreamkapNotFoundError) for error in failed.values()):
            # A resource may have been re-created since its id was cached.
            hook.forget_names(self.kind)
            previous = names
            resolved, names = self.resolve_resources(hook.resolve_each)
            if names != previous:
                snapshots, failed = self._fetch_snapshots(context, hook, resolved, metrics)
        if failed:
            self._handle_failed(context, failed, resolved, bool(snapshots))
        if len(snapshots) > _MAX_LOGGED:
            self.log.info("Read %d of %d %ss", len(snapshots), len(resolved), self.kind.name)
        for id_, snapshot in snapshots.items():
            label = _runtime.resource_label(id_, names.get(id_))
            if len(snapshots) <= _MAX_LOGGED:
                self.log.info("%s: %s", label, _runtime.metrics_summary(snapshot))
            if metrics is None and snapshot.undocumented:
                self.log.warning("%s: ignored invalid values: %s", label, "; ".join(snapshot.undocumented.values()))
        by_id = {id_: snapshot.as_dict() for id_, snapshot in snapshots.items()}
        result: dict[str, Any] = _runtime.task_result(list(by_id), self.keyed, by_id, names, self.kind)
        return result

    def _fetch_snapshots(
        self,
        context: Context,
        hook: StreamkapHook,
        resolved: Mapping[str, str | StreamkapNameError],
        metrics: list[Any] | None,
    ) -> tuple[dict[str, Metrics], dict[str, StreamkapError]]:
        """Return the snapshots by id, and the errors by the id or name that was passed."""
        keys = {id_: key for key, id_ in resolved.items() if isinstance(id_, str)}
        errors: dict[str, StreamkapError] = {
            key: error for key, error in resolved.items() if not isinstance(error, str)
        }
        snapshots: dict[str, Metrics] = {}
        if keys and not (errors and self.on_error == "fail"):
            queries = [self._query(id_) for id_ in keys]
            if self.kind is DESTINATION:
                # The connection's URL template is that of a destination's page.
                push_link(context, hook.connection(), queries[0].resource_id)
            points = 0
            with closing(hook.call_each(queries, lambda client, some: client.call_each(some, _request))) as results:
                for query, got in results:
                    if isinstance(got, _runtime.StreamkapError):
                        errors[keys[query.resource_id]] = got
                        if self.on_error == "fail":
                            break
                        continue
                    snapshot = got if metrics is None else got.select(metrics)
                    snapshots[query.resource_id] = snapshot
                    points += sum(len(value) for value in snapshot.data.values() if isinstance(value, list))
                    self._check_points(points, len(snapshots), len(queries))
        return (
            {id_: snapshots[id_] for id_ in keys if id_ in snapshots},
            {key: errors[key] for key in resolved if key in errors},
        )

    def _query(self, id_: str) -> MetricsQuery | SourceMetricsQuery:
        return self.query(
            id_, self.time_type, self.time_interval, self.time_unit, self.timestamp_from, self.timestamp_to
        )

    def _handle_failed(
        self,
        context: Context,
        failed: Mapping[str, StreamkapError],
        resolved: Mapping[str, str | StreamkapNameError],
        any_read: bool,
    ) -> None:
        """Raise the first error, or log and push the errors if these resources are to be skipped."""

        def label(key: str) -> str:
            id_ = resolved[key]
            return _runtime.resource_label(id_, key) if isinstance(id_, str) and id_ != key else ""

        key, error = next(iter(failed.items()))
        if self.on_error == "fail" or not any_read:
            raise _runtime.api_exception(error, label(key)) from error
        messages = {key: str(error) for key, error in failed.items()}
        named = "; ".join(
            f"{label(key) or _runtime.short_name(key)}: {message}"
            for key, message in list(messages.items())[:_MAX_LOGGED]
        )
        more = (
            f"; and {len(messages) - _MAX_LOGGED} more, see the XCom 'skipped'" if len(messages) > _MAX_LOGGED else ""
        )
        self.log.warning(
            "Skipped %d of %d %ss that could not be read: %s%s",
            len(failed),
            len(resolved),
            self.kind.name,
            named,
            more,
        )
        if self.do_xcom_push:
            context["ti"].xcom_push(key="skipped", value=messages)

    def _check_points(self, points: int, read: int, requested: int) -> None:
        if self.max_points is not None and points > self.max_points:
            part = "" if read == requested else f" of {read} of {requested} {self.kind.name}s"
            raise ValueError(
                f"{points:,} points in the timeseries{part}, more than max_points={self.max_points:,} allows: "
                "narrow timestamp_from and timestamp_to, use a coarser time_unit or time_interval, or list the metrics "
                "you need in metrics=[...]"
            )


def _request(session: ApiSession, query: MetricsQuery | SourceMetricsQuery) -> Flow[Metrics]:
    return session.metrics(query) if isinstance(query, MetricsQuery) else session.source_metrics(query)


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
