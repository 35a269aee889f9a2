# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""What both clients put on the wire and take from it: URL, headers, time, and a body within limits."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

from airflow_provider_streamkap import __version__
from airflow_provider_streamkap.api.errors import StreamkapResponseError, StreamkapTimeoutError, brief
from airflow_provider_streamkap.api.flows import Request, Response
from airflow_provider_streamkap.api.settings import ClientSettings

#: Lines of a response's header, and bytes of each. The defaults of aiohttp (8,190 bytes) and http.client (100 lines)
#: are below what proxies and gateways add.
MAX_HEADERS = 512
MAX_HEADER_LINE = 64 * 1024
#: What a closed client answers.
CLOSED = "this Streamkap client is closed: make a new one, or keep its context open for as long as it is used"
#: Bytes that are read at once.
CHUNK = 64 * 1024

_HEADERS = {
    "User-Agent": f"airflow-provider-streamkap/{__version__}",
    # Only what is decompressed here, so that the limit counts in the same way whatever is installed.
    "Accept-Encoding": "gzip, deflate",
}
_WINDOW_BITS = {"gzip": 16 + zlib.MAX_WBITS, "x-gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}


# Polls ask the same again and again.
_encoded = lru_cache(maxsize=128)(urlencode)


@dataclass(frozen=True)
class Call:
    """One request, ready for the wire.

    :param method: HTTP method.
    :param url: the whole URL, quoted.
    :param headers: all headers but those of the connection.
    :param body: what to send.
    :param timeout: seconds for all of it.
    :param connect_timeout: seconds of them for connecting.
    :param limit: most bytes of the response's body, decompressed.
    """

    method: str
    url: str
    headers: dict[str, str] = field(repr=False)
    body: bytes | None = field(repr=False)
    timeout: float
    connect_timeout: float
    limit: int


def prepare(settings: ClientSettings, request: Request, left: float) -> Call:
    """Make a request ready for the wire.

    :param settings: where to.
    :param request: what the core wants sent.
    :param left: seconds that the whole call has left.
    :raises StreamkapTimeoutError: if none are left.
    """
    query = f"?{_encoded(request.params)}" if request.params else ""
    url = f"{settings.base_url}{request.path}{query}"
    # Asked this way round, a NaN counts as no time, too.
    if not left > 0:
        raise StreamkapTimeoutError("no time was left to ask", method=request.method, url=url)
    headers, body = {**_HEADERS, **request.headers}, None
    if request.json is not None:
        headers["Content-Type"] = "application/json"
        body = json.dumps(request.json).encode()
    timeout = min(settings.timeout, left)
    return Call(request.method, url, headers, body, timeout, min(settings.connect_timeout, timeout), request.limit)


class Body:
    """Collects an answer's body while it arrives, decompresses it and keeps it within the limit.

    :param call: the request, for messages.
    :param status: the answer's HTTP status.
    :param headers: the answer's headers, in any case.
    :raises StreamkapResponseError: if it is compressed in a way that was not asked for.
    """

    def __init__(self, call: Call, status: int, headers: Mapping[str, str]) -> None:
        self._call = call
        self._status = status
        # What is not text in a header comes as lone surrogates, which no log and no database takes.
        self._headers = {name.lower(): value.encode(errors="replace").decode() for name, value in headers.items()}
        self._data = bytearray()
        self._fed = False
        encoding = self._headers.get("content-encoding", "").strip().lower()
        self._inflate = zlib.decompressobj(_WINDOW_BITS[encoding]) if encoding in _WINDOW_BITS else None
        if self._inflate is None and encoding not in ("", "identity"):
            raise self._error(f"the answer is compressed as {brief(encoding)!r}, which was not asked for")

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes.

        :param chunk: bytes as they came.
        :raises StreamkapResponseError: if they do not decompress, or all of them get too large.
        """
        self._fed = self._fed or bool(chunk)
        room = self._call.limit - len(self._data) + 1
        try:
            self._data += self._inflate.decompress(chunk, room) if self._inflate else chunk
        except zlib.error:
            raise self._error("the answer cannot be decompressed") from None
        # zlib copies all bytes after the end with every chunk, which takes quadratic time.
        if self._inflate and self._inflate.unused_data:
            raise self._error("the answer goes on after the end of its compressed data")
        if len(self._data) > self._call.limit:
            raise self._error(
                f"the answer is larger than {self._call.limit // 1024**2} MiB: narrow the window or ask for a coarser "
                "interval",
                permanent=True,
                transient=False,
            )

    def response(self) -> Response:
        """The answer as a whole.

        :raises StreamkapResponseError: if compressed data end too early.
        """
        if self._inflate and self._fed and not self._inflate.eof:
            raise self._error("the answer broke off: its compressed data end too early")
        return Response(self._status, self._headers, bytes(self._data), self._call.url)

    def _error(self, message: str, **flags: Any) -> StreamkapResponseError:
        return StreamkapResponseError(
            message, status=self._status, method=self._call.method, url=self._call.url, **flags
        )
