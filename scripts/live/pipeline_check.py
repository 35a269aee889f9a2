# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Send the requests about sources and pipelines."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from airflow_provider_streamkap.api.errors import StreamkapResponseError
from airflow_provider_streamkap.api.metrics import Metrics, PipelineMetrics, SourceMetrics
from airflow_provider_streamkap.api.pipelines import Pipeline
from airflow_provider_streamkap.api.query import (
    PIPELINE,
    SOURCE,
    LatestQuery,
    PipelineMetricsQuery,
    SourceMetricsQuery,
)
from airflow_provider_streamkap.api.resources import MAX_PAGE_SIZE, Page, Record
from airflow_provider_streamkap.api.sources import Source
from airflow_provider_streamkap.gate.target import WINDOW_SECONDS, PollTarget
from scripts.live import findings, pipeline_findings, source_findings
from scripts.live.findings import Finding, Response
from scripts.live.pipeline_findings import Read
from scripts.live.raw_client import RawClient
from scripts.live.source_findings import SourceSeries, is_log_metered

#: Maximum number of sources to sample.
MAX_SAMPLED = 5

R = TypeVar("R", bound=Record)
M = TypeVar("M", bound=Metrics)


class PipelineCheck:
    """Check the assumptions about sources and pipelines.

    :param raw: client with a token.
    :param source_id: source to check; ``None`` for that of the pipeline, or the first.
    :param pipeline_id: pipeline to check; ``None`` for the first.
    :param clock: epoch seconds.
    :param redact: redacts all secrets in a JSON value.
    """

    def __init__(
        self,
        raw: RawClient,
        source_id: str | None,
        pipeline_id: str | None,
        *,
        clock: Callable[[], float],
        redact: Callable[[Any], Any],
    ) -> None:
        self._raw = raw
        self._redact = redact
        self._source_id = source_id
        self._pipeline_id = pipeline_id
        self._clock = clock
        self._sources: tuple[Source, ...] = ()
        self._pipelines: tuple[Pipeline, ...] = ()
        self._reads: list[Read] = []
        self._metrics_read: list[Metrics] = []

    def list_statuses(self) -> list[str | None]:
        """Request the lists, of up to 100 sources and pipelines, and return the statuses of the sources."""
        size = str(MAX_PAGE_SIZE)
        self._sources = self._records(Source, SOURCE.path(), page="1", page_size=size)
        self._pipelines = self._records(Pipeline, PIPELINE.path(), page="1", page_size=size)
        return [source.connector_status for source in self._sources]

    def run(self, lag: Sequence[tuple[Any, Any]]) -> list[Finding]:
        """Run the checks and return the findings.

        :param lag: raw lag points of a destination.
        """
        pipeline = self._pipeline()
        source = self._source(pipeline)
        id_ = source.id if source else self._source_id
        latest = self._latest(id_)
        series = self._series(id_)
        connector = source.connector if source else None
        topics = [*(source.topics if source else ()), *(pipeline.topics if pipeline else ())]
        status = self._pipeline_metrics(pipeline)
        found = [
            source_findings.latest_values(latest),
            source_findings.flags(series),
            *self._sampled(source, latest),
            source_findings.snapshot_topics(latest, topics),
            source_findings.minutes(series),
            source_findings.same_timestamps(series, lag, self._clock()),
            source_findings.same_last_event(latest, series),
            source_findings.before_first_event(series),
            source_findings.negative_delays(series),
            source_findings.captured_events(connector, series),
            self._log_heartbeat(source, series),
            source_findings.connector_types(self._sources),
            source_findings.heartbeat(source),
            pipeline_findings.parts(pipeline, source),
            pipeline_findings.status(status),
            *self._lists(),
        ]
        unknown = self._get(PIPELINE.path(secrets.token_hex(12)))
        return [
            pipeline_findings.readable(self._reads),
            pipeline_findings.types(self._metrics_read),
            findings.unknown_resource(PIPELINE, unknown),
            *found,
        ]

    def _pipeline(self) -> Pipeline | None:
        id_ = self._pipeline_id or next((pipeline.id for pipeline in self._pipelines), None)
        return next(iter(self._records(Pipeline, PIPELINE.path(id_))), None) if id_ else None

    def _source(self, pipeline: Pipeline | None) -> Source | None:
        of_pipeline = pipeline.source.id if pipeline and pipeline.source else None
        id_ = self._source_id or of_pipeline or next((source.id for source in self._sources), None)
        return next(iter(self._records(Source, SOURCE.path(id_))), None) if id_ else None

    def _sampled(self, source: Source | None, latest: SourceMetrics | None) -> list[Finding]:
        """Check what several sources can show: the source that is checked, and Active ones."""
        active = [item for item in self._sources if (item.connector_status or "").casefold() == "active"]
        others = [item.id for item in active if source is None or item.id != source.id][: MAX_SAMPLED - 1]
        sampled = {item: metrics for item in others if (metrics := self._latest(item)) is not None}
        if latest is not None:
            sampled[latest.source_id] = latest
        ids = {item.id for item in active}
        return [
            source_findings.states([metrics for id_, metrics in sampled.items() if id_ in ids]),
            source_findings.snapshots(list(sampled.values())),
        ]

    def _log_heartbeat(self, source: Source | None, series: SourceSeries | None) -> Finding:
        """Check the source, or the first of MySQL or MariaDB if it is another one."""
        if source is None or not is_log_metered(source.connector):
            source = next((item for item in self._sources if is_log_metered(item.connector)), None)
            series = self._series(source.id) if source else None
        return source_findings.log_heartbeat(source.connector if source else None, series)

    def _lists(self) -> list[Finding]:
        name = next((source.name for source in self._sources if source.name), None)
        named = self._records(Source, SOURCE.path(), page="1", page_size="100", partial_name=name) if name else ()
        response = self._get(PIPELINE.path(), page="1", page_size="100", partial_name=secrets.token_hex(12))
        second = self._get(PIPELINE.path(), page="2", page_size="1") if len(self._pipelines) > 1 else None
        return [
            pipeline_findings.name_filter(self._sources, named, name),
            pipeline_findings.no_name_filter(response, len(self._pipelines), len(_parse(Pipeline, response)[0])),
            pipeline_findings.pages(self._pipelines, _parse(Pipeline, second)[0] if second else ()),
        ]

    def _pipeline_metrics(self, pipeline: Pipeline | None) -> PipelineMetrics | None:
        id_ = pipeline.id if pipeline else self._pipeline_id
        return self._metrics(PipelineMetrics, PipelineMetricsQuery(id_)) if id_ else None

    def _latest(self, source_id: str | None) -> SourceMetrics | None:
        return self._metrics(SourceMetrics, SourceMetricsQuery(source_id)) if source_id else None

    def _series(self, source_id: str | None) -> SourceSeries | None:
        if source_id is None:
            return None
        now = datetime.fromtimestamp(self._clock(), UTC)
        query = PollTarget(source_id, WINDOW_SECONDS, SOURCE).series_query(now)
        assert query is not None
        response = self._get(query.path, **dict(query.params))
        self._reads.append(Read("timeseries of a source", response))
        return SourceSeries.parse(response.body) if response.good else None

    def _get(self, path: str, **params: str) -> Response:
        response = self._raw.get(path, **params)
        # Redact before the findings truncate texts, which could split a secret.
        return replace(response, body=self._redact(response.body))

    def _records(self, record: type[R], path: str, **params: str) -> tuple[R, ...]:
        response = self._get(path, **params)
        records, error = _parse(record, response)
        self._reads.append(Read(f"list of {record.kind.name}s" if params else record.kind.name, response, error))
        return records

    def _metrics(self, model: type[M], query: LatestQuery) -> M | None:
        response = self._get(query.path, **dict(query.params))
        metrics, error = None, ""
        if response.good:
            try:
                metrics = model.parse(query, response.body, datetime.fromtimestamp(self._clock(), UTC))
                self._metrics_read.append(metrics)
            except StreamkapResponseError as invalid:
                error = str(invalid)
        self._reads.append(Read(f"metrics of a {model.kind.name}", response, error))
        return metrics


def _parse(record: type[R], response: Response) -> tuple[tuple[R, ...], str]:
    """Return the records of a response, and why it could not be parsed."""
    if not response.good:
        return (), ""
    try:
        return Page.parse(record, response.body).items, ""
    except StreamkapResponseError as error:
        return (), str(error)
