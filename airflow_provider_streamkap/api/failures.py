# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Map the exceptions of the HTTP libraries to those of this package, alike for both clients."""

from __future__ import annotations

import http.client
import re
import ssl
from collections.abc import Iterator

from airflow_provider_streamkap.api.environment import Proxy
from airflow_provider_streamkap.api.errors import (
    StreamkapConnectionError,
    StreamkapError,
    StreamkapResponseError,
    StreamkapTimeoutError,
    brief,
)
from airflow_provider_streamkap.api.redaction import redact_text
from airflow_provider_streamkap.api.statuses import PASSING_REFUSALS

_TUNNEL = re.compile(r"Tunnel connection failed: (\d{3})")


def late(method: str, url: str, seconds: float, proxy: Proxy | None = None) -> StreamkapTimeoutError:
    """Return the error for a response that was not complete in time.

    :param method: HTTP method.
    :param url: URL of the request.
    :param seconds: the time that was allowed.
    :param proxy: the proxy on the way.
    """
    return StreamkapTimeoutError(f"no complete answer within {seconds:.1f} s{_through(proxy)}", method=method, url=url)


def failed(method: str, url: str, error: BaseException, proxy: Proxy | None = None) -> StreamkapError:
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
        return refused_by_proxy(method, url, int(told[1]), proxy)
    # BadStatusLine and its like. A plain disconnect is one, too, and means no answer.
    if any(isinstance(cause, http.client.HTTPException) and not isinstance(cause, OSError) for cause in causes):
        return garbled(method, url, error)
    return StreamkapConnectionError(f"no connection{_through(proxy)}: {_reason(causes)}", method=method, url=url)


def _through(proxy: Proxy | None) -> str:
    return f" through {proxy}" if proxy else ""


def refused_by_proxy(method: str, url: str, status: int, proxy: Proxy | None) -> StreamkapConnectionError:
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


def garbled(method: str, url: str, error: BaseException) -> StreamkapResponseError:
    """Bytes that are no HTTP.

    :param method: HTTP method.
    :param url: URL asked.
    :param error: what the HTTP library raised; only its kind is told, its text can hold what was sent.
    """
    kind = type(list(_causes(error))[-1]).__name__
    return StreamkapResponseError(f"the answer is not HTTP ({kind})", method=method, url=url)


def broken(method: str, url: str, status: int, error: BaseException) -> StreamkapResponseError:
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
