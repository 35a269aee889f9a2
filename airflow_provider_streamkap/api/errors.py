# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""What can go wrong when Streamkap is asked: exceptions that say what happened, where, and whether it passes.

Two flags steer everybody above: ``transient`` (asking again soon may help: the client retries) and
``permanent`` (asking again later cannot help: a wait gives up at once). An error can be neither, as a plain
500 is.
"""

from __future__ import annotations

import json
from typing import Any, ClassVar

from airflow_provider_streamkap.api.redaction import redact_url

#: Characters of a detail that a message shows.
MAX_DETAIL = 500


class StreamkapError(Exception):
    """Streamkap could not be asked, or did not answer as documented.

    :param message: what happened, in words, without secrets.
    :param status: HTTP status, where there was an answer.
    :param detail: what the answer said: a text, a list (validation errors) or an object.
    :param request_id: the answer's ``X-Request-Id``, which the vendor's support can look up.
    :param method: HTTP method of the request.
    :param url: URL of the request; userinfo and secret query values are taken out.
    :param attempts: how often the request was tried.
    :param transient: overrides what the class says.
    :param permanent: overrides what the class says.
    """

    transient: bool = False
    permanent: bool = False

    def __init__(
        self,
        message: str = "",
        *,
        status: int | None = None,
        detail: Any = None,
        request_id: str | None = None,
        method: str | None = None,
        url: str | None = None,
        attempts: int = 1,
        transient: bool | None = None,
        permanent: bool | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.detail = detail
        self.request_id = request_id
        self.method = method
        self.url = None if url is None else redact_url(url)
        self.attempts = attempts
        if transient is not None:
            self.transient = transient
        if permanent is not None:
            self.permanent = permanent

    @property
    def message(self) -> str:
        """What happened, without the request and the detail."""
        return str(self.args[0]) if self.args else ""

    def __str__(self) -> str:
        where = " ".join(part for part in (self.method, self.url) if part)
        what = brief(self.detail)
        said = self.status is None or self.message.startswith(str(self.status))
        notes = [] if said else [f"status {self.status}"]
        if self.request_id:
            notes.append(f"request id {self.request_id}")
        if self.attempts != 1:
            notes.append(f"{self.attempts} attempts")
        text = ": ".join(part for part in (where, self.message, what) if part)
        return f"{text} ({', '.join(notes)})" if notes else text

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"


class StreamkapConnectionError(StreamkapError):
    """No answer: host not found or not reachable, connection refused or reset, TLS failed.

    A certificate that does not verify, and a proxy that refuses, are permanent.
    """

    transient = True


class StreamkapTimeoutError(StreamkapConnectionError):
    """No complete answer within the time allowed."""


class StreamkapResponseError(StreamkapError):
    """An answer that is not understood: truncated, empty, HTML, not JSON, or not of the documented shape."""

    transient = True


class StreamkapHTTPError(StreamkapError):
    """An answer with a status other than 2xx.

    :param retry_after: seconds that the server asked to wait by ``Retry-After``; None where it did not.
    """

    def __init__(self, message: str = "", *, retry_after: float | None = None, **about: Any) -> None:
        super().__init__(message, **about)
        self.retry_after = retry_after


class StreamkapAuthError(StreamkapHTTPError):
    """The credentials are refused, or a token fresh from the token call is (401)."""

    permanent = True


class StreamkapPermissionError(StreamkapHTTPError):
    """The credentials are fine, but their roles do not allow this call (403)."""

    permanent = True


class StreamkapNotFoundError(StreamkapHTTPError):
    """There is no such destination, or it has no metrics yet (404)."""

    permanent = True


class StreamkapRequestError(StreamkapHTTPError):
    """The request is refused as it stands: any other 4xx, for instance 400 and 422."""

    permanent = True


class StreamkapRateLimitError(StreamkapHTTPError):
    """Too many requests (429)."""

    transient = True


class StreamkapServerError(StreamkapHTTPError):
    """The server failed (5xx). 502, 503 and 504 pass, and a 500 that names a passing trouble does."""

    #: Statuses that pass by themselves.
    PASSING: ClassVar[frozenset[int]] = frozenset({502, 503, 504})


class StreamkapRedirectError(StreamkapHTTPError):
    """The server points elsewhere (3xx). Not followed: a bearer token goes to the configured host only."""

    permanent = True


def bare(error: StreamkapError) -> StreamkapError:
    """Give an error without the calls and the exceptions that led to it.

    Their local variables hold the secret, the token and what was sent and received, and there are collectors of
    errors that take local variables along. What can be told is in the message.

    :param error: the error.
    """
    error.__context__ = None
    return error.with_traceback(None)


def brief(detail: Any) -> str:
    """Render a detail on one line, at most :data:`MAX_DETAIL` characters and an ellipsis long.

    :param detail: text, a list of validation errors, or any other JSON value.
    """
    if detail is None:
        return ""
    if isinstance(detail, str):
        text = detail
    elif isinstance(detail, list):
        text = "; ".join(_problem(item) for item in detail[:20])
    else:
        text = _dump(detail)
    text = "".join(char if char.isprintable() else " " for char in text[: 4 * MAX_DETAIL])
    text = " ".join(text.split())
    return text if len(text) <= MAX_DETAIL else f"{text[:MAX_DETAIL]}..."


def _problem(item: Any) -> str:
    """One entry of a validation error, ``{"loc": [...], "msg": ..., "type": ...}``."""
    if not isinstance(item, dict) or "msg" not in item:
        return item if isinstance(item, str) else _dump(item)
    place = item.get("loc")
    where = ".".join(str(part) for part in place) if isinstance(place, list) else ""
    return f"{where}: {item['msg']}" if where else str(item["msg"])


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
