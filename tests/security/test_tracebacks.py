# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""No local variable in a traceback contains a secret, however a call of either client fails."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_streamkap.api.errors import StreamkapError
from airflow_provider_streamkap.api.query import MetricsQuery
from airflow_provider_streamkap.api.settings import Credentials
from airflow_provider_streamkap.testing import Fault, StreamkapSimulator
from tests.api.certificate_authority import Authority
from tests.api.conftest import MakeClient
from tests.api.support import AnyClient, settings_for
from tests.security.traceback_search import leaks, shown

FAULTS = {
    "refused": Fault.status(400, body={"detail": "no"}),
    "unauthorized": Fault.status(401),
    "forbidden": Fault.status(403),
    "late": Fault.status(429, retry_after=0),
    "unavailable": Fault.status(503),
    "redirect": Fault.redirect("https://elsewhere.example/"),
    "dropped": Fault.drop(),
    "dropped in the middle": Fault.drop("middle"),
    "reset": Fault.reset(),
    "truncated": Fault.truncated(),
    "not JSON": Fault.not_json(),
    "empty": Fault.empty(),
    "odd JSON": Fault.json([]),
    "badly compressed": Fault.status(200, headers={"Content-Encoding": "gzip"}, body=b"no gzip"),
    "too deep": Fault.status(200, body=b"[" * 100_000),
}


def failed(call: Callable[[], Any]) -> BaseException:
    with pytest.raises(Exception) as caught:
        call()
    return caught.value


def test_search_detects_secrets() -> None:
    # Compiled under another file name, because frames of test files are not searched.
    scope: dict[str, Any] = {}
    exec(compile("def fail(token):\n    raise ValueError('no')", "elsewhere.py", "exec"), scope)
    error = failed(lambda: scope["fail"]("made-up-token"))
    assert leaks(error, ["made-up-token"]) == ["elsewhere.py:2 token = 'made-up-token'"]


@pytest.mark.parametrize("use_project_key", [False, True])
@pytest.mark.parametrize("path", ["/auth/access-token", "/metrics", "/destinations"])
def test_every_failure_hides_secrets(
    make: MakeClient, simulator: StreamkapSimulator, path: str, use_project_key: bool
) -> None:
    credentials = Credentials(project_key=simulator.project_key) if use_project_key else None
    found: dict[str, list[str]] = {}
    for name, fault in FAULTS.items():
        any_client = make(settings_for(simulator, credentials=credentials, max_attempts=2))
        any_client.whoami() if path == "/metrics" else None
        simulator.inject(fault, path=path, times=None)
        error = failed(any_client.destinations if path == "/destinations" else any_client.metrics)
        assert isinstance(error, StreamkapError), name
        assert len(shown(error)) > 10
        found |= {name: lines} if (lines := leaks(error, simulator.secrets)) else {}
        simulator.clear_faults()
    assert found == {}


@pytest.mark.parametrize(
    "body",
    [
        lambda token: {"accessToken": f"{token} ", "refreshToken": token},
        lambda token: {"access_token": token, "expiresIn": 3},
        lambda token: [token],
        lambda token: {"accessToken": [token], "detail": token},
    ],
)
def test_rejected_token(make: MakeClient, simulator: StreamkapSimulator, body: Callable[[str], Any]) -> None:
    simulator.inject(Fault.json(body("made-up-token")), path="/auth/access-token", times=None)
    error = failed(make(settings_for(simulator, max_attempts=1)).whoami)
    assert leaks(error, ["made-up-token", *simulator.secrets]) == []


def test_token_in_truncated_response(make: MakeClient, simulator: StreamkapSimulator) -> None:
    body = json.dumps({"accessToken": "made-up-token"}).encode()[:-1]
    simulator.inject(Fault.status(200, body=body), path="/auth/access-token", times=None)
    error = failed(make(settings_for(simulator, max_attempts=1)).whoami)
    assert leaks(error, ["made-up-token", *simulator.secrets]) == []


def test_call_without_remaining_time(any_client: AnyClient, simulator: StreamkapSimulator) -> None:
    any_client.metrics()
    assert leaks(failed(lambda: any_client.metrics(within=0)), simulator.secrets) == []


def test_unknown_host(make: MakeClient, simulator: StreamkapSimulator) -> None:
    any_client = make(settings_for(simulator, max_attempts=2))
    any_client.whoami()
    simulator.stop()
    assert leaks(failed(any_client.metrics), simulator.secrets) == []


def test_unverifiable_certificate(make: MakeClient, authority: Authority) -> None:
    with StreamkapSimulator(ssl_context=authority.context) as secure:
        error = failed(make(settings_for(secure, max_attempts=1)).metrics)
        assert leaks(error, secure.secrets) == []


def test_password_of_proxy(make: MakeClient, simulator: StreamkapSimulator) -> None:
    proxies = {"http": "http://me:made-up-password@127.0.0.1:1"}
    error = failed(make(settings_for(simulator, proxies=proxies, max_attempts=1)).metrics)
    assert leaks(error, ["made-up-password", *simulator.secrets]) == []


def test_failing_callback(make: MakeClient, simulator: StreamkapSimulator) -> None:
    def callback(token: str) -> None:
        raise RuntimeError("no masker")

    error = failed(make(settings_for(simulator), on_token=callback).metrics)
    assert str(error) == "no masker"
    assert leaks(error, simulator.secrets) == []


def test_invalid_id(any_client: AnyClient, simulator: StreamkapSimulator) -> None:
    any_client.whoami()
    assert leaks(failed(lambda: any_client.metrics(MetricsQuery(".."))), simulator.secrets) == []
    assert leaks(failed(lambda: any_client.destination("..")), simulator.secrets) == []
