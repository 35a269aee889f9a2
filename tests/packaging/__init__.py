# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Tests of what is shipped, and of what Airflow sees of it once it is installed."""

from __future__ import annotations
