# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Secrets are removed from URLs, texts and values."""

from __future__ import annotations

import base64
import html
import json
from urllib.parse import quote, quote_plus

import pytest

from airflow_provider_streamkap.api.error_mapping import TransportErrors
from airflow_provider_streamkap.api.errors import MAX_DETAIL
from airflow_provider_streamkap.api.redaction import redact_body, redact_text, redact_url, redact_value


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
        ("<html><head><title>502 Bad&nbsp;Gateway</title></head><body>long</body></html>", "502 Bad Gateway"),
        ("<!DOCTYPE html>\n<html><body><script>var x='y'</script>No &amp; way</body>", "No & way"),
        ("<html><title> </title><body>Oh</body>", "Oh"),
        ("<html><body>hun<b>ter22</b></body>", "hun ter22"),
    ],
)
def test_text(text: str, clean: str) -> None:
    assert " ".join(redact_text(text, ["hunter22"]).split()) == clean


def test_longest_secrets_are_replaced_first_and_short_ones_kept() -> None:
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


def test_long_texts_are_redacted_quickly() -> None:
    # Without bounds in the patterns this would run for minutes and time out.
    assert len(redact_text("a" * 1_000_000)) == 1_000_000


ODD = 's3cr3t/with+odd "chars" & <more>\u00fc\U0001f600'
SPELLINGS = {
    "plain": ODD,
    "URL": quote(ODD, safe=""),
    "URL in lower case": quote(ODD, safe="").lower(),
    "form": quote_plus(ODD),
    "JSON": json.dumps(ODD)[1:-1],
    "JSON with escaped slashes": json.dumps(ODD)[1:-1].replace("/", "\\/"),
    "HTML": html.escape(ODD),
    "HTML by number": ODD.replace("/", "&#x2F;").replace("+", "&#43;").replace("&", "&amp;", 0),
    "HTML twice": html.escape(html.escape(ODD)),
    "base64": base64.b64encode(ODD.encode()).decode(),
    "base64 for URLs": base64.urlsafe_b64encode(ODD.encode()).decode(),
    "base64 without padding": base64.b64encode(ODD.encode()).decode().rstrip("="),
}


@pytest.mark.parametrize("page", ["%s", "<html><body><p>sent %s</p></body></html>", "<html><title>%s</title></html>"])
@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
def test_secret_is_redacted_in_every_encoding(spelling: str, page: str) -> None:
    shown = redact_text(page % spelling, [ODD])
    assert "***" in shown
    assert "s3cr3t" not in shown
    assert "odd" not in shown
    assert base64.b64encode(ODD.encode()).decode()[:12] not in shown


def test_secret_with_html_entities_is_redacted() -> None:
    assert "s3cr3t" not in redact_text("it was a&amp;b-s3cr3t", ["a&amp;b-s3cr3t"])


def test_nested_escapes_are_decoded_limited_times() -> None:
    assert redact_text("&amp;amp;amp;amp;amp;lt;") == "&amp;lt;"


@pytest.mark.parametrize("at", [0, 30, 4_000, 65_000, 65_530])
def test_truncation_never_shows_start_of_secret(at: int) -> None:
    secret = "abcdefghij" * 40
    body = b"x" * at + secret.encode() + b"y" * 70_000
    for limit in (20, 200, 4096, 100_000):
        assert "abc" not in redact_body(body, [secret], limit)


def test_secret_at_the_end_of_a_long_error_is_hidden() -> None:
    # Truncated first, the address would lose the @ by which its password is found.
    text = "x" * (MAX_DETAIL - 20) + " https://user:hunter2hunter2@proxy.example"
    error = TransportErrors("GET", "https://api.example/destinations", None).not_connected(OSError(text))
    assert "user:hunter" not in str(error)
