# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Names of Airflow that moved between 2.11 and 3.3, imported from where the installed Airflow has them.

They are looked up on first use, so that importing this module imports nothing. The common.compat provider offers the
same, but only in versions that the official constraints of Airflow 3.0 do not allow.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.configuration import conf
    from airflow.sdk import (
        Asset,
        BaseHook,
        BaseOperator,
        BaseOperatorLink,
        BaseSensorOperator,
        Connection,
        Context,
        PokeReturnValue,
    )
    from airflow.sdk.exceptions import (
        AirflowException,
        AirflowFailException,
        AirflowNotFoundException,
        AirflowSensorTimeout,
        AirflowSkipException,
        AirflowTaskTimeout,
    )
    from airflow.sdk.execution_time.xcom import XCom
    from airflow.sdk.plugins_manager import AirflowPlugin

__all__ = [
    "AirflowException",
    "AirflowFailException",
    "AirflowNotFoundException",
    "AirflowPlugin",
    "AirflowSensorTimeout",
    "AirflowSkipException",
    "AirflowTaskTimeout",
    "Asset",
    "BaseHook",
    "BaseOperator",
    "BaseOperatorLink",
    "BaseSensorOperator",
    "Connection",
    "Context",
    "PokeReturnValue",
    "XCom",
    "conf",
]

# Where each name lives, newest Airflow first; "module:name" if Airflow 2 uses another name.
_EXCEPTIONS = ("airflow.sdk.exceptions", "airflow.exceptions")
_LOCATIONS = {
    **dict.fromkeys((name for name in __all__ if name.startswith("Airflow")), _EXCEPTIONS),
    "AirflowPlugin": ("airflow.sdk.plugins_manager", "airflow.plugins_manager"),
    "Asset": ("airflow.sdk", "airflow.datasets:Dataset"),
    "BaseHook": ("airflow.sdk", "airflow.hooks.base"),
    "BaseOperator": ("airflow.sdk", "airflow.models.baseoperator"),
    "BaseOperatorLink": ("airflow.sdk", "airflow.models.baseoperatorlink"),
    "BaseSensorOperator": ("airflow.sdk", "airflow.sensors.base"),
    "Connection": ("airflow.sdk", "airflow.models.connection"),
    "Context": ("airflow.sdk", "airflow.utils.context"),
    "PokeReturnValue": ("airflow.sdk", "airflow.sensors.base"),
    "XCom": ("airflow.sdk.execution_time.xcom", "airflow.models.xcom"),
    "conf": ("airflow.sdk.configuration", "airflow.configuration"),
}


def __getattr__(name: str) -> Any:
    """Import a name on first use."""
    if name not in _LOCATIONS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    for location in _LOCATIONS[name]:
        module, _, renamed = location.partition(":")
        try:
            found = getattr(import_module(module), renamed or name)
        except (ImportError, AttributeError):
            continue
        globals()[name] = found
        return found
    raise ImportError(f"{name} is in none of {', '.join(_LOCATIONS[name])}")
