# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The audit: its packages, accepted licences, and handling of pip-audit's results."""

from __future__ import annotations

import json
from typing import Any

import pytest

from scripts.audit import Vulnerabilities, acceptable, licence, parse_pip_audit, report, runtime_dependencies


@pytest.mark.parametrize(
    "stated",
    [
        "MIT",
        "Apache-2.0",
        "3-Clause BSD License",
        "Apache-2.0 AND MIT",
        "MIT AND PSF-2.0",
        "Mozilla Public License 2.0 (MPL 2.0)",
        "LGPL-2.1-or-later",
        "GNU Lesser General Public License v3 (LGPLv3)",
        "Artistic License OR GNU General Public License (GPL)",
        "GPL-3.0-only OR MIT",
        "ISC License (ISCL)",
    ],
)
def test_accepted_licences(stated: str) -> None:
    assert acceptable(stated)


@pytest.mark.parametrize(
    "stated",
    [
        "GPL-3.0-only",
        "GNU Affero General Public License v3",
        "MIT AND GPL-2.0-only",
        "SSPL-1.0",
        "BUSL-1.1",
        "Proprietary",
        "none stated",
        "Other/Proprietary License",
        "permitted",
    ],
)
def test_rejected_licences(stated: str) -> None:
    assert not acceptable(stated)


@pytest.mark.parametrize(
    ("about", "classifiers", "stated"),
    [
        ({"license_expression": "MIT", "license": "GPL"}, ["License :: OSI Approved :: BSD License"], "MIT"),
        ({"license": "GPL"}, ["License :: OSI Approved :: BSD License", "Typing :: Typed"], "BSD License"),
        ({"license": "MIT License\n\nCopyright ..."}, [], "MIT License"),
        ({}, [], "none stated"),
    ],
)
def test_stated_licence_sources(about: dict[str, str], classifiers: list[str], stated: str) -> None:
    assert licence(about, classifiers) == stated


def test_what_is_looked_at() -> None:
    direct, everything = runtime_dependencies(direct=True), runtime_dependencies()
    assert {"apache-airflow", "aiohttp", "pendulum", "requests", "tenacity", "urllib3", "yarl"} <= direct.keys()
    assert direct.keys() < everything.keys()
    # The requests library's own requests, below the ones we declare.
    assert "certifi" in everything
    assert "pytest" not in everything


def answer(*dependencies: dict[str, Any]) -> str:
    return json.dumps({"dependencies": dependencies, "fixes": []})


KNOWN = {"name": "a", "version": "1.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1"]}]}
FINE = {"name": "b", "version": "2.0", "vulns": []}
SKIPPED = {"name": "c", "skip_reason": "Dependency not found on PyPI"}


def test_a_finding_fails(capsys: pytest.CaptureFixture[str]) -> None:
    found = parse_pip_audit(answer(KNOWN, FINE, SKIPPED), "Found 1 known vulnerability")
    assert report({"a": "MIT"}, found) == 1
    shown = capsys.readouterr().out
    assert "VULNERABLE: a 1.0: PYSEC-1, fixed in 1.1" in shown
    assert "1 in 2 packages; no data for c" in shown


def test_no_finding_passes(capsys: pytest.CaptureFixture[str]) -> None:
    assert report({"b": "MIT"}, parse_pip_audit(answer(FINE), "")) == 0
    assert "Vulnerabilities: 0 in 1 packages\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("output", "errors", "said"),
    [
        ("", "WARNING: x\nERROR: Could not connect to the service\n", "Could not connect to the service"),
        ("", "", "no output"),
        ("[]", "odd", "odd"),
        (answer(SKIPPED, SKIPPED), "", "knows none of the packages"),
    ],
)
def test_unavailable_service_fails_audit_unless_offline_is_allowed(
    output: str, errors: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report({"a": "MIT"}, parse_pip_audit(output, errors)) == 1
    shown = capsys.readouterr().out
    assert "NOT CHECKED" in shown
    assert said in shown
    assert "make audit OFFLINE=1" in shown
    assert report({"a": "MIT"}, parse_pip_audit(output, errors), offline=True) == 0
    assert "NOT CHECKED" in capsys.readouterr().out


def test_a_known_vulnerability_fails_an_offline_audit_too() -> None:
    assert report({"a": "MIT"}, parse_pip_audit(answer(KNOWN), ""), offline=True) == 1


def test_a_licence_that_will_not_do_fails_whatever_else(capsys: pytest.CaptureFixture[str]) -> None:
    assert report({"a": "AGPL-3.0-only"}, Vulnerabilities(error="no network")) == 1
    assert "LICENCE: a: AGPL-3.0-only" in capsys.readouterr().out
