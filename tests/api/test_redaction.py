# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Secrets are taken out of URLs, texts and values before anybody reads them."""

from __future__ import annotations

import pytest

from airflow_provider_streamkap.api.redaction import redact_text, redact_url, redact_value


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("nothing here", "nothing here"),
        ("the value hunter22 stands here, hunter22 too", "the value *** stands here, *** too"),
        ("Authorization: Bearer abc.def-123 and on", "Authorization: Bearer *** and on"),
        ("token eyJhbGciOiJI.eyJzdWIi.c2ln was refused", "token *** was refused"),
        ('{"client_secret": "s3cr3t", "id": 1}', '{"client_secret": ***, "id": 1}'),
        ("password=abc&user=me", "password=***&user=me"),
        ("see http://me:pw@proxy:3128/ for", "see http://***@proxy:3128/ for"),
        ("'api_key': 'abc' x", "'api_key': *** x"),
    ],
)
def test_text(text: str, clean: str) -> None:
    assert redact_text(text, ["hunter22"]) == clean


def test_longer_secrets_go_first_and_tiny_ones_are_left() -> None:
    assert redact_text("abcdef-abcd-ab", ["abcd", "abcdef", "ab"]) == "***-***-ab"


def test_value() -> None:
    value = {"detail": ["a hunter22", 1, None], "secret": {"deep": 1}, "token": None, "hunter22": True}
    assert redact_value(value, ["hunter22"]) == {
        "detail": ["a ***", 1, None],
        "secret": "***",
        "token": None,
        "***": True,
    }


@pytest.mark.parametrize(
    ("url", "clean"),
    [
        (
            "https://api.streamkap.com/a?page=1&partial_name=x%20y",
            "https://api.streamkap.com/a?page=1&partial_name=x%20y",
        ),
        ("https://me:pw@host:1/a#token", "https://host:1/a"),
        ("https://host/a?access_token=x&at=10:00&empty=", "https://host/a?access_token=***&at=10:00&empty="),
        ("/relative?password=x", "/relative?password=***"),
        ("http://[broken", "***"),
    ],
)
def test_url(url: str, clean: str) -> None:
    assert redact_url(url) == clean


def test_long_texts_cost_little() -> None:
    # Without bounds in the patterns this would run for minutes, and the test run would end it.
    assert len(redact_text("a" * 1_000_000)) == 1_000_000
