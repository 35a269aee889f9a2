# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Validation of arguments and connection options.

Each check takes the name and the value of an argument, and returns the valid value or raises ``ValueError``:
``<name> must be ...; got <value>``. Values that can contain a password are not shown. Airflow imports this module at
start-up and with every DAG, so it imports only what Airflow itself has already loaded.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

#: Maximum of any timeout in seconds (one day): much larger values overflow a socket timeout.
MAX_SECONDS = 86400.0


def check_text(name: str, value: Any) -> str:
    """Return a string that is not blank."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{name} must be a non-empty string; got {value!r}")
    return value


def check_choice(name: str, value: Any, allowed: tuple[str, ...]) -> str:
    """Return one of several strings.

    :param allowed: the allowed values.
    """
    for known in allowed:
        if isinstance(value, str) and value == known:
            # Return the plain string: a str Enum member is equal, but formats differently.
            return known
    raise ValueError(f"{name} must be one of {', '.join(allowed)}; got {value!r}")


def check_integer(
    name: str, value: Any, minimum: int = 1, maximum: int | None = None, *, optional: bool = False
) -> Any:
    """Return an integer within limits. Booleans and numeric strings are rejected.

    :param minimum: the minimum, default 1.
    :param maximum: the maximum; ``None`` (default): unlimited.
    :param optional: whether ``None`` is allowed, default False.
    """
    if value is None and optional:
        return None
    if (
        isinstance(value, bool)
        or not isinstance(value, int)
        or not minimum <= value <= (value if maximum is None else maximum)
    ):
        limits = f"of at least {minimum}" if maximum is None else f"from {minimum} to {maximum}"
        raise ValueError(f"{name} must be an integer {limits}{', or None' * optional}; got {value!r}")
    return value


def parse_count(name: str, value: Any) -> int:
    """Return an integer of at least 1. Connection forms store it as a string or a float."""
    try:
        integral = not isinstance(value, bool) and int(value) == float(value)
    except (TypeError, ValueError, OverflowError):
        integral = False
    count: int = check_integer(name, int(value) if integral else value)
    return count


def parse_seconds(name: str, value: Any) -> float:
    """Return a number of seconds above 0, as a float."""
    try:
        seconds = 0.0 if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        seconds = 0.0
    if not 0 < seconds <= MAX_SECONDS:
        raise ValueError(f"{name} must be a number of seconds above 0 and up to {MAX_SECONDS:.0f}; got {value!r}")
    return seconds


def parse_flag(name: str, value: Any) -> bool:
    """Return a boolean, which can also be ``true`` or ``false`` in any case."""
    text = str(value).strip().casefold()
    if text not in ("true", "false"):
        raise ValueError(f"{name} must be true or false; got {value!r}")
    return text == "true"


def parse_verify(name: str, value: Any) -> bool | str:
    """Return whether to verify certificates, or the path of a CA bundle."""
    if not isinstance(value, bool | str) or not str(value).strip():
        raise ValueError(f"{name} must be true, false, or the path of a CA bundle; got {value!r}")
    text = str(value).strip()
    return {"true": True, "false": False}.get(text.casefold(), text)


def parse_proxies(name: str, value: Any) -> tuple[tuple[str, str | None], ...] | None:
    """Return proxies as sorted pairs of a scheme (or ``scheme://host``, or ``no_proxy``) and a URL.

    :param value: one proxy URL, a mapping or its JSON, or the result of this function; ``None`` or empty: not
        configured, so the environment's proxies apply.
    :returns: the pairs; ``None`` if not configured.
    """
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            value = {"http": value, "https": value}
    try:
        pairs = sorted(dict(value or ()).items()) if isinstance(value, Mapping | tuple | None) else None
    except (TypeError, ValueError):
        pairs = None
    if pairs is None or not all(isinstance(key, str) and isinstance(item, str | None) for key, item in pairs):
        example = '{"https": "http://proxy.example:3128"}'
        raise ValueError(f"{name} must be one proxy URL, or proxy URLs by scheme such as {example}")
    return tuple((key, item if key == "no_proxy" else proxy_url(item, name)) for key, item in pairs) or None


def proxy_url(value: str | None, name: str = "proxies") -> str | None:
    """Return a proxy URL that both clients support.

    :param value: URL or ``host:port``; None or blank for no proxy.
    :param name: source of the value for the error message, default ``proxies``.
    :returns: the URL with a scheme; None for no proxy.
    :raises ValueError: not an http or https URL with a host. The message omits the value: it can contain a password.
    """
    text = (value or "").strip()
    if not text:
        return None
    text = text if "://" in text else f"http://{text}"
    try:
        parts = urlsplit(text)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise ValueError(f"{name}: a proxy must be an http:// or https:// URL with a host")
    return text


def parse_url_template(name: str, value: Any) -> str:
    """Return a URL, which can contain the placeholder ``{destination_id}``."""
    if not isinstance(value, str) or not is_web_url(value) or "{" in urlsplit(value).netloc:
        raise ValueError(
            f"{name} must be an http:// or https:// URL; {{destination_id}} may be used in its path or query"
        )
    return value


def is_web_url(text: str) -> bool:
    """Return whether a URL is a safe link: http or https, with a host, without userinfo or control characters.

    :param text: the URL.
    """
    try:
        parts = urlsplit(text)
        host = parts.hostname
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(host) and "@" not in parts.netloc and text.isprintable()
