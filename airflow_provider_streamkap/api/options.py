# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The fields and options of a connection, each declared once.

The connection form, the connection parser, ``ClientSettings`` and the table in ``docs/connection.md`` use these
declarations.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from airflow_provider_streamkap.api.checks import (
    parse_count,
    parse_flag,
    parse_proxies,
    parse_seconds,
    parse_url_template,
    parse_verify,
)

DEFAULT_BASE_URL = "https://api.streamkap.com"

# Not a NamedTuple or dataclass: creating these would add 1.3 ms to every start of Airflow.


class Field:
    """A standard field of an Airflow connection.

    :param label: label in the form.
    :param placeholder: placeholder in the form.
    :param variable: environment variable that is used if the field is empty; default: none.
    """

    def __init__(self, label: str, placeholder: str, variable: str = "") -> None:
        self.label = label
        self.placeholder = placeholder
        self.variable = variable


class Option:
    """A key of a connection's extra.

    :param parse: validates and converts a value; called with the name for error messages.
    :param default: the default.
    :param label: label in the form.
    :param description: one or two sentences in Markdown.
    :param json_type: JSON type in the form.
    :param unset: the default in words, if it is ``None``.
    :param limits: additional keys of the JSON schema in the form.
    """

    def __init__(
        self,
        parse: Callable[[str, Any], Any],
        default: Any,
        label: str,
        description: str,
        json_type: str,
        unset: str = "",
        **limits: int,
    ) -> None:
        self.parse = parse
        self.default = default
        self.label = label
        self.description = description
        self._json_type = json_type
        self._limits = limits
        self._unset = unset

    @property
    def default_text(self) -> str:
        """The default in Markdown."""
        if isinstance(self.default, bool):
            return f"`{str(self.default).lower()}`"
        return self._unset if self.default is None else f"{self.default:g}"

    @property
    def form_field(self) -> dict[str, Any]:
        """The declaration of the form's field, in plain text."""
        return {
            "label": self.label,
            "description": f"{self.description} Default: {self.default_text}.".replace("`", ""),
            # "null" makes the field optional: without it the form cannot be saved empty.
            "schema": {"type": [self._json_type, "null"], **self._limits},
        }


FIELDS = {
    "host": Field("API URL", DEFAULT_BASE_URL, "STREAMKAP_HOST"),
    "login": Field("Client ID", "leave empty with a project key", "STREAMKAP_CLIENT_ID"),
    "password": Field(
        "Secret or project key", "the secret of the client ID, or the content of a project key file", "STREAMKAP_SECRET"
    ),
    # Shown, because the form of Airflow 3.3.2 sends port 0 for an empty field, and its API then treats the host as
    # changed.
    "port": Field("Port", "443"),
}

OPTIONS = {
    "timeout": Option(
        parse_seconds, 30.0, "Timeout", "Timeout of one request in seconds.", "number", exclusiveMinimum=0
    ),
    "max_attempts": Option(
        parse_count,
        5,
        "Attempts",
        "Maximum attempts of a call (for a sensor, of one poll) that fails with a transient error.",
        "integer",
        minimum=1,
    ),
    "verify": Option(
        parse_verify,
        True,
        "Verify TLS",
        "`true`, `false`, or the path of a CA bundle on workers and triggerers.",
        "string",
    ),
    "proxies": Option(
        parse_proxies,
        None,
        "Proxies",
        'Proxy URLs by scheme, as JSON: `{"https": "http://proxy.example:3128"}`.',
        "object",
        unset="the proxy variables of the environment",
    ),
    "app_url_template": Option(
        parse_url_template,
        None,
        "Link template",
        "URL of a destination's page in the Streamkap application. `{destination_id}` is replaced by the id.",
        "string",
        unset="the application's front page",
    ),
    "max_concurrency": Option(
        parse_count,
        16,
        "Concurrent requests",
        "Maximum concurrent requests on this connection, per triggerer or per task that reads a list.",
        "integer",
        minimum=1,
    ),
    "allow_http": Option(
        parse_flag,
        False,
        "Allow plain HTTP",
        "Accept an API URL without TLS on a host other than loopback. Credentials are then sent unencrypted.",
        "boolean",
    ),
}
