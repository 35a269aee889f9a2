# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
# A connection from the command line; the second one with a project key.

airflow connections add streamkap_default \
    --conn-type streamkap \
    --conn-login my-client-id \
    --conn-password my-secret \
    --conn-extra '{"timeout": 20}'

airflow connections add streamkap_other \
    --conn-type streamkap \
    --conn-password "$(cat project-key.json)"
