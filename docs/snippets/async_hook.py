# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Use the asynchronous hook in triggers and other asynchronous code."""

import asyncio

from airflow_provider_streamkap.api import StreamkapNotFoundError
from airflow_provider_streamkap.hooks.streamkap import StreamkapHook


async def lags(destination_ids):
    hook = StreamkapHook()

    async def lag(destination_id):
        try:
            metrics = await hook.aget_destination_metrics(destination_id)
        except StreamkapNotFoundError:
            return None
        return metrics.records_lag

    # Keep one client open for all requests, so that they share connections.
    async with hook.aclient():
        return dict(zip(destination_ids, await asyncio.gather(*map(lag, destination_ids)), strict=True))
