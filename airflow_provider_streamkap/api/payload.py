# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Decode a response body into a JSON value that every database and encoder can store.

Numbers are finite and fit in 64 bits, texts can be encoded, and the depth is bounded.
"""

from __future__ import annotations

import json
import re
from typing import Any

from airflow_provider_streamkap.api.errors import StreamkapResponseError

#: Levels of nesting that are read. The documented answers need five; how many recursion bears, the caller decides.
MAX_DEPTH = 64

#: Values that are read. A large response of points, in 32 MiB, has fewer.
MAX_VALUES = 2_000_000

# Airflow 3 sends XComs and the events of triggers as msgpack, which raises OverflowError on a larger integer. A larger
# float is no better: PostgreSQL's jsonb hands it out as an integer.
_LIMIT = 2.0**63
_LONG_INT = 20

# PostgreSQL's text and jsonb, where XCom lives, refuse NUL, and a lone surrogate cannot be encoded at all.
_UNSOUND = re.compile("[\x00\ud800-\udfff]")


def decode(body: bytes) -> Any:
    """Parse a body as JSON.

    :param body: the whole body; UTF-8, or UTF-16 or UTF-32 with the marks that RFC 4627 knows.
    :raises StreamkapResponseError: if it is empty or not JSON.
    """
    # Each takes some 60 bytes of memory, whatever the body's size.
    if sum(map(body.count, (b"[", b"{", b","))) > MAX_VALUES:
        raise StreamkapResponseError(
            f"the answer holds more than {MAX_VALUES:,} values", permanent=True, transient=False
        )
    if not body.strip():
        raise StreamkapResponseError("the answer is empty where JSON was expected")
    try:
        return _loads(body)
    except RecursionError:
        raise StreamkapResponseError("the answer is nested too deeply") from None
    except ValueError:
        raise StreamkapResponseError("the answer is not JSON") from None


def _loads(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise
    except ValueError:
        # Python refuses to convert an integer of several thousand digits.
        return json.loads(body, parse_int=lambda digits: int(digits) if len(digits) < _LONG_INT else float(digits))


def clean(value: Any, depth: int = MAX_DEPTH) -> Any:
    """Copy a JSON value so that every strict JSON writer and database takes it.

    A number that is not finite or does not fit in 64 signed bits becomes None: it is unknown. NUL and lone surrogates
    become the replacement character.

    :param value: what :func:`decode` gave, or any value of JSON's types.
    :param depth: levels of nesting that are still allowed.
    :raises StreamkapResponseError: if it is nested too deeply or holds what JSON cannot.
    """
    # In the order in which they are frequent: all values of every poll come by here.
    if isinstance(value, str):
        return sound(value)
    if isinstance(value, float | int):
        return value if -_LIMIT <= value < _LIMIT else None
    if value is None:
        return None
    if depth <= 0:
        raise StreamkapResponseError("the answer is nested too deeply")
    if isinstance(value, list):
        return [clean(item, depth - 1) for item in value]
    if isinstance(value, dict):
        return {sound(str(key)): clean(item, depth - 1) for key, item in value.items()}
    raise StreamkapResponseError(f"the answer holds a {type(value).__name__}, which is no JSON")


def sound(text: str) -> str:
    """Replace what no database or no encoding takes: NUL and lone surrogates.

    :param text: any text.
    """
    # Nearly every text is plain, and all texts of every poll come by here.
    if text.isascii() and "\0" not in text:
        return text
    return _UNSOUND.sub("\ufffd", text)


def is_number(value: object) -> bool:
    """Tell whether a JSON value is a number; true and false are none.

    :param value: a JSON value.
    """
    return isinstance(value, (int, float)) and not isinstance(value, bool)
