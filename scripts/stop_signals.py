# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Signals of a program that has started others: none of them may leave the others running behind it."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import NoReturn

Handler = Callable[[int, FrameType | None], object] | signal.Handlers


@contextlib.contextmanager
def _handled(handler: Handler, *numbers: signal.Signals) -> Iterator[None]:
    """Handle these signals in this way within a block, where Python lets us: in the main thread."""
    main = threading.current_thread() is threading.main_thread()
    before = {number: signal.signal(number, handler) for number in numbers} if main else {}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def _leave(number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)


def signals_as_exceptions() -> contextlib.AbstractContextManager[None]:
    """Make an exception of what would end this process at once and leave Airflow running behind it."""
    return _handled(_leave, signal.SIGTERM, signal.SIGHUP)


def no_interruption() -> contextlib.AbstractContextManager[None]:
    """Let a second Ctrl-C not cut the clearing up short."""
    return _handled(signal.SIG_IGN, signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def interruption_later() -> Iterator[None]:
    """Let a block end first: a process that was started and not yet noted would be left behind."""
    came: list[int] = []
    with _handled(lambda number, _frame: came.append(number), signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        yield
    for number in came:
        signal.raise_signal(number)
