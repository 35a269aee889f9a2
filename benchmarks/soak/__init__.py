# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""A long life of a triggerer in a short time: what thousands of waits that come and go leave behind."""
