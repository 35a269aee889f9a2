# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Destinations and the query that lists them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from airflow_provider_streamkap.api.query import DESTINATION
from airflow_provider_streamkap.api.resources import MAX_PAGE_SIZE, Connector, ListQuery


@dataclass(frozen=True)
class Destination(Connector):
    """One destination. Its ``config`` is dropped because it can contain credentials.

    :param id: the id, 24 hexadecimal digits.
    :param name: user-defined name.
    :param connector: connector type, for example ``snowflake``.
    :param connector_display_name: display name of the connector type.
    :param connector_status: status of the connector; the API may return values that it does not document.
    :param desired_state: the state that a user requested.
    :param task_statuses: statuses of the connector's tasks, as returned by the API.
    :param topics: topics that the destination reads.
    :param created_timestamp: creation time, as returned by the API.
    """

    kind = DESTINATION


@dataclass(frozen=True)
class DestinationsQuery(ListQuery[Destination]):
    """Filters and sort order for ``GET /destinations``.

    :param partial_name: part of the name; the API has no filter for the exact name.
    :param connector: connector type.
    :param status: connector status.
    :param lag: ``op:n``, where op is one of gt, lt, gte, lte, eq, ne.
    :param sort: key to sort by.
    :param sort_dir: ``asc`` or ``desc``.
    :param tag_ids: one tag id or several.
    :param page_size: destinations per request, 1 to 100 (default).
    :raises ValueError: an argument is invalid; the message names it and the allowed values.
    """

    record = Destination
    comparisons = ("lag",)

    partial_name: str | None = None
    connector: str | None = None
    status: str | None = None
    lag: str | None = None
    sort: str | None = None
    sort_dir: str | None = None
    tag_ids: str | Iterable[str] | None = None
    page_size: int = MAX_PAGE_SIZE
