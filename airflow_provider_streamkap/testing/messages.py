# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""A request as the simulated service sees it, and its answer: plain values, no I/O."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from airflow_provider_streamkap.testing.readings import JsonValue


@dataclass(frozen=True)
class Incoming:
    """One request.

    :param method: HTTP method, upper case.
    :param segments: segments of the path, each decoded by itself, so that a quoted slash stays inside its
        segment.
    :param query: parameters in the order sent.
    :param headers: names in lower case.
    :param body: the body as sent.
    """

    method: str
    segments: tuple[str, ...]
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)

    def values(self, name: str) -> list[str]:
        """Every value of one query parameter."""
        return [value for key, value in self.query if key == name]

    def last(self, name: str) -> str | None:
        """The last value of one query parameter, None without one."""
        values = self.values(name)
        return values[-1] if values else None


@dataclass(frozen=True)
class Answer:
    """One answer.

    :param status: HTTP status.
    :param body: the body, not compressed.
    :param headers: further headers.
    :param content_type: media type of the body.
    """

    status: int
    body: bytes = field(default=b"", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"

    @classmethod
    def json(cls, value: JsonValue, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
        """An answer with a JSON body. NaN and Infinity go out as Python writes them: a client must survive
        that."""
        return cls(status, json.dumps(value).encode(), headers or {})

    @classmethod
    def error(cls, status: int, detail: JsonValue = None, headers: Mapping[str, str] | None = None) -> Answer:
        """An error in the service's shape, ``{"detail": ...}``; without a detail it is the phrase of the
        status."""
        return cls.json({"detail": detail if detail is not None else phrase(status)}, status, headers)


class Refusal(Exception):
    """Leaves the handling of a request with the answer that refuses it."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


class Violations:
    """Collects what is wrong with a request, and refuses it with one 422 that lists everything.

    :param where: first part of each ``loc``: ``query`` or ``body``.
    """

    def __init__(self, where: str) -> None:
        self.where = where
        self.found: list[JsonValue] = []

    def add(self, name: str | int | None, message: str, kind: str) -> None:
        """Note one violation. The offending value is not repeated: it might be a secret."""
        location: list[JsonValue] = [self.where] if name is None else [self.where, name]
        self.found.append({"loc": location, "msg": message, "type": kind})

    def refuse(self) -> None:
        """:raises Refusal: if anything was noted."""
        if self.found:
            raise Refusal(Answer.error(422, self.found))


def phrase(status: int) -> str:
    """The usual phrase of a status."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return f"Status {status}"
