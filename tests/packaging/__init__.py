# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Tests of the distributions and of what Airflow sees once they are installed."""

from __future__ import annotations
