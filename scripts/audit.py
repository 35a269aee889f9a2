# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Audit the runtime dependencies for known vulnerabilities and licences: `make audit`.

The audit fails on a known vulnerability, and on a licence that is not known to be permissive or weakly copyleft. Unless
``--offline`` is set, it also fails if the vulnerability service does not respond.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PACKAGE = "airflow-provider-streamkap"
#: Matches acceptable licences: SPDX identifiers, classifiers and free text.
ACCEPTABLE = re.compile(
    r"\b(?:MIT|ISC|BSD|Apache|PSF|Python Software Foundation|Unlicense|Zlib|0BSD|CC0|MPL|Mozilla Public|LGPL|Lesser"
    r"|Artistic)\b",
    re.I,
)
#: Timeout of pip-audit, in seconds.
AUDIT_TIMEOUT = 240


@dataclass(frozen=True)
class Vulnerabilities:
    """Result of pip-audit.

    :param found: one line per known vulnerability.
    :param unknown: packages that the service does not know.
    :param checked: number of packages that it knows.
    :param error: why the check failed; empty if it succeeded.
    """

    found: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    checked: int = 0
    error: str = ""


def runtime_dependencies(direct: bool = False) -> dict[str, metadata.Distribution]:
    """Return the installed runtime dependencies by name, including transitive ones.

    :param direct: only direct dependencies.
    """
    found: dict[str, metadata.Distribution] = {}
    waiting, seen = [Requirement(PACKAGE)], set()
    while waiting:
        wanted = waiting.pop()
        key = (canonicalize_name(wanted.name), frozenset(wanted.extras))
        if key in seen:
            continue
        seen.add(key)
        found[key[0]] = metadata.distribution(wanted.name)
        if not direct or key[0] == PACKAGE:
            waiting += _requirements(found[key[0]], wanted.extras or {""})
    del found[PACKAGE]
    return found


def _requirements(distribution: metadata.Distribution, extras: Iterable[str]) -> list[Requirement]:
    wanted = [Requirement(line) for line in distribution.requires or ()]
    return [
        item for item in wanted if item.marker is None or any(item.marker.evaluate({"extra": name}) for name in extras)
    ]


def licence(about: Mapping[str, Any], classifiers: Iterable[str]) -> str:
    """Return the licence stated in the metadata, preferring the most specific field.

    :param about: the metadata as a mapping.
    :param classifiers: all trove classifiers.
    """
    names = [line.rpartition(" :: ")[2] for line in classifiers if line.startswith("License :: ")]
    # The legacy field can contain a complete licence text.
    old = str(about.get("license") or "").strip().partition("\n")[0]
    return str(about.get("license_expression") or " OR ".join(names) or old or "none stated")


def acceptable(stated: str) -> bool:
    """Return whether a licence is permissive or weakly copyleft. One of several alternatives is sufficient.

    :param stated: return value of :func:`licence`.
    """
    choices = re.split(r"\s+OR\s+", stated.strip("() "))
    return any(all(ACCEPTABLE.search(part) for part in re.split(r"\s+AND\s+", choice)) for choice in choices)


def parse_pip_audit(output: str, errors: str) -> Vulnerabilities:
    """Parse the output of pip-audit.

    :param output: standard output, JSON or empty.
    :param errors: standard error.
    """
    try:
        dependencies = json.loads(output)["dependencies"]
    except (ValueError, KeyError, TypeError):
        lines = errors.strip().splitlines() or ["no output"]
        return Vulnerabilities(error=f"pip-audit failed: {lines[-1][:300]}")
    unknown = [item["name"] for item in dependencies if "skip_reason" in item]
    found = [
        f"{item['name']} {item['version']}: {flaw['id']}, fixed in {', '.join(flaw['fix_versions']) or 'no release'}"
        for item in dependencies
        for flaw in item.get("vulns", ())
    ]
    error = "" if len(unknown) < len(dependencies) else "the service knows none of the packages"
    return Vulnerabilities(found, unknown, len(dependencies) - len(unknown), error)


def run_pip_audit(versions: Mapping[str, str]) -> Vulnerabilities:
    """Check pinned versions with pip-audit.

    :param versions: version by package name.
    """
    with tempfile.TemporaryDirectory() as folder:
        pins = Path(folder) / "requirements.txt"
        pins.write_text("".join(f"{name}=={version}\n" for name, version in versions.items()), encoding="utf-8")
        options = ("--no-deps", "--disable-pip", "--format", "json", "--progress-spinner", "off")
        command = [sys.executable, "-m", "pip_audit", "--requirement", str(pins), *options]
        try:
            done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=AUDIT_TIMEOUT)
        except subprocess.TimeoutExpired:
            return Vulnerabilities(error=f"pip-audit timed out after {AUDIT_TIMEOUT} s")
    return parse_pip_audit(done.stdout, done.stderr)


def report(licences: Mapping[str, str], result: Vulnerabilities, *, offline: bool = False) -> int:
    """Print the report.

    :param licences: licence by package name.
    :param result: known vulnerabilities.
    :param offline: pass even if the vulnerability service did not respond.
    :returns: exit code, 0 if the audit passed.
    """
    bad = {name: stated for name, stated in licences.items() if not acceptable(stated)}
    for name, stated in bad.items():
        print(f"LICENCE: {name}: {stated}")
    print(f"Licences: {len(licences)} packages, {len(bad)} neither permissive nor weakly copyleft")
    for line in result.found:
        print(f"VULNERABLE: {line}")
    if result.error:
        hint = "" if offline else "; make audit OFFLINE=1 checks the licences only"
        print(f"Vulnerabilities: NOT CHECKED: {result.error}{hint}")
    else:
        suffix = f"; no data for {', '.join(result.unknown)}" if result.unknown else ""
        print(f"Vulnerabilities: {len(result.found)} in {result.checked} packages{suffix}")
    return 1 if bad or result.found or (result.error and not offline) else 0


def main() -> int:
    """Run the audit from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--direct", action="store_true", help="check direct dependencies only")
    parser.add_argument(
        "--offline", action="store_true", help="pass even if the vulnerability service does not respond"
    )
    options = parser.parse_args()
    chosen = runtime_dependencies(options.direct)
    licences = {
        name: licence(item.metadata.json, item.metadata.get_all("Classifier", []))
        for name, item in sorted(chosen.items())
    }
    result = run_pip_audit({name: item.version for name, item in sorted(chosen.items())})
    return report(licences, result, offline=options.offline)


if __name__ == "__main__":
    sys.exit(main())
