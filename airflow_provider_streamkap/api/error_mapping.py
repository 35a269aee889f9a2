# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Map HTTP status codes and transport errors to exceptions, and decide which of them can be retried."""

from __future__ import annotations

import http.client
import math
import re
import ssl
from collections.abc import Iterable, Iterator, Mapping
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
    brief,
)
from airflow_provider_streamkap.api.network import Proxy
from airflow_provider_streamkap.api.payload import clean, decode, sound
from airflow_provider_streamkap.api.redaction import redact_body, redact_text, redact_value

#: 4xx that a client may send again as it stands (RFC 9110 and RFC 8470): never permanent.
PASSING_REFUSALS = frozenset({408, 425, 429})

# What a server answers to the token call that does not know it, whatever the credentials. A 404 can mean either.
_NOT_THE_API = frozenset({405, 406, 410, 411, 414, 415, 421, 426})
_OTHER_SERVER = "the server does not look like the Streamkap API; check the host"

# A larger body of an error is a page or a dump: its start says enough.
_MAX_DETAIL_BODY = 64 * 1024
_MAX_TEXT = 4096
# What Kafka Connect says of troubles that pass by themselves.
_PASSING_TROUBLE = re.compile(r"time[sd]?[ _-]?out|rebalanc|leader[ _-]?(?:is[ _-])?not[ _-]?available", re.I)
_TUNNEL = re.compile(r"Tunnel connection failed: (\d{3})")
_SECONDS = re.compile(r"\s*([+-]?\d+(?:\.\d*)?)\s*", re.A)


def http_error(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    now: datetime,
    permission: str | None = None,
    signing_in: bool = False,
    secrets: Iterable[str] = (),
    confidential: bool = False,
    **about: Any,
) -> StreamkapError:
    """Make the error for a status other than 2xx.

    :param status: HTTP status.
    :param headers: the answer's headers, names in lower case.
    :param body: the answer's body.
    :param now: aware time to hold a ``Retry-After`` date against where the answer carries no ``Date``.
    :param permission: what a 403 of this call lacks, where the contract names it.
    :param signing_in: the call was the token call, so a refusal means the credentials.
    :param secrets: values to hide in the detail.
    :param confidential: the response can hold a destination's configuration.
    :param about: passed on to the error: method, url, request_id.
    """
    phrase = http.client.responses.get(status, "unknown kind of failure")
    secrets = tuple(secrets)
    about = {**about, "status": status, "detail": detail_of(body, tuple(secrets), confidential=confidential)}
    if not 300 <= status < 600:
        return StreamkapResponseError(f"{status} is no answer to this call", **about)
    about["retry_after"] = retry_after(headers, now)
    title = f"{status} {phrase}"
    if status < 400:
        target = redact_text(_host_of(headers.get("location", "")), secrets)
        return StreamkapRedirectError(
            f"{title}: redirected to {target}; redirects are refused, because a token goes to the configured"
            " host only: set the host that the API really has",
            **about,
        )
    if status == 429:
        return StreamkapRateLimitError(title, **about)
    if status >= 500:
        passing = status in StreamkapServerError.PASSING or (
            status == 500 and bool(_PASSING_TROUBLE.search(brief(about["detail"])))
        )
        title = f"{title}: {_OTHER_SERVER}" if signing_in and status == 501 else title
        return StreamkapServerError(title, transient=passing, **about)
    if status in PASSING_REFUSALS:
        return StreamkapRequestError(title, permanent=False, **about)
    if status == 407:
        return StreamkapRequestError(f"{title}: the proxy wants a user and password; check proxies", **about)
    if signing_in and status in _NOT_THE_API:
        return StreamkapRequestError(f"{title}: {_OTHER_SERVER}", **about)
    if signing_in:
        doubt = f", or {_OTHER_SERVER}" if status == 404 else ""
        return StreamkapAuthError(
            f"{title}: the credentials were refused by the token call; check client id and secret, or the"
            f" project key, and the host{doubt}",
            **about,
        )
    return _refusal(status, title, permission, about)


def _refusal(status: int, title: str, permission: str | None, about: dict[str, Any]) -> StreamkapHTTPError:
    if status == 401:
        return StreamkapAuthError(f"{title}: a fresh token was refused, too", **about)
    if status == 403:
        lacking = f"the permission {permission}" if permission else "a permission"
        return StreamkapPermissionError(f"{title}: the credentials lack {lacking} in this project", **about)
    if status == 404:
        return StreamkapNotFoundError(f"{title}: it does not exist in this project, or may not be seen", **about)
    return StreamkapRequestError(title, **about)


