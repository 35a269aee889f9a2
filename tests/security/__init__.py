# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Tests of the promises in SECURITY.md: where tokens are sent, and where secrets must not appear."""
