# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Test code that uses the hook. This needs no Airflow database."""

from airflow_provider_streamkap.hooks.streamkap import StreamkapHook
from airflow_provider_streamkap.testing import scenarios


def too_far_behind(destination_id):
    lag = StreamkapHook().get_destination_metrics(destination_id).records_lag
    return lag is None or lag > 1_000


def test_unknown_lag_is_too_far_behind(streamkap):
    streamkap.add("orders", scenarios.null_lag())
    streamkap.add("customers", scenarios.steady(lag=7))
    assert too_far_behind("orders")
    assert not too_far_behind("customers")
    assert streamkap.count("/metrics") == 2
