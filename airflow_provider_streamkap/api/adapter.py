# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""A transport adapter for requests: a timeout for the whole response, and limits of its header.

requests' own timeout starts anew with every read, so a server that sends a byte now and then blocks a call forever.
"""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import time
from collections.abc import Callable
from functools import partial
from types import FunctionType
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util.connection import allowed_gai_family

from airflow_provider_streamkap.api.flows import LARGE_BODY
from airflow_provider_streamkap.api.http import MAX_HEADERS
from airflow_provider_streamkap.api.network import Proxy

# Bytes of a response as they come: its header, a body that is not compressed, and the lines between its chunks.
_MOST_BYTES = 2 * LARGE_BODY
# Seconds that the last addresses of a host get, if looking up its name took all of the time.
_SHORTEST = 0.001


class _Within(io.RawIOBase):
    """Reads a response from a socket, until a moment has come and up to a size, however the bytes are spread.

    urllib3 reads the size of a chunk, and what follows the last one, to the end of the line, however long that is.

    :param sock: where to read.
    :param raw: the socket's own reader, which keeps it open while an answer is read.
    """

    def __init__(self, sock: socket.socket, raw: io.RawIOBase) -> None:
        self._sock = sock
        self._raw = raw
        # urllib3 has just set the socket to what is left for reading.
        self._end = time.monotonic() + (sock.gettimeout() or 0.0)
        self._room = _MOST_BYTES

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        self._sock.settimeout(left)
        count = self._raw.readinto(buffer)
        self._room -= count or 0
        if self._room < 0:
            raise OSError("the response does not end")
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


def _begin() -> Callable[[http.client.HTTPResponse], None]:
    """Return ``HTTPResponse.begin`` with a header limit of our own.

    The limit is a global of ``http.client`` up to Python 3.14. To change it there would change it for every library in
    the process, so the three functions that lead to it get a namespace of their own.
    """
    namespace = {**vars(http.client), "_MAXHEADERS": MAX_HEADERS}

    def copy(function: Any) -> Any:
        return FunctionType(function.__code__, namespace, function.__name__, function.__defaults__)

    for name in ("_read_headers", "parse_headers"):
        namespace[name] = copy(namespace[name])
    return copy(http.client.HTTPResponse.begin)  # type: ignore[no-any-return]


class _Response(http.client.HTTPResponse):
    begin = _begin()

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_Within(sock, self.fp.detach()))


def _bounded(connection: Any) -> Any:
    """Bound a connection of urllib3, whose class stays as it is: that is where vcrpy and its like step in."""
    connection.response_class = _Response
    connection._new_conn = partial(_connect, connection, connection._new_conn)
    return connection


def _connect(connection: Any, connect: Callable[[], socket.socket]) -> socket.socket:
    """Connect to the first address of a host that accepts, within one timeout for all of them.

    urllib3 allows the timeout for each address. Here an address gets an equal part of what is left.

    :param connection: the connection, of urllib3.
    :param connect: connects to ``connection.host``.
    """
    name, timeout = connection._dns_host, connection.timeout
    end = time.monotonic() + timeout
    try:
        found = socket.getaddrinfo(name, connection.port, allowed_gai_family(), socket.SOCK_STREAM)
    except socket.gaierror as error:
        raise NameResolutionError(name, connection, error) from error
    addresses = list(dict.fromkeys(item[4][0] for item in found))
    try:
        for number, address in enumerate(addresses, 1):
            connection.host = address
            connection.timeout = max((end - time.monotonic()) / (len(addresses) - number + 1), _SHORTEST)
            try:
                return connect()
            except (ConnectTimeoutError, NewConnectionError):
                if number == len(addresses):
                    raise
        raise NewConnectionError(connection, f"{name} has no address")
    finally:
        connection.host, connection.timeout = name, timeout


class _Pool(HTTPConnectionPool):
    def _new_conn(self) -> Any:
        return _bounded(super()._new_conn())


class _SecurePool(HTTPSConnectionPool):
    def _new_conn(self) -> Any:
        return _bounded(super()._new_conn())


_POOLS = {"http": _Pool, "https": _SecurePool}


class HTTPSession(requests.Session):
    """A session that never looks at where a redirect leads.

    requests prepares the next request even if it must not follow: it reads the whole body without a limit, and a
    ``Location`` that it cannot parse raises an exception whose traceback holds the token.
    """

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Return no target."""


class Adapter(HTTPAdapter):
    """Connections with one TLS context, and responses that are complete in time or fail.

    :param context: how the certificates of the API and of a proxy are checked.
    :param connections: connections to a host that are kept open, default 10; as many as threads share the adapter.
    :param proxy: the proxy on the way, for its login.
    """

    def __init__(self, context: ssl.SSLContext, connections: int = 10, proxy: Proxy | None = None) -> None:
        self._context = context
        self._proxy = proxy
        super().__init__(pool_maxsize=connections)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, ssl_context=self._context, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        contexts = {"ssl_context": self._context, "proxy_ssl_context": self._context}
        manager = super().proxy_manager_for(proxy, **contexts, **kwargs)
        manager.pool_classes_by_scheme = _POOLS
        return manager

    def proxy_headers(self, proxy: str) -> dict[str, str]:
        """Return the login of the proxy, which requests would encode as Latin-1."""
        return dict(self._proxy.headers) if self._proxy else {}

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Leave it all to the context: requests would add its own authorities to those of a CA bundle."""
        conn.cert_reqs = self._context.verify_mode
