# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Tools of the checkout: they start Airflow for tests, demo and docs, and are not in the wheel."""

from __future__ import annotations
