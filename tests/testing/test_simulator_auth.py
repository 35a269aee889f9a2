# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Tokens: how they are issued, how long they are valid, and what they permit."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from airflow_provider_streamkap.testing import Fault, StreamkapSimulator, scenarios
from tests.testing.support import Api, Clock

TOKEN_KEYS = {"accessToken", "refreshToken", "expires", "expiresIn"}


def test_client_id_and_secret_are_exchanged_for_valid_token(anonymous: Api) -> None:
    answer = anonymous.token()
    assert answer.status_code == 200
    assert answer.json().keys() == TOKEN_KEYS
    assert answer.json()["expiresIn"] == 3600
    anonymous.session.headers["Authorization"] = f"Bearer {answer.json()['accessToken']}"
    whoami = anonymous.get("/auth/whoami")
    assert whoami.status_code == 200
    assert whoami.json().keys() == {"tenant_id", "service_id", "sub", "token_type", "project_key_id"}
    assert whoami.json()["project_key_id"] is None


@pytest.mark.parametrize("form", ["raw", "base64", "base64 in lines"])
def test_project_key_is_exchanged_too(anonymous: Api, form: str) -> None:
    simulator = anonymous.simulator
    key = simulator.project_key if form == "raw" else simulator.project_key_base64
    if form == "base64 in lines":
        key = base64.encodebytes(simulator.project_key.encode()).decode()
    answer = anonymous.token(project_key=key)
    assert answer.json().keys() == TOKEN_KEYS
    anonymous.session.headers["Authorization"] = f"Bearer {answer.json()['accessToken']}"
    assert anonymous.get("/auth/whoami").json()["project_key_id"].startswith("pk_")


@pytest.mark.parametrize(
    "body",
    [
        {"client_id": "somebody", "secret": "something"},
        {"project_key": ""},
        {"project_key": "no key"},
        {"project_key": "{"},
        {"project_key": "[]"},
        {"project_key": base64.b64encode(b"\xff").decode()},
        {"project_key": json.dumps({"api": {"client_id": "x", "client_secret": "y"}})},
        {"project_key": json.dumps({"api": "x"})},
        {"project_key": json.dumps({"client_id": "x"})},
    ],
)
def test_other_credentials_are_rejected(anonymous: Api, body: dict[str, str]) -> None:
    answer = anonymous.token(**body)
    assert answer.status_code == 401
    assert isinstance(answer.json()["detail"], str)


def test_incomplete_credentials_are_rejected(anonymous: Api) -> None:
    simulator = anonymous.simulator
    assert anonymous.token(client_id=simulator.client_id, secret="wrong").status_code == 401
    assert anonymous.token(client_id="wrong", secret=simulator.secret).status_code == 401


@pytest.mark.parametrize(
    ("body", "locations"),
    [
        (b"", [["body"]]),
        (b"{", [["body"]]),
        (b"[" * 100_000, [["body"]]),
        (b"[]", [["body"]]),
        (b"null", [["body"]]),
        (b"{}", [["body", "client_id"], ["body", "secret"]]),
        (b'{"client_id": "x"}', [["body", "secret"]]),
        (b'{"client_id": 1, "secret": "hush-hush"}', [["body", "client_id"]]),
        (b'{"project_key": {"api": "hush-hush"}}', [["body", "project_key"]]),
    ],
)
def test_malformed_body_is_422_with_location(anonymous: Api, body: bytes, locations: list[list[str]]) -> None:
    answer = anonymous.call("POST", "/auth/access-token", data=body)
    assert answer.status_code == 422
    assert [item["loc"] for item in answer.json()["detail"]] == locations
    assert "hush" not in answer.text


def test_token_expires_by_simulated_clock(clock: Clock) -> None:
    with StreamkapSimulator(clock=clock, token_lifetime=10) as simulator:
        client = Api(simulator).log_in()
        clock.pass_by(9.9)
        assert client.get("/auth/whoami").status_code == 200
        clock.pass_by(0.1)
        assert client.get("/auth/whoami").status_code == 401
        simulator.token_lifetime = 20
        assert simulator.token_lifetime == 20
        client.log_in()
        clock.pass_by(19)
        assert client.get("/auth/whoami").status_code == 200
        client.close()


