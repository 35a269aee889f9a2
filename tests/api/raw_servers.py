# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""A raw TCP server and a forward proxy on loopback, for behaviour that regular HTTP servers do not show."""

from __future__ import annotations

import base64
import contextlib
import select
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from urllib.parse import urlsplit

#: Seconds after which a connection is closed, so that no thread outlives a failed test.
PATIENCE = 10.0

Serve = Callable[[socket.socket, bytes], object]


class Wire:
    """Listens on loopback and passes every connection, with the head of its first request, to a function.

    :param serve: receives the connection and everything up to the first blank line; closing is done for it.
    :param context: speak TLS with this context.
    """

    def __init__(self, serve: Serve, context: ssl.SSLContext | None = None) -> None:
        self._serve = serve
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads: list[threading.Thread] = []
        self._open: set[socket.socket] = set()
        self._stopping = threading.Event()
        #: First lines of the requests.
        self.lines: list[str] = []

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    @property
    def url(self) -> str:
        return f"{'https' if self._context else 'http'}://{self.address}"

    def __enter__(self) -> Wire:
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(PATIENCE)

    def pause(self, seconds: float) -> bool:
        """Wait unless the server is being stopped.

        :returns: whether the server is still running.
        """
        return not self._stopping.wait(seconds)

    def _start(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._start(self._handle, connection)

    def _handle(self, plain: socket.socket) -> None:
        plain.settimeout(PATIENCE)
        # Some tests have the client disconnect midway or reject our certificate.
        with contextlib.suppress(OSError), plain:
            connection = self._context.wrap_socket(plain, server_side=True) if self._context else plain
            self._open.add(connection)
            with connection:
                head = read_head(connection)
                self.lines.append(head.partition(b"\r\n")[0].decode())
                self._serve(connection, head)
            self._open.discard(connection)


def read_head(connection: socket.socket) -> bytes:
    """Read up to the first blank line."""
    head = b""
    while b"\r\n\r\n" not in head:
        more = connection.recv(65536)
        if not more:
            break
        head += more
    return head


def ok(body: bytes, *headers: str) -> bytes:
    """A complete response."""
    lines = ["HTTP/1.1 200 OK", "Content-Type: application/json", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


@dataclass
class Proxy:
    """A forward proxy: tunnels CONNECT and forwards requests in absolute form.

    :param login: required ``user:password``.
    :param refuse: status with which it rejects every request.
    :param upstream: ``host:port`` to connect to, whatever the request says.
    """

    login: str | None = None
    refuse: int | None = None
    upstream: str | None = None
    #: For each request, whether it was accepted.
    passed: list[bool] = field(default_factory=list)

    def __call__(self, client: socket.socket, head: bytes) -> None:
        method, target, _ = head.partition(b"\r\n")[0].decode().split(" ")
        granted = self.refuse or (200 if self._allowed(head) else 407)
        self.passed.append(granted == 200)
        if granted != 200:
            client.sendall(f"HTTP/1.1 {granted} No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
            return
        parts = urlsplit(f"//{target}" if method == "CONNECT" else target)
        where = urlsplit(f"//{self.upstream}") if self.upstream else parts
        with socket.create_connection((where.hostname or "", where.port or 80), PATIENCE) as server:
            if method == "CONNECT":
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                origin = target.removeprefix(f"{parts.scheme}://{parts.netloc}")
                server.sendall(head.replace(target.encode(), origin.encode(), 1))
            relay(client, server)

    def _allowed(self, head: bytes) -> bool:
        if self.login is None:
            return True
        return b"proxy-authorization: basic " + base64.b64encode(self.login.encode()).lower() in head.lower()


def relay(one: socket.socket, two: socket.socket) -> None:
    """Copy bytes in both directions until either side closes."""
    other = {one: two, two: one}
    while True:
        # Data that TLS has already decrypted does not make its socket readable.
        waiting = [side for side in other if isinstance(side, ssl.SSLSocket) and side.pending()]
        ready = waiting or select.select([one, two], [], [], PATIENCE)[0]
        if not ready:
            return
        for side in ready:
            data = side.recv(65536)
            if not data:
                return
            other[side].sendall(data)
