# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Decode a response body into a JSON value that every database and encoder can store.

Numbers are finite and fit in 64 bits, strings can be encoded, and nesting is limited.
"""

from __future__ import annotations

import json
import re
from typing import Any

from airflow_provider_streamkap.api.errors import StreamkapResponseError

#: Maximum nesting depth, well below Python's recursion limit. The documented responses need five levels.
MAX_DEPTH = 64

#: Maximum number of values. A 32 MiB response of timeseries points has fewer.
MAX_VALUES = 2_000_000

# Airflow 3 sends XComs and trigger events as msgpack, which raises OverflowError on larger integers. Larger floats fail
# too: PostgreSQL's jsonb returns them as integers.
_LIMIT = 2.0**63
_LONG_INT = 20

# PostgreSQL's text and jsonb types, which store XComs, reject NUL. Lone surrogates cannot be encoded.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def decode(body: bytes) -> Any:
    """Parse a body as JSON.

    :param body: the complete body, in UTF-8, UTF-16 or UTF-32 (detected as in RFC 4627).
    :raises StreamkapResponseError: the body is empty, is not JSON, or has too many values or levels.
    """
    # Each value takes about 60 bytes of memory, however small the body is.
    if sum(map(body.count, (b"[", b"{", b","))) > MAX_VALUES:
        raise StreamkapResponseError(
            f"the response contains more than {MAX_VALUES:,} values: request less data, such as a shorter period",
            permanent=True,
            transient=False,
        )
    if not body.strip():
        raise StreamkapResponseError("the response is empty; expected JSON")
    try:
        return _loads(body)
    except RecursionError:
        raise StreamkapResponseError("the response is nested too deeply") from None
    except ValueError:
        raise StreamkapResponseError("the response is not JSON") from None


def _loads(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise
    except ValueError:
        # Python rejects integers of several thousand digits.
        return json.loads(body, parse_int=lambda digits: int(digits) if len(digits) < _LONG_INT else float(digits))


def clean(value: Any, depth: int = MAX_DEPTH) -> Any:
    """Return a copy of a JSON value that any strict JSON encoder and database accepts.

    Numbers that are not finite or do not fit in 64 signed bits become None (unknown). NUL and lone surrogates become
    the replacement character.

    :param value: the value, as returned by :func:`decode` or of any JSON type.
    :param depth: maximum nesting depth, default :data:`MAX_DEPTH`.
    :raises StreamkapResponseError: the value is nested too deeply or contains a type that JSON does not have.
    """
    # Most frequent types first: this runs for every value of every poll.
    if isinstance(value, str):
        return replace_unstorable(value)
    if isinstance(value, float | int):
        return value if -_LIMIT <= value < _LIMIT else None
    if value is None:
        return None
    if depth <= 0:
        raise StreamkapResponseError("the response is nested too deeply")
    if isinstance(value, list):
        return [clean(item, depth - 1) for item in value]
    if isinstance(value, dict):
        return {replace_unstorable(str(key)): clean(item, depth - 1) for key, item in value.items()}
    raise StreamkapResponseError(f"the response contains a {type(value).__name__}, which is not a JSON type")


def replace_unstorable(text: str) -> str:
    """Replace characters that databases or encodings reject: NUL and lone surrogates.

    :param text: any string.
    """
    # Fast path: this runs for every string of every poll, and nearly all are plain ASCII.
    if text.isascii() and "\0" not in text:
        return text
    return _UNSTORABLE.sub("\ufffd", text)


def is_number(value: object) -> bool:
    """Return whether a JSON value is a number. Booleans are not.

    :param value: a JSON value.
    """
    return isinstance(value, (int, float)) and not isinstance(value, bool)
