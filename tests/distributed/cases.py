# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""What is waited for: known to the DAGs and to the tests."""

from __future__ import annotations

from typing import Final

WAITS_DAG: Final = "distributed_waits"
DEADLINE_DAG: Final = "distributed_deadline"
CONNECTION: Final = "streamkap_distributed"
POOL: Final = "waits"

DESTINATIONS: Final = tuple(f"destination-{number}" for number in range(10))
INTERVAL: Final = 6
"""Seconds between two polls of a wait."""

PLAIN: Final = 60
"""Mapped waits that a worker begins and a worker ends."""
ENDED: Final = 20
"""Mapped waits that a worker begins and the triggerer ends, in a pool that counts deferred tasks."""
BEGUN: Final = 20
"""Waits that the triggerer begins and a worker ends."""
WAITS: Final = PLAIN + ENDED + BEGUN

LATE: Final = "late"
"""A destination that never drains."""
LATE_SECONDS: Final = 90
"""Seconds until those who wait for it give up: time for a triggerer to be lost, and for that to be noticed."""


def destination(task_id: str, map_index: int) -> str:
    """Say for which destination a task waits."""
    number = map_index if map_index >= 0 else int(task_id.removeprefix("begun_"))
    return DESTINATIONS[number % len(DESTINATIONS)]
