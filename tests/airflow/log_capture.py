# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Collect log output before masking, from the standard library and from structlog (Airflow 3.1 and later)."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Logged:
    """The lines logged so far, each with its traceback if it has one."""

    lines: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All lines."""
        return "\n".join(self.lines)

    def starting(self, start: str) -> list[str]:
        """Return the lines that start with this prefix."""
        return [line for line in self.lines if line.startswith(start)]


class _Handler(logging.Handler):
    def __init__(self, logged: Logged, level: int) -> None:
        super().__init__(level)
        self._logged = logged

    def emit(self, record: logging.LogRecord) -> None:
        self._logged.lines.append(self.format(record))


@contextmanager
def capture(level: int = logging.DEBUG) -> Iterator[Logged]:
    """Collect log lines at this level and above until the block exits."""
    logged = Logged()
    root, handler = logging.getLogger(), _Handler(logged, level)
    # First in the list: a handler of Airflow 2.11 masks the record in place for all later handlers.
    root.handlers.insert(0, handler)
    try:
        with _structlog(logged):
            yield logged
    finally:
        root.removeHandler(handler)


@contextmanager
def _structlog(logged: Logged) -> Iterator[None]:
    processors: list[Any] = []
    kept: list[Any] = []
    with suppress(ImportError):
        import structlog

        def keep(logger: Any, name: str, event: Any) -> Any:
            text = str(event.get("event"))
            args = event.get("positional_args")
            event = structlog.processors.format_exc_info(logger, name, event)
            logged.lines.append(
                "\n".join(part for part in (text % args if args else text, event.get("exception")) if part)
            )
            raise structlog.DropEvent

        # Modify in place: bound loggers keep a reference to this list.
        processors = structlog.get_config()["processors"]
        kept = list(processors)
        processors[:] = [keep]
    try:
        yield
    finally:
        processors[:] = kept
