# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Tests of the API layer: the core without I/O, and both clients against real servers on loopback."""
