# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The provider metadata: the target of the ``apache_airflow_provider`` entry point.

Airflow imports this module with every ``import airflow``, so it holds one plain dict and imports nothing. The
dict follows ``airflow/provider.yaml.schema.json`` of Airflow 3.3; a test validates it.

Airflow 3.2 and later build the connection form from this dict without importing the hook. Airflow up to 3.1 calls
``StreamkapHook.get_connection_form_widgets`` and ``get_ui_field_behaviour``.
"""

from __future__ import annotations

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
        "connection-types": [
            {
                "connection-type": "streamkap",
                "hook-class-name": "airflow_provider_streamkap.hooks.streamkap.StreamkapHook",
                "hook-name": "Streamkap",
                "ui-field-behaviour": {
                    "hidden-fields": ["schema"],
                    "relabeling": {
                        "host": "API URL",
                        "login": "Client ID",
                        "password": "Secret or project key",
                        "port": "Port",
                    },
                    "placeholders": {
                        "host": "https://api.streamkap.com",
                        "login": "leave empty with a project key",
                        "password": "the secret of the client ID, or the content of a project key file",
                        # Its form sends 0 for no port, and its API then takes the host for another one.
                        "port": "443 (Airflow 3.3.2 tests a saved connection only if it has a port)",
                    },
                },
                # "null" beside the type makes a field optional: without it the form cannot be saved empty.
                "conn-fields": {
                    "timeout": {
                        "label": "Timeout",
                        "description": "Seconds that one request may take. Default: 30.",
                        "schema": {"type": ["number", "null"], "minimum": 0},
                    },
                    "max_attempts": {
                        "label": "Attempts",
                        "description": "How often one request is sent at most. Default: 5.",
                        "schema": {"type": ["integer", "null"], "minimum": 1},
                    },
                    "verify": {
                        "label": "Verify TLS",
                        "description": "true (default), false, or the path of a CA bundle on workers and triggerers.",
                        "schema": {"type": ["string", "null"]},
                    },
                    "proxies": {
                        "label": "Proxies",
                        "description": 'Proxy by scheme, as JSON: {"https": "http://proxy.example:3128"}. '
                        "Default: the proxy variables of the environment.",
                        "schema": {"type": ["object", "null"]},
                    },
                    "app_url_template": {
                        "label": "Link template",
                        "description": "Address of a destination's page in the Streamkap application, with "
                        "{destination_id} where the id belongs. Default: the application's front page.",
                        "schema": {"type": ["string", "null"]},
                    },
                    "max_concurrency": {
                        "label": "Concurrent requests",
                        "description": "Concurrent requests of a triggerer, or of a task that reads a list, on this "
                        "connection. Default: 16.",
                        "schema": {"type": ["integer", "null"], "minimum": 1},
                    },
                    "allow_http": {
                        "label": "Allow plain HTTP",
                        "description": "Accept an API URL without TLS on another host than this one. "
                        "Credentials then cross the network in the clear.",
                        "schema": {"type": ["boolean", "null"]},
                    },
                },
            }
        ],
    }
