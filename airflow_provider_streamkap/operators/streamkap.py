# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""StreamkapDestinationMetricsOperator: push snapshots of a destination's metrics to XCom."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import methodcaller
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowFailException, AirflowNotFoundException, BaseOperator

from airflow_provider_streamkap.api.query import MetricsQuery, destination_ids
from airflow_provider_streamkap.hooks.streamkap import StreamkapHook
from airflow_provider_streamkap.links.streamkap import StreamkapLink, push_link

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_streamkap.api.metrics import DestinationMetrics
    from airflow_provider_streamkap.api.query import Timestamp


class StreamkapDestinationMetricsOperator(BaseOperator):
    """Fetch the metrics of a destination and return them for XCom, as plain JSON.

    Returns ``{"destination_id", "time_type", "observed_at", "data", "metadata"}``; for a list of ids a dict of
    those by id. A refusal of the API that a retry cannot change raises ``AirflowFailException``, any other failure
    ``AirflowException``, which the task's own policy retries.

    :param destination_id: a destination's id, or a list of ids; templated. Many are also mapped with
        ``.expand(destination_id=[...])``, a task for each.
    :param time_type: ``latest`` (default), ``timesummary`` or ``timeseries``.
    :param time_interval: how many ``time_unit`` one point covers, default 1.
    :param time_unit: ``minute``, ``hour`` (default), ``day``, ``week`` or ``month``.
    :param timestamp_from: start, as ISO 8601 text or an aware datetime; templated. ``None``: the API takes 24 hours
        ago.
    :param timestamp_to: end, likewise; ``None``: the API takes the current time.
    :param metrics: only these metrics, by the API's names (one or a list); templated. ``None`` (default): all.
    :param max_points: the most points that a timeseries may bring into XCom, default 10,000; ``None``: any number.
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
        streamkap_conn_id: str = StreamkapHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        # What needs no rendering is refused while the DAG is written, not when it runs at night.
        MetricsQuery("x", time_type, time_interval, time_unit)
        _check_max_points(max_points)
        self.destination_id = destination_id
        self.time_type = time_type
        self.time_interval = time_interval
        self.time_unit = time_unit
        self.timestamp_from = timestamp_from
        self.timestamp_to = timestamp_to
        self.metrics = metrics
        self.max_points = max_points
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
        ids, metrics = destination_ids(self.destination_id), _names(self.metrics)
        queries = [
            MetricsQuery(
                id_, self.time_type, self.time_interval, self.time_unit, self.timestamp_from, self.timestamp_to
            )
            for id_ in ids
        ]
        hook = StreamkapHook(self.streamkap_conn_id)
        push_link(context, hook.connection(), ids[0])
        shots = [hook.call(methodcaller("get_destination_metrics", query)) for query in queries]
        snapshots = {shot.destination_id: shot if metrics is None else shot.select(metrics) for shot in shots}
        self._check_points(snapshots)
        for id_, snapshot in snapshots.items():
            self.log.info("%s: %s", id_, _summary(snapshot))
        answers = {id_: snapshot.as_dict() for id_, snapshot in snapshots.items()}
        return answers[ids[0]] if isinstance(self.destination_id, str) else answers

    def _check_points(self, snapshots: dict[str, DestinationMetrics]) -> None:
        points = sum(
            len(value) for shot in snapshots.values() for value in shot.data.values() if isinstance(value, list)
        )
        if self.max_points is not None and points > self.max_points:
            raise ValueError(
                f"The timeseries holds {points:,} points, more than max_points={self.max_points:,} allows into XCom: "
                "narrow timestamp_from and timestamp_to, take a coarser time_unit or time_interval, or name the "
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
