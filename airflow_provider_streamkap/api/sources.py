# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Sources and the query that lists them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from airflow_provider_streamkap.api.payload import clean
from airflow_provider_streamkap.api.query import SOURCE
from airflow_provider_streamkap.api.resources import MAX_PAGE_SIZE, Connector, ListQuery

_HEARTBEAT = "heartbeat.enabled"
_HEARTBEAT_COLLECTION = "heartbeat.data.collection.schema.or.database"
_FLAGS = {"true": True, "false": False}


@dataclass(frozen=True)
class Source(Connector):
    """One source. Only the heartbeat settings of its ``config`` are kept: the rest can contain credentials.

    The other arguments are those of :class:`Destination`.

    :param heartbeat_enabled: whether heartbeats are enabled; None: unknown.
    :param heartbeat_collection: schema or database of the heartbeat table; None if there is none or it is unknown.
    """

    kind = SOURCE

    heartbeat_enabled: bool | None = None
    heartbeat_collection: str | None = None

    @classmethod
    def _parse_fields(cls, payload: dict[str, Any], owner: str) -> dict[str, Any]:
        config = payload.get("config")
        config = config if isinstance(config, dict) else {}
        # The types of both values are not documented, so any other one is unknown.
        enabled, collection = config.get(_HEARTBEAT), config.get(_HEARTBEAT_COLLECTION)
        return {
            **super()._parse_fields(payload, owner),
            "heartbeat_enabled": _FLAGS.get(str(enabled).strip().lower()) if isinstance(enabled, bool | str) else None,
            "heartbeat_collection": clean(collection) if isinstance(collection, str) and collection.strip() else None,
        }


@dataclass(frozen=True)
class SourcesQuery(ListQuery[Source]):
    """Filters and sort order for ``GET /sources``.

    :param partial_name: part of the name; the API has no filter for the exact name.
    :param connector: connector type.
    :param status: connector status.
    :param latency: ``op:n``, where op is one of gt, lt, gte, lte, eq, ne.
    :param snapshot: filter on snapshots; the API does not document its values.
    :param sort: key to sort by.
    :param sort_dir: ``asc`` or ``desc``.
    :param tag_ids: one tag id or several.
    :param page_size: sources per request, 1 to 100 (default).
    :raises ValueError: an argument is invalid; the message names it and the allowed values.
    """

    record = Source
    comparisons = ("latency",)

    partial_name: str | None = None
    connector: str | None = None
    status: str | None = None
    latency: str | None = None
    snapshot: str | None = None
    sort: str | None = None
    sort_dir: str | None = None
    tag_ids: str | Iterable[str] | None = None
    page_size: int = MAX_PAGE_SIZE
