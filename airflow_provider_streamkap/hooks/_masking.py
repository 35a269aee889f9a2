# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Register secrets with Airflow's masker, whose module depends on the Airflow version.

Only secrets of a connection are registered: the client secret, the project key and proxy passwords. They are
long-lived, and a DAG file can print them. Access tokens are not registered: they expire soon, no public method returns
them, and no log line, message, XCom or event of this package contains one (tests check this). The masker never removes
a value: 300 token refreshes would cost a triggerer hundreds of megabytes and block its event loop longer each time.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable

_MODULES = ("airflow.sdk.log", "airflow.sdk.execution_time.secrets_masker", "airflow.utils.log.secrets_masker")


def _find(name: str) -> Callable[..., object] | None:
    for module in _MODULES:
        try:
            function = getattr(importlib.import_module(module), name, None)
        except ImportError:
            continue
        if callable(function):
            return function  # type: ignore[no-any-return]
    return None


def mask(secret: str) -> None:
    """Mask a secret in the logs of this process and its supervisor.

    :param secret: the value.
    """
    if (mask_secret := _find("mask_secret")) is not None:
        mask_secret(secret)


async def amask(secret: str) -> None:
    """Mask a secret without blocking the event loop; see :func:`mask`.

    :param secret: the value.
    """
    if (amask_secret := _find("amask_secret")) is not None:
        await amask_secret(secret)  # type: ignore[misc]
        return
    # Before Airflow 3.3.2, calling the supervisor from any thread but asgiref's deadlocks.
    from asgiref.sync import sync_to_async

    await sync_to_async(mask)(secret)
