# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The GitHub workflows: valid structure, pinned actions, and existing make targets and Airflow versions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")

pytestmark = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)


def read(path: Path) -> dict[str, Any]:
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(workflow, dict)
    return workflow


def steps(path: Path) -> Iterator[dict[str, Any]]:
    for job in read(path)["jobs"].values():
        yield from job["steps"]


def test_workflow_structure(path: Path) -> None:
    workflow = read(path)
    # YAML 1.1 parses `on` as a boolean.
    assert set(workflow) <= {"name", True, "permissions", "concurrency", "env", "jobs"}
    assert workflow[True]  # type: ignore[index]
    for job in workflow["jobs"].values():
        assert set(job) <= {"needs", "runs-on", "timeout-minutes", "strategy", "environment", "permissions", "steps"}
        assert job["timeout-minutes"] <= 60
    for step in steps(path):
        assert ("uses" in step) != ("run" in step)
        assert set(step) <= {"name", "uses", "with", "run", "env"}


def test_everything_is_pinned(path: Path) -> None:
    used = re.findall(r"uses: (.*)", path.read_text(encoding="utf-8"))
    assert len(used) == sum("uses" in step for step in steps(path))
    for line in used:
        assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line


def test_workflows_have_read_only_permissions(path: Path) -> None:
    workflow = read(path)
    assert workflow["permissions"] == {"contents": "read"}
    for name, job in workflow["jobs"].items():
        assert job.get("permissions", {}) == ({"id-token": "write"} if name == "publish" else {})
    for step in steps(path):
        if "checkout" in step.get("uses", ""):
            assert step["with"]["persist-credentials"] is False
        # Values that outsiders control (branch names, titles) must go through a variable, not into a script.
        assert "${{ github." not in step.get("run", "")
    assert "secrets." not in path.read_text(encoding="utf-8")
    assert "pull_request_target" not in path.read_text(encoding="utf-8")


def test_every_make_target_exists(path: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):.*## ", MAKEFILE, re.MULTILINE)) | {"matrix-floors"}
    (airflows,) = re.findall(r"^AIRFLOWS := (.*)", MAKEFILE, re.MULTILINE)
    targets |= {f"matrix-{line}" for line in airflows.split()}
    for job in read(path)["jobs"].values():
        choices = job.get("strategy", {}).get("matrix", {})
        for step in job["steps"]:
            if step.get("run", "").startswith("make "):
                wanted = [step["run"].removeprefix("make ")]
                for name, values in choices.items():
                    filled = f"${{{{ matrix.{name} }}}}"
                    wanted = [item.replace(filled, value) for item in wanted for value in values]
                assert {word for item in set(wanted) for word in item.split()} <= targets
    if path.name == "ci.yml":
        assert {*read(path)["jobs"]["airflow"]["strategy"]["matrix"]["line"]} == {*airflows.split(), "floors"}
        steps_of_ci = set(re.findall(r"^step (\S+)", (ROOT / ".ci" / "run").read_text(encoding="utf-8"), re.MULTILINE))
        covered = {*read(path)["jobs"]["newest"]["strategy"]["matrix"]["target"], "venv", "test", "test-matrix"}
        assert steps_of_ci <= covered


def test_release_is_built_with_pinned_tools_only(path: Path) -> None:
    if path.name != "release.yml":
        pytest.skip("builds no release")
    jobs = read(path)["jobs"]
    names = [step.get("run") or step["uses"].partition("@")[0] for step in jobs["build"]["steps"]]
    assert names[2:] == ['python -m scripts.release "$TAG"', "make build", "actions/upload-artifact", "make audit"]
    assert (jobs["build"]["needs"], jobs["publish"]["needs"]) == ("check", "build")
    assert [step["run"] for step in jobs["check"]["steps"] if "run" in step] == ["make lint unit"]
    assert re.search(
        r"^build: \.venvs/build/\.ready .*\n\trm -rf dist\n\t\.venvs/build/bin/python -m build .*\n\n",
        MAKEFILE,
        re.MULTILINE,
    )
    pins = (ROOT / "scripts" / "build-requirements.txt").read_text(encoding="utf-8")
    requirements = re.split(r"\n(?=\S)", pins.strip())
    assert {"build", "hatchling"} <= {requirement.partition("==")[0] for requirement in requirements}
    for requirement in requirements:
        assert re.match(r"[\w.-]+==\S+ .*--hash=sha256:", requirement, re.DOTALL), requirement
