# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The core that decides and does no I/O: which request to send, what an answer means, the life of the token.

Every flow is a generator. It yields a :class:`Request`, for which the client sends back a :class:`Response`, or a
:class:`TokenRefresh`, for which the client takes its lock and runs :meth:`ApiSession.refresh_token`. It returns the
parsed result or raises a :class:`~airflow_provider_streamkap.api.errors.StreamkapError`. Both clients share every
decision.
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
from airflow_provider_streamkap.api.destinations import MAX_PAGE_SIZE, Destination, DestinationPage, DestinationsQuery
from airflow_provider_streamkap.api.error_mapping import http_date, http_error
from airflow_provider_streamkap.api.errors import (
    StreamkapAuthError,
    StreamkapError,
    StreamkapNotFoundError,
    StreamkapPermissionError,
    StreamkapResponseError,
    bare,
    brief,
)
from airflow_provider_streamkap.api.metrics import STATUS, DestinationMetrics
from airflow_provider_streamkap.api.payload import clean, decode, sound
from airflow_provider_streamkap.api.query import MetricsQuery, check_destination_id, destination_path
from airflow_provider_streamkap.api.redaction import redact_body, redact_text, redact_value
from airflow_provider_streamkap.api.settings import ClientSettings

METRICS_PERMISSION = "read:destination_metrics"
SIGN_IN_PATH = "/auth/access-token"

# As in the examples of the API's reference.
_ID = re.compile(r"[0-9a-f]{24}", re.I | re.A)

# Longest age of a cached response that is believed: a day.
_MAX_AGE = 86_400.0
#: Seconds for which a refusal of the credentials is remembered, the default interval of polls: however many waits share
#: a session, they sign in with refused credentials once in this time.
REFUSAL_SECONDS = 60.0
# Start of a body that an error shows.
_EXCERPT = 200
_ACCEPT = {"Accept": "application/json"}
_BEARER = "Bearer "
_WHOAMI = ("tenant_id", "service_id", "sub", "token_type", "project_key_id")


#: Most bytes of a response that is polled (parsed in 0.3 s at worst), and of one that is requested explicitly.
SMALL_BODY = 1024 * 1024
LARGE_BODY = 32 * SMALL_BODY


@dataclass(frozen=True)
class Request:
    """One HTTP request, without the host.

    :param method: HTTP method.
    :param path: path below the base URL, quoted.
    :param params: query, in order.
    :param json: JSON body, if any.
    :param headers: headers beyond those that every request has.
    :param permission: what is lacking if the answer is a 403.
    :param confidential: the answer can hold secrets, so no error shows its body.
    :param limit: most bytes of the response's body, decompressed.
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
    """One HTTP answer.

    :param status: HTTP status.
    :param headers: headers, names in lower case.
    :param body: the whole body, decompressed.
    :param url: URL that was asked.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    url: str


@dataclass(frozen=True)
class TokenRefresh:
    """Asks the client for a renewal of the token.

    :param stale: the token that does not serve any more; None if there was none.
    """

    stale: Token | None


T = TypeVar("T")
Flow: TypeAlias = Generator[Request | TokenRefresh, Any, T]


