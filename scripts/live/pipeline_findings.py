# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Check assumptions about pipelines, lists and permissions, without sending requests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from airflow_provider_streamkap.api.errors import single_line
from airflow_provider_streamkap.api.metrics import Metrics, PipelineMetrics
from airflow_provider_streamkap.api.pipelines import Pipeline
from airflow_provider_streamkap.api.resources import Record
from airflow_provider_streamkap.api.sources import Source
from scripts.live.findings import Finding, Response

# Statuses of pipelines in the web application.
_STATUSES = frozenset({"active", "stopped", "broken"})


@dataclass(frozen=True)
class Read:
    """A response that the provider has to parse.

    :param what: what was requested.
    :param response: the response.
    :param error: why it could not be parsed; empty if it could.
    """

    what: str
    response: Response
    error: str = ""

    def __str__(self) -> str:
        return f"{self.what}: {self.error if self.response.good else self.response}"


def readable(reads: Sequence[Read]) -> Finding:
    """Check whether the token has access to sources, pipelines and their metrics.

    :param reads: all responses.
    """
    assumption = "Sources, pipelines and their metrics can be read"
    forbidden = [read for read in reads if read.response.status in (401, 403)]
    if forbidden:
        return Finding(
            assumption,
            "; ".join(map(str, forbidden)),
            "add the permissions, such as read:source_metrics and read:pipeline_metrics",
            False,
        )
    invalid = [read for read in reads if read.response.good and read.error]
    if invalid:
        return Finding(
            assumption, single_line("; ".join(map(str, invalid))), "requests fail with StreamkapResponseError", False
        )
    failed = [read for read in reads if not read.response.good]
    if failed:
        return Finding(assumption, "; ".join(map(str, failed)), "inconclusive: try again", None)
    return Finding(assumption, f"{len(reads)} responses", "StreamkapPipelineSensor can be used", True)


def types(metrics: Sequence[Metrics]) -> Finding:
    """Check the types of metrics.

    :param metrics: metrics of sources and pipelines.
    """
    assumption = "Metrics of sources and pipelines have the documented types"
    if not metrics:
        return Finding(assumption, "no metrics", "inconclusive", None)
    wrong = sorted({problem for item in metrics for problem in item.undocumented.values()})
    if wrong:
        return Finding(assumption, single_line("; ".join(wrong)), "such a value is unknown", False)
    return Finding(assumption, f"{len(metrics)} responses", "no value is dropped", True)


def name_filter(listed: Sequence[Record], filtered: Sequence[Record], name: str | None) -> Finding:
    """Check the filter ``partial_name`` of sources.

    :param listed: sources of the project, without a filter.
    :param filtered: sources with the filter.
    :param name: the name that was sent; ``None``: none was.
    """
    assumption = "partial_name filters sources by part of the name"
    if name is None:
        return Finding(assumption, "no source has a name", "inconclusive", None)
    if not any(record.name == name for record in filtered):
        return Finding(assumption, "a source is missing", "source_name requests the whole list, too", False)
    wanted = name.casefold()
    others = [record for record in listed if wanted not in (record.name or "").casefold()]
    if any(wanted not in (record.name or "").casefold() for record in filtered):
        return Finding(assumption, "ignored", "source_name requests the whole list", False)
    if not others:
        return Finding(assumption, "all sources match", "inconclusive: only one name", None)
    return Finding(assumption, f"{len(filtered)} of {len(listed)}", "source_name needs one request", True)


def no_name_filter(response: Response, listed: int, returned: int) -> Finding:
    """Check whether pipelines have a filter by name.

    :param response: response to a list request with a name that no pipeline has.
    :param listed: number of pipelines without the filter.
    :param returned: number of pipelines in the response.
    """
    assumption = "Pipelines have no filter by name"
    if response.status is None or response.status in (401, 403) or not listed:
        return Finding(assumption, str(response) if not response.good else "no pipeline", "inconclusive", None)
    if response.good and not returned:
        return Finding(assumption, "partial_name filters", "none: the whole list works, too", False)
    found = "partial_name is ignored" if response.good else str(response)
    return Finding(assumption, found, "pipeline_name requests the whole list", True)


def pages(listed: Sequence[Record], second: Sequence[Record]) -> Finding:
    """Check whether the list of pipelines has pages, which the reference does not state.

    :param listed: pipelines of the project, in the order of the API.
    :param second: the second page, of one pipeline.
    """
    assumption = "The list of pipelines has pages"
    if len(listed) < 2:
        return Finding(assumption, "fewer than two pipelines", "inconclusive", None)
    if len(second) == 1 and second[0].id != listed[0].id:
        return Finding(assumption, "page and page_size work", "pipeline_name finds all pipelines", True)
    if listed[0].id in {record.id for record in second}:
        return Finding(assumption, "page is ignored", "pipeline_name finds what the first response contains", False)
    found = f"{len(second)} pipelines on page 2 of size 1"
    return Finding(assumption, found, "pipeline_name can miss pipelines unless has_next is returned", False)


def parts(pipeline: Pipeline | None, source: Source | None) -> Finding:
    """Check whether a pipeline contains its source, destination and connector type.

    :param pipeline: a pipeline.
    :param source: its source, if it was requested.
    """
    assumption = "A pipeline has the ids of source and destination, and the connector type"
    if pipeline is None:
        return Finding(assumption, "no pipeline", "inconclusive", None)
    sides = {"source": pipeline.source, "destination": pipeline.destination}
    missing = [name for name, side in sides.items() if side is None or not side.id]
    if missing:
        return Finding(assumption, f"no id of {' and '.join(missing)}", "StreamkapPipelineSensor fails", False)
    connector = pipeline.source.connector if pipeline.source else None
    if not connector:
        return Finding(assumption, "no connector type", "MySQL and MariaDB are treated like PostgreSQL", False)
    if source is not None and source.connector != connector:
        return Finding(
            assumption,
            single_line(f"{connector}, but the source has {source.connector}"),
            "the type in the pipeline counts",
            False,
        )
    return Finding(assumption, single_line(connector), "StreamkapPipelineSensor needs no more requests", True)


def status(metrics: PipelineMetrics | None) -> Finding:
    """Check the status of a pipeline.

    :param metrics: metrics of a pipeline.
    """
    assumption = "The status of a pipeline is in its metrics: Active, Stopped or Broken"
    if metrics is None:
        return Finding(assumption, "no metrics of a pipeline", "inconclusive", None)
    found = single_line(metrics.status or "null")
    if found.casefold() in _STATUSES:
        return Finding(assumption, found, "no new statuses", True)
    return Finding(assumption, found, "returned as it is; the gate does not use it", False)
