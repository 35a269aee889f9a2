# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Put what a benchmark has found into a page of the documentation, between two marks that wait for it there."""

from __future__ import annotations

from pathlib import Path


def marks(name: str) -> tuple[str, str]:
    """Give the two marks between which results stand.

    :param name: of the results.
    """
    return f"<!-- begin of the results: {name} -->", f"<!-- end of the results: {name} -->"


def write(page: Path, name: str, text: str) -> None:
    """Put results between the two marks of a page.

    :param page: the page.
    :param name: of the results.
    :param text: what takes the place of the former ones.
    :raises ValueError: the page has no place for them.
    """
    begin, end = marks(name)
    before, _, rest = page.read_text(encoding="utf-8").partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        raise ValueError(f"{page} has no place for the results: {begin} and {end}")
    page.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}", encoding="utf-8")
