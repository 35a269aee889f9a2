# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Metrics queries: rejected before sending, or sent in UTC with the id as one path segment."""

from __future__ import annotations

import enum
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import unquote

import pendulum
import pytest

from airflow_provider_streamkap.api.query import DESTINATION, MetricsQuery, parse_timestamp, resource_ids
from tests.api.support import ID

TimeType = enum.Enum("TimeType", {"SERIES": "timeseries"}, type=str)


def test_defaults_are_sent() -> None:
    query = MetricsQuery(ID)
    assert query.path == f"/destinations/{ID}/metrics"
    assert query.params == (("time_type", "latest"), ("time_interval", "1"), ("time_unit", "hour"))


@pytest.mark.parametrize("time_type", ["latest", "timeseries", "timesummary"])
@pytest.mark.parametrize("time_unit", ["minute", "hour", "day", "week", "month"])
def test_every_time_type(time_type: str, time_unit: str) -> None:
    params = dict(MetricsQuery(ID, time_type, 3, time_unit).params)
    assert params == {"time_type": time_type, "time_interval": "3", "time_unit": time_unit}


def test_enum_is_sent_as_its_value() -> None:
    member: Any = TimeType.SERIES
    assert dict(MetricsQuery(ID, member).params)["time_type"] == "timeseries"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"time_type": "Latest"}, "time_type must be one of latest, timeseries, timesummary; got 'Latest'"),
        ({"time_type": None}, "time_type must be one of"),
        ({"time_type": ["latest"]}, "time_type must be one of"),
        ({"time_unit": "second"}, "time_unit must be one of minute, hour, day, week, month; got 'second'"),
        ({"time_interval": 0}, "time_interval must be an integer of at least 1; got 0"),
        ({"time_interval": True}, "time_interval must be an integer"),
        ({"time_interval": 1.0}, "time_interval must be an integer"),
        ({"time_interval": "2"}, "time_interval must be an integer"),
        ({"timestamp_from": "yesterday"}, "timestamp_from must be an aware datetime or an ISO 8601 string"),
        ({"timestamp_from": ""}, "timestamp_from must be an aware datetime or an ISO 8601 string"),
        ({"timestamp_to": 1_700_000_000}, "timestamp_to must be an aware datetime or an ISO 8601 string"),
        ({"timestamp_to": "2025-03-02T07:10:15"}, "timestamp_to has no time zone"),
        ({"timestamp_to": datetime.fromisoformat("2025-03-02")}, "timestamp_to has no time zone"),
        ({"timestamp_from": pendulum.naive(2025, 3, 2)}, "timestamp_from has no time zone"),
        ({"timestamp_from": "0001-01-01T00:00:00+05:00"}, "timestamp_from is out of range"),
        (
            {
                "time_type": "timesummary",
                "timestamp_from": "2025-03-02T00:00:01Z",
                "timestamp_to": "2025-03-02T01:00:00+01:00",
            },
            r"timestamp_from \(2025-03-02T00:00:01Z\) must be before timestamp_to \(2025-03-02T00:00:00Z\)",
        ),
        (
            {
                "time_type": "timeseries",
                "timestamp_from": "2025-03-02T00:00:00Z",
                "timestamp_to": "2025-03-02T01:00:00+01:00",
            },
            "must be before timestamp_to",
        ),
        ({"timestamp_from": "2025-03-02T00:00:00Z"}, "have no effect with time_type='latest'"),
        ({"timestamp_to": "2025-03-02T00:00:00Z"}, "have no effect with time_type='latest'"),
    ],
)
def test_rejected(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        MetricsQuery(ID, **change)


@pytest.mark.parametrize("bad", ["", "  ", None, 7, ".", "..", "a\nb", "a\r\nX: y", "a\0", "a\x7f", "a\x85", "\ud800"])
def test_rejected_ids(bad: Any) -> None:
    with pytest.raises(ValueError, match="destination_id must"):
        MetricsQuery(bad)


@pytest.mark.parametrize("odd", ["a/b", "a?b=c#d", "50%", "%2e%2e", "../x", "...", "ü 中🚰", "a;b,c", " lead", "a\\b"])
def test_ids_make_one_segment(odd: str) -> None:
    parts = MetricsQuery(odd).path.split("/")
    assert len(parts) == 4
    assert unquote(parts[2]) == odd
    assert not set(parts[2]) & set("?#/ ")


@pytest.mark.parametrize(
    ("moment", "sent"),
    [
        ("2025-03-02T07:10:15Z", "2025-03-02T07:10:15Z"),
        (" 2025-03-02 08:10:15+01:00 ", "2025-03-02T07:10:15Z"),
        ("2025-03-02T07:10:15.123456Z", "2025-03-02T07:10:15.123456Z"),
        (datetime(2025, 3, 2, 7, 10, 15, tzinfo=UTC), "2025-03-02T07:10:15Z"),
        (datetime(2025, 3, 2, 2, 10, 15, 5, tzinfo=timezone(timedelta(hours=-5))), "2025-03-02T07:10:15.000005Z"),
        (pendulum.datetime(2025, 3, 2, 16, 10, 15, tz="Asia/Tokyo"), "2025-03-02T07:10:15Z"),
    ],
)
def test_timestamps_are_sent_in_utc(moment: Any, sent: str) -> None:
    query = MetricsQuery(ID, "timeseries", timestamp_from=moment, timestamp_to="2025-03-02T07:10:16Z")
    assert query.params[3:] == (("timestamp_from", sent), ("timestamp_to", "2025-03-02T07:10:16Z"))
    assert type(query.timestamp_from) is datetime


@pytest.mark.parametrize(
    ("given", "ids"),
    [("a", ("a",)), (["a", "b", "a"], ("a", "b")), (("a",), ("a",)), (iter(["a", "b"]), ("a", "b"))],
)
def test_one_id_or_several(given: Any, ids: tuple[str, ...]) -> None:
    assert resource_ids(DESTINATION, given) == ids


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (None, "must be an id or a list of ids"),
        (7, "must be a string; got the number 7"),
        ({"a": 1}, "must be an id or a list of ids"),
        (b"a", "must be an id or a list of ids"),
        ([], "empty list"),
        (["a", ""], "must be a non-empty string"),
        (["a", 7], "must be a string; got the number 7"),
        ("..", "must not be"),
    ],
)
def test_rejected_lists_of_ids(given: Any, said: str) -> None:
    with pytest.raises(ValueError, match=f"destination_id.*{said}"):
        resource_ids(DESTINATION, given)


