# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""A trigger that does nothing but sleep: what a deferred task costs before anybody asks anything."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent


class IdleTrigger(BaseTrigger):
    """Sleeps for ever.

    :param destination_id: as long as that of the others.
    """

    def __init__(self, destination_id: str) -> None:
        super().__init__()
        self.destination_id = destination_id

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Give the class path and the arguments that make an equal trigger elsewhere."""
        return f"{__name__}.IdleTrigger", {"destination_id": self.destination_id}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Sleep."""
        while True:
            await asyncio.sleep(86400)
            yield TriggerEvent(None)
