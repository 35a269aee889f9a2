# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Every fault, met by every surface, once, twice and for ever: one table of what is expected, and no cell deviates."""

from __future__ import annotations
