# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Authentication of the simulated service: token exchange, refresh, expiry, permissions.

Tokens expire by the simulator's clock and are random for each simulator. They protect nothing, but are treated
as secrets so that tests can search for leaks.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate
from typing import Final

from airflow_provider_streamkap.testing.messages import Answer, Incoming, Refusal, Violations
from airflow_provider_streamkap.testing.readings import JsonValue

_REFRESH_TOKENS: Final = 100  # per credential: the identity service's default


@dataclass(frozen=True)
class Token:
    """An access token as stored by the service.

    :param generation: 1 for the first token issued, 2 for the second, ...
    :param expires_at: epoch seconds.
    :param by_project_key: whether it was issued for a project key.
    """

    generation: int
    expires_at: float
    by_project_key: bool


class TokenDesk:
    """Issue and verify tokens. The caller must hold the lock.

    :param lifetime: token lifetime in seconds; ``expiresIn`` is this value rounded down.
    :param clock: returns the current time in epoch seconds.
    """

    def __init__(self, client_id: str, secret: str, lifetime: float, clock: Callable[[], float]) -> None:
        self.client_id = client_id
        self.secret = secret
        self.lifetime = lifetime
        self.refusal: int | None = None
        self.wrong_status = 401
        self.issued: list[str] = []
        self.project_key_id = "pk_" + secrets.token_hex(8)
        self._clock = clock
        self._tokens: dict[str, Token] = {}
        self._refresh: OrderedDict[str, bool] = OrderedDict()

    @property
    def project_key(self) -> str:
        """Content of a project key file as raw JSON."""
        return json.dumps({"api": {"client_id": self.client_id, "client_secret": self.secret}})

    def exchange(self, request: Incoming) -> Answer:
        """Handle ``POST /auth/access-token``."""
        body = _json_object(request)
        bad = Violations("body")
        by_key = "project_key" in body
        names = ("project_key",) if by_key else ("client_id", "secret")
        given = [_text(body, name, bad) for name in names]
        bad.refuse()
        pair = _unpack(given[0]) if by_key else (given[0], given[1])
        if self.refusal is not None:
            raise Refusal(Answer.error(self.refusal, "Credentials refused"))
        if pair != (self.client_id, self.secret):
            raise Refusal(Answer.error(self.wrong_status, "Credentials refused"))
        return self._issue(by_key)

    def refresh(self, request: Incoming) -> Answer:
        """Handle ``POST /auth/access-token/refresh``. A refresh token can be used once."""
        bad = Violations("body")
        given = _text(_json_object(request), "refresh_token", bad)
        bad.refuse()
        by_key = self._refresh.pop(given, None)
        if self.refusal is not None or by_key is None:
            raise Refusal(Answer.error(self.refusal or 401, "Refresh token refused"))
        return self._issue(by_key)

    def authenticate(self, request: Incoming) -> Token:
        """Return the valid token sent with the request.

        :raises Refusal: 401 if the token is missing, unknown, revoked or expired.
        """
        token = self.find(request)
        if token is None or token.expires_at <= self._clock():
            text = "Token missing" if "authorization" not in request.headers else "Token invalid or expired"
            raise Refusal(Answer.error(401, text, {"WWW-Authenticate": "Bearer"}))
        return token

    def find(self, request: Incoming) -> Token | None:
        """Return the token sent with the request, expired or not; None if it is unknown to this service."""
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        return self._tokens.get(value.strip()) if scheme.casefold() == "bearer" else None

    def revoke(self) -> None:
        """Revoke all access and refresh tokens issued so far."""
        self._tokens.clear()
        self._refresh.clear()

    def _issue(self, by_key: bool) -> Answer:
        access, refresh = secrets.token_urlsafe(48), secrets.token_urlsafe(48)
        self.issued += [access, refresh]
        now = self._clock()
        self._tokens[access] = Token(len(self.issued) // 2, now + self.lifetime, by_key)
        self._refresh[refresh] = by_key
        while len(self._refresh) > _REFRESH_TOKENS:
            self._refresh.popitem(last=False)
        lifetime = int(self.lifetime)
        # The format of `expires` is undocumented. An unusual one ensures that clients do not parse it.
        expires = formatdate(now + self.lifetime, usegmt=True)
        return Answer.json({"accessToken": access, "refreshToken": refresh, "expires": expires, "expiresIn": lifetime})


def _json_object(request: Incoming) -> dict[str, JsonValue]:
    bad = Violations("body")
    body: JsonValue = None
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError):
        bad.add(None, "must be JSON", "json_invalid")
    if not bad.found and not isinstance(body, dict):
        bad.add(None, "must be an object", "model_attributes_type")
    bad.refuse()
    return body if isinstance(body, dict) else {}


def _text(body: dict[str, JsonValue], name: str, bad: Violations) -> str:
    value = body.get(name)
    if isinstance(value, str):
        return value
    bad.add(
        name,
        "must be a string" if name in body else "is missing",
        "string_type" if name in body else "missing",
    )
    return ""


def _unpack(project_key: str) -> tuple[str, str] | None:
    """Return the client id and secret from a project key (raw JSON or base64), or None if it has none."""
    text = project_key.strip()
    try:
        if not text.startswith("{"):
            text = base64.b64decode("".join(text.split()), validate=True).decode()
        api = json.loads(text)["api"]
        return str(api["client_id"]), str(api["client_secret"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
