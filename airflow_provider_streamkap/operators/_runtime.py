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
from airflow_provider_streamkap.api.metrics import (
    BEHIND_SOURCE,
    CONNECTED,
    METRIC_NAMES,
    NUMERIC_METRICS,
    SINCE_LAST_EVENT,
    SNAPSHOT_RUNNING,
    STATE,
    STATUS,
    STREAMING_STATE,
    Metrics,
)
from airflow_provider_streamkap.api.query import DESTINATION, SOURCE

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


# The metrics that the log shows.
_LOGGED = {
    DESTINATION: (STATUS, *NUMERIC_METRICS),
    SOURCE: (STATE, STREAMING_STATE, CONNECTED, BEHIND_SOURCE, SINCE_LAST_EVENT, SNAPSHOT_RUNNING),
}


def metrics_summary(snapshot: Metrics) -> str:
    """Return the most important metrics of a snapshot in one line, for the log.

    :param snapshot: the snapshot.
    """
    data = snapshot.data
    shown = [
        f"{name} {len(data[name])} points" if isinstance(data[name], list) else f"{name} {single_line(str(data[name]))}"
        for name in _LOGGED[snapshot.kind]
        if name in data
    ]
    documented = METRIC_NAMES[snapshot.kind].all
    # The names and values of undocumented metrics can be anything.
    undocumented = sum(name not in documented for name in data)
    counts = {"more": len(data) - len(shown) - undocumented, "undocumented": undocumented}
    return ", ".join([*shown, *(f"{count} {what}" for what, count in counts.items() if count)])
