# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""What an Airflow connection of type ``streamkap`` means: its fields, its extra, and what the environment fills."""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import Any, Protocol
from urllib.parse import quote, urlsplit

from airflow_provider_streamkap.api.errors import brief
from airflow_provider_streamkap.api.settings import ClientSettings, Credentials

APP_URL = "https://app.streamkap.com"
"""The front page of Streamkap's web application; the address of one destination's page is not published."""


class ConnectionLike(Protocol):
    """The fields of an Airflow connection that are read, which 2.11 and 3.x name alike."""

    conn_id: Any
    host: Any
    port: Any
    schema: Any
    login: Any
    password: Any


@dataclass(frozen=True, slots=True)
class StreamkapConnection:
    """A connection, understood.

    :param settings: what the clients need.
    :param app_url_template: link to a destination's page, with ``{destination_id}``; ``None``: not configured.
    :param max_concurrency: concurrent requests of a triggerer, and of a task that reads a list, on this connection.
    :param unknown: what to say about keys of the extra that mean nothing, a sentence each.
    """

    settings: ClientSettings
    app_url_template: str | None = None
    max_concurrency: int = 16
    unknown: tuple[str, ...] = ()

    def secrets(self) -> tuple[str, ...]:
        """Give every value in here that must not be shown, the password of a proxy included."""
        return self.settings.secrets()

    def app_url(self, destination_id: str) -> str:
        """Give the address of a destination in Streamkap's web application.

        :param destination_id: the destination.
        :returns: the template of the connection filled in, or the application's front page.
        """
        if not self.app_url_template:
            return APP_URL
        return self.app_url_template.replace("{destination_id}", quote(destination_id, safe=""))


def is_web_url(text: str) -> bool:
    """Return whether a link may lead to a URL: http or https, with a host, without a login or control characters.

    :param text: the URL.
    """
    try:
        parts = urlsplit(text)
        host = parts.hostname
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(host) and "@" not in parts.netloc and text.isprintable()


def parse_connection(
    conn: ConnectionLike, extra: Mapping[str, Any], environ: Mapping[str, str] = os.environ
) -> StreamkapConnection:
    """Read an Airflow connection.

    :param conn: the connection; login is the client id and password the secret, or there is no login and the
        password is the whole project key; host is the base URL.
    :param extra: the connection's extra as a dict; what is empty or blank counts as not given.
    :param environ: names the host where the connection does not (``STREAMKAP_HOST``), and holds the credentials of a
        connection that has none (``STREAMKAP_CLIENT_ID`` and ``STREAMKAP_SECRET``). Those are used as a pair, and not
        if the connection names a host, turns off the check of certificates or sends plain HTTP through a proxy: whoever
        may edit connections could otherwise have the deployment's secret sent anywhere.
    :raises ValueError: something is missing or makes no sense; the message names connection and field, and holds
        no secret.
    """
    try:
        return _understand(conn, extra, environ)
    except ValueError as error:
        said = f"Connection {conn.conn_id!r}: {error}"
    # A connection of Airflow shows its password, and the environment everything, to who takes local variables along.
    del conn, extra, environ
    raise ValueError(said) from None


def _understand(conn: ConnectionLike, extra: Mapping[str, Any], environ: Mapping[str, str]) -> StreamkapConnection:
    if not isinstance(extra, Mapping):
        raise ValueError("extra must be a JSON object")
    options: dict[str, Any] = {
        name: convert(name, extra[name]) for name, convert in EXTRA_FIELDS.items() if not _blank(extra.get(name))
    }
    max_concurrency = options.pop("max_concurrency", 16)
    template = options.pop("app_url_template", None)
    field, base_url = _base_url(conn, environ)
    readable = options.get("verify") is False or ("proxies" in options and base_url.lower().startswith("http:"))
    credentials = _credentials(conn, {} if field == "host" or readable else environ)
    if base_url:
        options["base_url"] = base_url
    try:
        settings = ClientSettings(credentials, **options)
    except ValueError as error:
        # Whoever reads this has filled in a form, in which the base URL has another name.
        said = str(error)
        raise ValueError(f"{field}{said.removeprefix('base_url')}" if said.startswith("base_url") else said) from None
    return StreamkapConnection(settings, template, max_concurrency, tuple(_unknown(extra)))


