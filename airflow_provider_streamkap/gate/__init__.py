# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The gate: decides whether a wait is over. Pure: no clock, no network, no Airflow."""
