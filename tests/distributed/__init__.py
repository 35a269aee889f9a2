# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Waits in an Airflow of many machines, parts of which are lost."""

from __future__ import annotations
