# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Faults, observed with the `requests` library or, where that hides them, on a raw socket."""

from __future__ import annotations

import socket
import time
from typing import Any

import pytest
import requests

from airflow_provider_streamkap.testing import Fault, scenarios
from airflow_provider_streamkap.testing.messages import Answer
from tests.testing.support import Api

METRICS = "/destinations/d1/metrics"


@pytest.fixture
def target(api: Api) -> Api:
    api.simulator.add("d1", scenarios.sequence([9, 8, 7]))
    return api


def raw(api: Api, timeout: float = 5) -> bytes:
    """Return everything that the server sends until it closes, or until `timeout` expires."""
    host, _, port = api.simulator.url.removeprefix("http://").partition(":")
    received = b""
    with socket.create_connection((host, int(port)), timeout=timeout) as connection:
        head = f"GET {METRICS} HTTP/1.1\r\nHost: x\r\nAuthorization: {api.session.headers['Authorization']!s}\r\n\r\n"
        connection.sendall(head.encode())
        try:
            while piece := connection.recv(65536):
                received += piece
        except TimeoutError:
            received += b"<silence>"
        except ConnectionResetError:
            received += b"<reset>"
    return received


def test_status_fault_with_headers_and_body(target: Api) -> None:
    target.simulator.inject(Fault.status(429, retry_after=3, headers={"X-Extra": "1"}))
    answer = target.get(METRICS)
    assert (answer.status_code, answer.json()) == (429, {"detail": "Too Many Requests"})
    assert (answer.headers["Retry-After"], answer.headers["X-Extra"]) == ("3", "1")
    assert answer.headers["X-Request-Id"]


@pytest.mark.parametrize(
    ("fault", "status", "body"),
    [
        (Fault.status(503, body=b"\xff\x00"), 503, b"\xff\x00"),
        (Fault.status(500, body={"detail": {"a": 1}}), 500, b'{"detail": {"a": 1}}'),
        (Fault.status(599), 599, b'{"detail": "Status 599"}'),
        (Fault.status(204), 204, b""),
        (Fault.empty(), 200, b""),
        (Fault.json([1]), 200, b"[1]"),
        (Fault.json(None, status=400), 400, b"null"),
        (Fault.json({"data": float("nan")}), 200, b'{"data": NaN}'),
    ],
)
def test_body_faults(target: Api, fault: Fault, status: int, body: bytes) -> None:
    target.simulator.inject(fault)
    answer = target.get(METRICS)
    assert (answer.status_code, answer.content) == (status, body)


def test_invalid_json_is_labelled_json(target: Api) -> None:
    target.simulator.inject(Fault.not_json())
    answer = target.get(METRICS)
    assert answer.headers["Content-Type"].startswith("application/json")
    with pytest.raises(requests.JSONDecodeError):
        answer.json()


def test_html_like_from_proxy(target: Api) -> None:
    target.simulator.inject(Fault.html())
    answer = target.get(METRICS)
    assert (answer.status_code, answer.headers["Content-Type"]) == (502, "text/html")
    assert "<title>502 Bad Gateway</title>" in answer.text


def test_redirect(target: Api) -> None:
    target.simulator.inject(Fault.redirect("http://elsewhere.invalid/", status=307))
    answer = target.get(METRICS)
    assert (answer.status_code, answer.headers["Location"]) == (307, "http://elsewhere.invalid/")


@pytest.mark.parametrize("compressed", [False, True])
def test_oversized_response_has_requested_size(target: Api, compressed: bool) -> None:
    target.simulator.inject(Fault.oversized(2_000_000, compressed=compressed))
    answer = target.get(METRICS)
    assert len(answer.content) == 2_000_000
    assert answer.json()["metadata"] == {}
    assert (int(answer.headers["Content-Length"]) < 10_000) is compressed


def test_gzip_response_decodes_to_original(target: Api) -> None:
    target.simulator.inject(Fault.gzip())
    answer = target.get(METRICS)
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.json()["data"]["recordsLag"] == 9
    assert target.metrics("d1")["recordsLag"] == 8


def test_slow_responses_are_correct_and_late(target: Api) -> None:
    target.simulator.inject(Fault.slow(0.2))
    with pytest.raises(requests.ReadTimeout):
        target.get(METRICS, timeout=0.05)
    target.simulator.inject(Fault.slow(0.05))
    begin = time.monotonic()
    assert target.metrics("d1")["recordsLag"] == 9
    assert time.monotonic() - begin >= 0.05


