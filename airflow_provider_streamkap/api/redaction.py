# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Keep secrets out of what people read: URLs, texts and JSON values are cleaned before they reach a message."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

HIDDEN = "***"

_SECRET_NAME = re.compile(
    r"secret|token|passw|pwd|api[_-]?key|project[_-]?key|credential|authori[sz]ation|signature", re.I
)
# A JSON web token, and whatever follows "Bearer": the shapes in which a token shows up in a proxy's page.
_SECRET_TEXT = re.compile(r"\beyJ[\w-]{5,}(?:\.[\w-]*)*|(?<=\bbearer )\S+", re.I)
_USERINFO = re.compile(r"(?<=://)[^\s/@]{1,400}@")
# It begins with the name itself and is bounded: a word in front of it would make long texts cost quadratic time.
_SECRET_PAIR = re.compile(
    r"""((?:secret|token|passw|pwd|api[_-]?key|project[_-]?key)[\w.-]{0,40}["']?\s{0,3}[:=]\s{0,3})"""
    r"""("[^"]*"?|'[^']*'?|[^\s&,;<>{}]+)""",
    re.I,
)
# Shorter "secrets" would blank out half of a message and protect nothing.
_SHORTEST_SECRET = 4


def redact_text(text: str, secrets: Iterable[str] = ()) -> str:
    """Replace known secrets, tokens and values that stand behind a secret's name.

    :param text: any text, for instance the start of an answer's body.
    :param secrets: values that are known to be secret and are replaced wherever they stand.
    """
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, HIDDEN)
    text = _USERINFO.sub(f"{HIDDEN}@", _SECRET_TEXT.sub(HIDDEN, text))
    return _SECRET_PAIR.sub(rf"\g<1>{HIDDEN}", text)


def redact_value(value: Any, secrets: Iterable[str] = ()) -> Any:
    """Do the same to a JSON value: what stands under a secret's name is replaced as a whole.

    :param value: a JSON value.
    :param secrets: as in :func:`redact_text`.
    """
    secrets = tuple(secrets)
    if isinstance(value, str):
        return redact_text(value, secrets)
    if isinstance(value, list):
        return [redact_value(item, secrets) for item in value]
    if isinstance(value, dict):
        return {
            redact_text(key, secrets): HIDDEN
            if item is not None and _SECRET_NAME.search(key)
            else redact_value(item, secrets)
            for key, item in value.items()
        }
    return value


def redact_url(url: str) -> str:
    """Take the userinfo out of a URL, and the values of query parameters whose names look secret.

    :param url: an absolute or relative URL; one that cannot be read is replaced as a whole.
    """
    try:
        parts = urlsplit(url)
        netloc = parts.netloc.rpartition("@")[2]
        query = parts.query
        pairs = parse_qsl(query, keep_blank_values=True)
        if any(_SECRET_NAME.search(name) for name, _ in pairs):
            hidden = [(name, HIDDEN if _SECRET_NAME.search(name) else value) for name, value in pairs]
            query = urlencode(hidden, safe="*:")
        return urlunsplit((parts.scheme, netloc, parts.path, query, ""))
    except ValueError:
        return HIDDEN
