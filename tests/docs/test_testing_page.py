# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The tests shown on the testing page pass, in the folders that it describes."""

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
def test_documented_tests_pass_in_repository(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    shutil.copy(SNIPPETS / "after_streamkap.py", project)
    shutil.copytree(SNIPPETS / "testing", project / "tests")
    # The virtual environment's commands are not on the PATH, as for a user who has not activated it.
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "PYTEST", "COV"))}
    folders = kept["PATH"].split(os.pathsep)
    kept["PATH"] = os.pathsep.join(folder for folder in folders if not Path(folder, "airflow").exists())
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), "project/tests"],
        check=False,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**kept, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "5 passed" in done.stdout
