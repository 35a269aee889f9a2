# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Format an exception with everything that an error collector can read, including local variables."""

from __future__ import annotations

import traceback
from collections.abc import Iterable
from pathlib import Path

_TESTS = str(Path(__file__).parents[1])


def chain(error: BaseException) -> list[BaseException]:
    """Return an exception with its causes and contexts, suppressed or not."""
    found: list[BaseException] = []
    waiting: list[BaseException | None] = [error]
    while waiting:
        current = waiting.pop()
        if current is not None and current not in found:
            found.append(current)
            waiting += [current.__cause__, current.__context__]
    return found


def shown(error: BaseException) -> list[str]:
    """Return the parts of every traceback: each frame with its local variables, each exception with its arguments.

    Frames of tests are skipped, because they contain the secrets they search for.
    """
    parts: list[str] = []
    for link in chain(error):
        trace = traceback.TracebackException.from_exception(link, capture_locals=True)
        parts += ["".join(trace.format_exception_only()), repr(link), repr(link.args), repr(vars(link))]
        parts += [
            f"{frame.filename}:{frame.lineno} {name} = {value}"
            for frame in trace.stack
            if not frame.filename.startswith(_TESTS)
            for name, value in (frame.locals or {}).items()
        ]
    return parts


def leaks(error: BaseException, secrets: Iterable[str]) -> list[str]:
    """Return the parts that contain a secret."""
    hidden = [form for secret in secrets for form in {secret, secret.replace('"', '\\"')}]
    return [part[:300] for part in shown(error) if any(secret in part for secret in hidden)]
