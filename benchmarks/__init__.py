# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Measurements: what waits cost and leave behind, and how the gate fares in a simulated world."""
