# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Map HTTP status codes and transport errors to exceptions, and decide which of them can be retried."""

from __future__ import annotations

import http.client
import math
import re
import ssl
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from airflow_provider_streamkap.api.errors import (
    StreamkapAuthError,
    StreamkapConnectionError,
    StreamkapError,
    StreamkapHTTPError,
    StreamkapNotFoundError,
    StreamkapPermissionError,
    StreamkapRateLimitError,
    StreamkapRedirectError,
    StreamkapRequestError,
    StreamkapResponseError,
    StreamkapServerError,
    StreamkapTimeoutError,
    single_line,
)
from airflow_provider_streamkap.api.network import Proxy
from airflow_provider_streamkap.api.payload import clean, decode, replace_unstorable
from airflow_provider_streamkap.api.redaction import redact_body, redact_text, redact_value

#: 4xx status codes after which the same request may succeed later (RFC 9110, RFC 8470), so never permanent.
NON_PERMANENT_4XX = frozenset({408, 425, 429})

# Status codes of a server without the token endpoint, whatever the credentials. A 404 can also mean bad credentials.
_WRONG_SERVER_STATUSES = frozenset({405, 406, 410, 411, 414, 415, 421, 426})
_WRONG_SERVER = "the server does not look like the Streamkap API; check the host"

# A larger error body is an HTML page or a dump; its start is enough.
_MAX_DETAIL_BODY = 64 * 1024
_MAX_TEXT = 4096
# Kafka Connect messages for transient failures.
_TRANSIENT_500 = re.compile(r"time[sd]?[ _-]?out|rebalanc|leader[ _-]?(?:is[ _-])?not[ _-]?available", re.I)
_TUNNEL = re.compile(r"Tunnel connection failed: (\d{3})")
_SECONDS = re.compile(r"\s*([+-]?\d+(?:\.\d*)?)\s*", re.A)


def http_error(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    now: datetime,
    permission: str | None = None,
    token_request: bool = False,
    secrets: Iterable[str] = (),
    confidential: bool = False,
    proxy: Proxy | None = None,
    **about: Any,
) -> StreamkapError:
    """Return the error for a status code other than 2xx.

    :param status: HTTP status code.
    :param headers: response headers, with lowercase names.
    :param body: response body.
    :param now: aware current time; a ``Retry-After`` date is relative to it if the response has no ``Date``.
    :param permission: the permission that this call requires, if documented; named in the message of a 403.
    :param token_request: the request was a token request, so a 4xx means rejected credentials; default False.
    :param secrets: values to redact in the detail.
    :param confidential: the response can contain a connector's configuration; default False.
    :param proxy: the proxy that the response came through, named in the message of a 407; None (default): none.
    :param about: additional arguments of the error: ``method``, ``url``, ``request_id``.
    """
    phrase = http.client.responses.get(status, "unknown status code")
    secrets = tuple(secrets)
    about = {**about, "status": status, "detail": detail_of(body, tuple(secrets), confidential=confidential)}
    if not 300 <= status < 600:
        return StreamkapResponseError(f"{status}: unexpected status code", **about)
    about["retry_after"] = retry_after(headers, now)
    title = f"{status} {phrase}"
    if status < 400:
        target = redact_text(_redirect_target(headers.get("location", "")), secrets)
        return StreamkapRedirectError(
            f"{title}: redirected to {target}; redirects are not followed, because the token is sent to the configured"
            " host only: set host to the API's actual host",
            **about,
        )
    if status == 429:
        return StreamkapRateLimitError(title, **about)
    if status >= 500:
        transient = status in StreamkapServerError.TRANSIENT_STATUSES or (
            status == 500 and bool(_TRANSIENT_500.search(single_line(about["detail"])))
        )
        title = f"{title}: {_WRONG_SERVER}" if token_request and status == 501 else title
        return StreamkapServerError(title, transient=transient, **about)
    if status in NON_PERMANENT_4XX:
        return StreamkapRequestError(title, permanent=False, **about)
    if status == 407:
        return StreamkapRequestError(
            f"{title}: {proxy or 'the proxy'} requires a user and password; add them to the proxy URL", **about
        )
    if token_request and status in _WRONG_SERVER_STATUSES:
        return StreamkapRequestError(f"{title}: {_WRONG_SERVER}", **about)
    if token_request:
        hint = " (the server may not be the Streamkap API)" if status == 404 else ""
        return StreamkapAuthError(
            f"{title}: the token endpoint rejected the credentials; check client id and secret, or the project key,"
            f" and the host{hint}",
            **about,
        )
    return _client_error(status, title, permission, about)


