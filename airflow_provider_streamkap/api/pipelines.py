# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Pipelines and the query that lists them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from airflow_provider_streamkap.api.errors import StreamkapResponseError
from airflow_provider_streamkap.api.payload import clean
from airflow_provider_streamkap.api.query import PIPELINE
from airflow_provider_streamkap.api.resources import MAX_PAGE_SIZE, ListQuery, Record, items_of, texts_of


@dataclass(frozen=True)
class PipelineConnector:
    """The source or the destination of a pipeline. Everything else, such as its ``config``, is dropped.

    :param id: its id.
    :param name: user-defined name.
    :param connector: connector type, for example ``postgresql``.
    :param connector_status: status of the connector; the API may return values that it does not document.
    """

    id: str | None = None
    name: str | None = None
    connector: str | None = None
    connector_status: str | None = None

    @classmethod
    def parse(cls, payload: dict[str, Any], key: str, owner: str) -> PipelineConnector | None:
        """Parse and validate the source or the destination of a pipeline.

        :param payload: the pipeline's JSON object.
        :param key: ``source`` or ``destination``.
        :param owner: the pipeline's name for error messages.
        :returns: the connector; None if it is null or missing.
        :raises StreamkapResponseError: it is not an object, or a field has the wrong type.
        """
        nested = payload.get(key)
        if nested is None:
            return None
        if not isinstance(nested, dict):
            raise StreamkapResponseError(f"the {key} of {owner} is not an object")
        return cls(**texts_of(nested, cls.__dataclass_fields__, f"the {key} of {owner}"))


@dataclass(frozen=True)
class Pipeline(Record):
    """One pipeline. The API does not report a status here, but with the metrics of the pipeline.

    :param id: the id.
    :param name: user-defined name.
    :param source: its source; None: unknown.
    :param destination: its destination; None: unknown.
    :param topics: the topics of the source that this pipeline streams.
    :param tags: its tags, as returned by the API.
    :param snapshot_new_tables: whether adding a table starts a snapshot; None: unknown.
    """

    kind = PIPELINE

    source: PipelineConnector | None = None
    destination: PipelineConnector | None = None
    topics: tuple[Any, ...] = ()
    tags: Any = None
    snapshot_new_tables: bool | None = None

    @classmethod
    def _parse_fields(cls, payload: dict[str, Any], owner: str) -> dict[str, Any]:
        snapshot = payload.get("snapshot_new_tables")
        if not isinstance(snapshot, bool | None):
            raise StreamkapResponseError(f"the snapshot_new_tables of {owner} is not a boolean")
        return {
            **super()._parse_fields(payload, owner),
            **{key: PipelineConnector.parse(payload, key, owner) for key in ("source", "destination")},
            "topics": items_of(payload, "topics", owner),
            "tags": clean(payload.get("tags")),
            "snapshot_new_tables": snapshot,
        }


@dataclass(frozen=True)
class PipelinesQuery(ListQuery[Pipeline]):
    """Filters for ``GET /pipelines``.

    :param source_id: id of the source.
    :param destination_id: id of the destination.
    :param status: status of the pipeline.
    :param tag_ids: one tag id or several.
    :param page_size: pipelines per request, 1 to 100 (default).
    :raises ValueError: an argument is invalid; the message names it and the allowed values.
    """

    record = Pipeline

    source_id: str | None = None
    destination_id: str | None = None
    status: str | None = None
    tag_ids: str | Iterable[str] | None = None
    page_size: int = MAX_PAGE_SIZE
