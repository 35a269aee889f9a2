# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Measure how much the memory of a process grows while it runs a script."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

# Scripts define `run()`, which returns additional results.
_MEASURED = """
import json, re
from pathlib import Path

def peak():
    return int(re.search("VmHWM:[^0-9]*([0-9]+) kB", Path("/proc/self/status").read_text())[1]) / 1024

before = peak()
result = run()
print(json.dumps([peak() - before, result]))
"""


def measured(script: str, *arguments: str) -> tuple[float, Any]:
    """Run a script in a separate process.

    :param script: defines a function ``run``, and imports what it needs.
    :param arguments: command-line arguments.
    :returns: the growth in MiB while ``run`` ran, and its return value.
    """
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", script + _MEASURED, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=env, timeout=240)
    grown, result = json.loads(done.stdout.splitlines()[-1])
    return grown, result
