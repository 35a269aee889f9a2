# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Client settings: base URL, credentials, timeouts, retries, TLS and proxies."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import json
import re
import unicodedata
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote, urlsplit
from urllib.request import getproxies_environment

from airflow_provider_streamkap.api.checks import parse_seconds
from airflow_provider_streamkap.api.options import DEFAULT_BASE_URL, OPTIONS

#: Maximum connect timeout in seconds.
MAX_CONNECT = 10.0

# Underscores are not allowed in host names, but container names use them.
_HOST = re.compile(r"[\w.:-]+", re.A)
_ESCAPE = re.compile("%([0-9a-fA-F]{2})")


@dataclass(frozen=True, repr=False)
class Credentials:
    """API credentials: either a client id and secret, or a project key.

    :param client_id: client id.
    :param secret: client secret.
    :param project_key: content of a Project Key file, raw JSON or base64, sent unchanged.
    :raises ValueError: the credentials are missing or incomplete, or both kinds are set.
    """

    client_id: str | None = None
    secret: str | None = None
    project_key: str | None = None

    def __post_init__(self) -> None:
        for name in ("client_id", "secret", "project_key"):
            value = getattr(self, name)
            if value is not None and not isinstance(value, str):
                raise ValueError(f"{name} must be a string; got {type(value).__name__}")
            # Secrets from files and secret stores often end with a newline.
            object.__setattr__(self, name, (value or "").strip() or None)
        if self.project_key and (self.client_id or self.secret):
            raise ValueError("set either client_id and secret or project_key, not both")
        if not self.project_key and not (self.client_id and self.secret):
            missing = "secret" if self.client_id else "client_id" if self.secret else "client_id and secret"
            raise ValueError(f"{missing} is missing: set client_id and secret, or project_key alone")

    def token_request(self) -> dict[str, str]:
        """Return the JSON body of ``POST /auth/access-token``."""
        if self.project_key:
            return {"project_key": self.project_key}
        return {"client_id": self.client_id or "", "secret": self.secret or ""}

    def secrets(self) -> tuple[str, ...]:
        """Return all values that must be redacted, including the secret inside a project key."""
        text, key = _read_project_key(self.project_key)
        found = {
            self.secret,
            # As encoded by HTTP Basic authentication.
            f"{self.client_id}:{self.secret}" if self.secret else None,
            self.project_key,
            text,
            *_strings_under(key, "secret"),
        }
        return tuple(value for value in found if value)

    def __repr__(self) -> str:
        return f"Credentials({'project_key' if self.project_key else 'client_id, secret'}=***)"


def _read_project_key(text: str | None) -> tuple[str | None, Any]:
    """Return the JSON of a project key as text and parsed, or ``(None, None)`` if it is not JSON."""
    for decode in (str.encode, base64.b64decode):
        try:
            plain = decode(text or "").decode()
            return plain, json.loads(plain)
        except (ValueError, binascii.Error, RecursionError):
            continue
    return None, None


def _strings_under(value: Any, word: str) -> set[str]:
    """Return all strings in nested objects whose key contains a word."""
    if not isinstance(value, dict):
        return set()
    found = {item for key, item in value.items() if word in key and isinstance(item, str)}
    return found.union(*(_strings_under(item, word) for item in value.values()))


