# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Waits in a distributed Airflow that loses some of its components."""

from __future__ import annotations
