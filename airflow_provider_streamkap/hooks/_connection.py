# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Parse an Airflow connection of type ``streamkap``: its fields, its extra and environment variables."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import Any, Protocol
from urllib.parse import quote

from airflow_provider_streamkap.api.errors import single_line
from airflow_provider_streamkap.api.options import FIELDS, OPTIONS
from airflow_provider_streamkap.api.settings import ClientSettings, Credentials

APP_URL = "https://app.streamkap.com"
"""URL of Streamkap's web application. The URL format of a destination's page is not documented."""


class ConnectionLike(Protocol):
    """The connection fields that this package reads. Their names are the same in Airflow 2.11 and 3.x."""

    conn_id: Any
    host: Any
    port: Any
    schema: Any
    login: Any
    password: Any


@dataclass(frozen=True, slots=True)
class StreamkapConnection:
    """A parsed connection.

    :param settings: client settings.
    :param app_url_template: URL of a destination's page, with ``{destination_id}``; ``None`` (default): not configured.
    :param max_concurrency: maximum concurrent requests on this connection, per triggerer and per task that reads a
        list; default 16.
    :param unknown: one message per unknown key of the extra; default none.
    """

    settings: ClientSettings
    app_url_template: str | None = OPTIONS["app_url_template"].default
    max_concurrency: int = OPTIONS["max_concurrency"].default
    unknown: tuple[str, ...] = ()

    def secrets(self) -> tuple[str, ...]:
        """Return all values that must be redacted, including proxy passwords."""
        return self.settings.secrets()

    def app_url(self, destination_id: str) -> str:
        """Return the URL of a destination in Streamkap's web application.

        :param destination_id: id of the destination.
        :returns: the connection's template with the id, or :data:`APP_URL` without a template.
        """
        if not self.app_url_template:
            return APP_URL
        return self.app_url_template.replace("{destination_id}", quote(destination_id, safe=""))


def parse_connection(
    conn: ConnectionLike, extra: Mapping[str, Any], environ: Mapping[str, str] = os.environ
) -> StreamkapConnection:
    """Parse an Airflow connection.

    :param conn: the connection. Login is the client id and password the secret; without a login, password is the
        complete project key. Host is the base URL.
    :param extra: the connection's extra as a dict; blank values are ignored.
    :param environ: environment variables, default ``os.environ``. ``STREAMKAP_HOST`` is used if the connection has no
        host, ``STREAMKAP_CLIENT_ID`` and ``STREAMKAP_SECRET`` (as a pair) if it has no credentials. The pair is ignored
        if the connection sets a host, turns off certificate verification or sends plain http through a proxy:
        otherwise, users who can edit connections could send the deployment's secret to a server of their choice.
    :raises ValueError: a field is missing or invalid; the message names the connection and the field, without secrets.
    """
    try:
        return _parse(conn, extra, environ)
    except ValueError as error:
        message = f"Connection {conn.conn_id!r}: {error}"
    # Delete secrets from this frame: error trackers can record local variables.
    del conn, extra, environ
    raise ValueError(message) from None


def _parse(conn: ConnectionLike, extra: Mapping[str, Any], environ: Mapping[str, str]) -> StreamkapConnection:
    if not isinstance(extra, Mapping):
        raise ValueError("extra must be a JSON object")
    options: dict[str, Any] = {
        name: option.parse(f"extra {name}", extra[name])
        for name, option in OPTIONS.items()
        if not _blank(extra.get(name))
    }
    own = {name: options.pop(name) for name in ("app_url_template", "max_concurrency") if name in options}
    field, base_url = _host(conn, environ)
    insecure = options.get("verify") is False or ("proxies" in options and base_url.lower().startswith("http:"))
    credentials = _credentials(conn, {} if field == "host" or insecure else environ)
    if base_url:
        options["base_url"] = base_url
    try:
        settings = ClientSettings(credentials, **options)
    except ValueError as error:
        # Name the connection field or variable instead of the base_url setting.
        text = str(error)
        raise ValueError(f"{field}{text.removeprefix('base_url')}" if text.startswith("base_url") else text) from None
    return StreamkapConnection(settings, **own, unknown=tuple(_unknown_keys(extra)))


def _unknown_keys(extra: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted(set(map(str, extra)) - set(OPTIONS)):
        matches = difflib.get_close_matches(name.removeprefix("extra__streamkap__").casefold(), OPTIONS, 1)
        hint = f"did you mean {matches[0]!r}?" if matches else f"known keys: {', '.join(OPTIONS)}"
        yield f"extra key {single_line(name)[:80]!r} is unknown and ignored; {hint}"


def _blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _host(conn: ConnectionLike, environ: Mapping[str, str]) -> tuple[str, str]:
    """Return the field or variable that sets the base URL, and its value (may be empty)."""
    host = (conn.host or "").strip()
    if not host:
        return FIELDS["host"].variable, environ.get(FIELDS["host"].variable, "").strip()
    scheme, separator, rest = host.rpartition("://")
    netloc, slash, path = rest.partition("/")
    if not separator:
        scheme = (conn.schema or "").strip().casefold() or "https"
        if scheme not in ("http", "https"):
            raise ValueError(f"schema must be http or https, or empty; got {conn.schema!r}")
    return "host", f"{scheme}://{_with_port(netloc, conn.port)}{slash}{path}"


def _with_port(netloc: str, port: Any) -> str:
    with suppress(ValueError):
        # Airflow drops the brackets of an IPv6 address when it parses a connection URI.
        netloc = f"[{IPv6Address(netloc)}]"
    _, colon, host_port = netloc.rpartition("]")[2].rpartition(":")
    if not port or host_port == str(port):
        return netloc
    if colon:
        raise ValueError(f"port is {port}, but host contains a different port; remove one of them")
    return f"{netloc}:{port}"


def _credentials(conn: ConnectionLike, environ: Mapping[str, str]) -> Credentials:
    login, password = (conn.login or "").strip(), (conn.password or "").strip()
    if password and not login:
        return Credentials(project_key=password)
    if not login:
        login, password = (environ.get(FIELDS[name].variable, "").strip() for name in ("login", "password"))
    if not login or not password:
        raise ValueError(
            "no credentials: set login to the client id and password to the secret; or leave login empty and set "
            "password to the complete project key; or leave host, login and password empty and set STREAMKAP_CLIENT_ID "
            "and STREAMKAP_SECRET in the environment (ignored if host is set or verify is false)"
        )
    return Credentials(client_id=login, secret=password)
