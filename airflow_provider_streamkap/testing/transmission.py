# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Send responses, complete or corrupted by a fault.

aiohttp sends complete responses. Corrupted ones are written directly to the transport, because aiohttp only sends
well-formed responses.
"""

from __future__ import annotations

import asyncio
import gzip
import socket
import struct
from collections.abc import Mapping
from typing import Final

from aiohttp import web

from airflow_provider_streamkap.testing.faults import Fault, Stage
from airflow_provider_streamkap.testing.messages import Answer, phrase

_LINGER: Final = struct.pack("ii", 1, 0)  # makes close() reset the connection
_PIECES: Final = 50
_HEAD_START: Final = 0.05  # seconds between data and a reset, which could otherwise arrive first


def whole(answer: Answer, request_id: str) -> web.Response:
    """Return the complete response."""
    return web.Response(status=answer.status, body=answer.body, headers=_headers(answer, request_id))


def compressed(answer: Answer, request_id: str) -> web.Response:
    """Return the response compressed with gzip."""
    headers = _headers(answer, request_id) | {"Content-Encoding": "gzip"}
    return web.Response(status=answer.status, body=gzip.compress(answer.body), headers=headers)


async def spoiled(transport: asyncio.Transport, fault: Fault, answer: Answer, request_id: str) -> None:
    """Send the part of the response that the fault allows, then hang, reset or close the connection.

    The connection is closed on return. A fault that hangs returns only by cancellation.
    """
    head, body = _head(answer, request_id), answer.body
    if fault.kind == "drip":
        transport.write(head)
        size = max(1, -(-len(body) // _PIECES))
        pieces = [body[begin : begin + size] for begin in range(0, len(body), size)]
        for piece in pieces:
            await asyncio.sleep(fault.seconds / len(pieces))
            transport.write(piece)
        transport.close()
        return
    sent = _part(fault.stage, head, body)
    transport.write(sent)
    if fault.kind == "hang":
        await asyncio.Event().wait()
    elif fault.kind == "reset":
        if sent:
            await asyncio.sleep(_HEAD_START)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)
        transport.abort()
    else:
        transport.close()


def _part(stage: Stage, head: bytes, body: bytes) -> bytes:
    return {"header": b"", "body": head, "middle": head + body[: len(body) // 2]}[stage]


def _head(answer: Answer, request_id: str) -> bytes:
    fields: Mapping[str, str] = {
        **_headers(answer, request_id),
        "Content-Length": str(len(answer.body)),
        "Connection": "close",
    }
    lines = [
        f"HTTP/1.1 {answer.status} {phrase(answer.status)}",
        *(f"{key}: {value}" for key, value in fields.items()),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def _headers(answer: Answer, request_id: str) -> dict[str, str]:
    return {"Content-Type": answer.content_type, **answer.headers, "X-Request-Id": request_id}
