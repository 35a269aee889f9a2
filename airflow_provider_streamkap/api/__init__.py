# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Synchronous and asynchronous clients for the Streamkap API, usable without Airflow.

Names are imported on first use, so importing this package is cheap and loads neither requests nor aiohttp.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    # Type checkers cannot follow __getattr__. Star imports re-export names to them without listing each name again.
    from airflow_provider_streamkap.api.async_client import *
    from airflow_provider_streamkap.api.client import *
    from airflow_provider_streamkap.api.destinations import *
    from airflow_provider_streamkap.api.errors import *
    from airflow_provider_streamkap.api.flows import *
    from airflow_provider_streamkap.api.metrics import *
    from airflow_provider_streamkap.api.pipelines import *
    from airflow_provider_streamkap.api.query import *
    from airflow_provider_streamkap.api.settings import *
    from airflow_provider_streamkap.api.sources import *

_EXPORTS = {
    "async_client": ("AsyncStreamkapClient",),
    "client": ("StreamkapClient",),
    "destinations": ("Destination", "DestinationsQuery"),
    "errors": (
        "StreamkapAuthError",
        "StreamkapConnectionError",
        "StreamkapError",
        "StreamkapHTTPError",
        "StreamkapNameError",
        "StreamkapNotFoundError",
        "StreamkapPermissionError",
        "StreamkapRateLimitError",
        "StreamkapRedirectError",
        "StreamkapRequestError",
        "StreamkapResponseError",
        "StreamkapServerError",
        "StreamkapTimeoutError",
    ),
    "flows": ("ApiSession",),
    "metrics": ("DestinationMetrics", "Metrics", "PipelineMetrics", "Point", "SourceMetrics"),
    "pipelines": ("Pipeline", "PipelineConnector", "PipelinesQuery"),
    "query": (
        "DESTINATION",
        "LATEST",
        "PIPELINE",
        "SOURCE",
        "TIMESERIES",
        "TIMESUMMARY",
        "TIME_TYPES",
        "TIME_UNITS",
        "MetricsQuery",
        "PipelineMetricsQuery",
        "ResourceKind",
        "SourceMetricsQuery",
        "parse_timestamp",
    ),
    "settings": ("ClientSettings", "Credentials"),
    "sources": ("Source", "SourcesQuery"),
}
_MODULE_OF = {name: module for module, names in _EXPORTS.items() for name in names}

__all__ = list(_MODULE_OF)


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
