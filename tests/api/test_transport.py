# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Limits on response bodies while they are read."""

from __future__ import annotations

import tracemalloc
import zlib

import pytest

from airflow_provider_streamkap.api.errors import StreamkapResponseError
from airflow_provider_streamkap.api.flows import Request
from airflow_provider_streamkap.api.http import BodyReader, prepare
from airflow_provider_streamkap.api.settings import ClientSettings
from tests.api.support import CREDENTIALS

MIB = 1024 * 1024


def test_decompression_bomb_is_rejected_before_unpacking() -> None:
    packer = zlib.compressobj()
    bomb = b"".join([*(packer.compress(bytes(MIB)) for _ in range(256)), packer.flush()])
    body = BodyReader(
        prepare(ClientSettings(CREDENTIALS), Request("GET", "/"), 1.0), 200, {"Content-Encoding": "deflate"}
    )
    tracemalloc.start()
    try:
        with pytest.raises(StreamkapResponseError, match="larger than 1 MiB"):
            body.feed(bomb)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 128 * MIB


def test_bytes_after_end_of_compressed_data_are_rejected() -> None:
    body = BodyReader(
        prepare(ClientSettings(CREDENTIALS), Request("GET", "/"), 1.0), 200, {"Content-Encoding": "deflate"}
    )
    body.feed(zlib.compress(b"[]"))
    with pytest.raises(StreamkapResponseError, match="data after the end"):
        body.feed(b"x")
