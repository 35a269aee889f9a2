# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Both clients when things go wrong in passing, and when they do not pass."""

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
from tests.api.conftest import MakeAsker
from tests.api.support import Asker, settings_for

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
def test_what_passes_is_tried_again(asker: Asker, simulator: StreamkapSimulator, fault: Fault) -> None:
    asker.whoami()
    simulator.inject(fault, path=METRICS, times=2)
    assert asker.metrics().records_lag == 7
    assert simulator.count(METRICS) == 3
    assert len(asker.time.waits) == 2
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
def test_what_does_not_pass_is_not(
    asker: Asker, simulator: StreamkapSimulator, fault: Fault, kind: type[StreamkapError], permanent: bool
) -> None:
    simulator.inject(fault, path=METRICS, times=None)
    with pytest.raises(kind) as caught:
        asker.metrics()
    assert type(caught.value) is kind
    assert caught.value.permanent is permanent
    assert caught.value.attempts == simulator.count(METRICS) == 1
    assert asker.time.waits == []


def test_the_last_error_carries_the_attempts(make: MakeAsker, simulator: StreamkapSimulator) -> None:
    simulator.inject(Fault.status(503), path=METRICS, times=None)
    asker = make(settings_for(simulator, max_attempts=3))
    with pytest.raises(StreamkapServerError, match="3 attempts") as caught:
        asker.metrics()
    assert caught.value.attempts == simulator.count(METRICS) == 3
    assert asker.time.waits == [0.5, 1.0]
    assert caught.value.request_id == simulator.requests[-1].request_id


@pytest.mark.parametrize(
    ("asked", "waited"), [("7", 7.0), ("3600", 60.0), ("-1", 0.0), ("NaN", 0.5), ("tomorrow", 0.5), ("0", 0.0)]
)
def test_retry_after_in_seconds(asker: Asker, simulator: StreamkapSimulator, asked: str, waited: float) -> None:
    simulator.inject(Fault.status(429, retry_after=asked), path=METRICS)
    asker.metrics()
    assert asker.time.waits == [waited]


def test_retry_after_as_a_date(asker: Asker, simulator: StreamkapSimulator) -> None:
    dates = {"Date": formatdate(1_800_000_000, usegmt=True), "Retry-After": formatdate(1_800_000_012, usegmt=True)}
    simulator.inject(Fault.status(503, headers=dates), path=METRICS)
    asker.metrics()
    assert asker.time.waits == [12.0]


def test_retry_after_is_in_the_error(make: MakeAsker, simulator: StreamkapSimulator) -> None:
    simulator.inject(Fault.status(429, retry_after=7), path=METRICS)
    with pytest.raises(StreamkapRateLimitError) as caught:
        make(settings_for(simulator, max_attempts=1)).metrics()
    assert caught.value.retry_after == 7.0


def test_a_call_has_a_bound_in_all(make: MakeAsker, simulator: StreamkapSimulator) -> None:
    simulator.inject(Fault.status(503, retry_after=4), path=METRICS, times=None)
    asker = make(settings_for(simulator, max_elapsed=10))
    with pytest.raises(StreamkapServerError):
        asker.metrics()
    assert asker.time.waits == [4.0, 4.0]


def test_a_call_can_be_bound_more_tightly(asker: Asker, simulator: StreamkapSimulator) -> None:
    simulator.inject(Fault.status(503, retry_after=4), path=METRICS, times=None)
    with pytest.raises(StreamkapServerError):
        asker.metrics(within=5.0)
    assert asker.time.waits == [4.0]


@pytest.mark.parametrize("within", [0.0, -1.0, float("nan")])
def test_without_time_nothing_is_sent(asker: Asker, simulator: StreamkapSimulator, within: float) -> None:
    asker.whoami()
    simulator.reset_requests()
    with pytest.raises(StreamkapTimeoutError, match="the deadline has passed") as caught:
        asker.metrics(within=within)
    assert caught.value.attempts == 1
    assert simulator.requests == []


def test_retries_are_logged_without_secrets(
    asker: Asker, simulator: StreamkapSimulator, caplog: pytest.LogCaptureFixture
) -> None:
    simulator.inject(Fault.status(503, body={"detail": f"{simulator.secret} is overloaded"}), path=METRICS)
    with caplog.at_level(logging.DEBUG):
        asker.metrics()
    ours = [record for record in caplog.records if record.name == "airflow_provider_streamkap.api"]
    assert [record.levelname for record in ours] == ["WARNING"]
    assert "*** is overloaded" in ours[0].getMessage()
    assert "attempt 1 of 5 failed, retrying in 0.5 s" in ours[0].getMessage()
    for secret in simulator.secrets:
        assert secret not in caplog.text