class ApiSession:
    """A token and the exchanges that use it; may be shared by clients and threads.

    :param settings: whose credentials are exchanged for tokens.
    :param clock: seconds that only go forward; a token's life is measured by it.
    :param wall: aware current time; readings are stamped with it.
    """

    def __init__(
        self,
        settings: ClientSettings,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.settings = settings
        #: Held by threads around a renewal, so that one at a time asks for a token.
        self.lock = threading.Lock()
        #: Until when the service wants no request; asked before each is sent.
        self.backoff = SharedBackoff(clock)
        self._clock = clock
        self.now = wall
        #: Seconds by which the API's clock is ahead of this machine's, as of the last metrics; ``None``: unknown.
        self.clock_lead: float | None = None
        # One immutable object that is swapped as a whole: readers need no lock.
        self._token: Token | None = None
        # The last refusal of the token call, and when it came.
        self._refusal: tuple[float, StreamkapAuthError] | None = None

    def __repr__(self) -> str:
        return f"<Session of {self.settings.base_url}>"

    def metrics(self, query: MetricsQuery, limit: int = LARGE_BODY) -> Flow[DestinationMetrics]:
        """Request a destination's metrics.

        :param query: the query.
        :param limit: most bytes of the response's body.
        """
        request = Request("GET", query.path, query.params, permission=METRICS_PERMISSION, limit=limit)

        def parse(payload: Any, response: Response) -> DestinationMetrics:
            now, age = self.now(), timedelta(seconds=_age(response))
            if (date := http_date(response.headers.get("date", ""))) is not None:
                self.clock_lead = (date + age - now).total_seconds()
            # A response from a cache on the way is as old as it says.
            metrics = DestinationMetrics.parse(query, payload, now - age)
            return self._redacted(metrics, request)

        try:
            return (yield from self._call(request, parse))
        except StreamkapNotFoundError as error:
            raise bare(unknown_destination(error, query.destination_id, ", or has no metrics yet")) from None

    def _redacted(self, metrics: DestinationMetrics, request: Request) -> DestinationMetrics:
        """Redact what messages and logs show of metrics: the status, and what is wrong with a value."""
        status = metrics.connector_status
        if status is None and not metrics.undocumented:
            return metrics
        secrets = self._secrets(request)
        shown = metrics.data if status is None else {**metrics.data, STATUS: redact_text(status, secrets)}
        return replace(metrics, data=shown, undocumented=redact_value(metrics.undocumented, secrets))

    def exists(self, destination_id: str) -> Flow[bool]:
        """Return whether a destination exists and may be seen.

        :param destination_id: its id.
        """
        try:
            yield from self.destination(destination_id)
        except (StreamkapNotFoundError, StreamkapPermissionError):
            # Who may not look learns nothing, and what is known stays the refusal.
            return False
        return True

    def destination(self, destination_id: str) -> Flow[Destination]:
        """Ask for one destination.

        :param destination_id: its id.
        """
        request = Request(
            "GET", destination_path(check_destination_id(destination_id)), confidential=True, limit=LARGE_BODY
        )
        page = yield from self._call(request, lambda payload, _: DestinationPage.parse(payload))
        if not page.destinations:
            raise StreamkapNotFoundError(
                f"there is no destination {destination_id!r} in this project",
                method=request.method,
                url=f"{self.settings.base_url}{request.path}",
            )
        return page.destinations[0]

    def destinations(self, query: DestinationsQuery, page: int = 1) -> Flow[DestinationPage]:
        """Ask for one page of destinations.

        :param query: which ones.
        :param page: number of the page, from 1 on.
        """
        request = Request("GET", "/destinations", query.params(page), confidential=True, limit=LARGE_BODY)

        def parse(payload: Any, _: Response) -> DestinationPage:
            found = DestinationPage.parse(payload)
            # Some more can have been created in the meantime, or the API has a least size of a page.
            if (count := len(found.destinations)) > 2 * MAX_PAGE_SIZE:
                raise StreamkapResponseError(f"a page holds {count:,} destinations, far more than were asked for")
            return found

        return (yield from self._call(request, parse))

    def whoami(self) -> Flow[dict[str, Any]]:
        """Ask whom the credentials belong to: a light call that needs any valid token and no permission."""

        def parse(payload: Any, _: Response) -> dict[str, Any]:
            if not isinstance(payload, dict):
                raise StreamkapResponseError("the identity is not an object")
            # The connection test shows some of it.
            return {key: redact_value(clean(payload.get(key)), self._secrets(request)) for key in _WHOAMI}

        request = Request("GET", "/auth/whoami", confidential=True)
        return (yield from self._call(request, parse))

    def sign_in(self) -> Flow[None]:
        """Fetch a token, unless there is a valid one."""
        token = self._token
        if self._due(token):
            yield TokenRefresh(token)

    def refresh_token(self, stale: Token | None) -> Flow[Token | None]:
        """Exchange the credentials for a new token, unless somebody else has done so meanwhile.

        To be run under a lock.

        :param stale: the token that does not serve any more.
        :returns: the new token; None if there was nothing to do.
        :raises StreamkapAuthError: the credentials are refused, or were within the last :data:`REFUSAL_SECONDS`.
        """
        # Whoever waited long for the lock may find one that has come and grown old meanwhile.
        if self._token is not stale and not self._due(self._token):
            return None
        self._raise_refusal()
        body = self.settings.credentials.token_request()
        request = Request("POST", SIGN_IN_PATH, json=body, headers=_ACCEPT, confidential=True)
        # From before the call: a slow answer must not make the token look younger than it is.
        asked_at = self._clock()
        response: Response = yield request
        if not 200 <= response.status < 300:
            refusal = self._http_error(request, response, signing_in=True)
            if isinstance(refusal, StreamkapAuthError):
                self._refusal = (self._clock(), copy.copy(refusal))
            raise refusal
        self._refusal = None
        self._token = self._read(request, response, lambda payload, _: parse_token(payload, asked_at))
        return self._token

    def _call(self, request: Request, parse: Callable[[Any, Response], T]) -> Flow[T]:
        """Send a request with a valid token; on a 401 renew once and replay once."""
        token = self._token
        if self._due(token):
            yield TokenRefresh(token)
        token = self._token
        sent = _signed(request, token)
        response: Response = yield sent
        if response.status == 401:
            # The token that was sent, not the one of now: another call may have renewed it meanwhile.
            yield TokenRefresh(token)
            sent = _signed(request, self._token)
            response = yield sent
        if not 200 <= response.status < 300:
            raise self._http_error(sent, response)
        return self._read(sent, response, parse)

    @property
    def refused_at(self) -> float:
        """When the token call last refused the credentials, as a time of the session's clock; -inf: it did not."""
        return -math.inf if self._refusal is None else self._refusal[0]

    def _raise_refusal(self) -> None:
        left = self.refused_at + REFUSAL_SECONDS - self._clock()
        if self._refusal is not None and left > 0:
            # A copy, because an exception collects the traceback of everyone who raises it.
            error = copy.copy(self._refusal[1])
            error.args = (f"{error.message} (remembered; signs in again in {left:.0f} s)",)
            raise error

    def _due(self, token: Token | None) -> bool:
        return token is None or (token.renew_at is not None and self._clock() >= token.renew_at)

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
            stated = response.headers.get("content-type", "of no stated type")
            kind = brief(redact_text(stated, self._secrets(request)))
            return f"{len(response.body)} bytes {kind}, not shown because they may hold secrets"
        return sound(redact_body(response.body, self._secrets(request), _EXCERPT)) or None

    def _http_error(self, request: Request, response: Response, *, signing_in: bool = False) -> StreamkapError:
        error = http_error(
            response.status,
            response.headers,
            response.body,
            now=self.now(),
            permission=request.permission,
            signing_in=signing_in,
            secrets=self._secrets(request),
            confidential=request.confidential,
            **self._about(request, response),
        )
        self.backoff.record(error)
        return error

    def _secrets(self, request: Request) -> tuple[str, ...]:
        token = self._token
        # An answer shows the token that it was asked with, which others may have renewed meanwhile.
        sent = request.headers.get("Authorization", "").removeprefix(_BEARER)
        return (*self.settings.secrets(), sent, *((token.access,) if token else ()))

    def _about(self, request: Request, response: Response) -> dict[str, Any]:
        shown = redact_text(response.headers.get("x-request-id", ""), self._secrets(request))[:200]
        request_id = "".join(char for char in shown if char.isprintable())
        return {"method": request.method, "url": response.url, "request_id": request_id or None}


def unknown_destination(
    error: StreamkapNotFoundError, destination_id: str, otherwise: str = ""
) -> StreamkapNotFoundError:
    """Let a 404 name the destination, and say what an id looks like.

    :param error: the 404, which is changed.
    :param destination_id: the destination.
    :param otherwise: what else the 404 can mean.
    """
    title = error.message.partition(":")[0]
    looks = "" if _ID.fullmatch(destination_id) else ", which this is not: a name is not an id"
    error.args = (
        f"{title}: destination {destination_id!r} does not exist in this project, or these credentials may not see it"
        f"{otherwise}. An id has 24 hexadecimal digits{looks}",
    )
    return error


def _signed(request: Request, token: Token | None) -> Request:
    # Without a token the API answers 401, which says more than an exception from here.
    bearer = {"Authorization": f"{_BEARER}{token.access}"} if token else {}
    return replace(request, headers={**_ACCEPT, **bearer})


def _age(response: Response) -> float:
    """Return the seconds for which a cache has kept a response (RFC 9111), or 0 if it does not say."""
    text = response.headers.get("age", "").strip()
    return min(float(text), _MAX_AGE) if text.isascii() and text.isdigit() else 0.0
