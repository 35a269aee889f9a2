# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""What a client needs to know: where the API is, who asks, and how long, how often and by which way."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import json
import math
import re
import unicodedata
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import quote, unquote, urlsplit
from urllib.request import getproxies_environment

DEFAULT_BASE_URL = "https://api.streamkap.com"

#: Seconds of a request that may go into connecting.
MAX_CONNECT = 10.0
#: Seconds that any bound may have: a day. Far larger ones do not fit into a socket's time-out.
MAX_SECONDS = 86400.0

# Underscores are no part of a host's name, but of those that containers go by.
_HOST = re.compile(r"[\w.:-]+", re.A)
_ESCAPE = re.compile("%([0-9a-fA-F]{2})")


@dataclass(frozen=True, repr=False)
class Credentials:
    """Who asks: a client id with its secret, or a project key; exactly one of the two.

    :param client_id: the API client's id.
    :param secret: the API client's secret.
    :param project_key: the content of a Project Key file, raw JSON or base64, sent as it is.
    :raises ValueError: if neither way, half of one, or both are given.
    """

    client_id: str | None = None
    secret: str | None = None
    project_key: str | None = None

    def __post_init__(self) -> None:
        for name in ("client_id", "secret", "project_key"):
            value = getattr(self, name)
            if value is not None and not isinstance(value, str):
                raise ValueError(f"{name} must be text, not {type(value).__name__}")
            # Secrets come out of files and secret stores with a newline at the end.
            object.__setattr__(self, name, (value or "").strip() or None)
        if self.project_key and (self.client_id or self.secret):
            raise ValueError("give either client_id and secret or project_key, not both")
        if not self.project_key and not (self.client_id and self.secret):
            lacking = "secret" if self.client_id else "client_id" if self.secret else "client_id and secret"
            raise ValueError(f"{lacking} is missing: give client_id and secret, or project_key alone")

    def token_request(self) -> dict[str, str]:
        """The JSON of ``POST /auth/access-token``."""
        if self.project_key:
            return {"project_key": self.project_key}
        return {"client_id": self.client_id or "", "secret": self.secret or ""}

    def secrets(self) -> tuple[str, ...]:
        """Return every value that must not be shown, among them the secret within a project key."""
        text, key = _read_project_key(self.project_key)
        found = {
            self.secret,
            # As HTTP Basic authentication encodes them.
            f"{self.client_id}:{self.secret}" if self.secret else None,
            self.project_key,
            text,
            *_strings_under(key, "secret"),
        }
        return tuple(value for value in found if value)

    def __repr__(self) -> str:
        return f"Credentials({'project_key' if self.project_key else 'client_id, secret'}=***)"


def _read_project_key(text: str | None) -> tuple[str | None, Any]:
    """Return the JSON of a project key, as text and parsed; ``None`` twice if it has none."""
    for decode in (str.encode, base64.b64decode):
        try:
            plain = decode(text or "").decode()
            return plain, json.loads(plain)
        except (ValueError, binascii.Error, RecursionError):
            continue
    return None, None


def _strings_under(value: Any, word: str) -> set[str]:
    """Strings anywhere in a JSON value whose key contains a word."""
    if not isinstance(value, dict):
        return set()
    found = {item for key, item in value.items() if word in key and isinstance(item, str)}
    return found.union(*(_strings_under(item, word) for item in value.values()))


@dataclass(frozen=True)
class ClientSettings:
    """How to reach the API. Hashable, so that clients with equal settings can share a token and connections.

    :param credentials: who asks.
    :param base_url: the API's address; a bare host gets ``https://``, a path prefix is kept.
    :param timeout: seconds for one request, from connecting to the last byte of the answer; at most 10 of
        them for connecting.
    :param max_attempts: how often one call is tried in all.
    :param max_elapsed: seconds for one call with all its retries.
    :param verify: True: check certificates against the usual authorities (or those that
        ``REQUESTS_CA_BUNDLE`` or ``CURL_CA_BUNDLE`` names); a path: against this file or folder; False: do not
        check.
    :param proxies: proxies by scheme (``http``, ``https``) or by ``scheme://host``; None or empty: those of
        the environment.
    :param allow_http: permit plain http to a host other than loopback.
    :raises ValueError: names the setting and what is allowed.
    """

    credentials: Credentials
    base_url: str = DEFAULT_BASE_URL
    timeout: float = 30.0
    max_attempts: int = 5
    max_elapsed: float = 180.0
    verify: bool | str = True
    proxies: Mapping[str, str | None] | tuple[tuple[str, str | None], ...] | None = field(default=None, repr=False)
    allow_http: bool = False

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "base_url", _base_url(self.base_url, allow_http=self.allow_http))
        put(self, "timeout", _seconds("timeout", self.timeout))
        put(self, "max_elapsed", _seconds("max_elapsed", self.max_elapsed))
        put(self, "max_attempts", _attempts(self.max_attempts))
        put(self, "verify", _verify(self.verify))
        put(self, "proxies", _proxies(self.proxies))

    @property
    def connect_timeout(self) -> float:
        """Seconds for connecting."""
        return min(MAX_CONNECT, self.timeout)

    def secrets(self) -> tuple[str, ...]:
        """Return every value that must not be shown: of the credentials, and of proxies, the environment's included."""
        return self._secrets

    # Every poll needs them, and reading a project key and the environment takes longer than parsing the response.
    @cached_property
    def _secrets(self) -> tuple[str, ...]:
        found = set()
        for proxy in (*self.proxy_map.values(), *getproxies_environment().values()):
            with suppress(ValueError):
                parts = urlsplit(proxy or "")
                if parts.password:
                    password = unquote(parts.password)
                    found |= {parts.password, password, f"{unquote(parts.username or '')}:{password}"}
        return (*self.credentials.secrets(), *sorted(found))

    @property
    def proxy_map(self) -> dict[str, str | None]:
        """The proxies as a dict, with their passwords; empty where the environment decides."""
        return dict(self.proxies or ())


