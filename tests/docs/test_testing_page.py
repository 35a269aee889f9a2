# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The tests that the page on testing shows pass, in the folders that it describes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, SNIPPETS


@pytest.mark.system
@pytest.mark.deferrable
def test_the_tests_shown_pass(tmp_path: Path) -> None:
    shutil.copy(SNIPPETS / "after_streamkap.py", tmp_path)
    shutil.copytree(SNIPPETS / "testing", tmp_path / "tests")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "PYTEST", "COV"))}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), "tests"],
        check=False,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={
            **kept,
            "PATH": os.pathsep.join((str(Path(sys.executable).parent), kept["PATH"])),
            "PYTHONPATH": str(ROOT),
        },
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "5 passed" in done.stdout
