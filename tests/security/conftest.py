# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Fixtures shared by the security tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from airflow_provider_streamkap.testing import StreamkapSimulator
from tests.airflow.conftest import airflow_database, logged, streamkap
from tests.api.conftest import any_client, authority, kind, make, simulator

__all__ = ["airflow_database", "any_client", "authority", "kind", "logged", "make", "simulator", "streamkap"]


@pytest.fixture
def elsewhere() -> Iterator[StreamkapSimulator]:
    """Run another host, which must never receive a request."""
    with StreamkapSimulator() as other:
        yield other
        assert other.requests == []
        assert other.connections == 0
