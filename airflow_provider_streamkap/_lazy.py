# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Import modules on first use: every parse of a DAG file pays for what the public modules import."""

from __future__ import annotations

from importlib import import_module
from typing import Any


class LazyModule:
    """A module that is imported when one of its attributes is first accessed.

    Type checkers see the module itself if it is imported in a ``TYPE_CHECKING`` block and created in its ``else``.

    :param name: the full name of the module.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        # Tools that inspect the globals of a module, such as doctest, look for attributes with double underscores.
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        return getattr(import_module(self._name), attribute)
