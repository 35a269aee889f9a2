# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Fixtures: a simulator with the destinations of the snippets."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from airflow_provider_streamkap.testing import StreamkapSimulator

ORDERS, CUSTOMERS = "67ad6e0af08a2365c729ba79", "67ad6e0af08a2365c729ba80"


@pytest.fixture
def streamkap(monkeypatch: pytest.MonkeyPatch) -> Iterator[StreamkapSimulator]:
    """Run a simulator behind the connection streamkap_default."""
    with StreamkapSimulator() as simulator:
        monkeypatch.setenv("AIRFLOW_CONN_STREAMKAP_DEFAULT", simulator.airflow_connection())
        yield simulator