def test_equal_queries_are_equal() -> None:
    one = MetricsQuery(ID, "timeseries", timestamp_from="2025-03-02T07:10:15Z")
    two = MetricsQuery(ID, "timeseries", timestamp_from=pendulum.datetime(2025, 3, 2, 16, 10, 15, tz="Asia/Tokyo"))
    assert one == two
    assert hash(one) == hash(two)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2025-03-02T08:00:00Z", datetime(2025, 3, 2, 8, tzinfo=UTC)),
        ("2025-03-02 08:00:00", datetime(2025, 3, 2, 8, tzinfo=UTC)),
        ("2025-03-02T08:00:00+02:00", datetime(2025, 3, 2, 6, tzinfo=UTC)),
        ("2025-03-02T08:00:00.123456789Z", datetime(2025, 3, 2, 8, 0, 0, 123456, tzinfo=UTC)),
        ("2025-03-02", datetime(2025, 3, 2, tzinfo=UTC)),
    ],
)
def test_parse_timestamp(text: str, moment: datetime) -> None:
    read = parse_timestamp(text)
    assert read == moment
    assert read.utcoffset() == timedelta(0)


@pytest.mark.parametrize("text", ["", "now", None, 1_700_000_000, "2025-13-01", "9999-12-31T23:59:59-05:00", "\ud800"])
def test_rejected_timestamps(text: Any) -> None:
    with pytest.raises(ValueError, match="not an ISO 8601 timestamp"):
        parse_timestamp(text)


DIGITS = "670000000000000000000001"


def test_integer_id_is_accepted() -> None:
    number: Any = int(DIGITS)
    assert resource_ids(DESTINATION, number) == (DIGITS,)
    assert resource_ids(DESTINATION, [number, DIGITS, ID]) == (DIGITS, ID)
    assert MetricsQuery(number) == MetricsQuery(DIGITS)


@pytest.mark.parametrize("number", [1.2345678901e43, 67, 0, -int(DIGITS), 10**24, float("nan"), float("inf")])
def test_number_that_lost_digits_is_explained(number: Any) -> None:
    with pytest.raises(ValueError, match=r"render_template_as_native_obj.*quote the template"):
        resource_ids(DESTINATION, number)
