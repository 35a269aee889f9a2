# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""StreamkapDestinationMetricsOperator: push snapshots of a destination's metrics to XCom."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any, Literal, get_args

from airflow.providers.common.compat.sdk import AirflowFailException, AirflowNotFoundException, BaseOperator

from airflow_provider_streamkap.api.query import MetricsQuery, destination_ids
from airflow_provider_streamkap.hooks.streamkap import StreamkapHook
from airflow_provider_streamkap.links.streamkap import StreamkapLink, push_link

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_streamkap.api.errors import StreamkapError
    from airflow_provider_streamkap.api.metrics import DestinationMetrics
    from airflow_provider_streamkap.api.query import Timestamp


OnError = Literal["fail", "skip"]

# Up to this many destinations, each has a line in the log, or its place in one.
_FEW = 10


class StreamkapDestinationMetricsOperator(BaseOperator):
    """Fetch the metrics of a destination and return them for XCom, as plain JSON.

    Returns ``{"destination_id", "time_type", "observed_at", "data", "metadata"}``; for a list of ids a dict of
    those by id, in the order of the ids and without ``metadata``, which is the same for each. A refusal of the API
    that a retry cannot change raises ``AirflowFailException``, any other failure ``AirflowException``, which the
    task's own policy retries.

    :param destination_id: a destination's id, or a list of ids; templated. The connection's ``max_concurrency`` (16)
        of a list are read at once. Many are also mapped with ``.expand(destination_id=[...])``, a task for each.
    :param time_type: ``latest`` (default), ``timesummary`` or ``timeseries``.
    :param time_interval: how many ``time_unit`` one point covers, default 1.
    :param time_unit: ``minute``, ``hour`` (default), ``day``, ``week`` or ``month``.
    :param timestamp_from: start, as ISO 8601 text or an aware datetime; templated. ``None``: the API takes 24 hours
        ago.
    :param timestamp_to: end, likewise; ``None``: the API takes the current time.
    :param metrics: only these metrics, by the API's names (one or a list); templated. ``None`` (default): all.
    :param max_points: the most points that a timeseries may bring into XCom, default 10,000; ``None``: any number.
        Over a list it counts the points of all, and no further request is made once it is exceeded.
    :param on_error: what to do if one destination of a list cannot be read: ``"fail"`` (default) the task, or
        ``"skip"`` the destination. The others are then returned, the log names those that were skipped, and the XCom
        ``skipped`` holds their errors by id. If none can be read, the task fails.
    :param streamkap_conn_id: the Airflow connection, default ``streamkap_default``.
    :raises ValueError: an argument out of its range; the message names it.
    """

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
        metrics: str | Sequence[str] | None = None,
        max_points: int | None = 10_000,
        on_error: OnError = "fail",
        streamkap_conn_id: str = StreamkapHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        # What needs no rendering is refused while the DAG is written, not when it runs at night.
        MetricsQuery("x", time_type, time_interval, time_unit)
        _check_max_points(max_points)
        if on_error not in get_args(OnError):
            raise ValueError(f"on_error must be 'fail' or 'skip'; got {on_error!r}")
        self.destination_id = destination_id
        self.time_type = time_type
        self.time_interval = time_interval
        self.time_unit = time_unit
        self.timestamp_from = timestamp_from
        self.timestamp_to = timestamp_to
        self.metrics = metrics
        self.max_points = max_points
        self.on_error = on_error
        self.streamkap_conn_id = streamkap_conn_id

    def execute(self, context: Context) -> dict[str, Any]:
        """Fetch the snapshots and return them."""
        # Parsing a DAG has no use for what knows how a task ends.
        from airflow_provider_streamkap.api.errors import StreamkapError
        from airflow_provider_streamkap.outcomes import exception_of

        try:
            return self._snapshots(context)
        except (ValueError, AirflowNotFoundException) as error:
            # What was rendered or configured wrongly stays wrong however often it is tried.
            raise AirflowFailException(str(error)) from error
        except StreamkapError as error:
            raise exception_of(error) from error

    def _snapshots(self, context: Context) -> dict[str, Any]:
        from airflow_provider_streamkap.wait import result

        ids, metrics = destination_ids(self.destination_id), _names(self.metrics)
        queries = [
            MetricsQuery(
                id_, self.time_type, self.time_interval, self.time_unit, self.timestamp_from, self.timestamp_to
            )
            for id_ in ids
        ]
        hook = StreamkapHook(self.streamkap_conn_id)
        push_link(context, hook.connection(), ids[0])
        shots, failed = self._read(hook, queries, metrics)
        if failed:
            self._skip(context, failed, len(ids))
        if len(shots) > _FEW:
            self.log.info("Read %d of %d destinations", len(shots), len(ids))
        else:
            for id_, shot in shots.items():
                self.log.info("%s: %s", id_, _summary(shot))
        by_id = {id_: shot.as_dict() for id_, shot in shots.items()}
        snapshots: dict[str, Any] = result(list(by_id), not isinstance(self.destination_id, str), by_id)
        return snapshots

    def _read(
        self, hook: StreamkapHook, queries: Sequence[MetricsQuery], metrics: list[Any] | None
    ) -> tuple[dict[str, DestinationMetrics], dict[str, StreamkapError]]:
        from airflow_provider_streamkap.api.errors import StreamkapError

        shots: dict[str, DestinationMetrics] = {}
        failed: dict[str, StreamkapError] = {}
        points = 0
        with closing(hook.get_conn().get_each_destination_metrics(queries)) as answers:
            for query, got in answers:
                if isinstance(got, StreamkapError):
                    failed[query.destination_id] = got
                    if self.on_error == "fail":
                        break
                    continue
                shot = got if metrics is None else got.select(metrics)
                shots[query.destination_id] = shot
                points += sum(len(value) for value in shot.data.values() if isinstance(value, list))
                self._check_points(points, len(shots), len(queries))
        ids = [query.destination_id for query in queries]
        errors = {id_: failed[id_] for id_ in ids if id_ in failed}
        if errors and (self.on_error == "fail" or not shots):
            raise next(iter(errors.values()))
        return {id_: shots[id_] for id_ in ids if id_ in shots}, errors

    def _skip(self, context: Context, failed: Mapping[str, StreamkapError], asked: int) -> None:
        messages = {id_: str(error) for id_, error in failed.items()}
        named = "; ".join(f"{id_}: {message}" for id_, message in list(messages.items())[:_FEW])
        more = f"; and {len(messages) - _FEW} more, see the XCom skipped" if len(messages) > _FEW else ""
        self.log.warning("Skipped %d of %d destinations that could not be read: %s%s", len(failed), asked, named, more)
        if self.do_xcom_push:
            context["ti"].xcom_push(key="skipped", value=messages)

    def _check_points(self, points: int, read: int, asked: int) -> None:
        if self.max_points is not None and points > self.max_points:
            part = "" if read == asked else f" of {read} of {asked} destinations"
            raise ValueError(
                f"The timeseries{part} holds {points:,} points, more than max_points={self.max_points:,} allows into "
                "XCom: narrow timestamp_from and timestamp_to, take a coarser time_unit or time_interval, or name the "
                "metrics that you need in metrics=[...]"
            )


def _check_max_points(max_points: Any) -> None:
    if max_points is None:
        return
    if isinstance(max_points, bool) or not isinstance(max_points, int) or max_points < 1:
        raise ValueError(f"max_points must be an integer of at least 1, or None; got {max_points!r}")


def _names(metrics: Any) -> list[Any] | None:
    if metrics is None:
        return None
    names = [metrics] if isinstance(metrics, str) else list(metrics) if isinstance(metrics, list | tuple | set) else []
    if not names:
        raise ValueError(f"metrics must be a name, a list of names, or None for all; got {metrics!r}")
    return names


def _summary(snapshot: DestinationMetrics) -> str:
    return ", ".join(
        f"{name} {len(value)} points" if isinstance(value, list) else f"{name} {value}"
        for name, value in snapshot.data.items()
    )
