# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Requests received by the simulator, recorded without secrets for use in tests."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from airflow_provider_streamkap.testing.messages import Incoming

_SECRET_HEADERS: Final = frozenset({"authorization", "proxy-authorization", "cookie"})


@dataclass(frozen=True)
class RecordedRequest:
    """A recorded request.

    It contains no tokens, credentials or bodies and is safe to print.

    :param number: 1 for the first request, across all connections.
    :param method: HTTP method.
    :param path: decoded path.
    :param raw_path: path as sent, without the query.
    :param query: query parameters; the last value of repeated ones.
    :param raw_query: query as sent.
    :param status: HTTP status code of the response; None if there is none yet or a fault prevented it.
    :param at: time of arrival in epoch seconds, by the simulator's clock.
    :param token_generation: generation of the token sent, 1 for the first one issued; None if there was no token,
        or an unknown or revoked one.
    :param request_id: ``X-Request-Id`` of the response.
    :param headers: request headers with lowercase names, without those that contain secrets.
    :param host: ``Host`` header; for a proxied request, the requested host.
    :param fault: name of the injected fault; None if there was none.
    """

    number: int
    method: str
    path: str
    raw_path: str
    query: Mapping[str, str]
    raw_query: str
    status: int | None
    at: float
    token_generation: int | None
    request_id: str
    headers: Mapping[str, str] = field(repr=False)
    host: str = ""
    fault: str | None = None


class Recorder:
    """Store the latest requests. Thread-safe.

    :param limit: maximum number of requests to keep. Default 100,000.
    """

    def __init__(self, limit: int = 100_000) -> None:
        self.limit = limit
        self._changed = threading.Condition()
        self._requests: dict[int, RecordedRequest] = {}
        self._order: deque[int] = deque()
        self._number = 0

    def arrived(
        self,
        request: Incoming,
        raw_path: str,
        raw_query: str,
        host: str,
        at: float,
        token: int | None,
        request_id: str,
        fault: str | None,
    ) -> RecordedRequest:
        """Record a request that has no response yet."""
        with self._changed:
            self._number += 1
            record = RecordedRequest(
                number=self._number,
                method=request.method,
                path="/" + "/".join(request.segments),
                raw_path=raw_path,
                query=dict(request.query),
                raw_query=raw_query,
                status=None,
                at=at,
                token_generation=token,
                request_id=request_id,
                headers={name: value for name, value in request.headers.items() if name not in _SECRET_HEADERS},
                host=host,
                fault=fault,
            )
            self._requests[record.number] = record
            self._order.append(record.number)
            if len(self._order) > self.limit:
                self._requests.pop(self._order.popleft(), None)
            self._changed.notify_all()
            return record

    def answered(self, record: RecordedRequest, status: int | None) -> None:
        """Record the status code of the response to a request; None if it gets no complete response."""
        with self._changed:
            if record.number in self._requests:
                self._requests[record.number] = replace(record, status=status)

    def all(self) -> list[RecordedRequest]:
        """Return the recorded requests in order of arrival."""
        with self._changed:
            return [self._requests[number] for number in self._order]

    def count(self, path: str | None, method: str | None) -> int:
        """Return the number of matching requests."""
        return sum(_matches(record, path, method) for record in self.all())

    def wait(self, number: int, path: str | None, method: str | None, timeout: float) -> bool:
        """Block until `number` recorded requests match.

        :param timeout: maximum wait in seconds of real time.
        :returns: False on timeout.
        """
        deadline = time.monotonic() + timeout
        with self._changed:
            while sum(_matches(self._requests[key], path, method) for key in self._order) < number:
                left = deadline - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    return False
            return True

    def clear(self) -> None:
        """Remove all recorded requests. Numbering continues."""
        with self._changed:
            self._requests.clear()
            self._order.clear()


def _matches(record: RecordedRequest, path: str | None, method: str | None) -> bool:
    target = f"{record.raw_path}?{record.raw_query}" if record.raw_query else record.raw_path
    return (path is None or path in target or path in record.path) and (
        method is None or method.upper() == record.method
    )
