# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""A simulator of the Streamkap REST API, for testing DAGs and trying out the provider without an account.

It is a real HTTP server on loopback. Hooks, sensors, operators and triggers connect to it as they would to
Streamkap.

.. code-block:: python

    from airflow_provider_streamkap.testing import Fault, StreamkapSimulator, scenarios

    with StreamkapSimulator() as streamkap:
        streamkap.add("67ad6e0af08a2365c729ba79", scenarios.draining(lag=120, rate=5))
        streamkap.inject(Fault.status(503), path="/metrics", times=2)
        ...

On the command line: ``python -m airflow_provider_streamkap.testing --port 8790 --scenario demo``. For pytest:
``pytest_plugins = ["airflow_provider_streamkap.testing.pytest_plugin"]`` provides the fixture
``streamkap_simulator``.
"""

from __future__ import annotations

from airflow_provider_streamkap.testing import scenarios
from airflow_provider_streamkap.testing.faults import Fault
from airflow_provider_streamkap.testing.history import Reporting
from airflow_provider_streamkap.testing.readings import Reading, Scenario, SourceReading, SourceScenario
from airflow_provider_streamkap.testing.recording import RecordedRequest
from airflow_provider_streamkap.testing.simulator import StreamkapSimulator

__all__ = [
    "Fault",
    "Reading",
    "RecordedRequest",
    "Reporting",
    "Scenario",
    "SourceReading",
    "SourceScenario",
    "StreamkapSimulator",
    "scenarios",
]
