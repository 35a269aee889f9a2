# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""What the simulator was asked, kept for the tests: everything but the secrets."""

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
    """One request that arrived.

    Tokens, credentials and bodies are not in it, so that it can be printed.

    :param number: 1 for the first request, over all connections.
    :param method: HTTP method.
    :param path: path, decoded.
    :param raw_path: path as it was sent, without the query.
    :param query: query parameters; of one that was sent more than once the last value.
    :param raw_query: query as it was sent.
    :param status: status of the answer; None while there is none, or if a fault left the request without.
    :param at: epoch seconds of its arrival, by the simulator's clock.
    :param token_generation: which token it carried: 1 for the first one issued; None for no token, or one
        that the simulator never issued or has revoked.
    :param request_id: value of ``X-Request-Id`` in the answer.
    :param headers: request headers, names in lower case, without those that carry secrets.
    :param host: ``Host`` header; with a proxied request the host that was meant.
    :param fault: name of the fault that it met, None without one.
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
    """Keeps the latest requests. Safe between threads.

    :param limit: how many.
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
        """Note a request that has no answer yet."""
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
        """Note what became of a request."""
        with self._changed:
            if record.number in self._requests:
                self._requests[record.number] = replace(record, status=status)

    def all(self) -> list[RecordedRequest]:
        """Every request kept, in the order of arrival."""
        with self._changed:
            return [self._requests[number] for number in self._order]

    def count(self, path: str | None, method: str | None) -> int:
        """How many requests match."""
        return sum(_matches(record, path, method) for record in self.all())

    def wait(self, number: int, path: str | None, method: str | None, timeout: float) -> bool:
        """Block until so many requests match.

        :param timeout: seconds of real time.
        :returns: False if the time ran out.
        """
        deadline = time.monotonic() + timeout
        with self._changed:
            while sum(_matches(self._requests[key], path, method) for key in self._order) < number:
                left = deadline - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    return False
            return True

    def clear(self) -> None:
        """Forget every request. Numbers go on."""
        with self._changed:
            self._requests.clear()
            self._order.clear()


def _matches(record: RecordedRequest, path: str | None, method: str | None) -> bool:
    target = f"{record.raw_path}?{record.raw_query}" if record.raw_query else record.raw_path
    return (path is None or path in target or path in record.path) and (
        method is None or method.upper() == record.method
    )
