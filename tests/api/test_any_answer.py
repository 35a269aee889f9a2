# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Whatever a server sends: a result, or an error of ours; and what is a result exports as strict JSON."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from airflow_provider_streamkap.api.destination import Destination, DestinationsQuery
from airflow_provider_streamkap.api.errors import StreamkapError
from airflow_provider_streamkap.api.exchange import Exchange, Request, Response, Session
from airflow_provider_streamkap.api.metrics import NUMERIC_METRICS, DestinationMetrics
from airflow_provider_streamkap.api.query import TIME_TYPES, MetricsQuery
from airflow_provider_streamkap.api.settings import ClientSettings
from airflow_provider_streamkap.api.transport import Body, prepare
from tests.api.support import CREDENTIALS, ID, signed_in

CLIENT = ClientSettings(CREDENTIALS)
NOW = datetime(2026, 3, 1, tzinfo=UTC)

numbers = st.none() | st.booleans() | st.integers() | st.floats()
texts = st.text() | st.characters().map(lambda char: f"{char}\0\ud800")
values = st.recursive(numbers | texts, lambda inner: st.lists(inner) | st.dictionaries(texts, inner), max_leaves=20)
stamps = st.datetimes().map(str) | st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat) | values
points = st.lists(st.fixed_dictionaries({"timestamp": stamps}, optional={"value": numbers, "more": values}))
names = st.sampled_from([*NUMERIC_METRICS, "connector_status"]) | texts
payloads = values | st.fixed_dictionaries(
    {"data": st.dictionaries(names, values | points | numbers)}, optional={"metadata": values}
)

# What a call returns is turned into what leaves the storey.
CALLS: dict[str, Callable[[Session], Exchange[Any]]] = {
    **{kind: partial(Session.metrics, query=MetricsQuery(ID, kind)) for kind in TIME_TYPES},
    "destination": lambda session: session.destination(ID),
    "destinations": lambda session: session.destinations(DestinationsQuery()),
    "whoami": lambda session: session.whoami(),
    "renew": lambda session: Session(session.settings).renew(None),
}


def outcome(call: str, status: int, headers: dict[str, str], body: bytes) -> Any:
    """Answer a call in this way, and go on answering so until it is over."""
    exchange = CALLS[call](signed_in(CLIENT))
    reply: Response | None = None
    for _ in range(10):
        try:
            step = exchange.send(reply)
        except StopIteration as done:
            return done.value
        reply = Response(status, headers, body, CLIENT.base_url) if isinstance(step, Request) else None
    raise AssertionError("the exchange does not end")


def strict(value: Any) -> str:
    for leaf in texts_in(value):
        leaf.encode()
        assert "\0" not in leaf
    return json.dumps(value, allow_nan=False)


def texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value
        value = list(value.values())
    for item in value if isinstance(value, list) else ():
        yield from texts_in(item)


def check(call: str, status: int, headers: dict[str, str], body: bytes) -> None:
    try:
        result = outcome(call, status, headers, body)
    except StreamkapError as error:
        check_error(error)
        return
    assert 200 <= status < 300
    if isinstance(result, DestinationMetrics):
        strict(result.as_dict())
        strict(result.rows())
        for name in result.data:
            result.points(name)
            assert set(result.select([name]).data) == {name}
    elif isinstance(result, Destination):
        strict(result.as_dict())


def check_error(error: StreamkapError) -> None:
    text = str(error)
    assert str(pickle.loads(pickle.dumps(error))) == text
    assert text.isprintable()
    assert len(text) < 2000
    assert "made-up-token" not in text
    strict(error.detail)


any_call = st.sampled_from(sorted(CALLS))
statuses = st.just(200) | st.integers(100, 699)
headers = st.dictionaries(
    st.sampled_from(["retry-after", "date", "location", "x-request-id", "content-type"]), texts, max_size=3
)
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@unhurried
@given(any_call, statuses, headers, st.binary())
def test_any_bytes(call: str, status: int, headers: dict[str, str], body: bytes) -> None:
    check(call, status, headers, body)


@unhurried
@given(any_call, statuses, headers, values | payloads | st.fixed_dictionaries({"detail": values}))
@example("latest", 401, {}, {"detail": "made-up-token"})
def test_any_json(call: str, status: int, headers: dict[str, str], payload: Any) -> None:
    check(call, status, headers, json.dumps(payload).encode())


@unhurried
@given(st.sampled_from(TIME_TYPES), payloads)
def test_what_was_exported_reads_the_same_again(kind: str, payload: Any) -> None:
    try:
        first = DestinationMetrics.parse(MetricsQuery(ID, kind), payload, NOW)
    except StreamkapError:
        return
    again = DestinationMetrics.parse(MetricsQuery(ID, kind), json.loads(strict(first.as_dict())), NOW)
    assert again == first


@unhurried
@given(st.sampled_from(["gzip", "x-gzip", "deflate", "identity", "", "br"]), st.lists(st.binary()))
def test_any_compressed_bytes(encoding: str, chunks: list[bytes]) -> None:
    call = prepare(CLIENT, Request("GET", "/"), 1.0)
    try:
        body = Body(call, 200, {"Content-Encoding": encoding})
        for chunk in chunks:
            body.feed(chunk)
        response = body.response()
    except StreamkapError:
        assert encoding not in ("identity", "")
    else:
        assert response.body == (b"".join(chunks) if encoding in ("identity", "") else b"")


@given(st.text(min_size=1))
def test_any_id_stays_one_segment_or_is_refused(odd: str) -> None:
    try:
        path = MetricsQuery(odd).path
    except ValueError:
        return
    assert path.isascii()
    assert path.isprintable()
    assert [len(path.split("/")), *path.split("/")[:2], path.split("/")[3]] == [4, "", "destinations", "metrics"]
    assert path.split("/")[2] not in ("", ".", "..")
