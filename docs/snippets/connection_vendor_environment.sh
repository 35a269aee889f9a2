# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
# An empty connection takes host and credentials from the variables of Streamkap's Terraform provider.

export AIRFLOW_CONN_STREAMKAP_DEFAULT='{"conn_type": "streamkap"}'
export STREAMKAP_HOST='https://api.streamkap.com'
export STREAMKAP_CLIENT_ID='my-client-id'
export STREAMKAP_SECRET='my-secret'
