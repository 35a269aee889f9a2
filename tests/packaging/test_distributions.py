# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The sdist and the wheel contain exactly what they should, and an index would accept them."""

from __future__ import annotations

import email
import subprocess
import sys
import tarfile
import zipfile
from email.message import Message
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = "airflow_provider_streamkap"


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build both from the checkout, the wheel from the sdist, as for a release."""
    folder = tmp_path_factory.mktemp("dist")
    done = subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Path:
    (wheel,) = dist.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def sdist_names(dist: Path) -> set[str]:
    (sdist,) = dist.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        return {name.partition("/")[2] for name in archive.getnames()}


@pytest.fixture(scope="module")
def wheel_names(wheel: Path) -> set[str]:
    return set(zipfile.ZipFile(wheel).namelist())


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    archive = zipfile.ZipFile(wheel)
    (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
    return email.message_from_bytes(archive.read(name))


def sources(folder: str) -> set[str]:
    """Return the Python files below a folder of the checkout."""
    return {path.relative_to(ROOT).as_posix() for path in (ROOT / folder).rglob("*.py")}


def test_wheel_contains_only_package(wheel_names: set[str]) -> None:
    assert {name.partition("/")[0] for name in wheel_names} == {PACKAGE, f"{PACKAGE}-0.1.0.dist-info"}
    assert sources(PACKAGE) | {f"{PACKAGE}/py.typed"} == {
        name for name in wheel_names if name.startswith(f"{PACKAGE}/")
    }
    assert f"{PACKAGE}-0.1.0.dist-info/licenses/LICENSE" in wheel_names


def test_wheel_contains_simulator_and_pytest_plugin(wheel_names: set[str]) -> None:
    assert {f"{PACKAGE}/testing/simulator.py", f"{PACKAGE}/testing/pytest_plugin.py"} <= wheel_names


def test_sdist_contains_packaging_files(sdist_names: set[str]) -> None:
    for folder in (PACKAGE, "benchmarks", "example_dags", "tests", "scripts"):
        assert sources(folder) <= sdist_names
    for name in (
        "README.md",
        "LICENSE",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "pyproject.toml",
        "Makefile",
    ):
        assert name in sdist_names
    assert any(name.startswith("docs/") for name in sdist_names)


def test_distributions_contain_no_build_artifacts(sdist_names: set[str], wheel_names: set[str]) -> None:
    litter = ("__pycache__", ".pyc", ".venv", "airflow.db", "airflow.cfg", ".coverage", ".pytest_cache")
    assert [name for name in sdist_names | wheel_names if any(part in name for part in litter)] == []


def test_distributions_pass_twine_check(dist: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "twine", "check", "--strict", *map(str, dist.iterdir())],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_airflow_finds_provider_and_plugin(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    (name,) = (name for name in archive.namelist() if name.endswith("entry_points.txt"))
    text = archive.read(name).decode()
    assert "[apache_airflow_provider]\nprovider_info = " + PACKAGE + ".get_provider_info:get_provider_info" in text
    assert "[airflow.plugins]\nstreamkap = " + PACKAGE + ".plugin:StreamkapPlugin" in text


def test_metadata_lists_requirements_and_urls(metadata: Message) -> None:
    required = {line.partition(">")[0] for line in metadata.get_all("Requires-Dist", []) if "extra ==" not in line}
    assert required == {
        "aiohttp",
        "apache-airflow",
        "pendulum",
        "requests",
        "tenacity",
        "urllib3",
        "yarl",
    }
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["License-Expression"] == "Apache-2.0"
    assert "Framework :: Apache Airflow :: Provider" in metadata.get_all("Classifier", [])
    # Set at publication, and checked by scripts/release.py.
    urls = {line.partition(",")[0] for line in metadata.get_all("Project-URL", [])}
    assert urls <= {"Repository", "Issues", "Security"}
