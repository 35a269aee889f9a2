# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""What can go wrong on the way, to be injected into the simulator by path, method and count."""

from __future__ import annotations

import json as jsonlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from airflow_provider_streamkap.testing.messages import Answer, Incoming, phrase
from airflow_provider_streamkap.testing.readings import JsonValue

Stage = Literal["header", "body", "middle"]
"""Where an answer breaks off: before its ``header``, before its ``body``, or in the ``middle`` of the
body."""

Kind = Literal["answer", "slow", "hang", "drop", "reset", "drip", "gzip", "changed"]

_STAGES: Final = ("header", "body", "middle")


@dataclass(frozen=True)
class Fault:
    """One way in which a request can go wrong. Made by the methods below, given to
    :meth:`StreamkapSimulator.inject`.

    :param name: what records and logs call it.
    :param kind: what the server does.
    :param answer: the answer sent instead of the true one, if any.
    :param seconds: how long it takes.
    :param stage: where the answer breaks off.
    :param changes: keys of the answer's object that are replaced.
    :param without: keys that are left out.
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
            raise ValueError(f"stage must be one of {', '.join(_STAGES)}, not {self.stage!r}")
        if self.seconds < 0:
            raise ValueError(f"seconds must be 0 or more, not {self.seconds!r}")

    @staticmethod
    def status(
        status: int,
        *,
        headers: Mapping[str, str] | None = None,
        body: JsonValue | bytes = None,
        retry_after: float | str | None = None,
    ) -> Fault:
        """An answer with this status.

        :param status: HTTP status, 200 to 599.
        :param headers: headers to send with it.
        :param body: bytes are sent as they are, everything else as JSON. Default: ``{"detail": <phrase of the
            status>}``.
        :param retry_after: value of ``Retry-After``: seconds or an HTTP date. Default: not sent.
        :raises ValueError: for a status out of range.
        """
        if not 200 <= status <= 599:
            raise ValueError(f"status must lie between 200 and 599, not {status!r}")
        sent = dict(headers or {})
        if retry_after is not None:
            sent["Retry-After"] = str(retry_after)
        if body is None:
            body = {"detail": phrase(status)}
        raw = body if isinstance(body, bytes) else jsonlib.dumps(body).encode()
        return Fault(f"status({status})", "answer", Answer(status, raw, sent))

    @staticmethod
    def json(value: JsonValue, status: int = 200) -> Fault:
        """An answer with this JSON, for bodies of the wrong shape.

        :param value: the body; None is sent as ``null``, NaN and Infinity as Python writes them.
        :param status: HTTP status. Default 200.
        """
        return Fault("json", "answer", Answer.json(value, status))

    @staticmethod
    def not_json(status: int = 200) -> Fault:
        """An answer that says that it is JSON and is not."""
        return Fault("not_json", "answer", Answer(status, b'{"data": {connector_status: Active'))

    @staticmethod
    def html(status: int = 502) -> Fault:
        """A page of HTML, as a proxy on the way sends it. Default status 502."""
        text = f"<title>{status} {phrase(status)}</title>"
        page = f"<html>\n<head>{text}</head>\n<body>\n<h1>{phrase(status)}</h1>\n</body>\n</html>\n"
        return Fault("html", "answer", Answer(status, page.encode(), content_type="text/html"))

    @staticmethod
    def empty(status: int = 200) -> Fault:
        """An answer without a body."""
        return Fault("empty", "answer", Answer(status))

    @staticmethod
    def oversized(size: int, *, compressed: bool = False) -> Fault:
        """An answer that is valid JSON and this large.

        :param size: bytes of the body, before any compression.
        :param compressed: send it with gzip, so that little goes over the wire. Default False.
        """
        head, tail = b'{"data": {"padding": "', b'"}, "metadata": {}}'
        body = head + b"x" * max(0, size - len(head) - len(tail)) + tail
        return Fault("oversized", "gzip" if compressed else "answer", Answer(200, body))

    @staticmethod
    def redirect(location: str, status: int = 302) -> Fault:
        """A redirect to another place. Default status 302."""
        return Fault("redirect", "answer", Answer(status, headers={"Location": location}))

    @staticmethod
    def slow(seconds: float) -> Fault:
        """The true answer, this many seconds (of real time) late."""
        return Fault("slow", "slow", seconds=seconds)

    @staticmethod
    def drip(seconds: float) -> Fault:
        """The true answer, its body spread evenly over this many seconds: no pause in it is long."""
        return Fault("drip", "drip", seconds=seconds)

    @staticmethod
    def gzip() -> Fault:
        """The true answer, compressed: no fault, but it must be understood."""
        return Fault("gzip", "gzip")

    @staticmethod
    def changed(without: tuple[str, ...] = (), **changes: JsonValue) -> Fault:
        """The true answer with some keys of its object left out or replaced: a token of unknown life, for
        instance.

        :param without: keys that are left out.
        :param changes: keys with the values that they get.
        """
        return Fault("changed", "changed", changes=changes, without=without)

    def change(self, answer: Answer) -> Answer:
        """Apply :meth:`changed` to an answer; one that is no JSON object stays as it is."""
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
        """No answer, or the rest of one never comes, while the connection stays open until the client gives
        up or the simulator is stopped.

        :param stage: where the answer breaks off. Default: before its header.
        """
        return Fault("hang", "hang", stage=stage)

    @staticmethod
    def drop(stage: Stage = "header") -> Fault:
        """The connection is closed in good order.

        :param stage: where the answer breaks off. Default: before its header.
        """
        return Fault("drop", "drop", stage=stage)

    @staticmethod
    def reset(stage: Stage = "header") -> Fault:
        """The connection is reset (TCP RST).

        :param stage: where the answer breaks off. Default: before its header.
        """
        return Fault("reset", "reset", stage=stage)

    @staticmethod
    def truncated() -> Fault:
        """The answer announces its whole length, and half of it comes before the connection is closed."""
        return Fault("truncated", "drop", stage="middle")


@dataclass
class _Rule:
    fault: Fault
    path: str | None
    method: str | None
    skip: int
    left: int | None


class FaultBook:
    """The faults to come. The caller holds the lock."""

    def __init__(self) -> None:
        self._rules: list[_Rule] = []

    def add(self, fault: Fault, path: str | None, method: str | None, times: int | None, after: int) -> None:
        """:raises ValueError: if `times` is below 1 or `after` below 0."""
        if times is not None and times < 1:
            raise ValueError(f"times must be 1 or more, or None for ever, not {times!r}")
        if after < 0:
            raise ValueError(f"after must be 0 or more, not {after!r}")
        self._rules.append(_Rule(fault, path, method and method.upper(), after, times))

    def take(self, request: Incoming, target: str) -> Fault | None:
        """The fault that this request meets: of the rules that match the oldest one.

        :param target: path and query as sent; the path is also looked for in the decoded path.
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
        """Forget every fault."""
        self._rules.clear()
