# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Every fault on every surface, once, twice and forever, checked against one table of expected outcomes."""

from __future__ import annotations
