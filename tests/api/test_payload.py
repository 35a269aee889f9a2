# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Converting bytes to JSON values that every serializer accepts."""

from __future__ import annotations

import math
from typing import Any

import pytest

from airflow_provider_streamkap.api.errors import StreamkapResponseError
from airflow_provider_streamkap.api.payload import MAX_DEPTH, clean, decode, is_number


@pytest.mark.parametrize("body", [b"", b" \n", b"{", b"<html>", b"\xff\xfe\xfa", b"[" * 200_000, b"nul"])
def test_invalid_json(body: bytes) -> None:
    with pytest.raises(StreamkapResponseError):
        decode(body)


def test_encodings() -> None:
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-32"):
        assert decode('{"ü": 1}'.encode(encoding)) == {"ü": 1}


def test_clean() -> None:
    dirty = decode(b'{"a\\u0000": [NaN, Infinity, -Infinity, 1e999, 1.5, 7, true, null, "\\ud800x\\u0000"], "b": {}}')
    assert clean(dirty) == {"a\ufffd": [None, None, None, None, 1.5, 7, True, None, "\ufffdx\ufffd"], "b": {}}


def test_clean_copies() -> None:
    value = {"a": [1, {"b": 2}]}
    twin = clean(value)
    twin["a"][1]["b"] = 3
    assert value == {"a": [1, {"b": 2}]}


def test_clean_keeps_valid_text() -> None:
    value = {"emoji 🚰": "pair 🚰"}
    assert clean(value) == value


@pytest.mark.parametrize("value", [0, -1, True, 2**63 - 1, -(2**63), 2.0**62, -(2.0**63), 1e-300])
def test_numbers_of_64_bits_are_kept(value: float) -> None:
    assert clean(value) is value


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, 2**64, 10**30, 10**400, -(10**400), 2.0**63, -1e30, 1e308])
def test_larger_numbers_become_none(value: float) -> None:
    assert clean([value, {"a": value}]) == [None, {"a": None}]


def test_huge_integer_does_not_fail_rest() -> None:
    body = b'{"a": ' + b"1" * 5000 + b', "b": 7, "c": 9223372036854775807, "d": 1.5}'
    assert clean(decode(body)) == {"a": None, "b": 7, "c": 2**63 - 1, "d": 1.5}
    assert type(decode(body)["b"]) is int
    with pytest.raises(StreamkapResponseError, match="not JSON"):
        decode(b"[" + b"1" * 5000 + b", nul]")
    with pytest.raises(StreamkapResponseError, match="nested too deeply"):
        decode(b"[" + b"1" * 5000 + b"," + b"[" * 200_000)


def test_depth_is_bounded() -> None:
    value: Any = 1
    for _ in range(MAX_DEPTH):
        value = [value]
    assert clean(value) == value
    with pytest.raises(StreamkapResponseError, match="nested too deeply"):
        clean([value])


def test_clean_rejects_values_json_cannot_represent() -> None:
    with pytest.raises(StreamkapResponseError, match="contains a set"):
        clean({"a": {1, 2}})


@pytest.mark.parametrize("value", [0, -1, 1.5, math.inf])
def test_numbers(value: object) -> None:
    assert is_number(value)


@pytest.mark.parametrize("value", [True, False, None, "1", [1]])
def test_values_that_are_not_numbers(value: object) -> None:
    assert not is_number(value)
