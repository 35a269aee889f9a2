# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Which pages a search by name requests, which resource it finds, and its messages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from airflow_provider_streamkap.api.destinations import Destination
from airflow_provider_streamkap.api.errors import MAX_NAME, StreamkapNameError, resource_label, short_name
from airflow_provider_streamkap.api.names import RecordsByName, find_records, unique_record
from airflow_provider_streamkap.api.query import DESTINATION, PIPELINE, SOURCE, ResourceKind, resource_names
from airflow_provider_streamkap.api.resources import Page, Record

LISTED = [Destination("d1", "orders"), Destination("d2", "orders eu"), Destination("d3", None)]


def search(
    kind: ResourceKind, names: Sequence[str], pages: Iterator[Sequence[Any]], **more: Any
) -> tuple[RecordsByName, list[dict[str, str]]]:
    """Return what a search finds in these pages, and the parameters of its requests."""
    sent: list[dict[str, str]] = []
    requests = find_records(kind, names, **more)
    page: Page[Any] | None = None
    while True:
        try:
            query, number = next(requests) if page is None else requests.send(page)
        except StopIteration as end:
            return end.value, sent
        sent.append(dict(query.params(number)))
        page = Page(tuple(next(pages)), has_next=None)


def test_single_name_is_filtered_by_the_api() -> None:
    found, sent = search(DESTINATION, ["orders"], iter([LISTED]))
    assert {name: [record.id for record in records] for name, records in found.items()} == {
        "orders": ["d1"],
        "orders eu": ["d2"],
    }
    assert sent == [{"page": "1", "page_size": "100", "partial_name": "orders"}]


def test_whole_list_is_requested_if_the_filter_finds_nothing() -> None:
    found, sent = search(SOURCE, ["ordrs"], iter([[], LISTED]))
    assert "orders" in found
    assert [request.get("partial_name") for request in sent] == ["ordrs", None]


@pytest.mark.parametrize(
    ("kind", "names", "more"),
    [(DESTINATION, ["a", "b"], {}), (PIPELINE, ["a"], {}), (DESTINATION, ["a"], {"whole": True})],
)
def test_whole_list_is_requested_at_once(kind: ResourceKind, names: list[str], more: dict[str, Any]) -> None:
    full = [Record(f"r{number}", f"name {number}") for number in range(100)]
    found, sent = search(kind, names, iter([full, []]), **more)
    assert len(found) == 100
    assert sent == [{"page": "1", "page_size": "100"}, {"page": "2", "page_size": "100"}]


def one(name: str, *listed: Record) -> Record | StreamkapNameError:
    records: dict[str, list[Record]] = {}
    for record in listed:
        records.setdefault(record.name or "", []).append(record)
    return unique_record(DESTINATION, name, records)


def test_only_the_exact_name_is_found() -> None:
    orders = Record("d1", "orders")
    assert one("orders", orders, Record("d2", "Orders"), Record("d3", "orders ")) is orders
    for name in ("ORDERS", "orders\t", "order"):
        assert isinstance(one(name, orders), StreamkapNameError)


@pytest.mark.parametrize(
    ("name", "listed", "message"),
    [
        (
            "ordrs",
            [Record("d1", "orders"), Record("d2", "Orders EU"), Record("d3", "users")],
            "no destination is named 'ordrs'; the nearest names are 'orders', 'Orders EU' (case and blanks count)",
        ),
        ("ORDERS", [Record("d1", "orders")], "no destination is named 'ORDERS'; the nearest names are 'orders' "),
        ("d1", [Record("d1", "orders")], "'d1', which is the id of 'orders': pass it as destination_id"),
        ("users", [], "no destination is named 'users': check the name, or whether these credentials have access to"),
        (
            "orders",
            [Record("d1", "orders"), Record("d2", "orders")],
            "2 destinations are named 'orders': d1, d2; pass destination_id, or rename them in Streamkap",
        ),
        ("bestellung ü", [Record("d1", "Bestellung Ü")], "the nearest names are 'Bestellung Ü'"),
    ],
)
def test_error_names_what_there_is(name: str, listed: list[Record], message: str) -> None:
    error = one(name, *listed)
    assert isinstance(error, StreamkapNameError)
    assert message in str(error)
    assert error.permanent
    assert error.ids == tuple(record.id for record in listed if record.name == name)


def test_messages_stay_short_and_on_one_line() -> None:
    long = "line\none " + "x" * 5000
    error = one(long, Record("d1", long + "y"))
    assert len(str(error)) < 400
    assert str(error).isprintable()
    many = one("a", *(Record(f"d{number}", "a") for number in range(500)))
    assert "500 destinations are named 'a': d0, d1," in str(many)
    assert "d9 and 490 more; pass" in str(many)
    assert len(short_name(long)) == MAX_NAME + 3


def test_label() -> None:
    assert resource_label("d1") == "d1"
    assert resource_label("d1", "my\norders") == "my orders (d1)"


@pytest.mark.parametrize(
    ("given", "names"),
    [("a", ("a",)), ([" a", "a", " a"], (" a", "a")), ("67ad6e0af08a2365c729ba79", ("67ad6e0af08a2365c729ba79",))],
)
def test_one_name_or_several(given: Any, names: tuple[str, ...]) -> None:
    assert resource_names(DESTINATION, given) == names


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("", "must be a non-empty string"),
        (" ", "must be a non-empty string"),
        ([], "is an empty list: pass at least one name"),
        ({"a": 1}, "must be a name or a list of names"),
        (None, "must be a name or a list of names"),
        ([None], "must be a non-empty string"),
        (7, "looks like a number is converted to one: quote the template"),
        ([True], "quote the template"),
        ("a\0", "must not contain NUL"),
        ("\ud800", "lone surrogates"),
    ],
)
def test_rejected_names(given: Any, said: str) -> None:
    with pytest.raises(ValueError, match=f"source_name.*{said}"):
        resource_names(SOURCE, given)
