# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The pytest plugin, in a separate pytest run, as in a user's project."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.testing.support import PATIENCE

ROOT = Path(__file__).parents[2]

CONFTEST = 'pytest_plugins = ["airflow_provider_streamkap.testing.pytest_plugin"]\n'

TESTS = """
import requests

from airflow_provider_streamkap.testing import scenarios

seen = []


def ask(simulator):
    body = {"client_id": simulator.client_id, "secret": simulator.secret}
    return requests.post(simulator.url + "/auth/access-token", json=body, timeout=60)


def test_it_runs(streamkap_simulator):
    streamkap_simulator.add("d1", scenarios.steady())
    assert ask(streamkap_simulator).status_code == 200
    seen.append(streamkap_simulator)


def test_it_is_new_for_each_test_and_stopped_afterwards(streamkap_simulator):
    assert streamkap_simulator.destinations == {}
    assert streamkap_simulator.requests == []
    assert "stopped" in repr(seen[0])
"""


def test_fixture_in_separate_project(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_mine.py").write_text(TESTS)
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST", "COV"))}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(tmp_path)],
        cwd=tmp_path,
        env={**environment, "PYTHONPATH": str(ROOT), "NO_PROXY": "127.0.0.1"},
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout
