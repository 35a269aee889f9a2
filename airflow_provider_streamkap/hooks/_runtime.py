# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""What only a running hook needs, imported on first use."""

from __future__ import annotations

from airflow_provider_streamkap.api.destinations import DestinationsQuery
from airflow_provider_streamkap.api.errors import StreamkapError, StreamkapNameError, strip_context
from airflow_provider_streamkap.api.names import find_records, unique_record
from airflow_provider_streamkap.api.pipelines import PipelinesQuery
from airflow_provider_streamkap.api.query import resource_names
from airflow_provider_streamkap.api.resources import Listing
from airflow_provider_streamkap.api.sources import SourcesQuery
from airflow_provider_streamkap.hooks._check import check_connection
from airflow_provider_streamkap.hooks._clients import LoopLease, require_change, shared_clients
from airflow_provider_streamkap.hooks._connection import parse_connection
from airflow_provider_streamkap.hooks._lookup import look_up, look_up_async
from airflow_provider_streamkap.hooks._masking import amask, mask
from airflow_provider_streamkap.hooks._names import require_ids

__all__ = [
    "DestinationsQuery",
    "Listing",
    "LoopLease",
    "PipelinesQuery",
    "SourcesQuery",
    "StreamkapError",
    "StreamkapNameError",
    "amask",
    "check_connection",
    "find_records",
    "look_up",
    "look_up_async",
    "mask",
    "parse_connection",
    "require_change",
    "require_ids",
    "resource_names",
    "shared_clients",
    "strip_context",
    "unique_record",
]
