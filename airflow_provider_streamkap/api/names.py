# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Find resources by name: which pages to request, and which resource has a name.

The API has no filter for the exact name, and names need not be unique.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, TypeAlias

from airflow_provider_streamkap.api.destinations import DestinationsQuery
from airflow_provider_streamkap.api.errors import StreamkapNameError, short_name
from airflow_provider_streamkap.api.pipelines import PipelinesQuery
from airflow_provider_streamkap.api.query import DESTINATION, PIPELINE, SOURCE, ResourceKind
from airflow_provider_streamkap.api.resources import Listing, ListQuery, Page, Record
from airflow_provider_streamkap.api.sources import SourcesQuery

RecordsByName: TypeAlias = Mapping[str, Sequence[Record]]
"""The listed resources that have a name, by name."""

PageRequests: TypeAlias = Generator[tuple[ListQuery[Any], int], Page[Any], RecordsByName]
"""Yields a query and a page number, receives that page, and returns the resources."""

_QUERIES: Mapping[ResourceKind, type[ListQuery[Any]]] = {
    DESTINATION: DestinationsQuery,
    SOURCE: SourcesQuery,
    PIPELINE: PipelinesQuery,
}

# Maximum number of ids in a message, and of names that it suggests.
_MAX_IDS = 10
_MAX_SUGGESTIONS = 3


def find_records(kind: ResourceKind, names: Sequence[str], *, whole: bool = False) -> PageRequests:
    """Request the pages that contain all resources with these names.

    For a single name, the filter for partial names is used, where the API has it. Several names need the whole list
    once, which takes one request per 100 resources.

    :param kind: the kind of the resources.
    :param names: the names.
    :param whole: request the whole list even for a single name, default False.
    """
    query = _QUERIES[kind]
    if not whole and len(names) == 1 and hasattr(query, "partial_name"):
        records = yield from _list_records(query(partial_name=names[0]))  # type: ignore[call-arg]
        if names[0] in records:
            return records
        # The whole list has the nearest names. It also covers characters that the API's filter may not support.
    return (yield from _list_records(query()))


def _list_records(query: ListQuery[Any]) -> PageRequests:
    listing = Listing(query)
    records: dict[str, list[Record]] = {}
    while not listing.done:
        page = yield query, listing.page
        for record in listing.add_page(page):
            if record.name is not None:
                records.setdefault(record.name, []).append(record)
    return records


def unique_record(kind: ResourceKind, name: str, records: RecordsByName) -> Record | StreamkapNameError:
    """Return the only resource with a name, or the error if there is none or more than one.

    :param kind: the kind of the resource.
    :param name: the name; case and blanks count.
    :param records: all resources with this name, and any others.
    """
    found = records.get(name, ())
    if len(found) == 1:
        return found[0]
    shown = repr(short_name(name))
    if found:
        ids = tuple(record.id for record in found)
        more = f" and {len(ids) - _MAX_IDS} more" if len(ids) > _MAX_IDS else ""
        return StreamkapNameError(
            f"{len(ids)} {kind.name}s are named {shown}: {', '.join(ids[:_MAX_IDS])}{more}; pass {kind.id_name}, or "
            "rename them in Streamkap",
            ids=ids,
        )
    return StreamkapNameError(f"no {kind.name} is named {shown}{_hint(kind, name, records)}")


def _hint(kind: ResourceKind, name: str, records: RecordsByName) -> str:
    owner = next((known for known, found in records.items() if any(record.id == name for record in found)), None)
    if owner is not None:
        return f", which is the id of {short_name(owner)!r}: pass it as {kind.id_name}"
    by_text = {short_name(known).casefold(): known for known in records}
    nearest = get_close_matches(short_name(name).casefold(), by_text, _MAX_SUGGESTIONS)
    if nearest:
        suggested = ", ".join(repr(short_name(by_text[text])) for text in nearest)
        return f"; the nearest names are {suggested} (case and blanks count)"
    return f": check the name, or whether these credentials have access to the {kind.name}"
