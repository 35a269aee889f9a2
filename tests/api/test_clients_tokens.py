# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Both clients and their token: signing in, renewing, being refused."""

from __future__ import annotations

import pytest

from airflow_provider_streamkap.api.errors import (
    StreamkapAuthError,
    StreamkapError,
    StreamkapRequestError,
)
from airflow_provider_streamkap.api.flows import REFUSAL_SECONDS
from airflow_provider_streamkap.testing import Fault, StreamkapSimulator
from tests.api.conftest import MakeAsker
from tests.api.support import Asker, settings_for

METRICS = "/metrics"
SIGN_IN = "/auth/access-token"


def test_a_revoked_token_is_renewed_once(asker: Asker, simulator: StreamkapSimulator) -> None:
    asker.metrics()
    simulator.revoke_tokens()
    assert asker.metrics().records_lag == 7
    assert simulator.token_calls == 2
    assert [item.status for item in simulator.requests if item.path.endswith(METRICS)] == [200, 401, 200]


def test_a_401_that_stays_is_permanent(asker: Asker, simulator: StreamkapSimulator) -> None:
    simulator.inject(Fault.status(401), path=METRICS, times=None)
    with pytest.raises(StreamkapAuthError, match="a newly issued token was rejected") as caught:
        asker.metrics()
    assert caught.value.permanent
    assert (simulator.token_calls, simulator.count(METRICS)) == (2, 2)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_refused_credentials(asker: Asker, simulator: StreamkapSimulator, status: int) -> None:
    simulator.refuse_credentials(status)
    with pytest.raises(StreamkapAuthError, match="the token endpoint rejected the credentials") as caught:
        asker.metrics()
    assert caught.value.permanent
    assert (simulator.token_calls, simulator.count(METRICS)) == (1, 0)
    simulator.accept_credentials()
    asker.time.now += REFUSAL_SECONDS
    assert asker.metrics().records_lag == 7


def test_refused_credentials_sign_in_once_a_minute(asker: Asker, simulator: StreamkapSimulator) -> None:
    simulator.refuse_credentials()
    for second in range(90):
        asker.time.now += 1
        with pytest.raises(StreamkapAuthError, match="the token endpoint rejected the credentials") as caught:
            asker.metrics()
        assert caught.value.permanent
        assert caught.value.attempts == 1
        assert ("cached; next sign-in in" in str(caught.value)) is (second not in (0, 60))
    assert simulator.token_calls == 2


@pytest.mark.parametrize("status", [405, 406, 410, 411, 415, 501])
def test_a_server_without_a_token_call_is_not_the_api(asker: Asker, simulator: StreamkapSimulator, status: int) -> None:
    simulator.inject(Fault.status(status), path=SIGN_IN, times=None)
    with pytest.raises(StreamkapError, match="does not look like the Streamkap API; check the host") as caught:
        asker.metrics()
    assert not isinstance(caught.value, StreamkapAuthError)
    assert "credentials" not in str(caught.value)
    assert caught.value.permanent is (status < 500)


def test_a_404_of_the_token_call_can_mean_the_host_or_the_credentials(
    asker: Asker, simulator: StreamkapSimulator
) -> None:
    simulator.refuse_credentials(404)
    with pytest.raises(StreamkapAuthError, match=r"rejected the credentials.* or the server does not look like"):
        asker.metrics()


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_token_call_that_passes_is_tried_again(asker: Asker, simulator: StreamkapSimulator, status: int) -> None:
    simulator.inject(Fault.status(status), path=SIGN_IN, times=2)
    assert asker.metrics().records_lag == 7
    assert simulator.token_calls == 3
    assert asker.time.waits == [0.5, 1.0]


@pytest.mark.parametrize("status", [408, 425])
def test_a_token_call_that_may_pass_later(asker: Asker, simulator: StreamkapSimulator, status: int) -> None:
    simulator.inject(Fault.status(status), path=SIGN_IN)
    with pytest.raises(StreamkapRequestError) as caught:
        asker.metrics()
    assert (caught.value.transient, caught.value.permanent) == (False, False)


def test_a_token_is_renewed_before_it_expires(asker: Asker, simulator: StreamkapSimulator) -> None:
    simulator.token_lifetime = 100
    asker.metrics()
    asker.time.now += 89.9
    asker.metrics()
    assert simulator.token_calls == 1
    asker.time.now += 0.1
    asker.metrics()
    assert simulator.token_calls == 2
    assert 401 not in {item.status for item in simulator.requests}


def test_every_new_token_is_told(make: MakeAsker, simulator: StreamkapSimulator) -> None:
    told: list[str] = []
    asker = make(settings_for(simulator), on_token=told.append)
    asker.metrics()
    asker.metrics()
    simulator.revoke_tokens()
    asker.metrics()
    assert len(set(told)) == 2
    assert set(told) < set(simulator.secrets)
