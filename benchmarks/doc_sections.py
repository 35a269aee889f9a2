# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Write benchmark results into a documentation page, between two marker comments."""

from __future__ import annotations

from pathlib import Path


def markers(name: str) -> tuple[str, str]:
    """Return the comments before and after a results section.

    :param name: name of the section.
    """
    return f"<!-- begin results: {name} -->", f"<!-- end results: {name} -->"


def replace_section(page: Path, name: str, text: str) -> None:
    """Replace the content of a results section.

    :param page: the page.
    :param name: name of the section.
    :param text: new content.
    :raises ValueError: if the page does not contain both markers.
    """
    begin, end = markers(name)
    before, _, rest = page.read_text(encoding="utf-8").partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        raise ValueError(f"{page} has no results section {name!r}: add {begin} and {end}")
    page.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}", encoding="utf-8")
