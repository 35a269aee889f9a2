# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""What destinations, sources and pipelines have in common: records, list queries and pagination."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Generic, Self, TypeVar

from airflow_provider_streamkap.api.checks import check_choice, check_integer, check_text
from airflow_provider_streamkap.api.errors import StreamkapResponseError
from airflow_provider_streamkap.api.payload import clean
from airflow_provider_streamkap.api.query import ResourceKind

#: Maximum page size that the API accepts.
MAX_PAGE_SIZE = 100
#: Pages after which pagination is aborted as endless.
MAX_PAGES = 1000

_COMPARISON = re.compile(r"(?:gt|lt|gte|lte|eq|ne):-?\d+(?:\.\d+)?", re.A)


@dataclass(frozen=True)
class Record:
    """One resource, as returned by a list. Everything that can contain credentials is dropped.

    :param id: the id.
    :param name: user-defined name; None: unknown.
    """

    kind: ClassVar[ResourceKind]

    id: str
    name: str | None = None

    @classmethod
    def parse(cls, payload: object) -> Self:
        """Parse and validate one item of a response.

        :param payload: the item's JSON value.
        :raises StreamkapResponseError: it is not an object, has no id, or a field has the wrong type.
        """
        if not isinstance(payload, dict):
            raise StreamkapResponseError(f"a {cls.kind.name} is not an object")
        id_ = clean(payload.get("id"))
        if not isinstance(id_, str) or not id_.strip():
            raise StreamkapResponseError(f"a {cls.kind.name} has no id")
        return cls(id=id_, **cls._parse_fields(payload, f"{cls.kind.name} {id_}"))

    @classmethod
    def _parse_fields(cls, payload: dict[str, Any], owner: str) -> dict[str, Any]:
        """Return the fields other than the id. Validate only fields that are kept: others can be large or deep.

        :param owner: kind and id, for error messages, which must not contain values.
        """
        return texts_of(payload, ("name",), owner)

    def as_dict(self) -> dict[str, Any]:
        """Return a JSON-serializable dict, for XCom."""
        # asdict() copies deeply.
        values = asdict(self)
        return {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}


def texts_of(payload: dict[str, Any], keys: Iterable[str], owner: str) -> dict[str, str | None]:
    """Return strings of an object; null and missing ones are None.

    :param payload: the object.
    :param keys: the keys of the strings.
    :param owner: the object's name for error messages.
    :raises StreamkapResponseError: a value is neither a string nor null.
    """
    texts = {key: clean(payload.get(key)) for key in keys}
    for key, value in texts.items():
        if not (value is None or isinstance(value, str)):
            raise StreamkapResponseError(f"the {key} of {owner} is not a string")
    return texts


def items_of(payload: dict[str, Any], key: str, owner: str) -> tuple[Any, ...]:
    """Return a list of an object as a tuple, empty if it is null or missing.

    :param payload: the object.
    :param key: the key of the list.
    :param owner: the object's name for error messages.
    :raises StreamkapResponseError: the value is neither a list nor null.
    """
    items = clean(payload.get(key))
    if not (items is None or isinstance(items, list)):
        raise StreamkapResponseError(f"the {key} of {owner} are not a list")
    return tuple(items or ())


@dataclass(frozen=True)
class Connector(Record):
    """One connector: a destination or a source. The arguments are those of :class:`Destination`."""

    connector: str | None = None
    connector_display_name: str | None = None
    connector_status: str | None = None
    desired_state: str | None = None
    task_statuses: Any = None
    topics: tuple[Any, ...] = ()
    created_timestamp: Any = None

    @classmethod
    def _parse_fields(cls, payload: dict[str, Any], owner: str) -> dict[str, Any]:
        return {
            **texts_of(
                payload,
                ("name", "connector", "connector_display_name", "connector_status", "desired_state"),
                owner,
            ),
            "topics": items_of(payload, "topics", owner),
            "task_statuses": clean(payload.get("task_statuses")),
            "created_timestamp": clean(payload.get("created_timestamp")),
        }


