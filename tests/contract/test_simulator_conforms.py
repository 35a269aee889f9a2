# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The simulator against ``streamkap.openapi.yaml``: schemathesis generates valid and invalid requests and checks the
responses: status, schema, headers, that valid data is accepted and invalid data rejected, and that every call needs
a token."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.config import SchemathesisConfig

from airflow_provider_streamkap.testing import Reporting, StreamkapSimulator, scenarios
from tests.contract.description import PATH

CONFIG = SchemathesisConfig.from_dict(
    {
        # The service ignores unknown parameters, so an extra one is not an invalid request.
        "generation": {"allow-extra-parameters": False},
        "checks": {
            # Inconsistent numbers and times get 400, as the vendor's description says in prose.
            "positive_data_acceptance": {"expected-statuses": ["2xx", "400", "401", "403", "404"]},
            "negative_data_rejection": {"expected-statuses": ["400", "401", "404", "405", "422"]},
        },
    }
)
schema = schemathesis.openapi.from_path(PATH, config=CONFIG)
YOUNG = 3 * 3600.0  # seconds: responses stay short, whatever period is requested
bounded = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def simulator() -> Iterator[StreamkapSimulator]:
    with StreamkapSimulator() as running:
        running.add(
            "active",
            scenarios.steady(lag=3),
            connector="snowflake",
            tag_ids=("t1",),
            topics=("a", "b"),
            age=YOUNG,
        )
        late = Reporting(layout="plain", stamp="end", value="mean")
        running.add("unknown lag", scenarios.null_lag(), reporting=late, age=YOUNG)
        running.add_source("active", scenarios.source_streaming(), topics=("a", "b"), tag_ids=("t1",), age=YOUNG)
        running.add_source("unknown lag", scenarios.source_snapshots(for_=YOUNG), reporting=late, age=YOUNG)
        running.add_pipeline("active", "active", "active")
        running.add_pipeline("unknown lag", "active", "unknown lag", tag_ids=("t1",))
        yield running


@pytest.fixture(scope="module")
def session(simulator: StreamkapSimulator) -> Iterator[requests.Session]:
    with requests.Session() as made:
        made.trust_env = False
        yield made


@pytest.fixture(scope="module")
def headers(simulator: StreamkapSimulator, session: requests.Session) -> dict[str, str]:
    body = {"client_id": simulator.client_id, "secret": simulator.secret}
    token = session.post(simulator.url + "/auth/access-token", json=body).json()["accessToken"]
    return {"Authorization": f"Bearer {token}"}


@schema.parametrize()
@bounded
def test_every_call_conforms(
    case: schemathesis.Case[Any], simulator: StreamkapSimulator, session: requests.Session, headers: dict[str, str]
) -> None:
    given = headers if not case.operation.path.startswith("/auth/access-token") else {}
    case.call_and_validate(base_url=simulator.url, session=session, headers=given)


@schema.include(path_regex=r"^/\w+/\{\w+_id\}").parametrize()
@pytest.mark.parametrize("id_", ["active", "unknown lag"])
@bounded
def test_every_call_about_existing_resource_conforms(
    case: schemathesis.Case[Any],
    id_: str,
    simulator: StreamkapSimulator,
    session: requests.Session,
    headers: dict[str, str],
) -> None:
    case.path_parameters.update(dict.fromkeys(case.path_parameters, id_))
    case.call_and_validate(base_url=simulator.url, session=session, headers=headers)


@schema.include(method="GET").parametrize()
@settings(bounded, max_examples=10)
def test_every_call_requires_token(
    case: schemathesis.Case[Any], simulator: StreamkapSimulator, session: requests.Session
) -> None:
    response = case.call(base_url=simulator.url, session=session)
    case.validate_response(response)
    assert response.status_code in (401, 404, 405)
