# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Measure the CPU time of one HTTP request with pooled connections and JSON parsing, without Airflow or this provider.

``python -m benchmarks.cost.bare_requests URL N`` prints CPU seconds per request by library, as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

import aiohttp
import requests

#: Concurrent requests; the default max_concurrency of a connection.
CONCURRENCY = 16
#: Requests per second of the paced measurement.
PACE = 10


def by_requests(url: str, number: int) -> float:
    """Send sequential requests with one requests.Session.

    :returns: CPU seconds per request.
    """
    with requests.Session() as session:
        session.trust_env = False
        session.get(url, timeout=30).json()
        before = time.process_time()
        for _ in range(number):
            session.get(url, timeout=30).json()
        return (time.process_time() - before) / number


async def by_aiohttp(url: str, number: int) -> float:
    """Send concurrent requests with one aiohttp.ClientSession.

    :returns: CPU seconds per request.
    """
    async with aiohttp.ClientSession() as session:

        async def fetch(times: int) -> None:
            for _ in range(times):
                async with session.get(url) as response:
                    await response.json()

        await asyncio.gather(*(fetch(1) for _ in range(CONCURRENCY)))
        before = time.process_time()
        await asyncio.gather(*(fetch(number // CONCURRENCY) for _ in range(CONCURRENCY)))
        return (time.process_time() - before) / (number // CONCURRENCY * CONCURRENCY)


async def paced_aiohttp(url: str, number: int) -> float:
    """Send requests with one aiohttp.ClientSession at the rate of 100 destinations polled every 10 s.

    :returns: CPU seconds per request.
    """
    loop = asyncio.get_running_loop()
    async with aiohttp.ClientSession() as session:
        await (await session.get(url)).json()
        began, before = loop.time(), time.process_time()
        for sent in range(number):
            await asyncio.sleep(began + sent / PACE - loop.time())
            async with session.get(url) as response:
                await response.json()
        return (time.process_time() - before) / number


def main() -> None:
    """Measure all libraries and print the results."""
    url, number = sys.argv[1], int(sys.argv[2])
    results = {
        # Sequential requests alternate with the server, so fewer of them take the same time.
        "requests": by_requests(url, number // 8),
        "aiohttp": asyncio.run(by_aiohttp(url, number)),
        f"aiohttp at {PACE} a second": asyncio.run(paced_aiohttp(url, number // 20)),
    }
    print(json.dumps(results))


if __name__ == "__main__":
    main()
