# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Test server for all triggers: responses of equal size and latency, in the format that each trigger expects.

``python -m benchmarks.cost.server [SECONDS]`` prints its port and serves until its standard input ends. Loopback only.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from aiohttp import web

#: Default latency in seconds, and size of a response body in bytes.
LATENCY: Final = 0.02
BODY_SIZE: Final = 900

ROOT: Final = Path(__file__).parents[2]
_LONG_AGO: Final = "2026-01-01T00:00:00.000000Z"
_METADATA: Final = {
    "connector_status": {"name": "Destination State", "unit": "enum"},
    "latency": {"name": "Destination Latency", "unit": "milliseconds"},
    "recordsLag": {"name": "Lag in Events", "unit": "count"},
    "sinkRecordReadTotal": {"name": "Events (Received)", "unit": "count"},
    "sinkRecordSendTotal": {"name": "Events (Sent)", "unit": "count"},
}


def padded_json(payload: dict[str, Any]) -> bytes:
    """Serialize a payload, padded to the size of all responses."""
    text = json.dumps(payload)
    return json.dumps({**payload, "padding": "x" * (BODY_SIZE - len(text) - len(', "padding": ""'))}).encode()


class Service:
    """The simulated destinations, and counters of requests."""

    def __init__(self, latency: float = LATENCY) -> None:
        self.latency = latency
        self.requests: Counter[str] = Counter()
        self.connections = 0
        self.opened_at: float | None = None
        # With a different lag in every response, a wait logs every poll.
        self.moving = False
        self.passed: dict[str, float] = {}

    async def respond(self, request: web.BaseRequest) -> web.StreamResponse:
        """Respond to one request."""
        parts = request.path.strip("/").split("/")
        if parts[0] == "_control":
            return self._control(request)
        self.requests[parts[0]] += 1
        await asyncio.sleep(self.latency)
        if parts[0] == "auth":
            return web.json_response({"accessToken": "made-up-token", "expiresIn": 86400})
        if parts[0] == "destinations":
            return self._send(parts[1], self._metrics())
        if parts[0] == "v1":
            return self._send(parts[2], self._connector())
        # HttpSensorTrigger keeps waiting only on a 404.
        ready = parts[0] == "plain" or self.opened_at is not None
        return self._send(parts[1], {"ready": ready}, status=200 if ready else 404)

    def _send(self, id_: str, payload: dict[str, Any], status: int = 200) -> web.Response:
        if self.opened_at is not None:
            self.passed.setdefault(id_, time.time())
        return web.Response(body=padded_json(payload), status=status, content_type="application/json")

    def _metrics(self) -> dict[str, Any]:
        total = self.requests.total()
        lag = 0 if self.opened_at else 1_000 + (total if self.moving else 0)
        data = {
            "connector_status": "Active",
            "latency": 250.0,
            "recordsLag": float(lag),
            "sinkRecordReadTotal": 77760000.0,
            "sinkRecordSendTotal": 50544000.0,
        }
        return {"data": data, "metadata": _METADATA}

    def _connector(self) -> dict[str, Any]:
        now = time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime())
        return {
            "code": "Success",
            "data": {
                "id": "made_up",
                "service": "postgres",
                "schema": "made_up",
                "succeeded_at": now if self.opened_at else _LONG_AGO,
                "failed_at": _LONG_AGO,
                "schedule_type": "auto",
                "status": {"setup_state": "connected", "sync_state": "syncing", "update_state": "on_schedule"},
            },
        }

    def _control(self, request: web.BaseRequest) -> web.Response:
        match request.path.rpartition("/")[2]:
            case "open":
                self.opened_at = time.time()
            case "reset":
                self.__init__(self.latency)  # type: ignore[misc]
            case "move":
                self.__init__(self.latency)  # type: ignore[misc]
                self.moving = True
        stats = {
            "requests": dict(self.requests),
            "connections": self.connections,
            "opened_at": self.opened_at,
            "passed": self.passed,
        }
        return web.json_response(stats)


async def serve(latency: float = LATENCY) -> None:
    """Serve until standard input ends.

    :param latency: response latency in seconds.
    """
    loop = asyncio.get_running_loop()
    service = Service(latency)
    server = web.Server(service.respond, access_log=None)

    def accept() -> asyncio.Protocol:
        service.connections += 1
        return server()

    listening = await loop.create_server(accept, "127.0.0.1", 0, backlog=4096)
    print(listening.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    listening.close()
    await server.shutdown(0.1)


@contextmanager
def running(*arguments: str) -> Iterator[str]:
    """Run the server in another process and yield its URL.

    :param arguments: command line arguments of the server.
    """
    command = [sys.executable, "-m", "benchmarks.cost.server", *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            # The server stops when its standard input is closed.
            process.stdin.close()


if __name__ == "__main__":
    asyncio.run(serve(*map(float, sys.argv[1:])))