def detail_of(body: bytes, secrets: tuple[str, ...] = (), *, confidential: bool = False) -> Any:
    """Return what an error's body says: its ``detail``, all of it if there is none, or its text; without secrets.

    :param body: the response's body; JSON, HTML or anything else.
    :param secrets: values to hide.
    :param confidential: show no values, since they can be those of a destination's configuration.
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
        return sound(redact_body(body, secrets, _MAX_TEXT)) or None
    return redact_value(_public(value) if confidential else value, secrets)


def _public(value: Any) -> Any:
    """Return the messages, places and texts of a detail that can repeat a destination's configuration."""
    if isinstance(value, list):
        return [_public(item) for item in value]
    if isinstance(value, dict):
        return {name: value[name] for name in ("loc", "msg") if name in value}
    return value if isinstance(value, str) else None


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Read ``Retry-After``, in seconds or as a date (RFC 9110, 10.2.3).

    :param headers: the answer's headers, names in lower case.
    :param now: aware time that counts where the answer carries no readable ``Date``.
    :returns: seconds, never below 0; None where there is nothing to read.
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
    """Parse the time of an HTTP header (RFC 9110).

    :param text: the header's value.
    :returns: aware UTC time; ``None`` if there is none to read.
    """
    try:
        moment = parsedate_to_datetime(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError, TypeError, IndexError):
        return None


def _host_of(url: str) -> str:
    """Name the host of a redirect's target, and nothing else of it: the rest can hold anything."""
    try:
        host = urlsplit(url).hostname
    except ValueError:
        host = None
    return brief(host) if host else "an address on the same host" if url.startswith("/") else "no readable address"


def timeout_error(method: str, url: str, seconds: float, proxy: Proxy | None = None) -> StreamkapTimeoutError:
    """Return the error for a response that was not complete in time.

    :param method: HTTP method.
    :param url: URL of the request.
    :param seconds: the time that was allowed.
    :param proxy: the proxy on the way.
    """
    return StreamkapTimeoutError(f"no complete answer within {seconds:.1f} s{_through(proxy)}", method=method, url=url)


def connection_error(method: str, url: str, error: BaseException, proxy: Proxy | None = None) -> StreamkapError:
    """Return the error for a request without any response.

    :param method: HTTP method.
    :param url: URL of the request.
    :param error: what the HTTP library raised.
    :param proxy: the proxy on the way. It is named, because the connection that failed goes to it.
    """
    causes = list(_causes(error))
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return _permanent(
            method,
            url,
            f"the certificate does not verify{_through(proxy)}: {_reason(causes)}; set verify to the path of a CA"
            " bundle (or REQUESTS_CA_BUNDLE), or to false",
        )
    # http.client knows the status with which a proxy refuses a tunnel, but only writes it.
    told = next(filter(None, (_TUNNEL.search(str(cause)) for cause in causes)), None)
    if told:
        return proxy_error(method, url, int(told[1]), proxy)
    # BadStatusLine and its like. A plain disconnect is one, too, and means no answer.
    if any(isinstance(cause, http.client.HTTPException) and not isinstance(cause, OSError) for cause in causes):
        return invalid_http_error(method, url, error)
    return StreamkapConnectionError(f"no connection{_through(proxy)}: {_reason(causes)}", method=method, url=url)


def _through(proxy: Proxy | None) -> str:
    return f" through {proxy}" if proxy else ""


def proxy_error(method: str, url: str, status: int, proxy: Proxy | None) -> StreamkapConnectionError:
    """Return the error for a proxy that refuses to connect.

    :param method: HTTP method.
    :param url: URL of the request.
    :param status: HTTP status code of the proxy; a 4xx is about settings, anything else may pass.
    :param proxy: the proxy.
    """
    message = f"the proxy refused the connection with {status} {http.client.responses.get(status, '')}".rstrip()
    message = f"{message}{_through(proxy)}"
    if 400 <= status < 500 and status not in PASSING_REFUSALS:
        return _permanent(method, url, f"{message}; check {proxy.origin if proxy else 'proxies'}")
    return StreamkapConnectionError(message, method=method, url=url)


def invalid_http_error(method: str, url: str, error: BaseException) -> StreamkapResponseError:
    """Bytes that are no HTTP.

    :param method: HTTP method.
    :param url: URL asked.
    :param error: what the HTTP library raised; only its kind is told, its text can hold what was sent.
    """
    kind = type(list(_causes(error))[-1]).__name__
    return StreamkapResponseError(f"the answer is not HTTP ({kind})", method=method, url=url)


def truncated_error(method: str, url: str, status: int, error: BaseException) -> StreamkapResponseError:
    """An answer that breaks off.

    :param method: HTTP method.
    :param url: URL asked.
    :param status: HTTP status of the answer.
    :param error: what the HTTP library raised.
    """
    kind = type(list(_causes(error))[-1]).__name__
    return StreamkapResponseError(f"the answer broke off ({kind})", status=status, method=method, url=url)


def _permanent(method: str, url: str, message: str) -> StreamkapConnectionError:
    return StreamkapConnectionError(message, method=method, url=url, transient=False, permanent=True)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An exception and those that it wraps, the innermost last.

    Not by ``__context__``: that would reach whatever the caller was handling when it called.
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


def _reason(causes: list[BaseException]) -> str:
    spoken = next((cause for cause in reversed(causes) if str(cause)), causes[0])
    return f"{type(spoken).__name__}: {redact_text(brief(str(spoken)))}"
