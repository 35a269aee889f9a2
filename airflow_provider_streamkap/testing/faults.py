# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Faults that can be injected into the simulator by path, method and count."""

from __future__ import annotations

import json as jsonlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from airflow_provider_streamkap.testing.messages import Answer, Incoming, phrase
from airflow_provider_streamkap.testing.readings import JsonValue

Stage = Literal["header", "body", "middle"]
"""Where a response breaks off: before its ``header``, before its ``body``, or in the ``middle`` of the body."""

Kind = Literal["answer", "slow", "hang", "drop", "reset", "drip", "gzip", "changed"]

_STAGES: Final = ("header", "body", "middle")


@dataclass(frozen=True)
class Fault:
    """A fault for :meth:`StreamkapSimulator.inject`. Create one with the methods below.

    :param name: name used in recorded requests and logs.
    :param kind: what the server does.
    :param answer: response to send instead of the real one, if any.
    :param seconds: duration of a slow or dripping response.
    :param stage: where the response breaks off.
    :param changes: keys to replace in the response's JSON object.
    :param without: keys to remove from it.
    """

    name: str
    kind: Kind
    answer: Answer | None = field(default=None, repr=False)
    seconds: float = 0.0
    stage: Stage = "header"
    changes: Mapping[str, JsonValue] | None = field(default=None, repr=False)
    without: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.stage not in _STAGES:
            raise ValueError(f"stage must be one of {', '.join(_STAGES)}; got {self.stage!r}")
        if self.seconds < 0:
            raise ValueError(f"seconds must be 0 or more; got {self.seconds!r}")

    @staticmethod
    def status(
        status: int,
        *,
        headers: Mapping[str, str] | None = None,
        body: JsonValue | bytes = None,
        retry_after: float | str | None = None,
    ) -> Fault:
        """Respond with this status code.

        :param status: HTTP status code, 200 to 599.
        :param headers: additional headers.
        :param body: bytes are sent unchanged, anything else as JSON. Default: ``{"detail": <reason phrase>}``.
        :param retry_after: value of ``Retry-After``: seconds or an HTTP date. Default: not sent.
        :raises ValueError: if `status` is out of range.
        """
        if not 200 <= status <= 599:
            raise ValueError(f"status must be from 200 to 599; got {status!r}")
        sent = dict(headers or {})
        if retry_after is not None:
            sent["Retry-After"] = str(retry_after)
        if body is None:
            body = {"detail": phrase(status)}
        raw = body if isinstance(body, bytes) else jsonlib.dumps(body).encode()
        return Fault(f"status({status})", "answer", Answer(status, raw, sent))

    @staticmethod
    def json(value: JsonValue, status: int = 200) -> Fault:
        """Respond with this JSON, for bodies of the wrong shape.

        :param value: the body; None is sent as ``null``, NaN and Infinity as Python serializes them.
        :param status: HTTP status code. Default 200.
        """
        return Fault("json", "answer", Answer.json(value, status))

    @staticmethod
    def not_json(status: int = 200) -> Fault:
        """Respond with an invalid body that is declared as JSON."""
        return Fault("not_json", "answer", Answer(status, b'{"data": {connector_status: Active'))

    @staticmethod
    def html(status: int = 502) -> Fault:
        """Respond with an HTML error page, as an intermediate proxy would. Default status 502."""
        text = f"<title>{status} {phrase(status)}</title>"
        page = f"<html>\n<head>{text}</head>\n<body>\n<h1>{phrase(status)}</h1>\n</body>\n</html>\n"
        return Fault("html", "answer", Answer(status, page.encode(), content_type="text/html"))

    @staticmethod
    def empty(status: int = 200) -> Fault:
        """Respond without a body."""
        return Fault("empty", "answer", Answer(status))

    @staticmethod
    def oversized(size: int, *, compressed: bool = False) -> Fault:
        """Respond with a valid JSON body of this size.

        :param size: size of the body in bytes, before compression.
        :param compressed: compress the body with gzip, so that few bytes are transferred. Default False.
        """
        head, tail = b'{"data": {"padding": "', b'"}, "metadata": {}}'
        body = head + b"x" * max(0, size - len(head) - len(tail)) + tail
        return Fault("oversized", "gzip" if compressed else "answer", Answer(200, body))

    @staticmethod
    def redirect(location: str, status: int = 302) -> Fault:
        """Redirect to another location. Default status 302."""
        return Fault("redirect", "answer", Answer(status, headers={"Location": location}))

    @staticmethod
    def slow(seconds: float) -> Fault:
        """Delay the real response by this many seconds of real time."""
        return Fault("slow", "slow", seconds=seconds)

    @staticmethod
    def drip(seconds: float) -> Fault:
        """Send the body of the real response in small pieces, spread evenly over this many seconds."""
        return Fault("drip", "drip", seconds=seconds)

    @staticmethod
    def gzip() -> Fault:
        """Compress the real response with gzip. Not an error, but clients must support it."""
        return Fault("gzip", "gzip")

    @staticmethod
    def changed(without: tuple[str, ...] = (), **changes: JsonValue) -> Fault:
        """Remove or replace keys in the JSON object of the real response, for example the lifetime of a token.

        :param without: keys to remove.
        :param changes: keys to set, with their new values.
        """
        return Fault("changed", "changed", changes=changes, without=without)

    def change(self, answer: Answer) -> Answer:
        """Apply :meth:`changed` to a response. Return it unchanged if its body is not a JSON object."""
        try:
            value = jsonlib.loads(answer.body)
        except ValueError:
            return answer
        if not isinstance(value, dict):
            return answer
        kept = {key: item for key, item in value.items() if key not in self.without}
        return replace(answer, body=jsonlib.dumps({**kept, **(self.changes or {})}).encode())

    @staticmethod
    def hang(stage: Stage = "header") -> Fault:
        """Never send the response, or the rest of it. The connection stays open until the client times out or the
        simulator is stopped.

        :param stage: where the response breaks off. Default: before its header.
        """
        return Fault("hang", "hang", stage=stage)

    @staticmethod
    def drop(stage: Stage = "header") -> Fault:
        """Close the connection cleanly.

        :param stage: where the response breaks off. Default: before its header.
        """
        return Fault("drop", "drop", stage=stage)

    @staticmethod
    def reset(stage: Stage = "header") -> Fault:
        """Reset the connection (TCP RST).

        :param stage: where the response breaks off. Default: before its header.
        """
        return Fault("reset", "reset", stage=stage)

    @staticmethod
    def truncated() -> Fault:
        """Send the full ``Content-Length`` but only half of the body, then close the connection."""
        return Fault("truncated", "drop", stage="middle")


