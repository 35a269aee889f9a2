# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Signal handling for programs that start child processes, so that no child is left running."""

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
    """Install a signal handler within a block; no-op outside the main thread."""
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
    """Convert SIGTERM and SIGHUP to SystemExit, so that cleanup code runs and Airflow is stopped."""
    return _handled(_leave, signal.SIGTERM, signal.SIGHUP)


def no_interruption() -> contextlib.AbstractContextManager[None]:
    """Ignore signals during cleanup, such as a second Ctrl-C."""
    return _handled(signal.SIG_IGN, signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def interruption_later() -> Iterator[None]:
    """Defer signals to the end of a block, so that a new process is registered before it can be interrupted."""
    received: list[int] = []
    with _handled(lambda number, _frame: received.append(number), signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        yield
    for number in received:
        signal.raise_signal(number)
