# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Exceptions of the Streamkap API clients.

Two flags control how callers react: ``transient`` (the client retries) and ``permanent`` (repeating the request later
cannot succeed either, so a wait fails at once). An error can be neither, for example a 500 with no known transient
cause.
"""

from __future__ import annotations

import json
from typing import Any, ClassVar

from airflow_provider_streamkap.api.redaction import redact_url

#: Maximum number of characters of a detail in a message.
MAX_DETAIL = 500
#: Maximum number of characters of a user-defined name in a message.
MAX_NAME = 100


class StreamkapError(Exception):
    """A request to Streamkap failed. Base class of all errors of the clients.

    :param message: what happened, without secrets.
    :param status: HTTP status code; None (default) without a response.
    :param detail: detail of the response: a string, a list of validation errors, or an object.
    :param request_id: the response's ``X-Request-Id``, for Streamkap's support.
    :param method: HTTP method of the request.
    :param url: URL of the request; userinfo and secret query values are removed.
    :param attempts: number of attempts, default 1.
    :param transient: whether to retry; None (default): the default of the class.
    :param permanent: whether repeating the request later is pointless; None (default): the default of the class.
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
        """The message without the request and the detail."""
        return str(self.args[0]) if self.args else ""

    def __str__(self) -> str:
        where = " ".join(part for part in (self.method, self.url) if part)
        what = single_line(self.detail)
        has_status = self.status is None or self.message.startswith(str(self.status))
        notes = [] if has_status else [f"status {self.status}"]
        if self.request_id:
            notes.append(f"request id {self.request_id}")
        if self.attempts != 1:
            notes.append(f"{self.attempts} attempts")
        text = ": ".join(part for part in (where, self.message, what) if part)
        return f"{text} ({', '.join(notes)})" if notes else text

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"


class StreamkapConnectionError(StreamkapError):
    """No response: host not found or unreachable, connection refused or reset, or TLS failure.

    Failed certificate verification and a proxy's 4xx (except 408, 425 and 429) are permanent.
    """

    transient = True


class StreamkapTimeoutError(StreamkapConnectionError):
    """No complete response within the timeout."""


class StreamkapResponseError(StreamkapError):
    """An invalid response: truncated, empty, not JSON, or without the documented structure."""

    transient = True


class StreamkapHTTPError(StreamkapError):
    """A response with a status code other than 2xx.

    :param message: what happened, without secrets.
    :param retry_after: ``Retry-After`` of the response in seconds; None (default) without one.
    :param about: additional arguments of :class:`StreamkapError`.
    """

    def __init__(self, message: str = "", *, retry_after: float | None = None, **about: Any) -> None:
        super().__init__(message, **about)
        self.retry_after = retry_after


class StreamkapAuthError(StreamkapHTTPError):
    """The token endpoint rejected the credentials, or the API rejected a token that was just issued (401)."""

    permanent = True


class StreamkapPermissionError(StreamkapHTTPError):
    """The credentials are valid but lack the permission for this request (403)."""

    permanent = True


class StreamkapNotFoundError(StreamkapHTTPError):
    """The resource does not exist, or has no metrics yet (404)."""

    permanent = True


class StreamkapNameError(StreamkapError):
    """No resource has this name, or several have it.

    :param message: what happened, with the nearest names or the ids.
    :param ids: ids of the resources with this name; empty (default): there is none.
    :param about: additional arguments of :class:`StreamkapError`.
    """

    permanent = True

    def __init__(self, message: str = "", *, ids: tuple[str, ...] = (), **about: Any) -> None:
        super().__init__(message, **about)
        self.ids = ids


class StreamkapRequestError(StreamkapHTTPError):
    """The API or a proxy rejected the request: any other 4xx, for example 400, 407 or 422.

    408 and 425 are not permanent.
    """

    permanent = True


class StreamkapRateLimitError(StreamkapHTTPError):
    """Too many requests (429). Also raised without a request if a ``Retry-After`` outlasts the deadline of the call."""

    transient = True


class StreamkapServerError(StreamkapHTTPError):
    """The server failed (5xx). 502, 503, 504 and a 500 whose detail names a transient failure are transient."""

    #: Transient status codes.
    TRANSIENT_STATUSES: ClassVar[frozenset[int]] = frozenset({502, 503, 504})


class StreamkapRedirectError(StreamkapHTTPError):
    """The server redirects (3xx). Not followed, because the token is sent to the configured host only."""

    permanent = True


def strip_context(error: StreamkapError) -> StreamkapError:
    """Remove the traceback and the context from an error, and return it.

    Error trackers can record the local variables of each frame, which include the secret, the token, the request and
    the response.

    :param error: the error, modified in place.
    """
    error.__context__ = None
    return error.with_traceback(None)


def short_name(name: str) -> str:
    """Return a user-defined name as a single line, truncated to :data:`MAX_NAME` characters.

    :param name: the name.
    """
    return single_line(name, MAX_NAME)


def resource_label(id_: str, name: str | None = None) -> str:
    """Return how log lines and messages show a resource: ``name (id)``, or the id.

    :param id_: the id.
    :param name: the name; None (default): unknown.
    """
    return id_ if name is None else f"{short_name(name)} ({id_})"


def single_line(detail: Any, limit: int = MAX_DETAIL) -> str:
    """Return a detail as a single line, truncated to a number of characters.

    :param detail: a string, a list of validation errors, or any other JSON value.
    :param limit: maximum number of characters, default :data:`MAX_DETAIL`.
    """
    if detail is None:
        return ""
    if isinstance(detail, str):
        text = detail
    elif isinstance(detail, list):
        text = "; ".join(_validation_error(item) for item in detail[:20])
    else:
        text = _dump(detail)
    text = "".join(char if char.isprintable() else " " for char in text[: 4 * limit])
    text = " ".join(text.split())
    return text if len(text) <= limit else f"{text[:limit]}..."


def _validation_error(item: Any) -> str:
    """Return one validation error, ``{"loc": [...], "msg": ..., "type": ...}``, as a string."""
    if not isinstance(item, dict) or "msg" not in item:
        return item if isinstance(item, str) else _dump(item)
    loc = item.get("loc")
    where = ".".join(str(part) for part in loc) if isinstance(loc, list) else ""
    return f"{where}: {item['msg']}" if where else str(item["msg"])


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
