# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Benchmarks: cost of waits, soak test, and accuracy of the gate in a simulation."""
