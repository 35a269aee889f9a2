# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Fixtures: a simulator on a stopped clock, and a client that is signed in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from airflow_provider_streamkap.testing import StreamkapSimulator
from tests.testing.support import Api, Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def simulator(clock: Clock) -> Iterator[StreamkapSimulator]:
    with StreamkapSimulator(clock=clock) as running:
        yield running


@pytest.fixture
def anonymous(simulator: StreamkapSimulator) -> Iterator[Api]:
    """A client without a token."""
    client = Api(simulator)
    yield client
    client.close()


@pytest.fixture
def api(anonymous: Api) -> Api:
    """A client with a token; the requests for it are not recorded."""
    anonymous.log_in()
    anonymous.simulator.reset_requests()
    return anonymous
