# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The protocol logic of both clients, without I/O: requests, response handling and token refresh.

A flow is a generator. It yields a :class:`Request`, for which the client sends back a :class:`Response`, or a
:class:`TokenRefresh`, for which the client acquires its lock and runs :meth:`ApiSession.refresh_token`. It returns the
parsed result or raises a :class:`~airflow_provider_streamkap.api.errors.StreamkapError`.
"""

from __future__ import annotations

import copy
import math
import re
import threading
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias, TypeVar

from airflow_provider_streamkap.api.auth import Token, parse_token
from airflow_provider_streamkap.api.backoff import SharedBackoff
from airflow_provider_streamkap.api.error_mapping import http_date, http_error
from airflow_provider_streamkap.api.errors import (
    StreamkapAuthError,
    StreamkapError,
    StreamkapNotFoundError,
    StreamkapPermissionError,
    StreamkapResponseError,
    single_line,
    strip_context,
)
from airflow_provider_streamkap.api.metrics import (
    KNOWN_STATUSES,
    METRIC_NAMES,
    DestinationMetrics,
    Metrics,
    PipelineMetrics,
    SourceMetrics,
)
from airflow_provider_streamkap.api.network import Proxy
from airflow_provider_streamkap.api.payload import clean, decode, replace_unstorable
from airflow_provider_streamkap.api.query import (
    LatestQuery,
    MetricsQuery,
    PipelineMetricsQuery,
    ResourceKind,
    SourceMetricsQuery,
    check_resource_id,
)
from airflow_provider_streamkap.api.redaction import redact_body, redact_text, redact_value
from airflow_provider_streamkap.api.resources import MAX_PAGE_SIZE, ListQuery, Page, R
from airflow_provider_streamkap.api.settings import ClientSettings

TOKEN_PATH = "/auth/access-token"  # noqa: S105

# As in the examples of the API reference.
_ID = re.compile(r"[0-9a-f]{24}", re.I | re.A)

# Maximum Age of a cached response, in seconds; larger values are capped.
_MAX_AGE = 86_400.0
#: Seconds for which rejected credentials are cached, equal to the default poll interval. All waits that share a session
#: request a token with rejected credentials at most once in this time.
REJECTION_SECONDS = 60.0
# Maximum number of characters of a body in an error.
_EXCERPT = 200
_ACCEPT = {"Accept": "application/json"}
_BEARER = "Bearer "
_WHOAMI = ("tenant_id", "service_id", "sub", "token_type", "project_key_id")


#: Maximum body size in bytes of a poll response (parsed in at most 0.3 s), and of any other response.
SMALL_BODY = 1024 * 1024
LARGE_BODY = 32 * SMALL_BODY


@dataclass(frozen=True)
class Request:
    """One HTTP request, without the host.

    :param method: HTTP method.
    :param path: path below the base URL, quoted.
    :param params: query parameters, in order; default none.
    :param json: JSON body; None (default): no body.
    :param headers: additional headers; default none.
    :param permission: the required permission, named in the error of a 403; None (default): unknown.
    :param confidential: the response can contain secrets, so errors omit its body; default False.
    :param limit: maximum size of the decompressed response body in bytes, default :data:`SMALL_BODY`.
    """

    method: str
    path: str
    params: tuple[tuple[str, str], ...] = ()
    json: Mapping[str, Any] | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    permission: str | None = None
    confidential: bool = False
    limit: int = SMALL_BODY


@dataclass(frozen=True)
class Response:
    """One HTTP response.

    :param status: HTTP status code.
    :param headers: headers, with lowercase names.
    :param body: the complete body, decompressed.
    :param url: URL of the request.
    :param proxy: the proxy between the client and the API, or None (default).
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    url: str
    proxy: Proxy | None = None


@dataclass(frozen=True)
class TokenRefresh:
    """Yielded by a flow to request a token refresh.

    :param stale: the token to replace; None if there is none yet.
    """

    stale: Token | None


T = TypeVar("T")
M = TypeVar("M", bound=Metrics)
Flow: TypeAlias = Generator[Request | TokenRefresh, Any, T]


