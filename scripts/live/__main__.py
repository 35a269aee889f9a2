# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Check the live service against the provider's assumptions: `make live`, with credentials in the environment.

Read-only: besides the token call, it sends only GET requests. It writes no files.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence

from airflow_provider_streamkap.api.errors import StreamkapError
from airflow_provider_streamkap.api.options import DEFAULT_BASE_URL
from airflow_provider_streamkap.api.query import check_resource_id
from airflow_provider_streamkap.api.settings import ClientSettings, Credentials
from scripts.live.check import Check
from scripts.live.table import table

NEEDED = """\
To check the live service, set in the environment:
  STREAMKAP_CLIENT_ID       client id of a project's API token
  STREAMKAP_SECRET          its secret
  STREAMKAP_HOST            (optional) base URL, default {host}
  STREAMKAP_DESTINATION_ID  (optional) destination to check, default an Active one
  STREAMKAP_PIPELINE_ID     (optional) pipeline to check, default the first
  STREAMKAP_SOURCE_ID       (optional) source to check, default that of the pipeline"""
#: Exit codes: the service is unreachable or rejects the credentials; the environment is incomplete or invalid.
UNREACHABLE, NOT_CONFIGURED = 1, 2


def main(
    arguments: Sequence[str] = (),
    environ: Mapping[str, str] = os.environ,
    *,
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Run the check and print the table.

    :param arguments: command line arguments.
    :param environ: environment variables.
    :param clock: epoch seconds.
    :param sleep: replaces ``time.sleep``.
    :returns: 0 if the table was printed, else UNREACHABLE or NOT_CONFIGURED.
    """
    parser = argparse.ArgumentParser(prog="python -m scripts.live", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--pause",
        type=float,
        default=60.0,
        help="seconds between the two readings of paused destinations (default: 60)",
    )
    options = parser.parse_args(arguments)
    credentials = {name: environ.get(f"STREAMKAP_{name}", "").strip() for name in ("CLIENT_ID", "SECRET")}
    if missing := [f"STREAMKAP_{name}" for name, value in credentials.items() if not value]:
        print(f"Not set: {', '.join(missing)}\n\n{NEEDED.format(host=DEFAULT_BASE_URL)}", file=sys.stderr)
        return NOT_CONFIGURED
    host = environ.get("STREAMKAP_HOST", "").strip() or DEFAULT_BASE_URL
    names = ("STREAMKAP_DESTINATION_ID", "STREAMKAP_SOURCE_ID", "STREAMKAP_PIPELINE_ID")
    ids = {name: environ.get(name, "").strip() or None for name in names}
    try:
        settings = ClientSettings(Credentials(credentials["CLIENT_ID"], credentials["SECRET"]), base_url=host)
        for name, id_ in ids.items():
            if id_:
                check_resource_id(id_, name)
    except ValueError as error:
        print(f"Invalid environment: {str(error).replace('base_url', 'STREAMKAP_HOST')}", file=sys.stderr)
        return NOT_CONFIGURED
    destination_id, source_id, pipeline_id = ids.values()
    check = Check(
        settings,
        destination_id,
        source_id=source_id,
        pipeline_id=pipeline_id,
        pause=options.pause,
        clock=clock,
        sleep=sleep,
    )
    try:
        output = f"{settings.base_url}, read-only\n\n{table(check.run())}"
    except StreamkapError as error:
        print(f"The check failed: {check.clean(str(error))}", file=sys.stderr)
        return UNREACHABLE
    print(output)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
