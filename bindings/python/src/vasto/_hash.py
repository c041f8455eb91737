# SPDX-License-Identifier: Apache-2.0
"""Functions of the library that need no client."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._arguments import data_of, uint
from ._library import library

if TYPE_CHECKING:
    from ._values import BytesLike


def partition_hash(data: BytesLike) -> int:
    """The hash that places keys: XXH3, 64 bits; the same on every machine and in every version."""
    view, size = data_of("data", data)
    number: int = library().lib.vasto_partition_hash(view, size)
    return number


def version_time_ns(version: int) -> int:
    """The event time in a version, in nanoseconds since 1970-01-01 UTC; 0 for version 0."""
    number: int = library().lib.vasto_version_time_ns(uint("version", version))
    return number
