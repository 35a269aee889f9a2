# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""DAG files of the system tests, which a real Airflow parses."""

from __future__ import annotations
