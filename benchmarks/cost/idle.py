# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""A trigger that only sleeps: the baseline cost of a deferred task."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent


class IdleTrigger(BaseTrigger):
    """Sleep forever.

    :param destination_id: unused; gives the trigger the same arguments as the others.
    """

    def __init__(self, destination_id: str) -> None:
        super().__init__()
        self.destination_id = destination_id

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class path and the arguments."""
        return f"{__name__}.IdleTrigger", {"destination_id": self.destination_id}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Sleep without ever firing."""
        while True:
            await asyncio.sleep(86400)
            yield TriggerEvent(None)
