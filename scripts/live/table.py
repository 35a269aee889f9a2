# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Format findings as a plain-text table."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from scripts.live.findings import Finding

HEAD = ("", "assumption", "found", "consequence")
WIDTHS = (1, 36, 30, 44)
MARKS = {True: "+", False: "!", None: "?"}
LEGEND = "+ confirmed   ! contradicted   ? inconclusive"


def table(found: Iterable[Finding]) -> str:
    """Return the table.

    :param found: the rows.
    """
    rows = [(MARKS[item.holds], item.assumption, item.found, item.consequence) for item in found]
    rule = "  ".join("-" * width for width in WIDTHS)
    return "\n".join((*_lines(HEAD), rule, *(line for row in rows for line in _lines(row)), "", LEGEND))


def _lines(row: tuple[str, ...]) -> list[str]:
    cells = [textwrap.wrap(cell, width) or [""] for cell, width in zip(row, WIDTHS, strict=True)]
    height = max(map(len, cells))
    padded = [cell + [""] * (height - len(cell)) for cell in cells]
    return [
        "  ".join(part.ljust(width) for part, width in zip(parts, WIDTHS, strict=True)).rstrip()
        for parts in zip(*padded, strict=True)
    ]
