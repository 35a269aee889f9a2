# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The requests that the simulator records, without secrets."""

from __future__ import annotations

import json
import logging
import threading

import pytest

from airflow_provider_streamkap.testing import Fault, StreamkapSimulator, scenarios
from tests.testing.support import START, Api, Clock


def test_request_is_recorded(api: Api, clock: Clock) -> None:
    clock.pass_by(5)
    answer = api.call("GET", "/destinations/a%2Fb/metrics?time_type=latest&x=%20&x=2", headers={"User-Agent": "me"})
    (record,) = api.simulator.requests
    assert (record.method, record.status, record.at) == ("GET", 404, START + 5)
    assert record.path == "/destinations/a/b/metrics"
    assert record.raw_path == "/destinations/a%2Fb/metrics"
    assert record.raw_query == "time_type=latest&x=%20&x=2"
    assert record.query == {"time_type": "latest", "x": "2"}
    assert record.headers["user-agent"] == "me"
    assert record.host == api.simulator.url.removeprefix("http://")
    assert record.request_id == answer.headers["X-Request-Id"]
    assert record.fault is None


def test_fault_is_recorded(api: Api) -> None:
    api.simulator.inject(Fault.status(503))
    api.get("/destinations")
    (record,) = api.simulator.requests
    assert (record.status, record.fault) == (503, "status(503)")


def test_generation_of_token_is_recorded(anonymous: Api) -> None:
    simulator = anonymous.simulator
    anonymous.get("/auth/whoami")
    anonymous.log_in().get("/auth/whoami")
    anonymous.log_in().get("/auth/whoami")
    simulator.revoke_tokens()
    anonymous.get("/auth/whoami")
    seen = [record.token_generation for record in simulator.requests if record.path == "/auth/whoami"]
    assert seen == [None, 1, 2, None]


def test_records_contain_no_secret(anonymous: Api) -> None:
    simulator = anonymous.simulator
    anonymous.log_in().get("/auth/whoami")
    anonymous.token(project_key=simulator.project_key)
    for header in ("Cookie", "Proxy-Authorization"):
        anonymous.call("GET", "/auth/whoami", headers={header: "a=" + simulator.secret})
    shown = repr(simulator.requests) + repr([record.__dict__ for record in simulator.requests]) + repr(simulator)
    assert not [secret for secret in simulator.secrets if secret in shown]


def test_secrets_include_every_issued_token(anonymous: Api) -> None:
    first = anonymous.token().json()
    simulator = anonymous.simulator
    assert {
        simulator.secret,
        simulator.project_key,
        simulator.project_key_base64,
        first["accessToken"],
        first["refreshToken"],
    } <= set(simulator.secrets)
    assert simulator.client_id not in simulator.secrets


def test_requests_are_counted(api: Api) -> None:
    simulator = api.simulator
    simulator.add("d1", scenarios.steady())
    for _ in range(3):
        api.metrics("d1")
    api.metrics("d1", time_type="timeseries")
    api.get("/destinations/a%2Fb")
    api.log_in()
    assert simulator.count() == 6
    assert simulator.count("/metrics") == 4
    assert simulator.count("time_type=timeseries") == 1
    assert simulator.count("a/b") == simulator.count("a%2Fb") == 1
    assert simulator.count(method="post") == 1
    assert simulator.count("/metrics", "POST") == 0
    assert simulator.token_calls == 1
    simulator.reset_requests()
    assert (simulator.requests, simulator.count(), simulator.token_calls, simulator.connections) == ([], 0, 0, 0)


def test_refreshes_are_not_counted_as_token_calls(anonymous: Api) -> None:
    refreshing = anonymous.token().json()["refreshToken"]
    anonymous.call("POST", "/auth/access-token/refresh", json={"refresh_token": refreshing})
    assert anonymous.simulator.token_calls == 1


def test_connections_are_counted(anonymous: Api) -> None:
    anonymous.get("/auth/whoami")
    anonymous.get("/auth/whoami")
    assert anonymous.simulator.connections == 1
    other = Api(anonymous.simulator)
    other.get("/auth/whoami")
    other.close()
    assert anonymous.simulator.connections == 2


def test_waiting_for_requests(api: Api) -> None:
    simulator = api.simulator
    assert simulator.wait_for_requests(1, timeout=0) is False
    assert simulator.wait_for_requests(1, timeout=0.01) is False
    asking = threading.Thread(target=lambda: [api.get(path) for path in ("/auth/whoami", "/destinations") * 2])
    asking.start()
    assert simulator.wait_for_requests(2, "/destinations", "GET") is True
    asking.join()
    assert simulator.wait_for_requests(4) is True


def test_hanging_request_is_recorded_on_arrival(api: Api) -> None:
    api.simulator.inject(Fault.hang())
    asking = threading.Thread(target=api.fails, args=("/auth/whoami",))
    asking.start()
    assert api.simulator.wait_for_requests(1)
    assert (api.simulator.requests[0].status, api.simulator.requests[0].fault) == (None, "hang")
    api.simulator.reset_requests()
    api.simulator.stop()
    asking.join()
    assert api.simulator.requests == []


def test_each_request_is_logged(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="airflow_provider_streamkap.testing")
    api.simulator.inject(Fault.drop(), after=1)
    api.get("/destinations", page=2)
    api.fails("/auth/whoami")
    api.simulator.stop()
    assert caplog.messages == [
        "GET /destinations?page=2 -> 200",
        "GET /auth/whoami -> no response (drop)",
    ]


def test_client_using_simulator_as_proxy_is_served(api: Api) -> None:
    proxies = {"http": api.simulator.url}
    answer = api.session.get("http://streamkap.invalid/auth/whoami?a=1", proxies=proxies, timeout=5)
    assert answer.status_code == 200
    (record,) = api.simulator.requests
    assert (record.path, record.raw_query, record.host) == ("/auth/whoami", "a=1", "streamkap.invalid")
    assert api.session.get("http://streamkap.invalid", proxies=proxies, timeout=5).status_code == 404


def test_airflow_connection(simulator: StreamkapSimulator) -> None:
    connection = json.loads(simulator.airflow_connection(timeout=2))
    assert connection == {
        "conn_type": "streamkap",
        "host": simulator.url,
        "login": simulator.client_id,
        "password": simulator.secret,
        "extra": {"timeout": 2},
    }
    connection = json.loads(simulator.airflow_connection(use_project_key=True))
    assert connection == {
        "conn_type": "streamkap",
        "host": simulator.url,
        "password": simulator.project_key,
        "extra": {},
    }


def test_only_latest_requests_are_kept(api: Api) -> None:
    api.simulator._recorder.limit = 2
    for number in range(3):
        api.get(f"/{number}")
    assert [record.path for record in api.simulator.requests] == ["/1", "/2"]
    assert [record.number for record in api.simulator.requests][-1] - api.simulator.requests[0].number == 1
