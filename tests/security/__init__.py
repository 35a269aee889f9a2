# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Tests of what SECURITY.md promises: where tokens go, and where secrets do not turn up."""
