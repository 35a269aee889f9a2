# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""A rescheduled sensor with two tries, each with its full timeout."""

from __future__ import annotations

from datetime import timedelta

import pendulum

from airflow_provider_streamkap.sensors.streamkap import StreamkapDestinationSensor
from tests.airflow_imports import DAG

# Enough for three pokes on a busy scheduler.
TIMEOUT = 60

with DAG("system_tries", schedule=None, start_date=pendulum.datetime(2026, 1, 1, tz="UTC"), catchup=False):
    StreamkapDestinationSensor(
        task_id="tried_twice",
        destination_id="tried_twice",
        streamkap_conn_id="streamkap_tests",
        mode="reschedule",
        deferrable=False,
        lag_source="latest",
        # See MODES in tests/system/cases.py.
        poke_interval=10,
        timeout=TIMEOUT,
        max_poll_failures=0,
        retries=1,
        retry_delay=timedelta(seconds=1),
    )
