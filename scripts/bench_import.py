# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""What importing the sensor adds to importing Airflow: `make bench-import`.

Each sample is a process of its own, which imports ``airflow.sdk`` and then our module and takes the time of both by
itself: a DAG processor does the same for every DAG file, so the second figure is what a DAG file pays for us.
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
# What every DAG file imports, and the base class that every sensor loads.
from airflow.sdk import DAG, BaseSensorOperator
middle = time.perf_counter()
__import__(sys.argv[1])
print(json.dumps([middle - began, time.perf_counter() - middle]))
"""


def sample(module: str, folder: str) -> tuple[float, float]:
    """Import in a fresh process and return milliseconds for Airflow, and for the module on top."""
    # Bytecode as an installed package has it, kept apart from the checkout, and an Airflow home to be thrown away.
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    env |= {"PYTHONPYCACHEPREFIX": f"{folder}/bytecode", "AIRFLOW_HOME": f"{folder}/airflow"}
    command = [sys.executable, "-c", SAMPLE, module]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=env)
    airflow, ours = json.loads(done.stdout.splitlines()[-1])
    return airflow * 1000, ours * 1000


def main() -> int:
    """Measure, print, and return 1 if the budget is exceeded."""
    parser = argparse.ArgumentParser(prog="python -m scripts.bench_import", description=__doc__)
    parser.add_argument("--module", default=MODULE)
    parser.add_argument("--samples", type=int, default=15)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-import-") as folder:
        # The first one compiles, and fills the file cache.
        sample(options.module, folder)
        airflow, ours = zip(*(sample(options.module, folder) for _ in range(options.samples)), strict=True)
    # The least is the cost; whatever a sample takes beyond it is the machine's other work.
    least, base = min(ours), min(airflow)
    print(f"import airflow.sdk: {base:.0f} ms (median {statistics.median(airflow):.0f})")
    print(f"then {options.module}: {least:.1f} ms (median {statistics.median(ours):.1f}), {least / base:.1%} more")
    print(f"budget: {BUDGET_MS:g} ms")
    return 0 if least <= BUDGET_MS else 1


if __name__ == "__main__":
    sys.exit(main())
