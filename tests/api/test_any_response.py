# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Any response gives a result that exports as strict JSON, or one of our errors."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from airflow_provider_streamkap.api.destinations import Destination, DestinationsQuery
from airflow_provider_streamkap.api.errors import StreamkapError
from airflow_provider_streamkap.api.flows import ApiSession, Flow, Request, Response
from airflow_provider_streamkap.api.http import BodyReader, prepare
from airflow_provider_streamkap.api.metrics import DestinationMetrics
from airflow_provider_streamkap.api.pipelines import Pipeline, PipelinesQuery
from airflow_provider_streamkap.api.query import TIME_TYPES, MetricsQuery, PipelineMetricsQuery, SourceMetricsQuery
from airflow_provider_streamkap.api.settings import ClientSettings
from airflow_provider_streamkap.api.sources import Source, SourcesQuery
from airflow_provider_streamkap.gate.target import PollTarget
from airflow_provider_streamkap.polling.poll import poll
from tests.api.strategies import check_error, check_result, headers, no_deadline, payloads, statuses, strict, values
from tests.api.support import CREDENTIALS, ID, signed_in

CLIENT = ClientSettings(CREDENTIALS)
NOW = datetime(2026, 3, 1, tzinfo=UTC)

# Calls are converted as the package exports them.
CALLS: dict[str, Callable[[ApiSession], Flow[Any]]] = {
    **{kind: partial(ApiSession.metrics, query=MetricsQuery(ID, kind)) for kind in TIME_TYPES},
    "poll": lambda session: poll(session, PollTarget(ID)),
    "poll, dated": lambda session: poll(session, PollTarget.with_timeseries(ID)),
    "destination": lambda session: session.resource(Destination, ID),
    "destinations": lambda session: session.page(DestinationsQuery()),
    **{f"source {kind}": partial(ApiSession.source_metrics, query=SourceMetricsQuery(ID, kind)) for kind in TIME_TYPES},
    "source": lambda session: session.resource(Source, ID),
    "sources": lambda session: session.page(SourcesQuery()),
    "pipeline metrics": lambda session: session.pipeline_metrics(PipelineMetricsQuery(ID)),
    "pipeline": lambda session: session.resource(Pipeline, ID),
    "pipelines": lambda session: session.page(PipelinesQuery()),
    "whoami": lambda session: session.whoami(),
    "renew": lambda session: ApiSession(session.settings).refresh_token(None),
}


def outcome(call: str, status: int, headers: dict[str, str], body: bytes) -> Any:
    """Respond to a call in this way until it ends."""
    flow = CALLS[call](signed_in(CLIENT))
    reply: Response | None = None
    for _ in range(10):
        try:
            step = flow.send(reply)
        except StopIteration as done:
            return done.value
        reply = Response(status, headers, body, CLIENT.base_url) if isinstance(step, Request) else None
    raise AssertionError("the flow does not end")


def check(call: str, status: int, headers: dict[str, str], body: bytes) -> None:
    try:
        result = outcome(call, status, headers, body)
    except StreamkapError as error:
        check_error(error)
        return
    assert 200 <= status < 300
    check_result(result)


any_call = st.sampled_from(sorted(CALLS))


@no_deadline
@given(any_call, statuses, headers, st.binary())
def test_any_bytes(call: str, status: int, headers: dict[str, str], body: bytes) -> None:
    check(call, status, headers, body)


@no_deadline
@given(any_call, statuses, headers, values | payloads | st.fixed_dictionaries({"detail": values}))
@example("latest", 401, {}, {"detail": "made-up-token"})
@example("latest", 200, {}, {"data": {"recordsLag": 2**63}})
@example("timeseries", 200, {}, {"data": {"recordsLag": [{"timestamp": "2026-03-01", "value": 10**400}]}})
@example("poll, dated", 200, {}, {"data": {"nobodyAsked": {"deep": [-(2**64)]}}, "metadata": {"x": 2**80}})
@example("whoami", 200, {}, {"sub": 10**30})
@example("destination", 200, {}, {"result": [{"id": "d", "created_timestamp": 10**30, "task_statuses": [10**400]}]})
@example("source latest", 200, {}, {"data": {"snapshotStatus": [{"status": 2**64, "a": "\0"}], "state": "\ud800"}})
@example("pipeline", 200, {}, {"result": [{"id": "p", "source": {"id": "\0"}, "tags": 10**400, "topics": [2**64]}]})
@example("latest", 422, {}, {"detail": [{"loc": [10**30], "msg": 10**400}]})
def test_any_json(call: str, status: int, headers: dict[str, str], payload: Any) -> None:
    check(call, status, headers, json.dumps(payload).encode())


@no_deadline
@given(st.sampled_from(TIME_TYPES), payloads)
def test_exported_values_round_trip(kind: str, payload: Any) -> None:
    try:
        first = DestinationMetrics.parse(MetricsQuery(ID, kind), payload, NOW)
    except StreamkapError:
        return
    reparsed = DestinationMetrics.parse(MetricsQuery(ID, kind), json.loads(strict(first.as_dict())), NOW)
    assert reparsed == first


@no_deadline
@given(st.sampled_from(["gzip", "x-gzip", "deflate", "identity", "", "br"]), st.lists(st.binary()))
def test_any_compressed_bytes(encoding: str, chunks: list[bytes]) -> None:
    call = prepare(CLIENT, Request("GET", "/"), 1.0)
    try:
        body = BodyReader(call, 200, {"Content-Encoding": encoding})
        for chunk in chunks:
            body.feed(chunk)
        response = body.response()
    except StreamkapError:
        assert encoding not in ("identity", "")
    else:
        assert response.body == (b"".join(chunks) if encoding in ("identity", "") else b"")


@given(st.text(min_size=1))
def test_any_id_stays_one_path_segment_or_is_rejected(odd: str) -> None:
    try:
        path = MetricsQuery(odd).path
    except ValueError:
        return
    assert path.isascii()
    assert path.isprintable()
    assert [len(path.split("/")), *path.split("/")[:2], path.split("/")[3]] == [4, "", "destinations", "metrics"]
    assert path.split("/")[2] not in ("", ".", "..")
