# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Find the processes to stop together with an Airflow."""

from __future__ import annotations

import contextlib
import os

import psutil


def processes_of(sessions: set[int]) -> list[psutil.Process]:
    """Return all running processes of these sessions and their descendants, including those in other sessions."""
    found: dict[int, psutil.Process] = {}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, ProcessLookupError, PermissionError):
            if os.getsid(process.pid) in sessions:
                found |= {child.pid: child for child in (process, *process.children(recursive=True))}
    return list(found.values())
