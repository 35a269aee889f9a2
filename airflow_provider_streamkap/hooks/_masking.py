# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Register secrets with Airflow's masker, which has lived in many places.

Only what a connection holds is registered: the secret, the project key and the passwords of proxies. They last for
months, and a DAG file can print them. Access tokens are not: no log line, message, XCom or event of this package holds
one (tests search for them), no public method returns one, and each is worthless soon. The masker never forgets: 300
renewals would cost a triggerer hundreds of megabytes, and block its event loop longer with each.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable

_PLACES = ("airflow.sdk.log", "airflow.sdk.execution_time.secrets_masker", "airflow.utils.log.secrets_masker")


def _find(name: str) -> Callable[..., object] | None:
    for place in _PLACES:
        try:
            found = getattr(importlib.import_module(place), name, None)
        except ImportError:
            continue
        if callable(found):
            return found  # type: ignore[no-any-return]
    return None


def mask(secret: str) -> None:
    """Keep a secret out of the logs of this process and its supervisor.

    :param secret: the value, as it would appear.
    """
    if (mask_secret := _find("mask_secret")) is not None:
        mask_secret(secret)


async def amask(secret: str) -> None:
    """Do as :func:`mask` does, from an event loop and without blocking it.

    :param secret: the value, as it would appear.
    """
    if (amask_secret := _find("amask_secret")) is not None:
        await amask_secret(secret)  # type: ignore[misc]
        return
    # The supervisor is reached through asgiref's own thread on Airflow below 3.3.2; any other deadlocks there.
    from asgiref.sync import sync_to_async

    await sync_to_async(mask)(secret)