def test_refresh_token_is_valid_once(anonymous: Api) -> None:
    def refresh(value: Any) -> tuple[int, dict[str, Any]]:
        answer = anonymous.call("POST", "/auth/access-token/refresh", json={"refresh_token": value})
        return answer.status_code, answer.json()

    first = anonymous.token().json()["refreshToken"]
    status, renewed = refresh(first)
    assert status == 200
    assert renewed.keys() == TOKEN_KEYS
    assert refresh(first)[0] == 401
    assert refresh(5)[0] == 422
    assert refresh(renewed["refreshToken"])[0] == 200


def test_only_latest_hundred_refresh_tokens_are_valid(anonymous: Api) -> None:
    tokens = [anonymous.token().json()["refreshToken"] for _ in range(101)]
    answers = [
        anonymous.call("POST", "/auth/access-token/refresh", json={"refresh_token": token}).status_code
        for token in tokens[:2]
    ]
    assert answers == [401, 200]


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Bearer nonsense", "Basic dTpw"])
def test_request_without_valid_token_is_401(anonymous: Api, header: str | None) -> None:
    anonymous.simulator.add("d1", scenarios.steady())
    if header is not None:
        anonymous.session.headers["Authorization"] = header
    for path in ("/auth/whoami", "/destinations", "/destinations/d1", "/destinations/d1/metrics"):
        answer = anonymous.get(path)
        assert answer.status_code == 401
        assert isinstance(answer.json()["detail"], str)


def test_token_is_checked_before_parameters(anonymous: Api) -> None:
    assert anonymous.get("/destinations/d1/metrics", time_type="nonsense").status_code == 401


def test_revoked_tokens_are_401_and_new_token_is_valid(api: Api) -> None:
    api.simulator.revoke_tokens()
    assert api.get("/auth/whoami").status_code == 401
    api.log_in()
    assert api.get("/auth/whoami").status_code == 200


@pytest.mark.parametrize("status", [400, 401, 403])
def test_rejecting_credentials_keeps_issued_tokens_valid(api: Api, status: int) -> None:
    refreshing = api.token().json()["refreshToken"]
    api.simulator.refuse_credentials(status)
    assert api.token().status_code == status
    answer = api.call("POST", "/auth/access-token/refresh", json={"refresh_token": refreshing})
    assert answer.status_code == status
    assert api.get("/auth/whoami").status_code == 200
    api.simulator.accept_credentials()
    assert api.token().status_code == 200


def test_missing_permission_is_403(api: Api) -> None:
    api.simulator.add("d1", scenarios.steady())

    def statuses() -> list[int]:
        paths = ("/auth/whoami", "/destinations", "/destinations/d1", "/destinations/d1/metrics")
        return [api.get(path).status_code for path in paths]

    assert statuses() == [200, 200, 200, 200]
    api.simulator.permissions = {"read:destinations"}
    assert statuses() == [200, 200, 200, 403]
    api.simulator.permissions = {"read:destination_metrics"}
    assert statuses() == [200, 403, 403, 200]
    assert api.simulator.permissions == {"read:destination_metrics"}
    api.simulator.permissions = None
    assert statuses() == [200, 200, 200, 200]


def test_faults_apply_to_token_call(anonymous: Api) -> None:
    anonymous.simulator.inject(Fault.status(503, retry_after=7), path="/auth/access-token", method="post")
    refused = anonymous.token()
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "7")
    assert anonymous.token().status_code == 200
    assert anonymous.simulator.token_calls == 2


def test_credentials_can_be_chosen(clock: Clock) -> None:
    with StreamkapSimulator(clock=clock, client_id="me", secret="mine") as simulator:
        client = Api(simulator)
        assert client.token(client_id="me", secret="mine").status_code == 200
        client.close()


def test_status_for_wrong_credentials_can_be_chosen(anonymous: Api) -> None:
    anonymous.simulator.wrong_credentials = 404
    assert anonymous.simulator.wrong_credentials == 404
    assert anonymous.token(client_id="somebody", secret="something").status_code == 404
    assert anonymous.token().status_code == 200


def test_expires_in_is_whole_number_of_seconds(clock: Clock) -> None:
    with StreamkapSimulator(clock=clock, token_lifetime=1.5) as simulator:
        client = Api(simulator)
        assert client.token().json()["expiresIn"] == 1
        client.close()
