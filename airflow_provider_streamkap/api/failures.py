# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""What went wrong on the wire: the HTTP libraries' exceptions, told in one set of words for both clients."""

from __future__ import annotations

import http.client
import re
import ssl
from collections.abc import Iterator

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


def late(method: str, url: str, seconds: float) -> StreamkapTimeoutError:
    """No complete answer in time.

    :param method: HTTP method.
    :param url: URL asked.
    :param seconds: the time that was allowed.
    """
    return StreamkapTimeoutError(f"no complete answer within {seconds:.1f} s", method=method, url=url)


def failed(method: str, url: str, error: BaseException) -> StreamkapError:
    """No answer at all.

    :param method: HTTP method.
    :param url: URL asked.
    :param error: what the HTTP library raised.
    """
    causes = list(_causes(error))
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return _permanent(
            method,
            url,
            f"the certificate does not verify: {_reason(causes)}; set verify to the path of a CA bundle (or"
            " REQUESTS_CA_BUNDLE), or to false",
        )
    # http.client knows the status with which a proxy refuses a tunnel, but only writes it.
    told = next(filter(None, (_TUNNEL.search(str(cause)) for cause in causes)), None)
    if told:
        return refused_by_proxy(method, url, int(told[1]))
    # BadStatusLine and its like. A plain disconnect is one, too, and means no answer.
    if any(isinstance(cause, http.client.HTTPException) and not isinstance(cause, OSError) for cause in causes):
        return garbled(method, url, error)
    return StreamkapConnectionError(f"no connection: {_reason(causes)}", method=method, url=url)


def refused_by_proxy(method: str, url: str, status: int) -> StreamkapConnectionError:
    """A proxy that does not open the way.

    :param method: HTTP method.
    :param url: URL asked.
    :param status: the proxy's HTTP status; a 4xx is about settings, anything else may pass.
    """
    message = f"the proxy refused the connection with {status} {http.client.responses.get(status, '')}".rstrip()
    if 400 <= status < 500 and status not in PASSING_REFUSALS:
        return _permanent(method, url, f"{message}; check proxies")
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
