# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""What only a running operator needs, imported on first use."""

from __future__ import annotations

from airflow_provider_streamkap._results import api_exception, raise_task_exceptions, task_result
from airflow_provider_streamkap.api.errors import (
    StreamkapError,
    StreamkapNameError,
    StreamkapNotFoundError,
    resource_label,
    short_name,
    single_line,
)
from airflow_provider_streamkap.api.metrics import NUMERIC_METRICS, STATUS, DestinationMetrics

__all__ = [
    "StreamkapError",
    "StreamkapNameError",
    "StreamkapNotFoundError",
    "api_exception",
    "metrics_summary",
    "raise_task_exceptions",
    "resource_label",
    "short_name",
    "task_result",
]


def metrics_summary(snapshot: DestinationMetrics) -> str:
    """Return the documented metrics of a snapshot in one line, for the log.

    :param snapshot: the snapshot.
    """
    data = snapshot.data
    shown = [
        f"{name} {len(data[name])} points" if isinstance(data[name], list) else f"{name} {single_line(str(data[name]))}"
        for name in (STATUS, *NUMERIC_METRICS)
        if name in data
    ]
    # The names and values of undocumented metrics can be anything.
    others = len(data) - len(shown)
    return ", ".join([*shown, f"{others} undocumented metrics"] if others else shown)