@dataclass
class _Rule:
    fault: Fault
    path: str | None
    method: str | None
    skip: int
    left: int | None


class FaultBook:
    """Queue of pending faults. The caller must hold the lock."""

    def __init__(self) -> None:
        self._rules: list[_Rule] = []

    def add(self, fault: Fault, path: str | None, method: str | None, times: int | None, after: int) -> None:
        """Add a fault; the parameters are those of :meth:`StreamkapSimulator.inject`.

        :raises ValueError: if `times` is below 1 or `after` below 0.
        """
        if times is not None and times < 1:
            raise ValueError(f"times must be 1 or more, or None for no limit; got {times!r}")
        if after < 0:
            raise ValueError(f"after must be 0 or more; got {after!r}")
        self._rules.append(_Rule(fault, path, method and method.upper(), after, times))

    def take(self, request: Incoming, target: str) -> Fault | None:
        """Return the fault to apply to this request, or None. The oldest matching rule applies.

        :param target: path and query as sent. A rule's path is looked for in it and in the decoded path.
        """
        decoded = "/" + "/".join(request.segments)
        for rule in self._rules:
            if rule.method not in (None, request.method):
                continue
            if rule.path is not None and rule.path not in target and rule.path not in decoded:
                continue
            if rule.skip > 0:
                rule.skip -= 1
                continue
            if rule.left is not None:
                rule.left -= 1
                if rule.left == 0:
                    self._rules.remove(rule)
            return rule.fault
        return None

    def clear(self) -> None:
        """Remove all pending faults."""
        self._rules.clear()
