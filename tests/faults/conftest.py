# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Fixtures that the fault matrix shares with other tests: Airflow's database and a certificate authority."""

from __future__ import annotations

from tests.airflow.conftest import airflow_database
from tests.api.conftest import authority

__all__ = ["airflow_database", "authority"]
