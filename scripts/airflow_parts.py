# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The processes of one Airflow: start, watch and end its parts, and run its command line.

A part is a command of Airflow that goes on, such as its scheduler. Its name is that of its command, unless there are
several of it.
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
    """The Airflow that was started did not do what was asked; the message carries the ends of its logs."""


class AirflowParts(AirflowRecords):
    """
    The parts of one Airflow.

    :param python: interpreter of the environment whose Airflow is to run
    :param home: its ``AIRFLOW_HOME``
    :param database: its metadata database
    :param environment: the environment variables of every part
    """

    def __init__(self, python: Path, home: Path, database: Database, environment: Mapping[str, str]) -> None:
        super().__init__(home, database)
        self.python = python
        self.environment = environment
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start_part(self, part: str, *options: str, name: str = "", **variables: str) -> None:
        """
        Start a part beside the others, ``airflow part options``; it is stopped with them.

        :param name: its name; its command if there is none
        :param variables: what its environment has beyond that of the others
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
                # Ctrl-C is for the caller, who then stops the parts in order; and the session tells
                # which processes are ours.
                start_new_session=True,
            )

    def kill_part(self, name: str) -> None:
        """End one part and its children without warning, as a crash or a lost machine does."""
        process = self._processes.pop(name)
        for one in processes_of({process.pid}):
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
        process.wait()

    def end_parts(self) -> None:
        """End every part and its children, politely first."""
        sessions = {process.pid for process in self._processes.values()}
        # A task may have left the session, and its parent may die first: note all of them beforehand.
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
        """Wait until something is so; :raises StackError: a part ended meanwhile, or the time is up."""
        deadline = time.monotonic() + timeout
        while not done():
            self.check(complaint)
            if time.monotonic() > deadline:
                raise StackError(f"{complaint} within {timeout:g} s\n{self.output()}")
            time.sleep(POLL)

    def check(self, complaint: str = "Airflow is not whole") -> None:
        """Make sure that every part is alive; :raises StackError: if one has ended."""
        if dead := [name for name, process in self._processes.items() if process.poll() is not None]:
            raise StackError(f"{complaint}: {', '.join(dead)} ended\n{self.output()}")

    def airflow(self, *arguments: str, check: bool = True, timeout: float = 180) -> str:
        """
        Run one `airflow` command in the stack's environment and return what it printed.

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
            raise StackError(f"airflow {' '.join(arguments)} ended with {done.returncode}\n{tail}")
        return done.stdout

    def output(self, tail: int = 3000) -> str:
        """Return the end of what each part has printed, ``tail`` characters of each."""
        ends = (
            f"--- {path.stem}\n{path.read_text(encoding='utf-8', errors='replace')[-tail:]}"
            for path in sorted(self.home.glob("*.out"))
        )
        return "\n".join(ends)
