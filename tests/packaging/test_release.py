# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The release check."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from scripts.release import problems

ROOT = Path(__file__).parents[2]
SOURCE = '"""The package."""\n\n__version__ = "1.2.3"\n'
CHANGELOG = "# Changelog\n\n## [1.2.3] - 2026-01-01\n"
URLS = dict.fromkeys(("Repository", "Issues", "Security"), "https://example.org/")


def test_complete_release_passes() -> None:
    assert list(problems("v1.2.3", SOURCE, {"urls": URLS}, CHANGELOG)) == []


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"tag": "v1.2.4"}, "the tag is 'v1.2.4', but the version is '1.2.3'"),
        ({"source": ""}, "but the version is 'missing'"),
        ({"project": {}}, "set Repository under [project.urls]"),
        ({"project": {"urls": {**URLS, "Security": ""}}}, "set Security under [project.urls]"),
        ({"changelog": "# Changelog\n\n## [Unreleased]\n"}, "CHANGELOG.md has no section for 1.2.3"),
    ],
)
def test_incomplete_release_is_rejected(changed: dict[str, Any], message: str) -> None:
    given = {"tag": "v1.2.3", "source": SOURCE, "project": {"urls": URLS}, "changelog": CHANGELOG, **changed}
    assert any(message in problem for problem in problems(**given))


def test_checkout_cannot_be_released_without_urls() -> None:
    command = [sys.executable, "-m", "scripts.release", "v0.1.0"]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"pyproject.toml: set {name} under [project.urls] to an https:// URL" for name in URLS
    ]
