# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Check the live service against what the provider assumes of it: `make live`, with credentials in the environment.

Read-only: besides the token call it sends GETs. It writes nothing but its table.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence

from airflow_provider_streamkap.api.errors import StreamkapError
from airflow_provider_streamkap.api.query import check_destination_id
from airflow_provider_streamkap.api.settings import DEFAULT_BASE_URL, ClientSettings, Credentials
from scripts.live.asking import Check
from scripts.live.table import table

NEEDED = """\
To check the live service, set in the environment:
  STREAMKAP_CLIENT_ID       client id of a project's API token
  STREAMKAP_SECRET          its secret
  STREAMKAP_HOST            (optional) base URL, default {host}
  STREAMKAP_DESTINATION_ID  (optional) whose readings are judged, default one that is Active"""
#: Exit codes: the service could not be asked; the environment does not say whom to ask, or who asks.
UNASKED, UNSET = 1, 2


def main(
    arguments: Sequence[str] = (),
    environ: Mapping[str, str] = os.environ,
    *,
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Check, and print what was found.

    :param arguments: of the command line.
    :param environ: where the credentials are.
    :param clock: epoch seconds.
    :param sleep: waits some seconds.
    :returns: 0: the table is printed; 1: the service could not be asked; 2: something is not set, or makes no sense.
    """
    parser = argparse.ArgumentParser(prog="python -m scripts.live", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--pause", type=float, default=60.0, help="seconds between two looks at paused destinations (60)"
    )
    options = parser.parse_args(arguments)
    given = {name: environ.get(f"STREAMKAP_{name}", "").strip() for name in ("CLIENT_ID", "SECRET")}
    if lacking := [f"STREAMKAP_{name}" for name, value in given.items() if not value]:
        print(f"Not set: {', '.join(lacking)}\n\n{NEEDED.format(host=DEFAULT_BASE_URL)}", file=sys.stderr)
        return UNSET
    host = environ.get("STREAMKAP_HOST", "").strip() or DEFAULT_BASE_URL
    destination_id = environ.get("STREAMKAP_DESTINATION_ID", "").strip() or None
    try:
        settings = ClientSettings(Credentials(given["CLIENT_ID"], given["SECRET"]), base_url=host)
        if destination_id:
            check_destination_id(destination_id, "STREAMKAP_DESTINATION_ID")
    except ValueError as error:
        print(f"The environment makes no sense: {str(error).replace('base_url', 'STREAMKAP_HOST')}", file=sys.stderr)
        return UNSET
    check = Check(settings, destination_id, pause=options.pause, clock=clock, sleep=sleep)
    try:
        shown = f"{settings.base_url}, read only\n\n{table(check.run())}"
    except StreamkapError as error:
        print(f"The service could not be asked: {check.clean(str(error))}", file=sys.stderr)
        return UNASKED
    print(shown)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
