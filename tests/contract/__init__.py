# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The simulator checked against an OpenAPI description. Needs the tools of the development environment."""

from __future__ import annotations
