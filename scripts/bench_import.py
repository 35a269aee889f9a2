# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Measure the import time of the sensor, in addition to Airflow: `make bench-import`.

Each sample is a new process that imports ``airflow.sdk`` and then the module, and measures both. The DAG processor does
the same for every DAG file, so the second figure is the cost per DAG file.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile

BUDGET_MS = 20.0
MODULE = "airflow_provider_streamkap.sensors.streamkap"
SAMPLE = """
import json, sys, time
began = time.perf_counter()
# Imported by every DAG file, and the base class of all sensors.
from airflow.sdk import DAG, BaseSensorOperator
middle = time.perf_counter()
__import__(sys.argv[1])
print(json.dumps([middle - began, time.perf_counter() - middle]))
"""


def sample(module: str, folder: str) -> tuple[float, float]:
    """Return the import times in a new process, in milliseconds: Airflow, then the module."""
    # Use bytecode, as an installed package does, in a separate directory, and a temporary Airflow home.
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    env |= {"PYTHONPYCACHEPREFIX": f"{folder}/bytecode", "AIRFLOW_HOME": f"{folder}/airflow"}
    command = [sys.executable, "-c", SAMPLE, module]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=env)
    airflow, ours = json.loads(done.stdout.splitlines()[-1])
    return airflow * 1000, ours * 1000


def main() -> int:
    """Print the import times and return 1 if the budget is exceeded."""
    parser = argparse.ArgumentParser(prog="python -m scripts.bench_import", description=__doc__)
    parser.add_argument("--module", default=MODULE)
    parser.add_argument("--samples", type=int, default=15)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-import-") as folder:
        # The first run compiles the bytecode and fills the file cache.
        sample(options.module, folder)
        airflow, ours = zip(*(sample(options.module, folder) for _ in range(options.samples)), strict=True)
    # Report the minimum; anything above it is noise.
    least, base = min(ours), min(airflow)
    print(f"import airflow.sdk: {base:.0f} ms (median {statistics.median(airflow):.0f})")
    print(f"then {options.module}: {least:.1f} ms (median {statistics.median(ours):.1f}), {least / base:.1%} more")
    print(f"budget: {BUDGET_MS:g} ms")
    return 0 if least <= BUDGET_MS else 1


if __name__ == "__main__":
    sys.exit(main())
