# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""What a wait costs in a triggerer, beside what the triggers of others cost for the same."""
