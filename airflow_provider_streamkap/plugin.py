# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The Airflow plugin that registers the "Streamkap" button for processes that do not import DAGs."""

from __future__ import annotations

from airflow_provider_streamkap._compat import AirflowPlugin
from airflow_provider_streamkap.links.streamkap import StreamkapLink

_LINKS = [StreamkapLink()]


class StreamkapPlugin(AirflowPlugin):
    """Registers the extra link."""

    name = "streamkap"
    operator_extra_links = _LINKS
