# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The calls that list destinations and return one."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_streamkap.testing import scenarios
from tests.testing.support import Api, Clock

FIELDS = {
    "id",
    "name",
    "connector",
    "connector_display_name",
    "connector_status",
    "desired_state",
    "task_statuses",
    "topics",
    "created_timestamp",
}


@pytest.fixture
def project(api: Api, clock: Clock) -> Api:
    """Five destinations, each a day older than the one before."""
    for number, (name, connector, scenario, tags) in enumerate(
        [
            ("orders", "snowflake", scenarios.steady(lag=5), ("t1",)),
            ("Orders archive", "s3", scenarios.paused(), ("t1", "t2")),
            ("clicks", "bigquery", scenarios.null_lag(), ()),
            ("invoices", "snowflake", scenarios.broken(), ("t2",)),
            ("audit", "postgresql", scenarios.steady(), ()),
        ]
    ):
        api.simulator.add(f"{number}", scenario, name=name, connector=connector, tag_ids=tags, age=86400 * (number + 1))
    return api


def names(answer: Any) -> list[str]:
    return [item["name"] for item in answer.json()["result"]]


def test_page_contains_its_position(project: Api) -> None:
    answer = project.get("/destinations", page_size=2).json()
    assert answer.keys() == {"result", "page", "page_size", "total", "has_next"}
    assert [len(answer["result"]), answer["page"], answer["page_size"], answer["total"]] == [2, 1, 2, 5]
    assert answer["has_next"] is True
    assert answer["result"][0].keys() >= FIELDS
    assert "config" in answer["result"][0]


def test_pages_cover_every_destination_once(project: Api) -> None:
    pages = [project.get("/destinations", page=page, page_size=2) for page in (1, 2, 3, 4)]
    assert [len(names(page)) for page in pages] == [2, 2, 1, 0]
    assert [page.json()["has_next"] for page in pages] == [True, True, False, False]
    assert sorted(name for page in pages for name in names(page)) == sorted(project.simulator.destinations.values())


def test_default_page_size_is_ten(project: Api) -> None:
    for number in range(5, 12):
        project.simulator.add(f"{number}", scenarios.steady())
    assert len(names(project.get("/destinations"))) == 10


def test_totals_can_be_withheld(project: Api) -> None:
    project.simulator.paging_totals = False
    assert project.simulator.paging_totals is False
    for path in ("/destinations", "/destinations/1"):
        answer = project.get(path).json()
        assert (answer["total"], answer["has_next"]) == (None, None)


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"partial_name": "ORDER"}, {"orders", "Orders archive"}),
        ({"connector": "snowflake"}, {"orders", "invoices"}),
        ({"connector": "snowflake,S3"}, {"orders", "invoices", "Orders archive"}),
        ({"connector": ["s3", "bigquery"]}, {"clicks", "Orders archive"}),
        ({"status": "broken"}, {"invoices"}),
        ({"status": "Active"}, {"orders", "clicks", "audit"}),
        ({"tag_ids": "t2"}, {"Orders archive", "invoices"}),
        ({"tag_ids": ["t1", "t2"]}, {"orders", "Orders archive", "invoices"}),
        ({"lag": "gt:0"}, {"orders", "invoices"}),
        ({"lag": "gte:5"}, {"orders", "invoices"}),
        ({"lag": "lt:5"}, {"Orders archive", "audit"}),
        ({"lag": "lte:5.0"}, {"orders", "Orders archive", "audit"}),
        ({"lag": "eq:0"}, {"Orders archive", "audit"}),
        ({"lag": "ne:0"}, {"orders", "invoices"}),
        ({"status": "Active", "connector": "snowflake", "lag": "gt:0"}, {"orders"}),
        ({"partial_name": "nothing"}, set()),
    ],
)
def test_filters(project: Api, params: dict[str, Any], expected: set[str]) -> None:
    answer = project.get("/destinations", **params)
    assert set(names(answer)) == expected
    assert answer.json()["total"] == len(expected)


@pytest.mark.parametrize(
    ("params", "first"),
    [
        ({}, "audit"),
        ({"sort_dir": "desc"}, "Orders archive"),
        ({"sort": "name"}, "audit"),
        ({"sort": "connector"}, "clicks"),
        ({"sort": "created_timestamp"}, "audit"),
        ({"sort": "created_timestamp", "sort_dir": "desc"}, "orders"),
        ({"sort": "whatever"}, "audit"),
    ],
)
def test_order(project: Api, params: dict[str, Any], first: str) -> None:
    assert names(project.get("/destinations", **params))[0] == first


@pytest.mark.parametrize(
    "params",
    [
        {"page": "0"},
        {"page": "x"},
        {"page_size": "0"},
        {"page_size": "101"},
        {"lag": "5"},
        {"lag": "gt:"},
        {"lag": "above:5"},
        {"sort_dir": "up"},
    ],
)
def test_values_that_are_not_allowed_are_422(project: Api, params: dict[str, Any]) -> None:
    answer = project.get("/destinations", **params)
    assert answer.status_code == 422
    assert [item["loc"] for item in answer.json()["detail"]] == [["query", *params]]


def test_one_destination_is_wrapped_like_list(project: Api, clock: Clock) -> None:
    (shown,) = project.get("/destinations/1").json()["result"]
    assert (shown["id"], shown["name"], shown["connector"]) == ("1", "Orders archive", "s3")
    assert (shown["connector_status"], shown["desired_state"]) == ("Paused", "Paused")
    assert shown["created_timestamp"] == "2025-12-30T00:00:00+00:00"


def test_metrics_of_unknown_destination_are_404_or_empty(project: Api) -> None:
    assert project.get("/destinations/d0/metrics").status_code == 404
    project.simulator.unknown_metrics = "empty"
    assert project.simulator.unknown_metrics == "empty"
    answer = project.get("/destinations/d0/metrics")
    assert (answer.status_code, answer.json()) == (200, {"data": {}, "metadata": {}})
    with pytest.raises(ValueError, match="unknown_metrics"):
        project.simulator.unknown_metrics = "500"  # type: ignore[assignment]


def test_unknown_destination_is_404_or_empty(project: Api) -> None:
    assert project.get("/destinations/nobody").status_code == 404
    project.simulator.unknown_destination = "empty"
    assert project.simulator.unknown_destination == "empty"
    answer = project.get("/destinations/nobody")
    assert (answer.status_code, answer.json()["result"]) == (200, [])
    with pytest.raises(ValueError, match="unknown_destination"):
        project.simulator.unknown_destination = "nonsense"  # type: ignore[assignment]


def test_config_contains_password_for_leak_tests(project: Api) -> None:
    password = project.get("/destinations/1").json()["result"][0]["config"]["connection.password"]
    assert password in project.simulator.secrets
