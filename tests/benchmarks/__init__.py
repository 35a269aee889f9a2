# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The simulation that judges the gate: that it judges rightly, and what it finds."""
