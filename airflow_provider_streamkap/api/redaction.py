# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Redact secrets in URLs, text and JSON values before they are logged or raised."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

HIDDEN = "***"

_SECRET_NAME = re.compile(
    r"secret|token|passw|pwd|api[_-]?key|project[_-]?key|credential|authori[sz]ation|signature", re.I
)
# A JSON Web Token, or the word after "Bearer", as echoed by a proxy's error page.
_SECRET_TEXT = re.compile(r"\beyJ[\w-]{5,}(?:\.[\w-]*)*|(?<=\bbearer )\S+", re.I)
_USERINFO = re.compile(r"(?<=://)[^\s/@]{1,400}@")
# The pattern starts with the name and is bounded: a leading wildcard would take quadratic time on long text.
_SECRET_PAIR = re.compile(
    r"""((?:secret|token|passw|pwd|api[_-]?key|project[_-]?key)[\w.-]{0,40}["']?\s{0,3}[:=]\s{0,3})"""
    r"""("[^"]*"?|'[^']*'?|[^\s&,;<>{}]+)""",
    re.I,
)
_TITLE = re.compile(r"<title[^>]*>([^<]*)", re.I)
_NOT_TEXT = re.compile(r"<(script|style)\b.*?</\1>|<[^>]*>", re.I | re.S)
_MARKUP = re.compile(r"\s*(?:<!doctype html|<html|<head|<body)", re.I)
# Maximum length of HTML to search: the start of an error page is enough.
_MAX_MARKUP = 4096
# Maximum bytes of a body to search, levels of HTML escaping to decode, and characters per encoded character, such as
# %F0%9F%98%80.
_MAX_BODY = 64 * 1024
_MAX_ESCAPES = 4
_MAX_ENCODED_CHAR = 12
# Minimum length of a secret: redacting shorter ones would blank out half of a message.
_MIN_SECRET = 4


def redact_text(text: str, secrets: Iterable[str] = ()) -> str:
    """Return text without secrets: known values, tokens, and values after a secret's name.

    HTML is reduced to plain text, so that an escaped secret is found. Truncate the result, never the input: a truncated
    secret would not be found.

    :param text: any text, for example a response body.
    :param secrets: known secrets, found plain, URL-encoded, JSON-escaped, HTML-escaped and in base64; default none.
    """
    patterns = _patterns(frozenset(secret for secret in secrets if len(secret) >= _MIN_SECRET))
    text = _hide(_decoded(text), patterns)
    if _MARKUP.match(text):
        title = _TITLE.search(text[:_MAX_MARKUP])
        shown = title[1] if title and title[1].strip() else _NOT_TEXT.sub(" ", text[:_MAX_MARKUP])
        text = _hide(shown, patterns)
    text = _USERINFO.sub(f"{HIDDEN}@", _SECRET_TEXT.sub(HIDDEN, text))
    return _SECRET_PAIR.sub(rf"\g<1>{HIDDEN}", text)


def redact_body(body: bytes, secrets: Iterable[str], limit: int) -> str:
    """Return the start of a response body, redacted.

    :param body: the body.
    :param secrets: as in :func:`redact_text`.
    :param limit: maximum number of characters to return.
    """
    secrets = tuple(secrets)
    text = body[:_MAX_BODY].decode("utf-8", "replace")
    if len(body) > _MAX_BODY:
        # A secret that was truncated here would not be found, so drop as many characters as one can have.
        text = text[: max(_MAX_BODY - _MAX_ENCODED_CHAR * max(map(len, secrets), default=0), 0)]
    return redact_text(text, secrets).strip()[:limit]


def _decoded(text: str) -> str:
    for _ in range(_MAX_ESCAPES):
        before, text = text, html.unescape(text)
        if text == before:
            break
    return text


def _hide(text: str, patterns: Iterable[re.Pattern[str]]) -> str:
    for pattern in patterns:
        text = pattern.sub(HIDDEN, text)
    return text


# Compiling takes 30 us, and an error can contain hundreds of texts.
@lru_cache(maxsize=64)
def _patterns(secrets: frozenset[str]) -> tuple[re.Pattern[str], ...]:
    """Return one pattern per secret, longest first."""
    values = {form for secret in secrets for form in (secret, _decoded(secret), *_base64(secret))}
    return tuple(re.compile("".join(map(_char_pattern, value))) for value in sorted(values, key=len, reverse=True))


def _base64(secret: str) -> Iterator[str]:
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        yield encode(secret.encode("utf-8", "replace")).decode().rstrip("=")


def _char_pattern(char: str) -> str:
    """Return a pattern that matches a character plain, URL-encoded and JSON-escaped."""
    if char.isascii() and (char.isalnum() or char in "-_."):
        return re.escape(char)
    units = char.encode("utf-16-be", "surrogatepass")
    escaped = "".join(rf"\\+u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
    percent = "".join(f"%{byte:02x}" for byte in char.encode("utf-8", "replace"))
    # Nested JSON has several backslashes.
    named = {" ": r"\+", "/": r"\\+/", '"': r'\\+"', "\\": r"\\+", "\n": r"\\+n", "\t": r"\\+t", "\r": r"\\+r"}.get(
        char
    )
    forms = [f"(?i:{escaped})", f"(?i:{percent})", *([named] if named else []), re.escape(char)]
    return f"(?:{'|'.join(forms)})"


def redact_value(value: Any, secrets: Iterable[str] = ()) -> Any:
    """Return a JSON value without secrets. Values under a secret's name are replaced completely.

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
    """Return a URL without userinfo and without the values of query parameters whose names look secret.

    :param url: an absolute or relative URL; an invalid one is replaced completely.
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