R = TypeVar("R", bound=Record)


class ListQuery(Generic[R]):
    """Filters and page size for a list. A subclass is a dataclass whose other fields are text filters."""

    #: The class of the listed resources.
    record: type[R]
    #: Filters that compare a number, such as ``gt:100``.
    comparisons: ClassVar[tuple[str, ...]] = ()

    tag_ids: str | Iterable[str] | None
    page_size: int

    def __post_init__(self) -> None:
        tags = (self.tag_ids,) if isinstance(self.tag_ids, str) else tuple(self.tag_ids or ())
        object.__setattr__(self, "tag_ids", tags)
        filters = self._filters()
        for name, value in (*filters.items(), *(("tag_ids", tag) for tag in tags)):
            if clean(check_text(name, value)) != value:
                raise ValueError(f"{name} must not contain NUL or lone surrogates; got {value!r}")
        for name in self.comparisons:
            if name in filters and not _COMPARISON.fullmatch(filters[name]):
                raise ValueError(
                    f"{name} must look like gt:100, with gt, lt, gte, lte, eq or ne; got {filters[name]!r}"
                )
        if "sort_dir" in filters:
            check_choice("sort_dir", filters["sort_dir"], ("asc", "desc"))
        check_integer("page_size", self.page_size, 1, MAX_PAGE_SIZE)

    def params(self, page: int) -> tuple[tuple[str, str], ...]:
        """Return the query parameters for one page.

        :param page: page number, starting at 1.
        """
        return (
            ("page", str(page)),
            ("page_size", str(self.page_size)),
            *self._filters().items(),
            *(("tag_ids", tag) for tag in self.tag_ids or ()),
        )

    def _filters(self) -> dict[str, str]:
        """Return the filters that are set, in the order of the fields."""
        values = dict(vars(self))
        del values["tag_ids"], values["page_size"]
        return {name: value for name, value in values.items() if value is not None}


@dataclass(frozen=True)
class Page(Generic[R]):
    """One page of a list.

    :param items: the resources on this page.
    :param has_next: whether there is another page; None if the API does not report it.
    """

    items: tuple[R, ...]
    has_next: bool | None = None

    @classmethod
    def parse(cls, record: type[R], payload: object) -> Page[R]:
        """Parse and validate the response to a request for a list or for one resource.

        :param record: the class of the resources.
        :param payload: the response's JSON value.
        :raises StreamkapResponseError: the response does not have the documented structure.
        """
        result = payload.get("result") if isinstance(payload, dict) else None
        if not isinstance(payload, dict) or not isinstance(result, list):
            raise StreamkapResponseError(f"unexpected {record.kind.name}s response: result must be a list")
        has_next = payload.get("has_next")
        return Page(tuple(map(record.parse, result)), has_next if isinstance(has_next, bool) else None)


@dataclass
class Listing(Generic[R]):
    """Pagination state: the next page to request, and the ids seen so far.

    :param query: the query.
    :param page: number of the next page to request, starting at 1.
    :param done: whether the last page was added.
    """

    query: ListQuery[R]
    page: int = 1
    done: bool = False
    _seen: set[str] = field(default_factory=set)

    def add_page(self, page: Page[R]) -> list[R]:
        """Add the requested page, then update ``page`` and ``done``.

        :param page: the page.
        :returns: resources that no earlier page contained. Pages shift when resources are created.
        :raises StreamkapResponseError: there are more than :data:`MAX_PAGES` pages.
        """
        new = [item for item in page.items if item.id not in self._seen]
        self._seen.update(item.id for item in new)
        full = len(page.items) >= self.query.page_size
        # Stop at a page without new items, too: an API that ignores the page number would never end.
        self.done = not new or not (full if page.has_next is None else page.has_next)
        self.page += 1
        if not self.done and self.page > MAX_PAGES:
            kind = self.query.record.kind.name
            raise StreamkapResponseError(
                f"the {kind} list has more than {MAX_PAGES} pages: raise page_size or filter the list", permanent=True
            )
        return new
