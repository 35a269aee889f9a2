# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""A manual clock, and a plain HTTP client for the simulator."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from airflow_provider_streamkap.testing import StreamkapSimulator

START = 1_767_225_600.0
"""2026-01-01T00:00:00Z, a Thursday."""

PATIENCE = 60.0
"""Seconds of real time after which something hangs that should not: generous, for machines with other work."""


class Clock:
    """Epoch seconds that only advance on request."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += seconds


class Api:
    """Sends HTTP requests to a simulator, without any of the provider's code."""

    def __init__(self, simulator: StreamkapSimulator) -> None:
        self.simulator = simulator
        self.session = requests.Session()
        self.session.trust_env = False

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        return self.session.request(
            method,
            self.simulator.url + path,
            allow_redirects=False,
            timeout=options.pop("timeout", PATIENCE),
            **options,
        )

    def token(self, **body: Any) -> requests.Response:
        wanted = body or {"client_id": self.simulator.client_id, "secret": self.simulator.secret}
        return self.call("POST", "/auth/access-token", json=wanted)

    def log_in(self) -> Api:
        self.session.headers["Authorization"] = "Bearer " + self.token().json()["accessToken"]
        return self

    def get(self, path: str, *, timeout: float = PATIENCE, **params: Any) -> requests.Response:
        return self.call("GET", path, params=params, timeout=timeout)

    def fails(self, path: str) -> None:
        """Send a request whose response is incomplete."""
        with pytest.raises(requests.RequestException):
            self.get(path)

    def metrics(self, destination_id: str, **params: Any) -> dict[str, Any]:
        """Return the ``data`` of a successful response."""
        response = self.get(f"/destinations/{destination_id}/metrics", **params)
        assert response.status_code == 200, response.text
        data: dict[str, Any] = response.json()["data"]
        return data

    def close(self) -> None:
        self.session.close()
