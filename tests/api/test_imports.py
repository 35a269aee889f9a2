# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The package is cheap to import and exports all of its public names."""

from __future__ import annotations

import operator
import subprocess
import sys

import pytest

from airflow_provider_streamkap import api


def test_every_public_name_is_exported() -> None:
    for name in api.__all__:
        assert getattr(api, name) if name.isupper() else getattr(api, name).__name__ == name


def test_other_names_raise_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        operator.attrgetter("Nothing")(api)


def loaded_by(statement: str) -> set[str]:
    """Return the modules that a fresh interpreter has loaded after a statement."""
    program = f"{statement}\nimport sys\nprint(*sys.modules)"
    return set(
        subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout.split()
    )


HEAVY = {"requests", "aiohttp", "tenacity", "urllib3", "airflow"}


@pytest.mark.parametrize(
    ("statement", "allowed"),
    [
        ("import airflow_provider_streamkap.api", set()),
        ("from airflow_provider_streamkap.api import *", HEAVY - {"airflow"}),
        ("from airflow_provider_streamkap.api import ApiSession, MetricsQuery, StreamkapError", set()),
        ("from airflow_provider_streamkap.api import StreamkapClient", {"requests", "urllib3", "tenacity"}),
        ("from airflow_provider_streamkap.api import AsyncStreamkapClient", {"aiohttp", "tenacity"}),
    ],
)
def test_unused_modules_are_not_loaded(statement: str, allowed: set[str]) -> None:
    assert loaded_by(statement) & HEAVY == allowed
