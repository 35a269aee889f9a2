# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Transport adapter for requests: one timeout for the complete response, and header limits.

The timeout of requests restarts with every read, so a server that sends single bytes could block a call forever.
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

# Maximum raw bytes of a response: headers, body as received, and chunk framing.
_MAX_BYTES = 2 * LARGE_BODY
# Minimum connect timeout in seconds, used if the DNS lookup took all of the time.
_MIN_TIMEOUT = 0.001


class _BoundedReader(io.RawIOBase):
    """Read a response from a socket with a deadline and a size limit.

    The limit also covers chunk sizes and trailers, which urllib3 reads to the end of the line without one.

    :param sock: the socket.
    :param raw: the socket's reader, which keeps it open while a response is read.
    """

    def __init__(self, sock: socket.socket, raw: io.RawIOBase) -> None:
        self._sock = sock
        self._raw = raw
        # urllib3 has just set the socket timeout to the time left for reading.
        self._end = time.monotonic() + (sock.gettimeout() or 0.0)
        self._room = _MAX_BYTES

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
            raise OSError(f"the response is larger than {_MAX_BYTES // 1024**2} MiB")
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


def _begin() -> Callable[[http.client.HTTPResponse], None]:
    """Return a copy of ``HTTPResponse.begin`` with a different header limit.

    Up to Python 3.14 the limit is a global of ``http.client``. Changing it there would affect every library in the
    process, so the three functions involved are copied with a separate namespace.
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
        self.fp = io.BufferedReader(_BoundedReader(sock, self.fp.detach()))


def _bound(connection: Any) -> Any:
    """Apply the limits to a urllib3 connection. Its class is unchanged, because vcrpy and similar tools patch it."""
    connection.response_class = _Response
    connection._new_conn = partial(_connect, connection, connection._new_conn)
    return connection


def _connect(connection: Any, connect: Callable[[], socket.socket]) -> socket.socket:
    """Connect to the first address of a host that accepts, with one timeout for all addresses.

    urllib3 applies the timeout to each address. Here each address gets an equal share of the remaining time.

    :param connection: the urllib3 connection.
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
            connection.timeout = max((end - time.monotonic()) / (len(addresses) - number + 1), _MIN_TIMEOUT)
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
        return _bound(super()._new_conn())


class _SecurePool(HTTPSConnectionPool):
    def _new_conn(self) -> Any:
        return _bound(super()._new_conn())


_POOLS = {"http": _Pool, "https": _SecurePool}


class HTTPSession(requests.Session):
    """A session that ignores redirects.

    Even with ``allow_redirects=False``, requests prepares the next request: it reads the body without a limit, and an
    invalid ``Location`` raises an exception whose traceback contains the token.
    """

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Return None, so that requests does not prepare the redirect."""


class Adapter(HTTPAdapter):
    """Transport adapter with one TLS context and a timeout for the complete response.

    :param context: TLS context for the API and for an https proxy.
    :param connections: pool size per host, default 10. Use the number of threads that share the adapter.
    :param proxy: the proxy, for its credentials; None (default): no proxy.
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
        """Return the proxy's credentials header, which requests would encode as Latin-1."""
        return dict(self._proxy.headers) if self._proxy else {}

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Use only the TLS context: requests would add its own CA certificates to the configured bundle."""
        conn.cert_reqs = self._context.verify_mode
