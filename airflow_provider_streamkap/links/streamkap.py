# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The "Streamkap" button on a task: to the destination's page, or to the front page where none is configured."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow_provider_streamkap._compat import BaseOperatorLink, XCom

if TYPE_CHECKING:
    from airflow_provider_streamkap._compat import BaseOperator
    from airflow_provider_streamkap.hooks._connection import StreamkapConnection


log = logging.getLogger(__name__)


class StreamkapLink(BaseOperatorLink):
    """Link a task instance to Streamkap's web application.

    The task pushes the address while it runs, since the connection that holds its template is not to be read
    by the web server.
    """

    name = "Streamkap"

    @property
    def xcom_key(self) -> str:
        """The XCom that holds the address, under which Airflow 3 looks for it."""
        return f"_link_{type(self).__name__}"

    def get_link(self, operator: BaseOperator, *, ti_key: Any) -> str:
        """Give the address that the task pushed.

        :param operator: the task.
        :param ti_key: the task instance.
        :returns: the address; the application's front page where the task has not got as far.
        """
        # A DAG that is parsed shows no link, and is spared the import.
        from airflow_provider_streamkap.hooks._connection import APP_URL, is_web_url

        try:
            found = XCom.get_value(key=self.xcom_key, ti_key=ti_key)
        except Exception as error:
            log.warning("The address of the Streamkap button could not be read: %s: %s", type(error).__name__, error)
            found = None
        # Any task can push an XCom of that name.
        return found if isinstance(found, str) and is_web_url(found) else APP_URL


def push_link(context: Mapping[str, Any], connection: StreamkapConnection, destination_id: str) -> None:
    """Store a task's address for the button, before the task can be deferred.

    A task that cannot store it goes on: the button then leads to the application's front page.

    :param context: the context of the running task.
    :param connection: holds the template of the address.
    :param destination_id: the destination to link to.
    """
    ti = context.get("ti")
    if ti is None:
        return
    try:
        ti.xcom_push(key=StreamkapLink().xcom_key, value=connection.app_url(destination_id))
    except Exception as error:
        log.warning("The address of the Streamkap button could not be stored: %s: %s", type(error).__name__, error)
