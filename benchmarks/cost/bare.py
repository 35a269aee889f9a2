# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""What one request costs by itself, with pooled connections and its JSON read: nothing of Airflow, nothing of ours.

``python -m benchmarks.cost.bare URL [N]`` prints the JSON of processor seconds for one request by library.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

import aiohttp
import requests

#: Requests under way at once, as many as a connection's max_concurrency.
TOGETHER = 16
#: Requests a second, where they come one by one.
PACE = 10


def by_requests(url: str, number: int) -> float:
    """Ask with one requests.Session, one after the other.

    :returns: processor seconds for one.
    """
    with requests.Session() as session:
        session.trust_env = False
        session.get(url, timeout=30).json()
        before = time.process_time()
        for _ in range(number):
            session.get(url, timeout=30).json()
        return (time.process_time() - before) / number


async def by_aiohttp(url: str, number: int) -> float:
    """Ask with one aiohttp.ClientSession, several at a time.

    :returns: processor seconds for one.
    """
    async with aiohttp.ClientSession() as session:

        async def ask(times: int) -> None:
            for _ in range(times):
                async with session.get(url) as answer:
                    await answer.json()

        await asyncio.gather(*(ask(1) for _ in range(TOGETHER)))
        before = time.process_time()
        await asyncio.gather(*(ask(number // TOGETHER) for _ in range(TOGETHER)))
        return (time.process_time() - before) / (number // TOGETHER * TOGETHER)


async def paced_aiohttp(url: str, number: int) -> float:
    """Ask with one aiohttp.ClientSession, at the pace at which a hundred destinations are polled every ten seconds.

    :returns: processor seconds for one.
    """
    loop = asyncio.get_running_loop()
    async with aiohttp.ClientSession() as session:
        await (await session.get(url)).json()
        began, before = loop.time(), time.process_time()
        for asked in range(number):
            await asyncio.sleep(began + asked / PACE - loop.time())
            async with session.get(url) as answer:
                await answer.json()
        return (time.process_time() - before) / number


def main() -> None:
    """Measure all of them."""
    url, number = sys.argv[1], int(sys.argv[2])
    found = {
        # What takes turns with the server for a processor takes the same turns.
        "requests": by_requests(url, number // 8),
        "aiohttp": asyncio.run(by_aiohttp(url, number)),
        f"aiohttp at {PACE} a second": asyncio.run(paced_aiohttp(url, number // 20)),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