def _seconds(name: str, value: Any) -> float:
    try:
        seconds = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        seconds = math.nan
    if not 0 < seconds <= MAX_SECONDS:
        raise ValueError(f"{name} must be a number of seconds above 0 and up to {MAX_SECONDS:.0f}, not {value!r}")
    return seconds


def _attempts(value: Any) -> int:
    number = int(value) if isinstance(value, str) and value.strip().isdecimal() else value
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise ValueError(f"max_attempts must be a whole number from 1 on, not {value!r}")
    return number


def _verify(value: Any) -> bool | str:
    if isinstance(value, bool):
        return value
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"verify must be true, false, or the path of a CA bundle, not {value!r}")
    text = value.strip()
    return {"true": True, "false": False}.get(text.lower(), text)


def _proxies(value: Any) -> tuple[tuple[str, str | None], ...] | None:
    try:
        pairs = sorted(dict(value or {}).items())
    except (TypeError, ValueError):
        raise ValueError("proxies must map http, https or scheme://host to a proxy's URL") from None
    if not all(isinstance(key, str) and (item is None or isinstance(item, str)) for key, item in pairs):
        raise ValueError("proxies must map text to text, or to null for no proxy")
    return tuple((key, item if key == "no_proxy" else proxy_url(item)) for key, item in pairs) or None


def proxy_url(value: str | None, name: str = "proxies") -> str | None:
    """Check a proxy's URL; only what both clients can use is allowed.

    :param value: URL or ``host:port``; None or blank for no proxy.
    :param name: where it comes from, for the message.
    :raises ValueError: if it is no http or https URL with a host; not shown, it may hold a password.
    """
    text = (value or "").strip()
    if not text:
        return None
    text = text if "://" in text else f"http://{text}"
    try:
        parts = urlsplit(text)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    if not sound:
        raise ValueError(f"{name}: a proxy must be an http:// or https:// URL with a host")
    return text


def _base_url(value: Any, *, allow_http: bool) -> str:
    def refuse(why: str) -> ValueError:
        return ValueError(f"base_url {why}; it must look like {DEFAULT_BASE_URL}")

    if not isinstance(value, str) or not value.strip():
        raise refuse("is empty")
    text = value.strip()
    if any(unicodedata.category(char) in ("Cc", "Cs", "Zs") or char == "\\" for char in text):
        raise refuse("holds white space, control characters or backslashes")
    text = text if "://" in text else f"https://{text}"
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
        host = str(ipaddress.ip_address(host)) if ":" in host else _ascii(host)
    except ValueError:
        raise refuse("holds no valid host and port") from None
    if parts.scheme not in ("http", "https"):
        raise refuse("must begin with https:// (or http://)")
    if not host:
        raise refuse("names no host")
    if not _HOST.fullmatch(host):
        raise refuse("holds no valid host and port")
    # What "https:/host", "https//host" and "ftp:/host" parse as.
    if host in ("http", "https") or parts.netloc.endswith(":"):
        raise refuse("has a malformed scheme: // must follow https:")
    if "@" in parts.netloc:
        raise refuse("must not hold a user or password: those belong into the credentials")
    if parts.query or parts.fragment or text.endswith(("?", "#")):
        raise refuse("must not hold a query or fragment")
    path = _ESCAPE.sub(_normalize, parts.path)
    if {".", ".."} & set(path.split("/")):
        raise refuse("must not hold . or .. as a path segment")
    if parts.scheme == "http" and not allow_http and not is_loopback(host):
        raise ValueError(
            "base_url is plain http: credentials would cross the network unprotected; use https, or set allow_http"
        )
    netloc = f"[{host}]" if ":" in host else host
    netloc = netloc if port is None else f"{netloc}:{port}"
    return f"{parts.scheme}://{netloc}{quote(path, safe='/%:@!$&+,;=~')}".rstrip("/")


def _normalize(escape: re.Match[str]) -> str:
    """Write a percent escape as HTTP libraries do: not at all for a character that needs none (RFC 3986, 6.2.2.2)."""
    char = chr(int(escape[1], 16))
    return char if char.isascii() and (char.isalnum() or char in "-._~") else escape[0].upper()


def _ascii(host: str) -> str:
    """Encode a host name by IDNA 2008, as browsers do: Python's own codec makes another name of some letters."""
    if host.isascii():
        return host.encode("idna").decode("ascii")
    # It comes with requests.
    import idna

    return idna.encode(host).decode("ascii")


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine.

    :param host: host name or IP address.
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        # A name below it is resolved by DNS like any other.
        return host == "localhost"
