# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Known vulnerabilities and licences of everything that we need at run time: `make audit`.

A known vulnerability fails the audit, and so does a licence that is not known to be permissive or weakly copyleft. If
the vulnerability service does not respond, the audit fails, too, unless ``--offline`` allows it.
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

OURS = "airflow-provider-streamkap"
#: Words of which each licence that is good enough has one; as SPDX, and as people and classifiers write them.
GOOD = re.compile(
    r"\b(?:MIT|ISC|BSD|Apache|PSF|Python Software Foundation|Unlicense|Zlib|0BSD|CC0|MPL|Mozilla Public|LGPL|Lesser"
    r"|Artistic)\b",
    re.I,
)
#: Seconds for all of pip-audit's questions.
PATIENCE = 240


@dataclass(frozen=True)
class Vulnerabilities:
    """What pip-audit has found out.

    :param found: a line for each known vulnerability.
    :param unasked: names of which the service knows nothing.
    :param asked: how many it does know.
    :param trouble: why nothing could be asked; empty if it could.
    """

    found: list[str] = field(default_factory=list)
    unasked: list[str] = field(default_factory=list)
    asked: int = 0
    trouble: str = ""


def needed(direct: bool = False) -> dict[str, metadata.Distribution]:
    """Give what is installed of what we need, at every depth, by name.

    :param direct: only what our own metadata names.
    """
    found: dict[str, metadata.Distribution] = {}
    waiting, seen = [Requirement(OURS)], set()
    while waiting:
        wanted = waiting.pop()
        key = (canonicalize_name(wanted.name), frozenset(wanted.extras))
        if key in seen:
            continue
        seen.add(key)
        found[key[0]] = metadata.distribution(wanted.name)
        if not direct or key[0] == OURS:
            waiting += _requirements(found[key[0]], wanted.extras or {""})
    del found[OURS]
    return found


def _requirements(distribution: metadata.Distribution, extras: Iterable[str]) -> list[Requirement]:
    wanted = [Requirement(line) for line in distribution.requires or ()]
    return [
        item for item in wanted if item.marker is None or any(item.marker.evaluate({"extra": name}) for name in extras)
    ]


def licence(about: Mapping[str, Any], classifiers: Iterable[str]) -> str:
    """Give a licence as the metadata state it, the clearest statement first.

    :param about: the metadata by name, as JSON has them.
    :param classifiers: all trove classifiers.
    """
    told = [line.rpartition(" :: ")[2] for line in classifiers if line.startswith("License :: ")]
    # Whole texts of licences stand in the old field, too.
    old = str(about.get("license") or "").strip().partition("\n")[0]
    return str(about.get("license_expression") or " OR ".join(told) or old or "none stated")


def acceptable(stated: str) -> bool:
    """Tell whether a licence is permissive or weakly copyleft; of several to choose from one is enough.

    :param stated: as :func:`licence` gives it.
    """
    choices = re.split(r"\s+OR\s+", stated.strip("() "))
    return any(all(GOOD.search(part) for part in re.split(r"\s+AND\s+", choice)) for choice in choices)


def judge(output: str, errors: str) -> Vulnerabilities:
    """Read what pip-audit has said.

    :param output: its JSON, or nothing.
    :param errors: its messages.
    """
    try:
        told = json.loads(output)["dependencies"]
    except (ValueError, KeyError, TypeError):
        lines = errors.strip().splitlines() or ["it said nothing"]
        return Vulnerabilities(trouble=f"pip-audit got no answer: {lines[-1][:300]}")
    unasked = [item["name"] for item in told if "skip_reason" in item]
    found = [
        f"{item['name']} {item['version']}: {flaw['id']}, mended in {', '.join(flaw['fix_versions']) or 'no release'}"
        for item in told
        for flaw in item.get("vulns", ())
    ]
    nobody = "" if len(unasked) < len(told) else "the service knows none of the packages, so it can say nothing"
    return Vulnerabilities(found, unasked, len(told) - len(unasked), nobody)


def ask(versions: Mapping[str, str]) -> Vulnerabilities:
    """Let pip-audit ask for some versions.

    :param versions: by name.
    """
    with tempfile.TemporaryDirectory() as folder:
        pins = Path(folder) / "requirements.txt"
        pins.write_text("".join(f"{name}=={version}\n" for name, version in versions.items()), encoding="utf-8")
        options = ("--no-deps", "--disable-pip", "--format", "json", "--progress-spinner", "off")
        command = [sys.executable, "-m", "pip_audit", "--requirement", str(pins), *options]
        try:
            done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            return Vulnerabilities(trouble=f"pip-audit got no answer within {PATIENCE} s")
    return judge(done.stdout, done.stderr)


def report(licences: Mapping[str, str], told: Vulnerabilities, *, offline: bool = False) -> int:
    """Print what was found.

    :param licences: by name of the package.
    :param told: known vulnerabilities.
    :param offline: pass even if the vulnerability service did not respond.
    :returns: exit code, 0 if the audit passed.
    """
    bad = {name: stated for name, stated in licences.items() if not acceptable(stated)}
    for name, stated in bad.items():
        print(f"LICENCE: {name}: {stated}")
    print(f"Licences: {len(licences)} packages, {len(bad)} neither permissive nor weakly copyleft")
    for line in told.found:
        print(f"VULNERABLE: {line}")
    if told.trouble:
        hint = "" if offline else "; make audit OFFLINE=1 checks the licences only"
        print(f"Vulnerabilities: NOT CHECKED: {told.trouble}{hint}")
    else:
        unknown = f"; nothing known of {', '.join(told.unasked)}" if told.unasked else ""
        print(f"Vulnerabilities: {len(told.found)} in {told.asked} packages{unknown}")
    return 1 if bad or told.found or (told.trouble and not offline) else 0


def main() -> int:
    """Read the command line, and audit."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--direct", action="store_true", help="only what our own metadata names")
    parser.add_argument(
        "--offline", action="store_true", help="pass even if the vulnerability service does not respond"
    )
    options = parser.parse_args()
    chosen = needed(options.direct)
    licences = {
        name: licence(item.metadata.json, item.metadata.get_all("Classifier", []))
        for name, item in sorted(chosen.items())
    }
    told = ask({name: item.version for name, item in sorted(chosen.items())})
    return report(licences, told, offline=options.offline)


if __name__ == "__main__":
    sys.exit(main())
