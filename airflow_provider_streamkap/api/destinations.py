# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Destinations: query parameters, response parsing and pagination."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from airflow_provider_streamkap.api.checks import check_choice, check_integer, check_text
from airflow_provider_streamkap.api.errors import StreamkapResponseError
from airflow_provider_streamkap.api.payload import clean

#: Largest page size that the API accepts.
MAX_PAGE_SIZE = 100
#: Pages after which pagination is aborted as endless.
MAX_PAGES = 1000

_LAG = re.compile(r"(?:gt|lt|gte|lte|eq|ne):-?\d+(?:\.\d+)?", re.A)
_FILTERS = ("partial_name", "connector", "status", "lag", "sort", "sort_dir")
_TEXTS = ("name", "connector", "connector_display_name", "connector_status", "desired_state")


@dataclass(frozen=True)
class Destination:
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

    id: str
    name: str | None = None
    connector: str | None = None
    connector_display_name: str | None = None
    connector_status: str | None = None
    desired_state: str | None = None
    task_statuses: Any = None
    topics: tuple[Any, ...] = ()
    created_timestamp: Any = None

    @classmethod
    def parse(cls, payload: object) -> Destination:
        """Parse and validate one destination of a response.

        :param payload: the destination's JSON value.
        :raises StreamkapResponseError: it is not an object, has no id, or a field has the wrong type.
        """
        if not isinstance(payload, dict):
            raise StreamkapResponseError("a destination is not an object")
        # Validate only the fields that are kept: a large or deeply nested config must not fail the response.
        kept = {key: clean(payload.get(key)) for key in cls.__dataclass_fields__}
        if not isinstance(kept["id"], str) or not kept["id"].strip():
            raise StreamkapResponseError("a destination has no id")
        for key in _TEXTS:
            if not (kept[key] is None or isinstance(kept[key], str)):
                raise StreamkapResponseError(f"the {key} of destination {kept['id']} is not a string")
        topics = kept.pop("topics")
        if not (topics is None or isinstance(topics, list)):
            raise StreamkapResponseError(f"the topics of destination {kept['id']} are not a list")
        return cls(topics=tuple(topics or ()), **kept)

    def as_dict(self) -> dict[str, Any]:
        """Return the destination as a JSON-serializable dict, for XCom."""
        kept = {key: copy.deepcopy(getattr(self, key)) for key in self.__dataclass_fields__}
        return {**kept, "topics": list(kept["topics"])}


@dataclass(frozen=True)
class DestinationsQuery:
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

    partial_name: str | None = None
    connector: str | None = None
    status: str | None = None
    lag: str | None = None
    sort: str | None = None
    sort_dir: str | None = None
    tag_ids: str | Iterable[str] | None = None
    page_size: int = MAX_PAGE_SIZE

    def __post_init__(self) -> None:
        tags = (self.tag_ids,) if isinstance(self.tag_ids, str) else tuple(self.tag_ids or ())
        object.__setattr__(self, "tag_ids", tags)
        for name, value in (*self._texts(), *(("tag_ids", tag) for tag in tags)):
            if clean(check_text(name, value)) != value:
                raise ValueError(f"{name} must not contain NUL or lone surrogates; got {value!r}")
        if self.lag is not None and not _LAG.fullmatch(self.lag):
            raise ValueError(f"lag must look like gt:100, with gt, lt, gte, lte, eq or ne; got {self.lag!r}")
        if self.sort_dir is not None:
            check_choice("sort_dir", self.sort_dir, ("asc", "desc"))
        check_integer("page_size", self.page_size, 1, MAX_PAGE_SIZE)

    def params(self, page: int) -> tuple[tuple[str, str], ...]:
        """Return the query parameters for one page.

        :param page: page number, starting at 1.
        """
        return (
            ("page", str(page)),
            ("page_size", str(self.page_size)),
            *self._texts(),
            *(("tag_ids", tag) for tag in self.tag_ids or ()),
        )

    def _texts(self) -> list[tuple[str, str]]:
        values = [(name, getattr(self, name)) for name in _FILTERS]
        return [(name, value) for name, value in values if value is not None]


@dataclass(frozen=True)
class DestinationPage:
    """One page of destinations.

    :param destinations: the destinations on this page.
    :param has_next: whether there is another page; None if the API does not report it.
    """

    destinations: tuple[Destination, ...]
    has_next: bool | None = None

    @classmethod
    def parse(cls, payload: object) -> DestinationPage:
        """Parse and validate a response of ``GET /destinations`` or ``GET /destinations/{id}``.

        :param payload: the response's JSON value.
        :raises StreamkapResponseError: the response does not have the documented structure.
        """
        result = payload.get("result") if isinstance(payload, dict) else None
        if not isinstance(payload, dict) or not isinstance(result, list):
            raise StreamkapResponseError("unexpected destinations response: result must be a list")
        has_next = payload.get("has_next")
        return cls(tuple(map(Destination.parse, result)), has_next if isinstance(has_next, bool) else None)


@dataclass
class Listing:
    """Pagination state: the next page to request, and the ids seen so far.

    :param query: the query.
    :param page: number of the next page to request, starting at 1.
    :param done: whether the last page was added.
    """

    query: DestinationsQuery
    page: int = 1
    done: bool = False
    _seen: set[str] = field(default_factory=set)

    def add_page(self, page: DestinationPage) -> list[Destination]:
        """Add the requested page, then update ``page`` and ``done``.

        :param page: the page.
        :returns: destinations that no earlier page contained. Pages shift when destinations are created.
        :raises StreamkapResponseError: there are more than :data:`MAX_PAGES` pages.
        """
        new = [item for item in page.destinations if item.id not in self._seen]
        self._seen.update(item.id for item in new)
        full = len(page.destinations) >= self.query.page_size
        # Stop at a page without new destinations, too: an API that ignores the page number would never end.
        self.done = not new or not (full if page.has_next is None else page.has_next)
        self.page += 1
        if not self.done and self.page > MAX_PAGES:
            raise StreamkapResponseError(
                f"the destination list has more than {MAX_PAGES} pages: raise page_size or filter the list",
                permanent=True,
            )
        return new
