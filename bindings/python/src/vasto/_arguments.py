# SPDX-License-Identifier: Apache-2.0
"""Checks what callers pass and turns it into what C takes; whatever is wrong is a TypeError or ValueError."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ._constants import Merge
from ._native import ffi
from ._values import BytesLike, Key, KeyLike

if TYPE_CHECKING:
    from ._library import CData

_HAS_PARTITION_HASH = 1
_UINT64_MAX = 2**64 - 1
# Longer ones are as good as no limit, and the library computes with microseconds.
_MOST_MILLISECONDS = 365 * 24 * 3600 * 1000


def data_of(what: str, data: BytesLike) -> tuple[CData, int]:
    """A view of the bytes and their number; the view keeps them alive and in their place."""
    if type(data) is bytes:
        return ffi.from_buffer(data), len(data)
    if not isinstance(data, (bytes, bytearray, memoryview)):
        hint = ": encode it, as in text.encode()" if isinstance(data, str) else ""
        raise TypeError(f"the {what} must be bytes, bytearray or memoryview, not {type(data).__name__}{hint}")
    try:
        view = ffi.from_buffer(data)
    except (BufferError, ValueError) as error:
        raise ValueError(f"the {what} must be contiguous in memory: {error}") from None
    return view, len(view)


def key_of(key: KeyLike) -> tuple[Any, ...]:
    """What a vasto_key_t is made of; it keeps the bytes alive and in their place."""
    if type(key) is bytes:
        return ((ffi.from_buffer(key), len(key)),)
    if isinstance(key, Key):
        return data_of("key", key.data), uint("partition hash", key.partition_hash), _HAS_PARTITION_HASH, 0
    return (data_of("key", key),)


def uint(what: str, value: int, most: int = _UINT64_MAX) -> int:
    """``value`` if it is an integer of 0 to ``most``."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{what} must be an int, not {type(value).__name__}")
    if not 0 <= value <= most:
        raise ValueError(f"{what} must be from 0 to {most}, not {value}")
    return value


def flag(what: str, value: bool) -> bool:
    """``value`` if it is a bool."""
    if not isinstance(value, bool):
        raise TypeError(f"{what} must be a bool, not {type(value).__name__}")
    return value


def choice(what: str, value: int, kind: type[Any]) -> int:
    """The number of a member of the enumeration ``kind``."""
    if not isinstance(value, kind):
        raise TypeError(f"{what} must be a vasto.{kind.__name__}, not {type(value).__name__}")
    return int(value)


def milliseconds(what: str, seconds: float) -> int:
    """A time in seconds, more than 0, as milliseconds, at least 1."""
    if not isinstance(seconds, (int, float)) or isinstance(seconds, bool):
        raise TypeError(f"{what} must be a number of seconds, not {type(seconds).__name__}")
    if not seconds > 0:
        raise ValueError(f"{what} must be more than 0 seconds, not {seconds}")
    return min(math.ceil(min(seconds, _MOST_MILLISECONDS) * 1000), _MOST_MILLISECONDS)


def wait_milliseconds(what: str, seconds: float | None) -> int:
    """A time to wait in seconds as milliseconds: 0 polls, None (-1) is without limit."""
    if seconds is None:
        return -1
    return 0 if seconds == 0 else milliseconds(what, seconds)


def c_text(what: str, value: str) -> bytes:
    """Text as C takes it."""
    if not isinstance(value, str):
        raise TypeError(f"the {what} must be str, not {type(value).__name__}")
    if "\0" in value:
        raise ValueError(f"the {what} must not contain a zero character")
    return value.encode()


def operand_of(operation: int, operand: BytesLike | float) -> BytesLike:
    """The operand of a merge as bytes; numbers become decimal text."""
    if isinstance(operand, bool) or not isinstance(operand, (int, float)):
        return operand
    if operation == Merge.APPEND:
        raise TypeError("the operand of APPEND must be bytes, bytearray or memoryview, not a number")
    return repr(operand).encode()
