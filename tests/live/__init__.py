# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Tests of the check of the live service, against the simulator in each of its possible answers."""
