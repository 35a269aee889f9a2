# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Import cost of the provider in DAG files, and that the rest is imported before a trigger runs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from airflow_provider_streamkap._lazy import LazyModule
from airflow_provider_streamkap.testing import StreamkapSimulator, scenarios

ROOT = Path(__file__).parents[2]

SCRIPT = """
import json, sys, threading
from airflow_provider_streamkap import _compat
for name in _compat.__all__:
    getattr(_compat, name)
from airflow.triggers.base import BaseTrigger

before = set(sys.modules)
import airflow_provider_streamkap.sensors.streamkap
import airflow_provider_streamkap.operators.streamkap

added = sorted({name.partition(".")[0] for name in set(sys.modules) - before})
threads = []

class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == "airflow_provider_streamkap.api.async_client":
            threads.append(threading.current_thread() is threading.main_thread())
        return None

sys.meta_path.insert(0, Finder)
import asyncio
from airflow_provider_streamkap.hooks.streamkap import StreamkapHook

async def many():
    hooks = [StreamkapHook() for _ in range(5)]
    return await asyncio.gather(*(hook.aget_destination_metrics("d1") for hook in hooks))

deferrable = airflow_provider_streamkap.sensors.streamkap.StreamkapDestinationSensor(
    task_id="wait", destination_id="d1"
).deferrable
lags = [metrics.records_lag for metrics in asyncio.run(many())]
print(json.dumps([added, deferrable, lags, threads]))
"""


def test_heavy_imports_are_deferred_and_kept_out_of_event_loop(
    streamkap: StreamkapSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    streamkap.add("d1", scenarios.steady(lag=7))
    monkeypatch.setenv("AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE", "True")
    done = subprocess.run([sys.executable, "-c", SCRIPT], cwd=ROOT, check=True, capture_output=True, text=True)
    added, deferrable, lags, in_the_loop = json.loads(done.stdout.splitlines()[-1])
    # Only our own and standard-library modules may remain that Airflow has not loaded by then.
    assert set(added) - sys.stdlib_module_names == {"airflow_provider_streamkap"}
    assert deferrable is True
    assert lags == [7] * 5
    # Importing in the event loop blocks every trigger.
    assert in_the_loop == [False]


PARSED = """
import json, sys
from airflow_provider_streamkap.operators.streamkap import StreamkapDestinationMetricsOperator
from airflow_provider_streamkap.sensors.streamkap import StreamkapDestinationSensor

imported = set(sys.modules)
sensor = {"destination_id": ["d1", "d2"], "observed_after": "{{ data_interval_end }}", "stall_after": 600}
StreamkapDestinationSensor(task_id="poke", **sensor)
StreamkapDestinationSensor(task_id="deferrable", deferrable=True, **sensor)
StreamkapDestinationMetricsOperator(task_id="metrics", destination_id="d1")
ours = {name for name in sys.modules if name.startswith("airflow_provider_streamkap.")}
print(json.dumps([sorted(ours), sorted(ours - imported)]))
"""

# What Airflow inspects and what validates arguments; nothing that reads a connection, sends requests or runs a wait.
# Every DAG file pays for additions to this list; `make bench-import` measures the cost.
PARSING = {
    "_arguments",
    "_compat",
    "_lazy",
    "api",
    "api.checks",
    "api.options",
    "api.query",
    "gate",
    "gate.conditions",
    "gate.reading",
    "gate.spec",
    "get_provider_info",
    "hooks",
    "hooks.streamkap",
    "links",
    "links.streamkap",
    "operators",
    "operators._base",
    "operators.streamkap",
    "sensors",
    "sensors._base",
    "sensors._state_store",
    "sensors.streamkap",
}
# Airflow may have imported it already, as it does for every plugin.
PLUGIN = "plugin"


def test_parsing_dag_imports_no_runtime_modules() -> None:
    done = subprocess.run([sys.executable, "-c", PARSED], cwd=ROOT, check=True, capture_output=True, text=True)
    ours, late = json.loads(done.stdout.splitlines()[-1])
    assert {name.removeprefix("airflow_provider_streamkap.") for name in ours} - {PLUGIN} == PARSING
    # Without this, importing would only look cheap: every DAG file that imports a sensor also constructs one.
    assert late == []


def test_inspecting_lazy_module_does_not_import_it() -> None:
    module = LazyModule("airflow_provider_streamkap.missing")
    assert not hasattr(module, "__wrapped__")
    with pytest.raises(ModuleNotFoundError):
        _ = module.name
