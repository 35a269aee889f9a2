# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The waits, shared by the DAGs and the tests."""

from __future__ import annotations

from typing import Final

WAITS_DAG: Final = "distributed_waits"
DEADLINE_DAG: Final = "distributed_deadline"
CONNECTION: Final = "streamkap_distributed"
POOL: Final = "waits"

DESTINATIONS: Final = tuple(f"destination-{number}" for number in range(10))
INTERVAL: Final = 6
"""Seconds between two polls of a wait."""

PLAIN: Final = 80
"""Mapped waits in the default pool."""
COUNTED: Final = 20
"""Mapped waits in a pool that counts deferred tasks."""
WAITS: Final = PLAIN + COUNTED

LATE: Final = "late"
"""A destination that never drains."""
LATE_SECONDS: Final = 90
"""Timeout of the wait for it: time for a triggerer to be lost, and for that to be noticed."""


def destination(map_index: int) -> str:
    """Return the destination for which a mapped task waits."""
    return DESTINATIONS[map_index % len(DESTINATIONS)]
