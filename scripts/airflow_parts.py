# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Manage the processes of one Airflow: start, monitor and stop its parts, and run its command line.

A part is a long-running Airflow command, such as the scheduler. It is named after its command, unless several parts run
the same command.
"""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil

from scripts.airflow_database import Database
from scripts.airflow_records import AirflowRecords
from scripts.process_trees import processes_of
from scripts.stop_signals import interruption_later

TERM_GRACE = 10.0
POLL = 0.3


class StackError(Exception):
    """Airflow did not reach the expected state; the message contains the end of its logs."""


class AirflowParts(AirflowRecords):
    """
    The processes of one Airflow.

    :param python: Python interpreter of the environment that contains Airflow
    :param home: its ``AIRFLOW_HOME``
    :param database: its metadata database
    :param environment: environment variables of every part
    """

    def __init__(self, python: Path, home: Path, database: Database, environment: Mapping[str, str]) -> None:
        super().__init__(home, database)
        self.python = python
        self.environment = environment
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start_part(self, part: str, *options: str, name: str = "", **variables: str) -> None:
        """
        Start a part, ``airflow PART OPTIONS``; :meth:`end_parts` stops it.

        :param name: name of the part; default: its command
        :param variables: additional environment variables
        """
        name = name or part
        with interruption_later(), (self.home / f"{name}.out").open("ab") as out:
            self._processes[name] = subprocess.Popen(
                [str(self.python), "-m", "airflow", *part.split(), *options],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd=self.home,
                env={**self.environment, **variables},
                # In its own session, the part does not receive Ctrl-C, so the caller can stop all parts in order. The
                # session also identifies its child processes.
                start_new_session=True,
            )

    def kill_part(self, name: str) -> None:
        """Kill one part and its child processes with SIGKILL, to simulate a crash or a lost machine."""
        process = self._processes.pop(name)
        for one in processes_of({process.pid}):
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
        process.wait()

    def end_parts(self) -> None:
        """Stop all parts and their child processes: SIGTERM first, then SIGKILL."""
        sessions = {process.pid for process in self._processes.values()}
        # Collect all processes first: a task may be in a different session, and its parent may exit first.
        ours = processes_of(sessions)
        for process in ours:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.terminate()
        _, alive = psutil.wait_procs(ours, timeout=TERM_GRACE)
        for process in {*alive, *processes_of(sessions)}:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        for part in self._processes.values():
            part.wait()
        self._processes.clear()

    def wait(self, done: Callable[[], bool], timeout: float, complaint: str) -> None:
        """Wait for a condition; :raises StackError: if a part exits, or on timeout."""
        deadline = time.monotonic() + timeout
        while not done():
            self.check(complaint)
            if time.monotonic() > deadline:
                raise StackError(f"{complaint} within {timeout:g} s\n{self.output()}")
            time.sleep(POLL)

    def check(self, complaint: str = "Airflow is not running") -> None:
        """Check that all parts are running; :raises StackError: if one has exited."""
        if dead := [name for name, process in self._processes.items() if process.poll() is not None]:
            raise StackError(f"{complaint}: {', '.join(dead)} exited\n{self.output()}")

    def airflow(self, *arguments: str, check: bool = True, timeout: float = 180) -> str:
        """
        Run one `airflow` command in the stack's environment and return its standard output.

        :raises StackError: if it fails and ``check`` is true
        """
        done = subprocess.run(
            [str(self.python), "-m", "airflow", *arguments],
            check=False,
            capture_output=True,
            text=True,
            cwd=self.home,
            env=self.environment,
            timeout=timeout,
        )
        if check and done.returncode:
            tail = (done.stdout + done.stderr)[-4000:]
            raise StackError(f"airflow {' '.join(arguments)} failed with exit code {done.returncode}\n{tail}")
        return done.stdout

    def output(self, tail: int = 3000) -> str:
        """Return the last ``tail`` characters of each part's output."""
        ends = (
            f"--- {path.stem}\n{path.read_text(encoding='utf-8', errors='replace')[-tail:]}"
            for path in sorted(self.home.glob("*.out"))
        )
        return "\n".join(ends)
