# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Use the API client without Airflow."""

import os

from airflow_provider_streamkap.api import ClientSettings, Credentials, MetricsQuery, StreamkapClient


def lag_of(destination_id):
    settings = ClientSettings(
        Credentials(client_id=os.environ["STREAMKAP_CLIENT_ID"], secret=os.environ["STREAMKAP_SECRET"]),
        base_url=os.environ["STREAMKAP_HOST"],
    )
    with StreamkapClient(settings) as client:
        return client.get_destination_metrics(MetricsQuery(destination_id)).records_lag
