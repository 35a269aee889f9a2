# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Development tools: start Airflow for tests, the demo and the documentation. Not part of the wheel."""

from __future__ import annotations
