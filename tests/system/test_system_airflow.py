# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The harness: an Airflow that it has started does not outlive the program, however that ends."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from scripts.airflow_parts import StackError
from scripts.airflow_stack import AirflowStack

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[2]
START = """
import sys
from pathlib import Path
from scripts.airflow_database import Postgres
from scripts.airflow_stack import AirflowStack
home, dags = map(Path, sys.argv[1:])
with AirflowStack(Path(sys.executable), dags, home=home, database=Postgres()):
    raise SystemExit("started")
"""


def processes_of(home: Path) -> list[psutil.Process]:
    """Return the processes that use this directory as their Airflow home."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get("AIRFLOW_HOME") == str(home) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_leaves_no_process_behind(tmp_path: Path, number: signal.Signals) -> None:
    home, dags = tmp_path / "home", tmp_path / "dags"
    dags.mkdir()
    program = subprocess.Popen(
        [sys.executable, "-c", START, str(home), str(dags)],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        # A separate process group, so that only the program receives the signal, as from a supervisor.
        start_new_session=True,
        # Background tests of a shell ignore Ctrl-C, and the processes they start would, too.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 240
    # The last part to be started: all others exist by then, and none is ready.
    while not (home / "triggerer.out").exists():
        assert program.poll() is None, program.communicate()
        assert time.monotonic() < deadline
        os.sched_yield()
    assert processes_of(home)
    started = psutil.Process(program.pid).children(recursive=True)
    assert "postgres" in {process.name() for process in started}
    program.send_signal(number)
    _, errors = program.communicate(timeout=120)
    assert program.returncode != 0
    assert b"started" not in errors
    assert processes_of(home) == []
    assert not [process for process in started if process.is_running()]


def test_dag_import_error_is_reported_immediately(tmp_path: Path) -> None:
    dags = tmp_path / "dags"
    dags.mkdir()
    (dags / "wrong.py").write_text(
        "# Airflow looks for a DAG in files that name both.\nraise ValueError('not today')\n"
    )
    with AirflowStack(Path(sys.executable), dags) as stack:
        with pytest.raises(StackError, match="not today"):
            stack.wait_for_dag("wrong")
        home = stack.home
        assert processes_of(home)
    assert processes_of(home) == []
    assert not home.exists()
