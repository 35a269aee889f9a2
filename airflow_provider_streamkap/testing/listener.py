# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Network layer of the simulator: an aiohttp server on loopback, in its own thread with its own event loop."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
import ssl
import threading
import uuid
from collections.abc import Callable
from email.utils import formatdate
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from aiohttp import web

from airflow_provider_streamkap.testing import transmission
from airflow_provider_streamkap.testing.faults import Fault, FaultBook
from airflow_provider_streamkap.testing.messages import Answer, Incoming
from airflow_provider_streamkap.testing.recording import Recorder
from airflow_provider_streamkap.testing.service import Service

_log: Final = logging.getLogger("airflow_provider_streamkap.testing")
_SHUTDOWN: Final = 0.01  # grace period for running requests when the simulator stops, in seconds
_TLS_CLOSING: Final = 0.1  # timeout for the client's reply to a TLS shutdown, in seconds
_WAIT: Final = 30.0  # timeout for the thread to start or stop, in seconds


class Listener:
    """Accept connections, pass requests to the service and send its responses.

    :param ssl_context: TLS context; None serves plain HTTP.
    """

    def __init__(
        self, service: Service, faults: FaultBook, recorder: Recorder, ssl_context: ssl.SSLContext | None
    ) -> None:
        self.connections = 0
        self._service: Final = service
        self._faults: Final = faults
        self._recorder: Final = recorder
        self._ssl: Final = ssl_context
        self._stop: Callable[[], None] | None = None
        self._thread: threading.Thread | None = None

    def start(self, host: str, port: int) -> int:
        """Start the server thread and return once it accepts requests.

        :returns: the port.
        :raises OSError: if the port is in use.
        :raises RuntimeError: if the thread does not start in time.
        """
        address = loopback(host)
        sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((address, port))
            sock.listen(1024)
        except OSError:
            sock.close()
            raise
        ready = threading.Event()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve(sock, ready)), name="streamkap-simulator", daemon=True
        )
        bound: int = sock.getsockname()[1]
        self._thread.start()
        if not ready.wait(_WAIT):
            raise RuntimeError(f"the simulator's thread did not start within {_WAIT:.0f} s")
        return bound

    def stop(self) -> None:
        """Close all connections, including those with running requests, and stop the thread."""
        if self._thread is not None and self._stop is not None:
            self._stop()
            self._thread.join(_WAIT)
        self._thread = self._stop = None

    async def _serve(self, sock: socket.socket, ready: threading.Event) -> None:
        loop = asyncio.get_running_loop()
        stopping = asyncio.Event()
        server = web.Server(self._handle, access_log=None, handler_cancellation=True)
        runner = web.ServerRunner(server, shutdown_timeout=_SHUTDOWN)
        await runner.setup()

        def accept() -> asyncio.Protocol:
            self.connections += 1
            return server()

        closing = _TLS_CLOSING if self._ssl else None
        listening = await loop.create_server(accept, sock=sock, ssl=self._ssl, ssl_shutdown_timeout=closing)

        def stop() -> None:
            loop.call_soon_threadsafe(stopping.set)

        self._stop = stop
        ready.set()
        await stopping.wait()
        listening.close()
        await runner.cleanup()
        if closing:
            await asyncio.sleep(2 * closing)  # leave time for TLS shutdowns to complete

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        raw_path, raw_query, host = _target(request)
        incoming = Incoming(
            method=request.method,
            segments=tuple(unquote(part) for part in raw_path.split("/")[1:]),
            query=tuple(parse_qsl(raw_query, keep_blank_values=True)),
            headers={name.lower(): value for name, value in request.headers.items()},
            body=await request.read(),
        )
        request_id = uuid.uuid4().hex
        with self._service.lock:
            token = self._service.desk.find(incoming)
            fault = self._faults.take(incoming, f"{raw_path}?{raw_query}" if raw_query else raw_path)
        record = self._recorder.arrived(
            incoming,
            raw_path=raw_path,
            raw_query=raw_query,
            host=host,
            at=self._service.clock(),
            token=None if token is None else token.generation,
            request_id=request_id,
            fault=None if fault is None else fault.name,
        )
        status: int | None = None
        try:
            answer, arrives = await self._decide(incoming, fault)
            status = answer.status if arrives else None
        finally:
            # Record it before sending, so that a client with a response always finds the record.
            self._recorder.answered(record, status)
            _log.info(
                "%s %s%s -> %s%s",
                record.method,
                raw_path,
                f"?{raw_query}" if raw_query else "",
                status or "no response",
                f" ({record.fault})" if record.fault else "",
            )
        if fault is None or fault.kind in ("slow", "answer", "changed", "gzip"):
            gzip = fault is not None and fault.kind == "gzip"
            response = (transmission.compressed if gzip else transmission.whole)(answer, request_id)
            # Use the simulator's clock, by which the metrics are timestamped.
            response.headers.setdefault("Date", formatdate(self._service.clock(), usegmt=True))
            return response
        if request.transport is not None:
            await transmission.spoiled(request.transport, fault, answer, request_id)
        return web.Response()  # not sent: the connection is already closed

    async def _decide(self, incoming: Incoming, fault: Fault | None) -> tuple[Answer, bool]:
        """Return the response and whether the client will receive all of it."""
        if fault is None:
            return await self._answer(incoming), True
        if fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
        arrives = fault.kind not in ("hang", "drop", "reset")
        answer = fault.answer or await self._answer(incoming, counts=arrives)
        return fault.change(answer) if fault.kind == "changed" else answer, arrives

    async def _answer(self, incoming: Incoming, *, counts: bool = True) -> Answer:
        if ("time_type", "timeseries") in incoming.query:
            # Computing a long history takes time and must not block other connections.
            return await asyncio.to_thread(self._service.answer, incoming, counts=counts)
        return self._service.answer(incoming, counts=counts)


def loopback(host: str) -> str:
    """Return the address to bind.

    :raises ValueError: if it is not a loopback address. The simulator must not be reachable from other hosts.
    """
    if host == "localhost":
        return "127.0.0.1"
    try:
        if ipaddress.ip_address(host).is_loopback:
            return host
    except ValueError:
        pass
    raise ValueError(f"host must be localhost or a loopback address such as 127.0.0.1 or ::1; got {host!r}")


def _target(request: web.BaseRequest) -> tuple[str, str, str]:
    """Return the path and query as sent, and the requested host.

    A client that uses the simulator as its proxy sends an absolute URL.
    """
    target = request.raw_path
    host = request.headers.get("Host", "")
    if "://" in target.partition("?")[0]:
        parts = urlsplit(target)
        return parts.path or "/", parts.query, parts.netloc
    path, _, query = target.partition("?")
    return path, query, host
