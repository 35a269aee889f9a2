# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The "Streamkap" button of a task: opens the destination's page, or the front page if no template is configured."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow_provider_streamkap._compat import BaseOperatorLink, XCom
from airflow_provider_streamkap._lazy import LazyModule
from airflow_provider_streamkap.api.checks import is_web_url

if TYPE_CHECKING:
    from airflow_provider_streamkap._compat import BaseOperator
    from airflow_provider_streamkap.hooks import _connection
else:
    _connection = LazyModule("airflow_provider_streamkap.hooks._connection")

log = logging.getLogger(__name__)


class StreamkapLink(BaseOperatorLink):
    """Link a task instance to Streamkap's web application.

    The task pushes the URL to XCom while it runs, so that the web server does not need the connection.
    """

    name = "Streamkap"

    @property
    def xcom_key(self) -> str:
        """The key of the XCom with the URL, as Airflow 3 expects it."""
        return f"_link_{type(self).__name__}"

    def get_link(self, operator: BaseOperator, *, ti_key: Any) -> str:
        """Return the URL that the task pushed.

        :param operator: the task.
        :param ti_key: the task instance.
        :returns: the URL; the front page of the application if the task has not pushed one.
        """
        try:
            found = XCom.get_value(key=self.xcom_key, ti_key=ti_key)
        except Exception as error:
            log.warning("The URL of the Streamkap button could not be read: %s: %s", type(error).__name__, error)
            found = None
        # Any task can push an XCom of that name.
        return found if isinstance(found, str) and is_web_url(found) else _connection.APP_URL


def push_link(context: Mapping[str, Any], connection: _connection.StreamkapConnection, destination_id: str) -> None:
    """Push the URL of a task's button to XCom.

    Failures are logged and ignored: the button then opens the application's front page.

    :param context: the context of the running task.
    :param connection: the connection, which has the URL template.
    :param destination_id: the destination to link to.
    """
    ti = context.get("ti")
    if ti is None:
        return
    try:
        ti.xcom_push(key=StreamkapLink().xcom_key, value=connection.app_url(destination_id))
    except Exception as error:
        log.warning("The URL of the Streamkap button could not be stored: %s: %s", type(error).__name__, error)
