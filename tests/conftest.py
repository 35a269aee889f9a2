# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Set an Airflow home for the test run before anything imports Airflow, and keep tests independent of each other."""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator

import pytest

_HOME = tempfile.mkdtemp(prefix="airflow-home-")
atexit.register(shutil.rmtree, _HOME, ignore_errors=True)
os.environ.update(
    AIRFLOW_HOME=_HOME,
    AIRFLOW__CORE__LOAD_EXAMPLES="False",
    AIRFLOW__CORE__UNIT_TEST_MODE="False",
    # Proxies from the environment are not for tests, which use loopback only.
    NO_PROXY="127.0.0.1,localhost,::1",
    no_proxy="127.0.0.1,localhost,::1",
)
for name in ("STREAMKAP_HOST", "STREAMKAP_CLIENT_ID", "STREAMKAP_SECRET", "STREAMKAP_DESTINATION_ID"):
    os.environ.pop(name, None)

# The modules that have a masker, depending on the Airflow version.
_MASKERS = (
    "airflow.sdk._shared.secrets_masker.secrets_masker",
    "airflow._shared.secrets_masker.secrets_masker",
    "airflow.sdk.execution_time.secrets_masker",
    "airflow.utils.log.secrets_masker",
)


@pytest.fixture(autouse=True)
def forget_masked_secrets() -> Iterator[None]:
    """Clear Airflow's masker, which otherwise slows down with each secret of each test."""
    yield
    for name in _MASKERS:
        masker_of_process = getattr(sys.modules.get(name), "_secrets_masker", None)
        if masker_of_process is None:
            continue
        # Airflow 3.1 keeps the masker in a global instead of a cache.
        cache = getattr(masker_of_process, "cache_info", None)
        if cache is None or cache().currsize:
            masker = masker_of_process()
            masker.patterns, masker.replacer = set(), None


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Measure no coverage in property-based tests: which lines they reach differs from run to run."""
    for item in items:
        if item.get_closest_marker("hypothesis"):
            item.add_marker("no_cover")
