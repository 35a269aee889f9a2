# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The long life of a triggerer: a short one of it, and that growth would be seen."""