def _client_error(status: int, title: str, permission: str | None, about: dict[str, Any]) -> StreamkapHTTPError:
    if status == 401:
        return StreamkapAuthError(
            f"{title}: the API rejected a token that was just issued; check that host and credentials belong to the "
            "same Streamkap environment",
            **about,
        )
    if status == 403:
        lacking = f"the permission {permission}" if permission else "a permission"
        return StreamkapPermissionError(
            f"{title}: the credentials lack {lacking} in this project; grant it in Streamkap", **about
        )
    if status == 404:
        return StreamkapNotFoundError(
            f"{title}: the resource does not exist in this project, or these credentials do not have access to it",
            **about,
        )
    return StreamkapRequestError(title, **about)


def detail_of(body: bytes, secrets: tuple[str, ...] = (), *, confidential: bool = False) -> Any:
    """Return the redacted detail of an error response: its JSON ``detail``, else all of its JSON, else its text.

    :param body: response body: JSON, HTML or anything else.
    :param secrets: values to redact.
    :param confidential: omit values, because they can be those of a connector's configuration; default False.
    """
    value: Any = None
    if len(body) <= _MAX_DETAIL_BODY:
        try:
            value = clean(decode(body))
        except StreamkapResponseError:
            value = None
    if isinstance(value, dict) and value.get("detail") is not None:
        value = value["detail"]
    if value is None:
        return replace_unstorable(redact_body(body, secrets, _MAX_TEXT)) or None
    return redact_value(_public(value) if confidential else value, secrets)


def _public(value: Any) -> Any:
    """Return only messages and locations of a detail, whose values can be those of a connector's configuration."""
    if isinstance(value, list):
        return [_public(item) for item in value]
    if isinstance(value, dict):
        return {name: value[name] for name in ("loc", "msg") if name in value}
    return value if isinstance(value, str) else None


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Parse ``Retry-After``, in seconds or as a date (RFC 9110, 10.2.3).

    :param headers: response headers, with lowercase names.
    :param now: aware current time, used if the response has no valid ``Date``.
    :returns: seconds, at least 0; None if the header is missing or invalid.
    """
    text = headers.get("retry-after")
    if text is None:
        return None
    number = _SECONDS.fullmatch(text)
    if number:
        seconds = float(number[1])
        return max(seconds, 0.0) if math.isfinite(seconds) else None
    moment = http_date(text)
    if moment is None:
        return None
    return max((moment - (http_date(headers.get("date", "")) or now)).total_seconds(), 0.0)


def http_date(text: str) -> datetime | None:
    """Parse an HTTP date (RFC 9110).

    :param text: the header's value.
    :returns: aware UTC time; ``None`` if it is invalid.
    """
    try:
        moment = parsedate_to_datetime(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError, TypeError, IndexError):
        return None


def _redirect_target(url: str) -> str:
    """Return the host of a redirect's target only: the rest of the URL can contain secrets."""
    try:
        host = urlsplit(url).hostname
    except ValueError:
        host = None
    if host:
        return single_line(host)
    return "a path on the same host" if url.startswith("/") else "an invalid URL"