@dataclass(frozen=True)
class ClientSettings:
    """Client settings. Hashable, so that clients with equal settings can share a token and connections.

    :param credentials: API credentials.
    :param base_url: base URL of the API, default ``https://api.streamkap.com``; a host name without a scheme gets
        ``https://``, and a path prefix is kept.
    :param timeout: timeout of one request in seconds, from connecting to the last byte of the response, default 30; at
        most 10 of them for connecting.
    :param max_attempts: maximum number of attempts per call, default 5.
    :param max_elapsed: deadline of one call with all its retries, in seconds, default 180.
    :param verify: True (default): verify certificates against the default CA bundle, or the one that
        ``REQUESTS_CA_BUNDLE`` or ``CURL_CA_BUNDLE`` names; a path: against this file or directory; False: do not
        verify.
    :param proxies: one proxy URL, or proxy URLs by scheme (``http``, ``https``) or by ``scheme://host``; None (default)
        or empty: the proxies of the environment.
    :param allow_http: allow plain http to hosts other than loopback, default False.
    :raises ValueError: a setting is invalid; the message names it and the allowed values.
    """

    credentials: Credentials
    base_url: str = DEFAULT_BASE_URL
    timeout: float = OPTIONS["timeout"].default
    max_attempts: int = OPTIONS["max_attempts"].default
    max_elapsed: float = 180.0
    verify: bool | str = OPTIONS["verify"].default
    proxies: Mapping[str, str | None] | tuple[tuple[str, str | None], ...] | str | None = field(
        default=OPTIONS["proxies"].default, repr=False
    )
    allow_http: bool = OPTIONS["allow_http"].default

    def __post_init__(self) -> None:
        checked = {name: OPTIONS[name].parse(name, value) for name, value in vars(self).items() if name in OPTIONS}
        checked["max_elapsed"] = parse_seconds("max_elapsed", self.max_elapsed)
        checked["base_url"] = _normalize_base_url(self.base_url, allow_http=checked["allow_http"])
        # The dataclass is frozen.
        vars(self).update(checked)

    @property
    def connect_timeout(self) -> float:
        """Connect timeout in seconds."""
        return min(MAX_CONNECT, self.timeout)

    def secrets(self) -> tuple[str, ...]:
        """Return all values that must be redacted: of the credentials and of configured and environment proxies."""
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
        """The configured proxies as a dict, including their passwords; empty to use those of the environment."""
        return dict(self.proxies or ())  # type: ignore[arg-type]


def _normalize_base_url(value: Any, *, allow_http: bool) -> str:
    def invalid(problem: str) -> ValueError:
        return ValueError(f"base_url {problem}; it must look like {DEFAULT_BASE_URL}")

    if not isinstance(value, str) or not value.strip():
        raise invalid("is empty")
    text = value.strip()
    if any(unicodedata.category(char) in ("Cc", "Cs", "Zs") or char == "\\" for char in text):
        raise invalid("contains whitespace, control characters or backslashes")
    text = text if "://" in text else f"https://{text}"
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
        host = str(ipaddress.ip_address(host)) if ":" in host else _ascii(host)
    except ValueError:
        raise invalid("has no valid host and port") from None
    if parts.scheme not in ("http", "https"):
        raise invalid("must start with https:// (or http://)")
    if not host:
        raise invalid("has no host")
    if not _HOST.fullmatch(host):
        raise invalid("has no valid host and port")
    # Results of parsing "https:/host", "https//host" and "ftp:/host".
    if host in ("http", "https") or parts.netloc.endswith(":"):
        raise invalid("has a malformed scheme: // must follow https:")
    if "@" in parts.netloc:
        raise invalid("must not contain a user or password: put them into the credentials")
    if parts.query or parts.fragment or text.endswith(("?", "#")):
        raise invalid("must not contain a query or fragment")
    path = _ESCAPE.sub(_normalize_escape, parts.path)
    if {".", ".."} & set(path.split("/")):
        raise invalid("must not contain . or .. as a path segment")
    if parts.scheme == "http" and not allow_http and not is_loopback(host):
        raise ValueError(
            "base_url uses plain http: credentials would be sent unencrypted; use https, or set allow_http"
        )
    netloc = f"[{host}]" if ":" in host else host
    netloc = netloc if port is None else f"{netloc}:{port}"
    return f"{parts.scheme}://{netloc}{quote(path, safe='/%:@!$&+,;=~')}".rstrip("/")


def _normalize_escape(escape: re.Match[str]) -> str:
    """Normalize a percent escape as HTTP libraries do: decode unreserved characters (RFC 3986, 6.2.2.2)."""
    char = chr(int(escape[1], 16))
    return char if char.isascii() and (char.isalnum() or char in "-._~") else escape[0].upper()


def _ascii(host: str) -> str:
    """Encode a host name by IDNA 2008, as browsers do. Python's codec implements IDNA 2003, which differs."""
    if host.isascii():
        return host.encode("idna").decode("ascii")
    # Installed with requests.
    import idna

    return idna.encode(host).decode("ascii")


def is_loopback(host: str) -> bool:
    """Return whether a host is the loopback interface of this machine.

    :param host: host name or IP address.
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        # Only the name itself: names below localhost can resolve to any address.
        return host == "localhost"