def test_dripping_response_is_slow_and_complete(target: Api) -> None:
    target.simulator.inject(Fault.drip(0.2))
    begin = time.monotonic()
    assert target.metrics("d1")["recordsLag"] == 9
    assert time.monotonic() - begin >= 0.2
    assert target.simulator.requests[-1].status == 200
    target.simulator.inject(Fault.drip(0), path="/whoami")
    assert target.get("/auth/whoami").status_code == 200


@pytest.mark.parametrize(
    ("fault", "ending"),
    [(Fault.drop, b""), (Fault.reset, b"<reset>"), (Fault.hang, b"<silence>")],
)
def test_response_breaks_off_at_each_stage(target: Api, fault: Any, ending: bytes) -> None:
    whole = target.get(METRICS).content
    received = {}
    for stage in ("header", "body", "middle"):
        target.simulator.inject(fault(stage))
        received[stage] = raw(target, timeout=0.3)
    assert received["header"] == ending
    head, _, body = received["body"].partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert f"Content-Length: {len(whole)}".encode() in head
    assert body == ending
    middle = received["middle"].partition(b"\r\n\r\n")[2].removesuffix(ending)
    assert len(middle) == len(whole) // 2
    assert target.simulator.requests[-1].status is None


def test_faulty_response_does_not_consume_sequence_entry(target: Api) -> None:
    for fault in (Fault.truncated(), Fault.drop(), Fault.reset("middle")):
        target.simulator.inject(fault)
        raw(target)
    target.simulator.inject(Fault.status(503))
    assert target.get(METRICS).status_code == 503
    assert target.metrics("d1")["recordsLag"] == 9


def test_truncated_response_announces_more_than_it_sends(target: Api) -> None:
    target.simulator.inject(Fault.truncated())
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        target.get(METRICS)


def test_hanging_request_ends_with_its_client(target: Api) -> None:
    target.simulator.inject(Fault.hang())
    with pytest.raises(requests.ReadTimeout):
        target.get(METRICS, timeout=0.05)
    assert target.metrics("d1")["recordsLag"] == 9
    assert [record.fault for record in target.simulator.requests] == ["hang", None]


def statuses(api: Api, number: int, path: str = METRICS) -> list[int]:
    return [api.get(path).status_code for _ in range(number)]


def test_faults_are_counted(target: Api) -> None:
    target.simulator.inject(Fault.status(503), times=2)
    target.simulator.inject(Fault.status(502))
    assert statuses(target, 4) == [503, 503, 502, 200]


def test_faults_forever_until_they_are_cleared(target: Api) -> None:
    target.simulator.inject(Fault.status(503), times=None)
    assert statuses(target, 3) == [503, 503, 503]
    target.simulator.clear_faults()
    assert statuses(target, 1) == [200]


def test_faults_after_number_of_successful_responses(target: Api) -> None:
    target.simulator.inject(Fault.status(503), METRICS, after=2)
    assert statuses(target, 4) == [200, 200, 503, 200]


def test_faults_by_path_method_and_query(target: Api) -> None:
    inject = target.simulator.inject
    inject(Fault.status(501), path="/metrics", method="POST")
    inject(Fault.status(502), path="time_type=timeseries")
    inject(Fault.status(503), path="a/b")
    assert statuses(target, 1) == [200]
    assert target.get(METRICS, time_type="timeseries").status_code == 502
    assert statuses(target, 1, "/destinations/a%2Fb") == [503]
    assert target.call("POST", METRICS).status_code == 501


def test_invalid_arguments_are_rejected(target: Api) -> None:
    inject = target.simulator.inject
    with pytest.raises(ValueError, match="times"):
        inject(Fault.drop(), times=0)
    with pytest.raises(ValueError, match="after"):
        inject(Fault.drop(), after=-1)
    with pytest.raises(ValueError, match="status"):
        Fault.status(99)
    with pytest.raises(ValueError, match="seconds"):
        Fault.slow(-1)
    with pytest.raises(ValueError, match="stage"):
        Fault.hang("end")  # type: ignore[arg-type]


def test_changed_response_differs_only_in_given_keys(target: Api) -> None:
    target.simulator.inject(Fault.changed(("metadata",), data=None, more=[1]), path="/metrics")
    assert target.get(METRICS).json() == {"data": None, "more": [1]}
    assert target.get(METRICS).json()["data"]["recordsLag"] == 8


def test_non_object_response_is_not_changed(target: Api) -> None:
    fault = Fault.changed(expiresIn=0)
    for body in (b"[1]", b"not JSON"):
        answer = Answer(200, body)
        assert fault.change(answer) == answer
