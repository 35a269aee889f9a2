# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Read the documentation: tables, snippets and their DAGs."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
SNIPPETS = DOCS / "snippets"


def table(page: str, head: str) -> dict[str, list[str]]:
    """Parse a table of a page.

    :param page: the page's file below ``docs``.
    :param head: the first cell of the table's header.
    :returns: rows by their first cell.
    """
    lines = (DOCS / page).read_text(encoding="utf-8").splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(f"| {head} |"))
    rows: dict[str, list[str]] = {}
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        first, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        rows[first] = cells
    return rows


def code(text: str) -> list[str]:
    """Return the text in backticks."""
    return re.findall(r"`([^`]+)`", text)


def snippet(name: str) -> ModuleType:
    """Execute a snippet."""
    spec = importlib.util.spec_from_file_location(f"snippet_{Path(name).stem}", SNIPPETS / name)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def dag_of(module: ModuleType, name: str) -> Any:
    """Return the DAG that a snippet defines."""
    return getattr(module, name)()
