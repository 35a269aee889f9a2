# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Set an Airflow home for the test run before anything imports Airflow."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

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