def _unknown(extra: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted(set(map(str, extra)) - set(EXTRA_FIELDS)):
        near = difflib.get_close_matches(name.removeprefix("extra__streamkap__").casefold(), EXTRA_FIELDS, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(EXTRA_FIELDS)}"
        yield f"extra key {brief(name)[:80]!r} is unknown and ignored; {hint}"


def _blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _base_url(conn: ConnectionLike, environ: Mapping[str, str]) -> tuple[str, str]:
    """Give the base URL that was configured, if any, and where."""
    host = (conn.host or "").strip()
    if not host:
        return "STREAMKAP_HOST", environ.get("STREAMKAP_HOST", "").strip()
    scheme, separator, rest = host.rpartition("://")
    netloc, slash, path = rest.partition("/")
    if not separator:
        scheme = (conn.schema or "").strip().casefold() or "https"
        if scheme not in ("http", "https"):
            raise ValueError(f"schema must be http or https, or empty; got {conn.schema!r}")
    return "host", f"{scheme}://{_with_port(netloc, conn.port)}{slash}{path}"


def _with_port(netloc: str, port: Any) -> str:
    with suppress(ValueError):
        # A connection's URI loses the brackets of an IPv6 address.
        netloc = f"[{IPv6Address(netloc)}]"
    _, colon, own = netloc.rpartition("]")[2].rpartition(":")
    if not port or own == str(port):
        return netloc
    if colon:
        raise ValueError(f"port is {port}, but host names another one; leave one of them empty")
    return f"{netloc}:{port}"


def _credentials(conn: ConnectionLike, environ: Mapping[str, str]) -> Credentials:
    login, password = (conn.login or "").strip(), (conn.password or "").strip()
    if password and not login:
        return Credentials(project_key=password)
    if not login:
        login = environ.get("STREAMKAP_CLIENT_ID", "").strip()
        password = environ.get("STREAMKAP_SECRET", "").strip()
    if not login or not password:
        raise ValueError(
            "no credentials: set login to the client id and password to the secret, or leave login empty and put the "
            "whole project key into password; or leave host, login and password empty and set STREAMKAP_CLIENT_ID and "
            "STREAMKAP_SECRET in the environment (not used with a host or with verify set to false)"
        )
    return Credentials(client_id=login, secret=password)


def _number(name: str, value: Any) -> float:
    try:
        if isinstance(value, bool):
            raise TypeError
        return float(value)
    except (TypeError, ValueError):
        raise ValueError(f"extra {name} must be a number of seconds, such as 30; got {value!r}") from None


def _count(name: str, value: Any) -> int:
    try:
        if isinstance(value, bool) or int(value) != float(value) or int(value) < 1:
            raise TypeError
        return int(value)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"extra {name} must be an integer of at least 1; got {value!r}") from None


def _flag(name: str, value: Any) -> bool:
    text = str(value).strip().casefold()
    if text not in ("true", "false"):
        raise ValueError(f"extra {name} must be true or false; got {value!r}")
    return text == "true"


def _verify(name: str, value: Any) -> bool | str:
    if isinstance(value, bool) or (isinstance(value, str) and value.strip().casefold() in ("true", "false")):
        return _flag(name, value)
    if not isinstance(value, str):
        raise ValueError(f"extra {name} must be true, false or the path of a CA bundle; got {value!r}")
    return value.strip()


def _proxies(name: str, value: Any) -> Mapping[str, str]:
    # The form hands over text; a value may hold a password, so that no message repeats it.
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            value = {"http": value, "https": value}
    if not isinstance(value, Mapping) or not all(isinstance(item, str) for pair in value.items() for item in pair):
        raise ValueError(
            f'extra {name} must be one proxy URL or a JSON object such as {{"https": "http://proxy.example:3128"}}'
        )
    return value


def _template(name: str, value: Any) -> str:
    wrong = ValueError(f"extra {name} must be an http(s) URL with {{destination_id}} in its path or query")
    if not isinstance(value, str) or not is_web_url(value) or "{" in urlsplit(value).netloc:
        raise wrong
    return value


EXTRA_FIELDS: Mapping[str, Callable[[str, Any], Any]] = {
    "timeout": _number,
    "max_attempts": _count,
    "verify": _verify,
    "proxies": _proxies,
    "app_url_template": _template,
    "max_concurrency": _count,
    "allow_http": _flag,
}
"""The keys of the extra, and how each is read."""
