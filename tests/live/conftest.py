# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Fixtures: a simulator on a stopped clock, and a check of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from airflow_provider_streamkap.api.settings import ClientSettings, Credentials
from airflow_provider_streamkap.testing import StreamkapSimulator
from scripts.live.check import Check
from scripts.live.findings import Finding
from tests.testing.support import Clock

Found = Callable[..., dict[str, Finding]]

#: Rows of the table, by a word that only they contain.
ROWS = {
    "refused": "Rejected credentials",
    "lifetime": "expiresIn",
    "metrics": "Metrics of an unknown id",
    "destination": "An unknown destination",
    "listing": "Lists return",
    "statuses": "Statuses are among",
    "stopped": "A paused destination",
    "layouts": "Timestamps",
    "age": "The newest point",
    "latest": "latest is not",
    "totals": "Totals",
    "readable": "Sources, pipelines and their metrics can be read",
    "types": "have the documented types",
    "pipeline": "An unknown pipeline",
    "values": "latest has the values",
    "flags": "Flags and the last event",
    "states": "An Active source",
    "snapshots": "Snapshot statuses",
    "topics": "topic_id",
    "minutes": "Both delays",
    "same": "have the same timestamps",
    "event": "on the time of the last event",
    "first": "-1 before the first event",
    "clocks": "The clocks of database",
    "captured": "Without captured events",
    "mysql": "On MySQL",
    "connectors": "Connector types",
    "heartbeat": "whether heartbeats are enabled",
    "parts": "A pipeline has",
    "status": "The status of a pipeline",
    "filter": "partial_name filters",
    "unfiltered": "no filter by name",
    "pages": "has pages",
    "support": "X-Request-Id",
    "limits": "No rate limit",
}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def simulator(clock: Clock) -> Iterator[StreamkapSimulator]:
    with StreamkapSimulator(clock=clock) as running:
        yield running


@pytest.fixture
def found(simulator: StreamkapSimulator, clock: Clock) -> Found:
    """Checks the simulator and returns the rows by the keys of `ROWS`."""

    def check(destination_id: str | None = None, **options: Any) -> dict[str, Finding]:
        credentials = Credentials(simulator.client_id, simulator.secret)
        settings = ClientSettings(credentials, base_url=simulator.url, max_attempts=1)
        rows = Check(settings, destination_id, clock=clock, sleep=clock.pass_by, **options).run()
        matches = {key: [row for row in rows if word in row.assumption] for key, word in ROWS.items()}
        assert len(rows) == len(ROWS)
        assert {key: len(found) for key, found in matches.items()} == dict.fromkeys(ROWS, 1)
        return {key: found for key, (found,) in matches.items()}

    return check
