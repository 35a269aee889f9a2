# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The provider metadata: the target of the ``apache_airflow_provider`` entry point.

Airflow imports this module at start-up, before any part of the provider is used. It must be cheap and import no module
that Airflow has not loaded by then; a test checks this. The dict follows ``airflow/provider.yaml.schema.json`` of
Airflow 3.3; a test validates it.

Airflow 3.2 and later build the connection form from this dict without importing the hook. Airflow up to 3.1 calls
``StreamkapHook.get_connection_form_widgets`` and ``get_ui_field_behaviour``.
"""

from __future__ import annotations

from airflow_provider_streamkap.api.options import FIELDS, OPTIONS

INTEGRATION = "Streamkap"


def get_provider_info() -> dict[str, object]:
    """
    Return the metadata of the provider.

    :returns: a new dict at every call, which the caller may modify
    """
    return {
        # Airflow rejects a provider whose package-name differs from its distribution's name.
        "package-name": "airflow-provider-streamkap",
        "name": "Streamkap",
        "description": "`Streamkap <https://streamkap.com/>`__: wait until a destination is healthy and "
        "drained, and snapshot its metrics.",
        # The strict schema requires the next two keys; Airflow itself reads neither.
        "state": "ready",
        "source-date-epoch": 1795392000,
        "versions": ["0.1.0"],
        "integrations": [
            {
                "integration-name": INTEGRATION,
                "external-doc-url": "https://docs.streamkap.com/",
                "tags": ["service"],
            }
        ],
        "hooks": [
            {
                "integration-name": INTEGRATION,
                "python-modules": ["airflow_provider_streamkap.hooks.streamkap"],
            }
        ],
        "operators": [
            {
                "integration-name": INTEGRATION,
                "python-modules": ["airflow_provider_streamkap.operators.streamkap"],
            }
        ],
        "sensors": [
            {
                "integration-name": INTEGRATION,
                "python-modules": ["airflow_provider_streamkap.sensors.streamkap"],
            }
        ],
        "triggers": [
            {
                "integration-name": INTEGRATION,
                "python-modules": [
                    "airflow_provider_streamkap.triggers.event",
                    "airflow_provider_streamkap.triggers.streamkap",
                ],
            }
        ],
        "asset-uris": [
            {"schemes": ["streamkap"], "handler": "airflow_provider_streamkap.assets.streamkap.sanitize_uri"}
        ],
        "extra-links": ["airflow_provider_streamkap.links.streamkap.StreamkapLink"],
        # Read by Airflow 3.2 and later.
        "cli": ["airflow_provider_streamkap.cli.definition.get_commands"],
        "connection-types": [
            {
                "connection-type": "streamkap",
                "hook-class-name": "airflow_provider_streamkap.hooks.streamkap.StreamkapHook",
                "hook-name": "Streamkap",
                "ui-field-behaviour": {
                    "hidden-fields": ["schema"],
                    "relabeling": {name: field.label for name, field in FIELDS.items()},
                    "placeholders": {name: field.placeholder for name, field in FIELDS.items()},
                },
                "conn-fields": {name: option.form_field for name, option in OPTIONS.items()},
            }
        ],
    }