@dataclass(frozen=True)
class TransportErrors:
    """Errors of one request that has no complete response.

    :param method: HTTP method.
    :param url: URL of the request.
    :param proxy: the proxy between the client and the API, named in messages; None: no proxy.
    """

    method: str
    url: str
    proxy: Proxy | None

    def timeout(self, seconds: float, configured: float) -> StreamkapTimeoutError:
        """Return the error for a request that timed out.

        :param seconds: the timeout of this request.
        :param configured: the timeout of the settings, which is longer if a deadline left less time.
        """
        limited = " (the time left until the deadline)" if seconds < configured else ""
        message = f"no complete response within {seconds:.1f} s{self._through()}{limited}"
        return StreamkapTimeoutError(message, method=self.method, url=self.url)

    def not_connected(self, error: BaseException) -> StreamkapError:
        """Return the error for a request without a response.

        :param error: exception of the HTTP library.
        """
        causes = list(_causes(error))
        if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
            return self._connection_error(
                f"certificate verification failed{self._through()}: {_reason(causes)}; set verify or"
                " REQUESTS_CA_BUNDLE to the path of a CA bundle, or set verify to false to skip verification",
                permanent=True,
            )
        # http.client includes the proxy's status code only in the message.
        tunnel = next(filter(None, (_TUNNEL.search(str(cause)) for cause in causes)), None)
        if tunnel:
            return self.rejected_by_proxy(int(tunnel[1]))
        # BadStatusLine and similar. A plain disconnect is an HTTPException and an OSError, and means no response.
        if any(isinstance(cause, http.client.HTTPException) and not isinstance(cause, OSError) for cause in causes):
            return self.not_http(error)
        return self._connection_error(f"connection failed{self._through()}: {_reason(causes)}")

    def rejected_by_proxy(self, status: int) -> StreamkapConnectionError:
        """Return the error for a proxy that refuses to connect.

        :param status: the proxy's status code; most 4xx are permanent, all others transient.
        """
        reason = f"{status} {http.client.responses.get(status, '')}".rstrip()
        permanent = 400 <= status < 500 and status not in NON_PERMANENT_4XX
        check = f"; check {self.proxy.origin}" if permanent and self.proxy else ""
        return self._connection_error(
            f"{self.proxy or 'the proxy'} refused the connection: {reason}{check}", permanent=permanent
        )

    def not_http(self, error: BaseException) -> StreamkapResponseError:
        """Return the error for a response that is not HTTP.

        :param error: exception of the HTTP library; only its class is shown, since its text can contain the request.
        """
        message = f"the response is not HTTP ({_innermost(error)})"
        return StreamkapResponseError(message, method=self.method, url=self.url)

    def truncated(self, status: int, error: BaseException) -> StreamkapResponseError:
        """Return the error for a truncated response.

        :param status: HTTP status code of the response.
        :param error: exception of the HTTP library.
        """
        message = f"the response was truncated ({_innermost(error)})"
        return StreamkapResponseError(message, status=status, method=self.method, url=self.url)

    def _through(self) -> str:
        return f" through {self.proxy}" if self.proxy else ""

    def _connection_error(self, message: str, *, permanent: bool = False) -> StreamkapConnectionError:
        return StreamkapConnectionError(
            message, method=self.method, url=self.url, transient=not permanent, permanent=permanent
        )


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and the exceptions that it wraps, the innermost last.

    ``__context__`` is not followed: it can lead to an unrelated exception that the caller is handling.
    """
    waiting, seen = [error], set()
    while waiting:
        current = waiting.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        inner = (*current.args, getattr(current, "reason", None), current.__cause__)
        waiting += [item for item in inner if isinstance(item, BaseException)]


def _innermost(error: BaseException) -> str:
    return type(list(_causes(error))[-1]).__name__


def _reason(causes: list[BaseException]) -> str:
    cause = next((cause for cause in reversed(causes) if str(cause)), causes[0])
    return f"{type(cause).__name__}: {single_line(redact_text(str(cause)))}"
