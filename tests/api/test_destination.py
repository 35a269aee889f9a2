# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Destinations and their listing: parsing, validation, and that every listing ends."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_streamkap.api.destinations import Destination, DestinationsQuery
from airflow_provider_streamkap.api.errors import StreamkapResponseError
from airflow_provider_streamkap.api.resources import MAX_PAGES, Listing, Page
from tests.api.support import ID

WHOLE = {
    "id": ID,
    "name": "orders",
    "connector": "snowflake",
    "connector_display_name": "Snowflake",
    "connector_status": "Active",
    "desired_state": "Active",
    "task_statuses": {"0": "Active"},
    "topics": ["a", "b"],
    "created_timestamp": "2025-03-02T08:00:00Z",
}


def test_parse_and_export() -> None:
    destination = Destination.parse({**WHOLE, "config": {"password": "hunter22"}, "more": 1})
    assert destination.as_dict() == WHOLE
    assert destination.topics == ("a", "b")
    assert "hunter22" not in repr(destination) + json.dumps(destination.as_dict())
    destination.as_dict()["task_statuses"]["0"] = "Broken"
    assert destination.as_dict() == WHOLE


@pytest.mark.parametrize("rest", [{}, dict.fromkeys(WHOLE.keys() - {"id"})])
def test_everything_except_id_may_be_missing_or_null(rest: dict[str, Any]) -> None:
    assert Destination.parse({**rest, "id": ID}) == Destination(ID)


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        (None, "not an object"),
        ([], "not an object"),
        ({}, "no id"),
        ({"id": 7}, "no id"),
        ({"id": " "}, "no id"),
        ({"id": ID, "name": 7}, "the name of destination"),
        ({"id": ID, "connector_status": ["x"]}, "the connector_status of destination"),
        ({"id": ID, "topics": "a"}, "the topics of destination"),
    ],
)
def test_rejected(payload: Any, said: str) -> None:
    with pytest.raises(StreamkapResponseError, match=said):
        Destination.parse(payload)


def test_configuration_of_any_depth_is_accepted() -> None:
    deep: Any = 1
    for _ in range(200):
        deep = [deep]
    assert Destination.parse({"id": ID, "config": deep}) == Destination(ID)


def test_query() -> None:
    query = DestinationsQuery("ord", "snowflake", "Active", "gte:1.5", "name", "desc", ["t1", "t2"], 50)
    assert query.params(3) == (
        ("page", "3"),
        ("page_size", "50"),
        ("partial_name", "ord"),
        ("connector", "snowflake"),
        ("status", "Active"),
        ("lag", "gte:1.5"),
        ("sort", "name"),
        ("sort_dir", "desc"),
        ("tag_ids", "t1"),
        ("tag_ids", "t2"),
    )
    assert DestinationsQuery(tag_ids="t").params(1)[2:] == (("tag_ids", "t"),)
    assert DestinationsQuery().params(1) == (("page", "1"), ("page_size", "100"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"partial_name": ""}, "partial_name must be a non-empty string"),
        ({"status": 7}, "status must be a non-empty string"),
        ({"connector": "a\ud800"}, "connector must not contain NUL or lone surrogates"),
        ({"tag_ids": ["a", ""]}, "tag_ids must be a non-empty string"),
        ({"lag": "5"}, "lag must look like gt:100"),
        ({"lag": "over:5"}, "lag must look like gt:100"),
        ({"lag": "gt:5 "}, "lag must look like gt:100"),
        ({"sort_dir": "up"}, "sort_dir must be one of asc, desc"),
        ({"page_size": 0}, "page_size must be an integer from 1 to 100"),
        ({"page_size": 101}, "page_size must be an integer"),
        ({"page_size": True}, "page_size must be an integer"),
        ({"page_size": "10"}, "page_size must be an integer"),
    ],
)
def test_rejected_queries(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        DestinationsQuery(**change)


@pytest.mark.parametrize("payload", [None, [], {}, {"result": None}, {"result": {}}, {"destinations": []}])
def test_rejected_pages(payload: Any) -> None:
    with pytest.raises(StreamkapResponseError, match="result must be a list"):
        Page.parse(Destination, payload)


@pytest.mark.parametrize(("told", "read"), [(True, True), (False, False), (None, None), ("yes", None)])
def test_page(told: Any, read: bool | None) -> None:
    page = Page.parse(Destination, {"result": [{"id": "a"}], "has_next": told, "total": None})
    assert page == Page((Destination("a"),), read)


def page(*ids: str, has_next: bool | None = None) -> Page[Destination]:
    return Page(tuple(map(Destination, ids)), has_next)


@pytest.mark.parametrize(
    ("first", "done"),
    [
        (page("a", "b"), False),
        (page("a"), True),
        (page(), True),
        (page("a", "b", has_next=False), True),
        (page("a", has_next=True), False),
        (page(has_next=True), True),
    ],
)
def test_listing_ends_after_last_page(first: Page[Destination], done: bool) -> None:
    listing = Listing(DestinationsQuery(page_size=2))
    assert [item.id for item in listing.add_page(first)] == [item.id for item in first.items]
    assert listing.done is done
    assert listing.page == 2


def test_listing_skips_duplicates_and_ends_when_page_has_no_new_items() -> None:
    listing = Listing(DestinationsQuery(page_size=2))
    listing.add_page(page("a", "b"))
    assert [item.id for item in listing.add_page(page("b", "c"))] == ["c"]
    assert not listing.done
    assert listing.add_page(page("b", "c", has_next=True)) == []
    assert listing.done


def test_endless_listing_is_rejected() -> None:
    listing = Listing(DestinationsQuery(page_size=1))
    for number in range(MAX_PAGES - 1):
        listing.add_page(page(str(number)))
    with pytest.raises(StreamkapResponseError, match="has more than 1000 pages") as caught:
        listing.add_page(page("last"))
    assert caught.value.permanent
