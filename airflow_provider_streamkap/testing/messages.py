# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Requests and responses of the simulated service as plain values, without I/O."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from airflow_provider_streamkap.testing.readings import JsonValue


@dataclass(frozen=True)
class Incoming:
    """A request.

    :param method: HTTP method, upper case.
    :param segments: path segments, decoded separately so that a quoted slash stays within its segment.
    :param query: query parameters in the order sent.
    :param headers: headers, with lowercase names.
    :param body: the body as sent.
    """

    method: str
    segments: tuple[str, ...]
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)

    def values(self, name: str) -> list[str]:
        """Return all values of a query parameter."""
        return [value for key, value in self.query if key == name]

    def last(self, name: str) -> str | None:
        """Return the last value of a query parameter, or None if it was not sent."""
        values = self.values(name)
        return values[-1] if values else None


@dataclass(frozen=True)
class Answer:
    """A response.

    :param status: HTTP status code.
    :param body: the uncompressed body.
    :param headers: additional headers.
    :param content_type: media type of the body.
    """

    status: int
    body: bytes = field(default=b"", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"

    @classmethod
    def json(cls, value: JsonValue, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
        """Return a response with a JSON body.

        NaN and Infinity are sent as Python serializes them, because clients must handle that.
        """
        return cls(status, json.dumps(value).encode(), headers or {})

    @classmethod
    def error(cls, status: int, detail: JsonValue = None, headers: Mapping[str, str] | None = None) -> Answer:
        """Return an error response, ``{"detail": ...}``. The default detail is the reason phrase."""
        return cls.json({"detail": detail if detail is not None else phrase(status)}, status, headers)


class Refusal(Exception):
    """Raised to reject a request with an error response."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


class Violations:
    """Collect the validation errors of a request and report all of them in one 422 response.

    :param where: first element of each ``loc``: ``query`` or ``body``.
    """

    def __init__(self, where: str) -> None:
        self.where = where
        self.found: list[JsonValue] = []

    def add(self, name: str | int | None, message: str, kind: str) -> None:
        """Add a validation error. It does not contain the invalid value, which might be a secret."""
        location: list[JsonValue] = [self.where] if name is None else [self.where, name]
        self.found.append({"loc": location, "msg": message, "type": kind})

    def refuse(self) -> None:
        """Reject the request if there are validation errors.

        :raises Refusal: 422 with all errors.
        """
        if self.found:
            raise Refusal(Answer.error(422, self.found))


def phrase(status: int) -> str:
    """Return the reason phrase of a status code."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return f"Status {status}"
