# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Requests and response bodies for both clients: URL, headers, timeouts and size limits."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from airflow_provider_streamkap import __version__
from airflow_provider_streamkap.api.errors import StreamkapResponseError, StreamkapTimeoutError, single_line
from airflow_provider_streamkap.api.flows import Request, Response
from airflow_provider_streamkap.api.network import Proxy
from airflow_provider_streamkap.api.settings import ClientSettings

#: Maximum number of response header lines, and bytes per line. The defaults of aiohttp (8,190 bytes) and http.client
#: (100 lines) are too low for what some proxies and gateways add.
MAX_HEADERS = 512
MAX_HEADER_LINE = 64 * 1024
#: Error message of a closed client.
CLOSED = "this Streamkap client is closed: create a new one, or keep its context open while you use it"
#: Bytes per read.
CHUNK = 64 * 1024

_HEADERS = {
    "User-Agent": f"airflow-provider-streamkap/{__version__}",
    # Only encodings that are decompressed here, so that the size limit applies to all of them.
    "Accept-Encoding": "gzip, deflate",
}
_WINDOW_BITS = {"gzip": 16 + zlib.MAX_WBITS, "x-gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}


@dataclass(frozen=True)
class PreparedRequest:
    """One HTTP request, ready to send.

    :param method: HTTP method.
    :param url: the complete URL, quoted.
    :param headers: all headers except those of the connection.
    :param body: request body, or None.
    :param timeout: timeout in seconds, from connecting to the last byte of the response.
    :param connect_timeout: seconds of the timeout for connecting.
    :param limit: maximum size of the decompressed response body in bytes.
    """

    method: str
    url: str
    headers: dict[str, str] = field(repr=False)
    body: bytes | None = field(repr=False)
    timeout: float
    connect_timeout: float
    limit: int


def prepare(settings: ClientSettings, request: Request, left: float) -> PreparedRequest:
    """Return the HTTP request for a flow's request.

    :param settings: base URL and timeouts.
    :param request: the request.
    :param left: seconds left until the call's deadline.
    :raises StreamkapTimeoutError: no time is left.
    """
    query = f"?{urlencode(request.params)}" if request.params else ""
    url = f"{settings.base_url}{request.path}{query}"
    # Negated, so that NaN counts as no time left.
    if not left > 0:
        raise StreamkapTimeoutError("request not sent: the deadline has passed", method=request.method, url=url)
    headers, body = {**_HEADERS, **request.headers}, None
    if request.json is not None:
        headers["Content-Type"] = "application/json"
        body = json.dumps(request.json).encode()
    timeout = min(settings.timeout, left)
    return PreparedRequest(
        request.method, url, headers, body, timeout, min(settings.connect_timeout, timeout), request.limit
    )


class BodyReader:
    """Collect, decompress and limit a response body.

    :param call: the request, for error messages.
    :param status: HTTP status code of the response.
    :param headers: response headers, with names in any case.
    :raises StreamkapResponseError: the content encoding is not supported.
    """

    def __init__(self, call: PreparedRequest, status: int, headers: Mapping[str, str]) -> None:
        self._call = call
        self._status = status
        # Undecodable header bytes arrive as lone surrogates, which logs and databases reject.
        self._headers = {name.lower(): value.encode(errors="replace").decode() for name, value in headers.items()}
        self._data = bytearray()
        self._fed = False
        encoding = self._headers.get("content-encoding", "").strip().lower()
        self._inflate = zlib.decompressobj(_WINDOW_BITS[encoding]) if encoding in _WINDOW_BITS else None
        if self._inflate is None and encoding not in ("", "identity"):
            raise self._error(f"the response has an unsupported content encoding: {single_line(encoding)!r}")

    def feed(self, chunk: bytes) -> None:
        """Add the next bytes.

        :param chunk: bytes as received.
        :raises StreamkapResponseError: decompression failed, or the body exceeds the limit.
        """
        self._fed = self._fed or bool(chunk)
        room = self._call.limit - len(self._data) + 1
        try:
            self._data += self._inflate.decompress(chunk, room) if self._inflate else chunk
        except zlib.error:
            raise self._error("the response cannot be decompressed") from None
        # zlib copies all trailing bytes with every chunk, which takes quadratic time.
        if self._inflate and self._inflate.unused_data:
            raise self._error("the response has data after the end of its compressed stream")
        if len(self._data) > self._call.limit:
            raise self._error(
                f"the response is larger than {self._call.limit // 1024**2} MiB. Use a shorter period, a "
                "coarser time_unit or a smaller page_size",
                permanent=True,
                transient=False,
            )

    def response(self, proxy: Proxy | None = None) -> Response:
        """Return the complete response.

        :param proxy: the proxy that the response came through, or None (default).
        :raises StreamkapResponseError: the compressed stream is incomplete.
        """
        if self._inflate and self._fed and not self._inflate.eof:
            raise self._error("the response was truncated: its compressed stream is incomplete")
        return Response(self._status, self._headers, bytes(self._data), self._call.url, proxy)

    def _error(self, message: str, **flags: Any) -> StreamkapResponseError:
        return StreamkapResponseError(
            message, status=self._status, method=self._call.method, url=self._call.url, **flags
        )
