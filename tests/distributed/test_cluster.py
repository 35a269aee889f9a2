# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The cluster harness: a signal leaves no process behind, servers included."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.distributed.cluster import ROOT, TRIGGERERS

pytestmark = pytest.mark.distributed

START = """
import sys
from pathlib import Path
from tests.distributed.cluster import Cluster
with Cluster(Path(sys.argv[1]), {}):
    raise SystemExit("started")
"""


def test_signal_leaves_no_process_behind(tmp_path: Path) -> None:
    program = subprocess.Popen(
        [sys.executable, "-c", START, str(tmp_path)],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        # A separate process group, so that only the program receives the signal, as from a supervisor.
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    # The last part that is started before the API server has to respond.
    while not (tmp_path / f"{TRIGGERERS[-1]}.out").exists():
        assert program.poll() is None, program.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.1)
    started = psutil.Process(program.pid).children(recursive=True)
    assert {"postgres", "redis-server"} <= {process.name() for process in started}
    program.send_signal(signal.SIGTERM)
    _, errors = program.communicate(timeout=120)
    assert program.returncode != 0
    assert b"started" not in errors
    assert not [process for process in started if process.is_running()]
