# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The mapping of outcomes to exceptions, and the events that carry outcomes from the triggerer to the worker."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_streamkap._compat import AirflowException, AirflowFailException, AirflowSensorTimeout
from airflow_provider_streamkap._results import exception_for, exception_of, gave_up_event, opened_event, settle
from airflow_provider_streamkap.api import errors
from airflow_provider_streamkap.gate.state import FailureKind
from airflow_provider_streamkap.gate.wait import Failed

RAISED: dict[FailureKind, type[Exception]] = {
    FailureKind.DEADLINE: AirflowSensorTimeout,
    FailureKind.BROKEN: AirflowFailException,
    FailureKind.REFUSED: AirflowFailException,
    FailureKind.STALLED: AirflowException,
    FailureKind.STATUS: AirflowException,
    FailureKind.UNREACHABLE: AirflowException,
    FailureKind.VERSIONS: AirflowException,
}


@pytest.mark.parametrize("why", FailureKind)
def test_every_outcome_raises_same_exception_in_worker_and_after_deferral(why: FailureKind) -> None:
    end = Failed(why, "what happened")
    raised = exception_for(end)
    assert (type(raised), str(raised)) == (RAISED[why], "what happened")
    event = json.loads(json.dumps(gave_up_event(end), allow_nan=False))
    with pytest.raises(RAISED[why]) as caught:
        settle(event)
    assert (type(caught.value), str(caught.value)) == (RAISED[why], "what happened")


@pytest.mark.parametrize("snapshot", [{"destination_id": "d1"}, {"d1": {"destination_id": "d1"}}])
def test_open_gate_returns_snapshot(snapshot: dict[str, Any]) -> None:
    assert settle(json.loads(json.dumps(opened_event(snapshot)))) == snapshot


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
def test_unknown_outcome_fails(event: Any) -> None:
    with pytest.raises(AirflowFailException, match="Cannot parse the trigger event"):
        settle(event)


def test_unknown_event_is_truncated_in_message() -> None:
    with pytest.raises(AirflowFailException) as caught:
        settle({"outcome": "x" * 100_000})
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
    created = exception_of(error)
    assert type(created) is raised
    assert str(created) == str(error)
    assert "r1" in str(created)
