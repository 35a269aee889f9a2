# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The API reference is valid and complete."""

from __future__ import annotations

import importlib
import re
from typing import Any

from airflow_provider_streamkap import api, testing
from airflow_provider_streamkap.get_provider_info import get_provider_info
from tests.docs.pages import DOCS

TEXT = "\n".join(path.read_text(encoding="utf-8") for path in sorted((DOCS / "reference").glob("*.rst")))
NAMED = re.findall(r"^\.\. auto(\w+):: (\S+)", TEXT, re.MULTILINE)
MODULES = {name for kind, name in NAMED if kind == "module"}
SINGLE = {name for kind, name in NAMED if kind != "module"}


def members(module: str) -> set[str]:
    """Return the names that a module of the reference documents."""
    found = importlib.import_module(module)
    return set(getattr(found, "__all__", None) or vars(found))


def test_everything_named_exists() -> None:
    for name in MODULES:
        importlib.import_module(name)
    for name in SINGLE:
        module, _, attribute = name.rpartition(".")
        assert getattr(importlib.import_module(module), attribute)


def test_everything_public_is_named() -> None:
    # For the two packages, automodule shows only the docstring; their names are listed individually.
    full = MODULES - {api.__name__, testing.__name__}
    named = {name.rpartition(".")[2] for name in SINGLE}.union(*(members(module) for module in full))
    constants = {name for name in api.__all__ if name.isupper()}
    assert set(api.__all__) - constants - named == {"ApiSession"}
    assert set(testing.__all__) - named == {"scenarios"}


def test_every_module_in_provider_info_is_documented() -> None:
    info: Any = get_provider_info()
    listed = {
        module
        for kind in ("hooks", "operators", "sensors", "triggers")
        for entry in info[kind]
        for module in entry["python-modules"]
    }
    assert listed <= MODULES
