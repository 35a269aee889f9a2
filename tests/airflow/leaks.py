# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Search everything that a task exposes for secrets."""

from __future__ import annotations

import json
import traceback
from typing import Any

from airflow_provider_streamkap.testing import StreamkapSimulator
from tests.airflow.log_capture import Logged
from tests.airflow.sensor_modes import TaskInstance


def leaks(streamkap: StreamkapSimulator, logged: Logged, ti: TaskInstance, end: Any, task: Any) -> list[str]:
    """Return the lines and texts that contain a secret or a token.

    :param end: the result of the task, or its exception.
    :param task: the task, with its rendered fields.
    """
    fields = {name: getattr(task, name) for name in task.template_fields}
    shown = [
        *logged.lines,
        *ti.shown,
        json.dumps(ti.pushed),
        json.dumps(fields, default=str),
        repr(task),
        repr(vars(task)),
    ]
    if isinstance(end, BaseException):
        shown += [repr(end), str(end), "".join(traceback.format_exception(end))]
        shown += [repr(link) + str(link) for link in _chain(end)]
    else:
        shown.append(json.dumps(end))
    assert any(logged.lines)
    return [text for text in shown if any(secret in text for secret in streamkap.secrets)]


def _chain(error: BaseException | None) -> list[BaseException]:
    """Return an exception and its causes and contexts, suppressed or not: error collectors can read all of them."""
    found: list[BaseException] = []
    waiting = [error]
    while waiting:
        current = waiting.pop()
        if current is not None and current not in found:
            found.append(current)
            waiting += [current.__cause__, current.__context__]
    return found
