# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Fixtures: a simulator with an Airflow connection to it, and all log output."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import airflow
import pytest

from airflow_provider_streamkap.api import DESTINATION, PIPELINE, SOURCE
from airflow_provider_streamkap.hooks._clients import ClientClock
from airflow_provider_streamkap.hooks.streamkap import StreamkapHook
from airflow_provider_streamkap.testing import StreamkapSimulator
from benchmarks.fast_loop import FastClock
from tests.airflow.log_capture import Logged, capture
from tests.airflow.secrets_backends import Flaky
from tests.client_clock import use_client_clock


@pytest.fixture(scope="session")
def airflow_database() -> None:
    """Create Airflow's metadata database, where 2.11 looks up the first reschedule of a sensor."""
    if airflow.__version__.startswith("2."):
        subprocess.run([sys.executable, "-m", "airflow", "db", "migrate"], check=True, capture_output=True)


@pytest.fixture
def streamkap(airflow_database: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[StreamkapSimulator]:
    """Run a simulator behind the connection streamkap_default, with one attempt per call."""
    with StreamkapSimulator() as simulator:
        monkeypatch.setenv("AIRFLOW_CONN_STREAMKAP_DEFAULT", simulator.airflow_connection(max_attempts=1))
        yield simulator


@pytest.fixture
def named(streamkap: StreamkapSimulator) -> StreamkapSimulator:
    """Return the simulator without cached names: an earlier simulator may have had the same port."""
    for kind in (DESTINATION, SOURCE, PIPELINE):
        StreamkapHook().forget_names(kind)
    return streamkap


@pytest.fixture
def fast_streamkap(airflow_database: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[StreamkapSimulator]:
    """Run everything with a clock 200 times as fast, and a simulator: waits on pipelines take minutes."""
    clock = FastClock.start(200)
    with (
        clock.patch_time(),
        use_client_clock(ClientClock(wall=clock.wall)),
        StreamkapSimulator(clock=clock.time) as simulator,
    ):
        monkeypatch.setenv("AIRFLOW_CONN_STREAMKAP_DEFAULT", simulator.airflow_connection(max_attempts=1))
        yield simulator


@pytest.fixture
def backend(streamkap: StreamkapSimulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Flaky]]:
    """Serve the connection streamkap_default from a secrets backend with configurable failures."""
    monkeypatch.delenv("AIRFLOW_CONN_STREAMKAP_DEFAULT")
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND", f"{Flaky.__module__}.{Flaky.__qualname__}")
    Flaky.reset(streamkap.airflow_connection(max_attempts=1))
    yield Flaky
    # Airflow caches the backend after loading it.
    Flaky.reset(None)


@pytest.fixture
def logged() -> Iterator[Logged]:
    """Collect every log line before Airflow's masker runs."""
    with capture() as lines:
        yield lines