class ApiSession:
    """An access token and the flows that use it. Can be shared between clients and threads.

    :param settings: base URL and credentials.
    :param clock: monotonic clock, in seconds, for token lifetimes and pauses; default :func:`time.monotonic`.
    :param utc_now: returns the aware current time, with which metrics are timestamped; default: the system clock.
    """

    def __init__(
        self,
        settings: ClientSettings,
        clock: Callable[[], float] = time.monotonic,
        utc_now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.settings = settings
        #: Held during a token refresh, so that only one thread at a time refreshes.
        self.lock = threading.Lock()
        #: The pause of all requests while a ``Retry-After`` is in effect.
        self.backoff = SharedBackoff(clock)
        self._clock = clock
        self.now = utc_now
        #: Seconds by which the API's clock was ahead of this machine's in the last metrics response; ``None``: unknown.
        self.clock_lead: float | None = None
        # Immutable and replaced as a whole, so that readers need no lock.
        self._token: Token | None = None
        # The last rejection by the token endpoint, with its time.
        self._rejection: tuple[float, StreamkapAuthError] | None = None

    def __repr__(self) -> str:
        return f"<Session of {self.settings.base_url}>"

    def metrics(self, query: MetricsQuery, limit: int = LARGE_BODY) -> Flow[DestinationMetrics]:
        """Request a destination's metrics.

        :param query: the query.
        :param limit: maximum size of the response body in bytes, default :data:`LARGE_BODY`.
        """
        return self._metrics(DestinationMetrics, query, limit)

    def source_metrics(self, query: SourceMetricsQuery, limit: int = LARGE_BODY) -> Flow[SourceMetrics]:
        """Request a source's metrics; see :meth:`metrics`."""
        return self._metrics(SourceMetrics, query, limit)

    def pipeline_metrics(self, query: PipelineMetricsQuery, limit: int = LARGE_BODY) -> Flow[PipelineMetrics]:
        """Request a pipeline's metrics; see :meth:`metrics`."""
        return self._metrics(PipelineMetrics, query, limit)

    def _metrics(self, model: type[M], query: LatestQuery, limit: int) -> Flow[M]:
        permission = query.kind.metrics_permission
        request = Request("GET", query.path, query.params, permission=permission, limit=limit)

        def parse(payload: Any, response: Response) -> M:
            now, age = self.now(), timedelta(seconds=_age(response))
            if (date := http_date(response.headers.get("date", ""))) is not None:
                self.clock_lead = (date + age - now).total_seconds()
            # A cached response was generated ``Age`` seconds ago.
            return self._redacted(model.parse(query, payload, now - age), request)

        try:
            return (yield from self._call(request, parse))
        except StreamkapNotFoundError as error:
            otherwise = ", or has no metrics yet"
            raise strip_context(unknown_resource(error, query.kind, query.resource_id, otherwise)) from None

    def _redacted(self, metrics: M, request: Request) -> M:
        """Redact the parts of the metrics that appear in messages and logs: texts, lists and invalid values."""
        names = METRIC_NAMES[metrics.kind]
        # A known status cannot contain a secret, and this runs for every poll.
        shown: dict[str, Any] = {
            name: text
            for name in names.texts
            if (text := metrics.text(name)) is not None and text not in KNOWN_STATUSES
        }
        shown.update({name: metrics.data[name] for name in names.lists if metrics.data.get(name)})
        if not shown and not metrics.undocumented:
            return metrics
        secrets = self._secrets(request)
        return replace(
            metrics,
            data={**metrics.data, **{name: redact_value(value, secrets) for name, value in shown.items()}},
            undocumented=redact_value(metrics.undocumented, secrets),
        )

    def exists(self, record: type[R], resource_id: str) -> Flow[bool]:
        """Return whether a resource exists and the credentials can read it.

        :param record: the class of the resource.
        :param resource_id: its id.
        """
        try:
            yield from self.resource(record, resource_id)
        except (StreamkapNotFoundError, StreamkapPermissionError):
            # Without the permission the existence is unknown, and the caller keeps its original error.
            return False
        return True

    def resource(self, record: type[R], resource_id: str) -> Flow[R]:
        """Request one destination, source or pipeline.

        :param record: the class of the resource, for example :class:`Destination`.
        :param resource_id: its id.
        :raises StreamkapNotFoundError: the resource does not exist.
        """
        kind = record.kind
        path = kind.path(check_resource_id(resource_id, kind.id_name))
        request = Request("GET", path, confidential=True, limit=LARGE_BODY)
        page = yield from self._call(request, lambda payload, _: Page.parse(record, payload))
        if not page.items:
            raise StreamkapNotFoundError(
                f"there is no {kind.name} {resource_id!r} in this project",
                method=request.method,
                url=f"{self.settings.base_url}{request.path}",
            )
        return page.items[0]

    def page(self, query: ListQuery[R], number: int = 1) -> Flow[Page[R]]:
        """Request one page of destinations, sources or pipelines.

        :param query: what to list, with filters and sort order.
        :param number: page number, starting at 1 (default).
        """
        kind = query.record.kind
        request = Request("GET", kind.path(), query.params(number), confidential=True, limit=LARGE_BODY)

        def parse(payload: Any, _: Response) -> Page[R]:
            parsed = Page.parse(query.record, payload)
            # Allow some excess: the API may have a minimum page size.
            if (count := len(parsed.items)) > 2 * MAX_PAGE_SIZE:
                raise StreamkapResponseError(
                    f"a page contains {count:,} {kind.name}s; at most {MAX_PAGE_SIZE} were requested"
                )
            return parsed

        return (yield from self._call(request, parse))

    def whoami(self) -> Flow[dict[str, Any]]:
        """Request the identity of the credentials. Requires a valid token but no permission."""

        def parse(payload: Any, _: Response) -> dict[str, Any]:
            if not isinstance(payload, dict):
                raise StreamkapResponseError("unexpected whoami response: expected an object")
            # Redacted because the connection test shows some of it.
            return {key: redact_value(clean(payload.get(key)), self._secrets(request)) for key in _WHOAMI}

        request = Request("GET", "/auth/whoami", confidential=True)
        return (yield from self._call(request, parse))

    def ensure_token(self) -> Flow[None]:
        """Request a token unless the current one is valid."""
        token = self._token
        if self._due(token):
            yield TokenRefresh(token)

    def refresh_token(self, stale: Token | None) -> Flow[Token | None]:
        """Request a new token, unless another caller has already replaced the stale one. Run it under a lock.

        :param stale: the token to replace; None if there is none yet.
        :returns: the new token; None if the current one is valid.
        :raises StreamkapAuthError: the credentials are rejected, or were within the last :data:`REJECTION_SECONDS`.
        """
        # The replacement may itself be due for refresh after a long wait for the lock.
        if self._token is not stale and not self._due(self._token):
            return None
        self._raise_cached_rejection()
        body = self.settings.credentials.token_request()
        request = Request("POST", TOKEN_PATH, json=body, headers=_ACCEPT, confidential=True)
        # Taken before the request, so that a slow response does not extend the token's lifetime.
        requested_at = self._clock()
        response: Response = yield request
        if not 200 <= response.status < 300:
            error = self._http_error(request, response, token_request=True)
            if isinstance(error, StreamkapAuthError):
                self._rejection = (self._clock(), copy.copy(error))
            raise error
        self._rejection = None
        self._token = self._read(request, response, lambda payload, _: parse_token(payload, requested_at))
        return self._token

    def _call(self, request: Request, parse: Callable[[Any, Response], T]) -> Flow[T]:
        """Send a request with a valid token. On a 401, refresh the token and retry once."""
        token = self._token
        if self._due(token):
            yield TokenRefresh(token)
        token = self._token
        sent = _signed(request, token)
        response: Response = yield sent
        if response.status == 401:
            # The token that was sent, not the current one: another call may have refreshed it already.
            yield TokenRefresh(token)
            sent = _signed(request, self._token)
            response = yield sent
        if not 200 <= response.status < 300:
            raise self._http_error(sent, response)
        return self._read(sent, response, parse)

    @property
    def rejected_at(self) -> float:
        """Session clock time at which the token endpoint last rejected the credentials; -inf if it did not."""
        return -math.inf if self._rejection is None else self._rejection[0]

    def _raise_cached_rejection(self) -> None:
        left = self.rejected_at + REJECTION_SECONDS - self._clock()
        if self._rejection is not None and left > 0:
            # Raise a copy, because an exception accumulates a traceback each time it is raised.
            error = copy.copy(self._rejection[1])
            error.args = (f"{error.message} (cached; next token request in {left:.0f} s)",)
            raise error

    def _due(self, token: Token | None) -> bool:
        return token is None or (token.refresh_at is not None and self._clock() >= token.refresh_at)

    def _read(self, request: Request, response: Response, parse: Callable[[Any, Response], T]) -> T:
        try:
            return parse(decode(response.body), response)
        except StreamkapResponseError as error:
            raise StreamkapResponseError(
                redact_text(error.message, self._secrets(request)),
                status=response.status,
                detail=self._excerpt(request, response),
                permanent=error.permanent,
                transient=error.transient,
                **self._about(request, response),
            ) from None

    def _excerpt(self, request: Request, response: Response) -> str | None:
        if request.confidential:
            stated = response.headers.get("content-type", "of unknown type")
            content_type = single_line(redact_text(stated, self._secrets(request)))
            return f"{len(response.body)} bytes {content_type}, not shown because they can contain secrets"
        return replace_unstorable(redact_body(response.body, self._secrets(request), _EXCERPT)) or None

    def _http_error(self, request: Request, response: Response, *, token_request: bool = False) -> StreamkapError:
        error = http_error(
            response.status,
            response.headers,
            response.body,
            now=self.now(),
            permission=request.permission,
            token_request=token_request,
            secrets=self._secrets(request),
            confidential=request.confidential,
            proxy=response.proxy,
            **self._about(request, response),
        )
        self.backoff.record(error)
        return error

    def _secrets(self, request: Request) -> tuple[str, ...]:
        token = self._token
        # A response can echo the token that was sent, which another call may have refreshed already.
        sent = request.headers.get("Authorization", "").removeprefix(_BEARER)
        return (*self.settings.secrets(), sent, *((token.access,) if token else ()))

    def _about(self, request: Request, response: Response) -> dict[str, Any]:
        redacted = redact_text(response.headers.get("x-request-id", ""), self._secrets(request))[:200]
        request_id = "".join(char for char in redacted if char.isprintable())
        return {"method": request.method, "url": response.url, "request_id": request_id or None}


def unknown_resource(
    error: StreamkapNotFoundError, kind: ResourceKind, resource_id: str, otherwise: str = ""
) -> StreamkapNotFoundError:
    """Add the resource's id and the format of ids to the message of a 404.

    :param error: the 404, modified in place.
    :param kind: the kind of the resource.
    :param resource_id: the resource's id.
    :param otherwise: another possible cause to append to the message, default none.
    """
    title = error.message.partition(":")[0]
    hint = "" if _ID.fullmatch(resource_id) else "; pass the id, not the name"
    error.args = (
        f"{title}: {kind.name} {resource_id!r} does not exist in this project, or these credentials do not "
        f"have access to it{otherwise}. An id has 24 hexadecimal digits{hint}",
    )
    return error


def _signed(request: Request, token: Token | None) -> Request:
    # Without a token the API returns 401, which is more informative than an exception raised here.
    bearer = {"Authorization": f"{_BEARER}{token.access}"} if token else {}
    return replace(request, headers={**_ACCEPT, **bearer})


def _age(response: Response) -> float:
    """Return the ``Age`` of a cached response in seconds (RFC 9111), or 0 without a valid header."""
    text = response.headers.get("age", "").strip()
    return min(float(text), _MAX_AGE) if text.isascii() and text.isdigit() else 0.0
