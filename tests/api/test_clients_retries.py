# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Both clients with transient and permanent errors."""

from __future__ import annotations

import logging
from email.utils import formatdate

import pytest

from airflow_provider_streamkap.api.errors import (
    StreamkapError,
    StreamkapNotFoundError,
    StreamkapPermissionError,
    StreamkapRateLimitError,
    StreamkapRedirectError,
    StreamkapRequestError,
    StreamkapResponseError,
    StreamkapServerError,
    StreamkapTimeoutError,
)
from airflow_provider_streamkap.testing import Fault, StreamkapSimulator
from tests.api.conftest import MakeClient
from tests.api.support import AnyClient, settings_for

METRICS = "/metrics"


@pytest.mark.parametrize(
    "fault",
    [
        Fault.status(502),
        Fault.status(503),
        Fault.status(504),
        Fault.status(429),
        Fault.status(500, body={"detail": "Kafka Connect: request timed out"}),
        Fault.html(),
        Fault.html(status=200),
        Fault.not_json(),
        Fault.empty(),
        Fault.json([]),
        Fault.drop(),
        Fault.drop("body"),
        Fault.reset(),
        Fault.reset("middle"),
        Fault.truncated(),
    ],
    ids=lambda fault: f"{fault.name}-{fault.stage}-{fault.answer.status if fault.answer else ''}",
)
def test_transient_errors_are_retried(any_client: AnyClient, simulator: StreamkapSimulator, fault: Fault) -> None:
    any_client.whoami()
    simulator.inject(fault, path=METRICS, times=2)
    assert any_client.metrics().records_lag == 7
    assert simulator.count(METRICS) == 3
    assert len(any_client.time.waits) == 2
    assert simulator.token_calls == 1


@pytest.mark.parametrize(
    ("fault", "kind", "permanent"),
    [
        (Fault.status(400), StreamkapRequestError, True),
        (Fault.status(403), StreamkapPermissionError, True),
        (Fault.status(404), StreamkapNotFoundError, True),
        (Fault.status(422, body={"detail": [{"loc": ["q"], "msg": "m", "type": "t"}]}), StreamkapRequestError, True),
        (Fault.status(500, body={"detail": "plugin not found"}), StreamkapServerError, False),
        (Fault.redirect("https://elsewhere.example/"), StreamkapRedirectError, True),
        (Fault.oversized(33 * 1024 * 1024), StreamkapResponseError, True),
    ],
    ids=["400", "403", "404", "422", "500", "302", "oversized"],
)
def test_permanent_errors_are_not_retried(
    any_client: AnyClient, simulator: StreamkapSimulator, fault: Fault, kind: type[StreamkapError], permanent: bool
) -> None:
    simulator.inject(fault, path=METRICS, times=None)
    with pytest.raises(kind) as caught:
        any_client.metrics()
    assert type(caught.value) is kind
    assert caught.value.permanent is permanent
    assert caught.value.attempts == simulator.count(METRICS) == 1
    assert any_client.time.waits == []


def test_last_error_carries_attempts(make: MakeClient, simulator: StreamkapSimulator) -> None:
    simulator.inject(Fault.status(503), path=METRICS, times=None)
    any_client = make(settings_for(simulator, max_attempts=3))
    with pytest.raises(StreamkapServerError, match="3 attempts") as caught:
        any_client.metrics()
    assert caught.value.attempts == simulator.count(METRICS) == 3
    assert any_client.time.waits == [0.5, 1.0]
    assert caught.value.request_id == simulator.requests[-1].request_id


@pytest.mark.parametrize(
    ("retry_after", "waited"), [("7", 7.0), ("3600", 60.0), ("-1", 0.0), ("NaN", 0.5), ("tomorrow", 0.5), ("0", 0.0)]
)
def test_retry_after_in_seconds(
    any_client: AnyClient, simulator: StreamkapSimulator, retry_after: str, waited: float
) -> None:
    simulator.inject(Fault.status(429, retry_after=retry_after), path=METRICS)
    any_client.metrics()
    assert any_client.time.waits == [waited]


def test_retry_after_as_date(any_client: AnyClient, simulator: StreamkapSimulator) -> None:
    dates = {"Date": formatdate(1_800_000_000, usegmt=True), "Retry-After": formatdate(1_800_000_012, usegmt=True)}
    simulator.inject(Fault.status(503, headers=dates), path=METRICS)
    any_client.metrics()
    assert any_client.time.waits == [12.0]


def test_error_carries_retry_after(make: MakeClient, simulator: StreamkapSimulator) -> None:
    simulator.inject(Fault.status(429, retry_after=7), path=METRICS)
    with pytest.raises(StreamkapRateLimitError) as caught:
        make(settings_for(simulator, max_attempts=1)).metrics()
    assert caught.value.retry_after == 7.0


def test_call_has_total_time_limit(make: MakeClient, simulator: StreamkapSimulator) -> None:
    simulator.inject(Fault.status(503, retry_after=4), path=METRICS, times=None)
    any_client = make(settings_for(simulator, max_elapsed=10))
    with pytest.raises(StreamkapServerError):
        any_client.metrics()
    assert any_client.time.waits == [4.0, 4.0]


def test_call_can_have_tighter_time_limit(any_client: AnyClient, simulator: StreamkapSimulator) -> None:
    simulator.inject(Fault.status(503, retry_after=4), path=METRICS, times=None)
    with pytest.raises(StreamkapServerError):
        any_client.metrics(within=5.0)
    assert any_client.time.waits == [4.0]


@pytest.mark.parametrize("within", [0.0, -1.0, float("nan")])
def test_nothing_is_sent_after_time_limit(any_client: AnyClient, simulator: StreamkapSimulator, within: float) -> None:
    any_client.whoami()
    simulator.reset_requests()
    with pytest.raises(StreamkapTimeoutError, match="the deadline has passed") as caught:
        any_client.metrics(within=within)
    assert caught.value.attempts == 1
    assert simulator.requests == []


def test_retries_are_logged_without_secrets(
    any_client: AnyClient, simulator: StreamkapSimulator, caplog: pytest.LogCaptureFixture
) -> None:
    simulator.inject(Fault.status(503, body={"detail": f"{simulator.secret} is overloaded"}), path=METRICS)
    with caplog.at_level(logging.DEBUG):
        any_client.metrics()
    ours = [record for record in caplog.records if record.name == "airflow_provider_streamkap.api"]
    assert [record.levelname for record in ours] == ["WARNING"]
    assert "*** is overloaded" in ours[0].getMessage()
    assert "attempt 1 of 5 failed, retrying in 0.5 s" in ours[0].getMessage()
    for secret in simulator.secrets:
        assert secret not in caplog.text
