# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The OpenAPI description that the simulator is checked against."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

PATH = Path(__file__).with_name("streamkap.openapi.yaml")


@cache
def load() -> dict[str, Any]:
    """Return the description as plain data."""
    content: dict[str, Any] = yaml.safe_load(PATH.read_text())
    return content


@cache
def validator(schema: str) -> Draft202012Validator:
    """Return a validator for one of the description's schemas.

    :param schema: its name among the components.
    """
    return Draft202012Validator({"$ref": f"#/components/schemas/{schema}", "components": load()["components"]})
