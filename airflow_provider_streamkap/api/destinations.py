# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Destinations as the API lists them: what to ask for, what is kept of it, and where a listing ends."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from airflow_provider_streamkap.api.errors import StreamkapResponseError
from airflow_provider_streamkap.api.payload import clean

#: Largest page that the API gives.
MAX_PAGE_SIZE = 100
#: Pages after which a listing is taken to be endless.
MAX_PAGES = 1000

_LAG = re.compile(r"(?:gt|lt|gte|lte|eq|ne):-?\d+(?:\.\d+)?", re.A)
_TEXTS = ("name", "connector", "connector_display_name", "connector_status", "desired_state")


@dataclass(frozen=True)
class Destination:
    """One destination. Its ``config`` is never kept, since it can hold credentials.

    :param id: the id, 24 hexadecimal digits.
    :param name: the name that people gave it.
    :param connector: kind of the connector, for instance ``snowflake``.
    :param connector_display_name: the same for people.
    :param connector_status: state of the connector; an open set.
    :param desired_state: the state that a person asked for.
    :param task_statuses: states of the connector's tasks, as the API gives them.
    :param topics: topics that it reads.
    :param created_timestamp: when it was made, as the API gives it.
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
        """Judge and read one destination of an answer.

        :param payload: its JSON value.
        :raises StreamkapResponseError: if it is no object, has no id, or a text is something else.
        """
        if not isinstance(payload, dict):
            raise StreamkapResponseError("a destination is not an object")
        # Only what is kept is looked at: a configuration of any size and depth is no reason to refuse.
        kept = {key: clean(payload.get(key)) for key in cls.__dataclass_fields__}
        if not isinstance(kept["id"], str) or not kept["id"].strip():
            raise StreamkapResponseError("a destination has no id")
        for key in _TEXTS:
            if not (kept[key] is None or isinstance(kept[key], str)):
                raise StreamkapResponseError(f"the {key} of destination {kept['id']} is not a text")
        topics = kept.pop("topics")
        if not (topics is None or isinstance(topics, list)):
            raise StreamkapResponseError(f"the topics of destination {kept['id']} are not a list")
        return cls(topics=tuple(topics or ()), **kept)

    def as_dict(self) -> dict[str, Any]:
        """Strict JSON: what may go to XCom."""
        kept = {key: copy.deepcopy(getattr(self, key)) for key in self.__dataclass_fields__}
        return {**kept, "topics": list(kept["topics"])}


@dataclass(frozen=True)
class DestinationsQuery:
    """Which destinations to list, for ``GET /destinations``.

    :param partial_name: part of the name. There is no filter for the exact name.
    :param connector: kind of the connector.
    :param status: state of the connector.
    :param lag: ``op:n`` with op one of gt, lt, gte, lte, eq, ne.
    :param sort: key to sort by.
    :param sort_dir: ``asc`` or ``desc``.
    :param tag_ids: ids of tags.
    :param page_size: destinations in one request, 1 to 100.
    :raises ValueError: names the argument and what is allowed.
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
        texts = {key: getattr(self, key) for key in ("partial_name", "connector", "status", "lag", "sort", "sort_dir")}
        for name, value in (*texts.items(), *(("tag_ids", tag) for tag in tags)):
            if value is not None and (not isinstance(value, str) or not value.strip()):
                raise ValueError(f"{name} must be a non-empty text, not {value!r}")
            if value is not None and clean(value) != value:
                raise ValueError(f"{name} must be sound text, not {value!r}")
        if self.lag is not None and not _LAG.fullmatch(self.lag):
            raise ValueError(f"lag must look like gt:100, with gt, lt, gte, lte, eq or ne, not {self.lag!r}")
        if self.sort_dir not in (None, "asc", "desc"):
            raise ValueError(f"sort_dir must be one of asc, desc, not {self.sort_dir!r}")
        size: Any = self.page_size
        if isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= MAX_PAGE_SIZE:
            raise ValueError(f"page_size must be a whole number from 1 to {MAX_PAGE_SIZE}, not {size!r}")

    def params(self, page: int) -> tuple[tuple[str, str], ...]:
        """Query of the request for one page.

        :param page: number of the page, from 1 on.
        """
        texts = (
            (key, getattr(self, key)) for key in ("partial_name", "connector", "status", "lag", "sort", "sort_dir")
        )
        return (
            ("page", str(page)),
            ("page_size", str(self.page_size)),
            *((key, value) for key, value in texts if value is not None),
            *(("tag_ids", tag) for tag in self.tag_ids or ()),
        )


@dataclass(frozen=True)
class DestinationPage:
    """One page of a listing.

    :param destinations: what is on it.
    :param has_next: whether the API says that there is more; None where it does not say.
    """

    destinations: tuple[Destination, ...]
    has_next: bool | None = None

    @classmethod
    def parse(cls, payload: object) -> DestinationPage:
        """Judge and read an answer of ``GET /destinations`` or ``GET /destinations/{id}``.

        :param payload: the answer's JSON value.
        :raises StreamkapResponseError: if it is not what the API documents.
        """
        result = payload.get("result") if isinstance(payload, dict) else None
        if not isinstance(payload, dict) or not isinstance(result, list):
            raise StreamkapResponseError("the destinations are not as documented: there is no list result")
        has_next = payload.get("has_next")
        return cls(tuple(map(Destination.parse, result)), has_next if isinstance(has_next, bool) else None)


@dataclass
class Listing:
    """Where a listing stands: takes page after page, hands on what is new, and knows when to stop.

    :param query: what is listed.
    """

    query: DestinationsQuery
    page: int = 1
    done: bool = False
    _seen: set[str] = field(default_factory=set)

    def take(self, answer: DestinationPage) -> list[Destination]:
        """Take the page that was asked for; afterwards ``page`` is the next one to ask for, unless ``done``.

        :param answer: the page.
        :returns: what no earlier page had: pages shift when something is made meanwhile.
        :raises StreamkapResponseError: if the listing does not end.
        """
        new = [item for item in answer.destinations if item.id not in self._seen]
        self._seen.update(item.id for item in new)
        full = len(answer.destinations) >= self.query.page_size
        # A page with nothing new ends it, too: an API that ignored the page number would be asked for ever.
        self.done = not new or not (full if answer.has_next is None else answer.has_next)
        self.page += 1
        if not self.done and self.page > MAX_PAGES:
            raise StreamkapResponseError(
                f"the list of destinations does not end after {MAX_PAGES} pages", permanent=True
            )
        return new
