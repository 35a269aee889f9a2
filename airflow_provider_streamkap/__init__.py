# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Streamkap for Apache Airflow: gate on a destination's health and lag, and snapshot its metrics."""

from __future__ import annotations

__version__ = "0.1.0"
