# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Check that a release can be published: `python -m scripts.release v1.2.3`.

Runs before anything is installed, so it imports only the standard library.
"""

from __future__ import annotations

import argparse
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
#: URLs that the package's metadata must contain. They can be set once the repository is public.
URLS = ("Repository", "Issues", "Security")


def problems(tag: str, source: str, project: Mapping[str, Any], changelog: str) -> Iterator[str]:
    """Yield the problems that prevent the release.

    :param tag: the Git tag.
    :param source: text of the package's ``__init__.py``.
    :param project: the table ``project`` of ``pyproject.toml``.
    :param changelog: text of ``CHANGELOG.md``.
    """
    version = re.search(r'^__version__ = "(.+)"$', source, re.MULTILINE)
    if version is None or tag != f"v{version[1]}":
        yield f"the tag is {tag!r}, but the version is {version[1] if version else 'missing'!r}"
    urls = project.get("urls", {})
    for name in URLS:
        if not str(urls.get(name, "")).startswith("https://"):
            yield f"pyproject.toml: set {name} under [project.urls] to an https:// URL"
    if f"\n## [{tag.removeprefix('v')}]" not in changelog:
        yield f"CHANGELOG.md has no section for {tag.removeprefix('v')}"


def main() -> int:
    """Read the command line and check this checkout."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("tag", help="the Git tag of the release, such as v1.2.3")
    tag = parser.parse_args().tag
    found = list(
        problems(
            tag,
            (ROOT / "airflow_provider_streamkap" / "__init__.py").read_text(encoding="utf-8"),
            tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"],
            (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"),
        )
    )
    for problem in found:
        print(problem, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
