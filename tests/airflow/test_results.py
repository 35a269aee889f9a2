# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The result or exception of a task, and the events that carry them from the triggerer to the worker."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_streamkap._compat import AirflowException, AirflowFailException, AirflowSensorTimeout
from airflow_provider_streamkap._results import (
    api_exception,
    failed_event,
    failure_exception,
    result_of_event,
    succeeded_event,
    task_result,
)
from airflow_provider_streamkap.api import SOURCE, errors
from airflow_provider_streamkap.gate.state import FailureKind
from airflow_provider_streamkap.gate.wait import Failed

RAISED: dict[FailureKind, type[Exception]] = {
    FailureKind.DEADLINE: AirflowSensorTimeout,
    FailureKind.BROKEN: AirflowFailException,
    FailureKind.PERMANENT_ERROR: AirflowFailException,
    FailureKind.STALLED: AirflowException,
    FailureKind.STATUS: AirflowException,
    FailureKind.UNREACHABLE: AirflowException,
    FailureKind.VERSIONS: AirflowException,
}


@pytest.mark.parametrize("kind", FailureKind)
def test_every_failure_raises_same_exception_in_worker_and_after_deferral(kind: FailureKind) -> None:
    failed = Failed(kind, "what happened")
    raised = failure_exception(failed)
    assert (type(raised), str(raised)) == (RAISED[kind], "what happened")
    event = json.loads(json.dumps(failed_event(failed), allow_nan=False))
    with pytest.raises(RAISED[kind]) as caught:
        result_of_event(event)
    assert (type(caught.value), str(caught.value)) == (RAISED[kind], "what happened")


def test_result_has_requested_shape() -> None:
    one, two = {"data": {"recordsLag": 1}, "metadata": {}}, {"data": {"recordsLag": 2}, "metadata": {}}
    assert task_result(("a",), False, {"a": one}) == one
    assert task_result(("a",), True, {"a": one}) == {"a": {"data": {"recordsLag": 1}}}
    assert list(task_result(("b", "a"), True, {"a": one, "b": two})) == ["b", "a"]


def test_result_by_name() -> None:
    by_id = {id_: {"source_id": id_, "data": {"lag": lag}, "metadata": {}} for id_, lag in (("s1", 1), ("s2", 2))}
    names = {"s1": "shop", "s2": "users"}
    one = task_result(("s1",), False, by_id, names, SOURCE)
    assert list(one.items())[:2] == [("source_id", "s1"), ("source_name", "shop")]
    assert task_result(("s2", "s1"), True, by_id, names, SOURCE) == {
        "users": {"source_id": "s2", "source_name": "users", "data": {"lag": 2}},
        "shop": {"source_id": "s1", "source_name": "shop", "data": {"lag": 1}},
    }
    assert "source_name" not in by_id["s1"]


def test_api_error_with_label() -> None:
    error = errors.StreamkapServerError("boom", status=500)
    assert str(api_exception(error, "orders (d1)")) == f"orders (d1): {error}"
    assert str(api_exception(error)) == str(error)


@pytest.mark.parametrize("snapshot", [{"destination_id": "d1"}, {"d1": {"destination_id": "d1"}}])
def test_open_gate_returns_snapshot(snapshot: dict[str, Any]) -> None:
    assert result_of_event(json.loads(json.dumps(succeeded_event(snapshot)))) == snapshot


@pytest.mark.parametrize(
    "event",
    [
        None,
        {},
        [],
        "opened",
        b"opened",
        True,
        0,
        ["opened", {}],
        {"outcome": None},
        {"outcome": "success"},
        {"outcome": "OPENED", "snapshot": {"destination_id": "d1"}},
        {"outcome": "opened"},
        {"outcome": "opened", "snapshot": None},
        {"outcome": "opened", "snapshot": {}},
        {"outcome": "opened", "snapshot": "d1"},
        {"outcome": "opened", "snapshot": [{"destination_id": "d1"}]},
        {"outcome": ["opened"], "snapshot": {"destination_id": "d1"}},
        {"outcome": {"opened": 1}},
        {"snapshot": {"destination_id": "d1"}},
        {"outcome": "deadline"},
        {"outcome": "deadline", "message": None},
        {"outcome": "unreachable", "message": {"a": 1}},
        {"status": "success", "message": "done"},
    ],
)
def test_unknown_event_fails(event: Any) -> None:
    with pytest.raises(AirflowFailException, match="Cannot parse the trigger event"):
        result_of_event(event)


def test_unknown_event_is_truncated_in_message() -> None:
    with pytest.raises(AirflowFailException) as caught:
        result_of_event({"outcome": "x" * 100_000})
    assert len(str(caught.value)) < 400


ABOUT: dict[str, Any] = {"status": 500, "method": "GET", "url": "https://api.example.com/x", "request_id": "r1"}


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (errors.StreamkapAuthError("no", **ABOUT), AirflowFailException),
        (errors.StreamkapPermissionError("no", **ABOUT), AirflowFailException),
        (errors.StreamkapNotFoundError("no", **ABOUT), AirflowFailException),
        (errors.StreamkapRequestError("no", **ABOUT), AirflowFailException),
        (errors.StreamkapRedirectError("no", **ABOUT), AirflowFailException),
        (errors.StreamkapRateLimitError("no", **ABOUT), AirflowException),
        (errors.StreamkapServerError("no", **ABOUT), AirflowException),
        (errors.StreamkapConnectionError("no", **ABOUT), AirflowException),
        (errors.StreamkapConnectionError("no certificate", permanent=True, **ABOUT), AirflowFailException),
        (errors.StreamkapResponseError("no", **ABOUT), AirflowException),
    ],
)
def test_single_call_fails_permanently_only_if_retry_cannot_help(
    error: errors.StreamkapError, raised: type[Exception]
) -> None:
    created = api_exception(error)
    assert type(created) is raised
    assert str(created) == str(error)
    assert "r1" in str(created)
