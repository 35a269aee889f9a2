# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""pytest plugin with the fixture ``streamkap_simulator``.

Enable it with ``pytest_plugins = ["airflow_provider_streamkap.testing.pytest_plugin"]`` in your top-level
``conftest.py``.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from airflow_provider_streamkap.testing.simulator import StreamkapSimulator


@pytest.fixture
def streamkap_simulator() -> Iterator[StreamkapSimulator]:
    """Provide a new, running :class:`StreamkapSimulator` without destinations for each test."""
    with StreamkapSimulator() as simulator:
        yield simulator
