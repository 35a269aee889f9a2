# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Hypothesis strategies for server responses, and the properties that every outcome must have."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from airflow_provider_streamkap.api.errors import StreamkapError
from airflow_provider_streamkap.api.metrics import METRIC_NAMES, Metrics
from airflow_provider_streamkap.api.resources import Page, Record
from airflow_provider_streamkap.gate.target import PollResult

#: Prefix of every token that a test issues.
TOKEN = "made-up-token"

huge = st.sampled_from([2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 2**64, 10**30, -(10**308), 10**309, 10**400])
numbers = st.none() | st.booleans() | st.integers() | huge | st.floats()
texts = st.text() | st.characters().map(lambda char: f"{char}\0\ud800")
values = st.recursive(numbers | texts, lambda inner: st.lists(inner) | st.dictionaries(texts, inner), max_leaves=20)
timestamps = st.datetimes().map(str) | st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat) | values
points = st.lists(st.fixed_dictionaries({"timestamp": timestamps}, optional={"value": numbers, "more": values}))
names = st.sampled_from(sorted({name for names in METRIC_NAMES.values() for name in names.all})) | texts
payloads = values | st.fixed_dictionaries(
    {"data": st.dictionaries(names, values | points | numbers)}, optional={"metadata": values}
)

statuses = st.just(200) | st.integers(100, 699)
headers = st.dictionaries(
    st.sampled_from(["retry-after", "date", "location", "x-request-id", "content-type"]), texts, max_size=3
)
no_deadline = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def strict(value: Any) -> str:
    for leaf in texts_in(value):
        leaf.encode()
        assert "\0" not in leaf
    stored = from_jsonb(value)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(stored)) == stored == value
    return json.dumps(value, allow_nan=False)


def from_jsonb(value: Any) -> Any:
    """Return a value as PostgreSQL stores it and Airflow 3 then sends it: an integral float becomes an integer."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: from_jsonb(item) for key, item in value.items()}
    return [from_jsonb(item) for item in value] if isinstance(value, list) else value


def texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value
        value = list(value.values())
    for item in value if isinstance(value, list) else ():
        yield from texts_in(item)


def check_result(result: Any) -> None:
    """Check that a result exports as strict JSON and that all its methods work."""
    if isinstance(result, Metrics):
        strict(result.as_dict())
        strict(result.rows())
        for name in result.data:
            result.points(name)
            if name not in result.undocumented:
                assert set(result.select([name]).data) == {name}
    elif isinstance(result, PollResult):
        strict([result.as_dict(), str(result.reading)])
    elif isinstance(result, Page):
        for item in result.items:
            strict(item.as_dict())
    elif isinstance(result, Record):
        strict(result.as_dict())
    elif isinstance(result, dict):
        strict(result)


def check_error(error: StreamkapError) -> None:
    """Check that an error can be formatted, pickled and logged, and contains no token."""
    text = str(error)
    assert str(pickle.loads(pickle.dumps(error))) == text
    assert text.isprintable()
    assert len(text) < 2000
    assert TOKEN not in text
    assert TOKEN not in strict(error.detail)
