# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The encodings in which a server or a log can contain a secret."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Iterable
from urllib.parse import quote, quote_plus


def spellings(secret: str, login: str = "") -> frozenset[str]:
    """Return every encoding of a secret to search for.

    :param secret: the secret.
    :param login: the user name before it in HTTP Basic authentication, if any.
    """
    escaped = json.dumps(secret)[1:-1]
    found = {
        secret,
        escaped,
        json.dumps(escaped)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        secret.replace("/", "\\/"),
        repr(secret)[1:-1],
        html.escape(secret),
        "".join(char if char.isalnum() else f"&#{ord(char)};" for char in secret),
        "".join(char if char.isalnum() else f"&#x{ord(char):X};" for char in secret),
        quote(secret),
        quote(secret, safe=""),
        quote_plus(secret),
        quote(secret, safe="").replace("%2F", "%2f").replace("%2B", "%2b"),
        *_base64(secret),
    }
    return frozenset(found | ({*_base64(f"{login}:{secret}")} if login else set()))


def _base64(text: str) -> Iterable[str]:
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        yield encode(text.encode()).decode().rstrip("=")
