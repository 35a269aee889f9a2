# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Both clients and their token: request, refresh, rejection."""

from __future__ import annotations

import pytest

from airflow_provider_streamkap.api.errors import (
    StreamkapAuthError,
    StreamkapError,
    StreamkapRequestError,
)
from airflow_provider_streamkap.api.flows import REJECTION_SECONDS
from airflow_provider_streamkap.testing import Fault, StreamkapSimulator
from tests.api.conftest import MakeClient
from tests.api.support import AnyClient, settings_for

METRICS = "/metrics"
SIGN_IN = "/auth/access-token"


def test_revoked_token_is_refreshed_once(any_client: AnyClient, simulator: StreamkapSimulator) -> None:
    any_client.metrics()
    simulator.revoke_tokens()
    assert any_client.metrics().records_lag == 7
    assert simulator.token_calls == 2
    assert [item.status for item in simulator.requests if item.path.endswith(METRICS)] == [200, 401, 200]


def test_persistent_401_is_permanent(any_client: AnyClient, simulator: StreamkapSimulator) -> None:
    simulator.inject(Fault.status(401), path=METRICS, times=None)
    with pytest.raises(StreamkapAuthError, match="the API rejected a token that was just issued") as caught:
        any_client.metrics()
    assert caught.value.permanent
    assert (simulator.token_calls, simulator.count(METRICS)) == (2, 2)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_rejected_credentials(any_client: AnyClient, simulator: StreamkapSimulator, status: int) -> None:
    simulator.refuse_credentials(status)
    with pytest.raises(StreamkapAuthError, match="the token endpoint rejected the credentials") as caught:
        any_client.metrics()
    assert caught.value.permanent
    assert (simulator.token_calls, simulator.count(METRICS)) == (1, 0)
    simulator.accept_credentials()
    any_client.time.now += REJECTION_SECONDS
    assert any_client.metrics().records_lag == 7


def test_rejected_credentials_sign_in_once_a_minute(any_client: AnyClient, simulator: StreamkapSimulator) -> None:
    simulator.refuse_credentials()
    for second in range(90):
        any_client.time.now += 1
        with pytest.raises(StreamkapAuthError, match="the token endpoint rejected the credentials") as caught:
            any_client.metrics()
        assert caught.value.permanent
        assert caught.value.attempts == 1
        assert ("cached; next token request in" in str(caught.value)) is (second not in (0, 60))
    assert simulator.token_calls == 2


@pytest.mark.parametrize("status", [405, 406, 410, 411, 415, 501])
def test_server_without_token_call_is_not_api(
    any_client: AnyClient, simulator: StreamkapSimulator, status: int
) -> None:
    simulator.inject(Fault.status(status), path=SIGN_IN, times=None)
    with pytest.raises(StreamkapError, match="does not look like the Streamkap API; check the host") as caught:
        any_client.metrics()
    assert not isinstance(caught.value, StreamkapAuthError)
    assert "credentials" not in str(caught.value)
    assert caught.value.permanent is (status < 500)


def test_token_404_can_mean_host_or_credentials(any_client: AnyClient, simulator: StreamkapSimulator) -> None:
    simulator.refuse_credentials(404)
    with pytest.raises(
        StreamkapAuthError, match=r"rejected the credentials.*the host \(the server may not be the Streamkap API\)"
    ):
        any_client.metrics()


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_transient_token_error_is_retried(any_client: AnyClient, simulator: StreamkapSimulator, status: int) -> None:
    simulator.inject(Fault.status(status), path=SIGN_IN, times=2)
    assert any_client.metrics().records_lag == 7
    assert simulator.token_calls == 3
    assert any_client.time.waits == [0.5, 1.0]


@pytest.mark.parametrize("status", [408, 425])
def test_token_error_that_may_be_transient(any_client: AnyClient, simulator: StreamkapSimulator, status: int) -> None:
    simulator.inject(Fault.status(status), path=SIGN_IN)
    with pytest.raises(StreamkapRequestError) as caught:
        any_client.metrics()
    assert (caught.value.transient, caught.value.permanent) == (False, False)


def test_token_is_refreshed_before_it_expires(any_client: AnyClient, simulator: StreamkapSimulator) -> None:
    simulator.token_lifetime = 100
    any_client.metrics()
    any_client.time.now += 89.9
    any_client.metrics()
    assert simulator.token_calls == 1
    any_client.time.now += 0.1
    any_client.metrics()
    assert simulator.token_calls == 2
    assert 401 not in {item.status for item in simulator.requests}


def test_every_new_token_is_passed_to_callback(make: MakeClient, simulator: StreamkapSimulator) -> None:
    new_tokens: list[str] = []
    any_client = make(settings_for(simulator), on_token=new_tokens.append)
    any_client.metrics()
    any_client.metrics()
    simulator.revoke_tokens()
    any_client.metrics()
    assert len(set(new_tokens)) == 2
    assert set(new_tokens) < set(simulator.secrets)
