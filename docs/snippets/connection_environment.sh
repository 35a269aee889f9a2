# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
# A connection as a variable of the environment: on schedulers, workers and triggerers.

export AIRFLOW_CONN_STREAMKAP_DEFAULT='{
  "conn_type": "streamkap",
  "login": "my-client-id",
  "password": "my-secret",
  "extra": {"timeout": 20, "proxies": {"https": "http://proxy.example:3128"}}
}'
