# SPDX-License-Identifier: Apache-2.0
"""What reads, scans, watches and batches give: plain immutable objects that own their bytes."""

from __future__ import annotations

import struct
import sys
from typing import TYPE_CHECKING, NamedTuple, Union

from ._native import ffi

if TYPE_CHECKING:
    from ._constants import Code
    from ._library import CData

# A vasto_kv_t: key and value, each an address and a size, partition hash, version, both times, type and flags. To
# unpack one costs a tenth of what its attributes in cffi do.
KV = struct.Struct("@PNPN4Q2I")
RawRow = tuple[int, int, int, int, int, int, int, int, int, int]

# All memory of the process by its address: a slice copies what a vasto_slice_t refers to, without an object for it.
MEMORY = ffi.buffer(ffi.cast("char*", 0), sys.maxsize)

_HAS_PARTITION_HASH = 1
_DELETED = 2


class Key(NamedTuple):
    """A key with an explicit partition hash: it lives where that says, and not where its own hash does.

    Every later access must give the same hash. :func:`partition_hash` makes one of what is to stay together.
    """

    data: bytes
    """The bytes of the key."""
    partition_hash: int
    """0 to 2**64 - 1."""


BytesLike = Union[bytes, bytearray, memoryview]
"""What is taken for bytes."""

KeyLike = Union[bytes, bytearray, memoryview, Key]
"""What is taken for a key."""


class Value(NamedTuple):
    """A value that was read, with all that is stored with it."""

    data: bytes
    type: int
    """The label: ``TYPE_BYTES`` or the application's."""
    version: int
    """For ``if_version``: different for each write of a key, larger for a later one, never 0."""
    updated_at_ns: int
    """The event time, in nanoseconds since 1970-01-01 UTC."""
    expires_at_ns: int | None
    """When it expires, in nanoseconds since 1970-01-01 UTC; None: never."""


class Stat(NamedTuple):
    """A :class:`Value` without its bytes."""

    size: int
    """How many bytes the value has."""
    type: int
    version: int
    updated_at_ns: int
    expires_at_ns: int | None


class Row(NamedTuple):
    """A row of a scan; the fields beside key, value and size are as in :class:`Value`."""

    key: bytes
    value: bytes | None
    """None in a scan of keys only."""
    size: int
    """How many bytes the value has, also in a scan of keys only."""
    partition_hash: int | None
    """The explicit one, which is part of the key then; usually None."""
    type: int
    version: int
    updated_at_ns: int
    expires_at_ns: int | None

    @property
    def full_key(self) -> KeyLike:
        """The key as calls take it: with its partition hash if it has one."""
        return self.key if self.partition_hash is None else Key(self.key, self.partition_hash)


class Change(NamedTuple):
    """A change that a watch gives; fields as in :class:`Row`."""

    key: bytes
    value: bytes | None
    """The new value; None when the key was deleted."""
    partition_hash: int | None
    type: int
    version: int
    updated_at_ns: int
    expires_at_ns: int | None

    @property
    def deleted(self) -> bool:
        """Whether the key was deleted."""
        return self.value is None

    @property
    def full_key(self) -> KeyLike:
        """As :attr:`Row.full_key`."""
        return self.key if self.partition_hash is None else Key(self.key, self.partition_hash)


class EntryResult(NamedTuple):
    """How one entry of a batch ended."""

    code: Code
    version: int
    """The version it got; 0 if it failed."""


class GetResult(NamedTuple):
    """How the read of one key of several ended."""

    code: Code
    """``OK``, ``NOT_FOUND``, or why it failed."""
    value: Value | None
    """The value if the code is ``OK``."""


class Usage(NamedTuple):
    """How full the cluster, or what may hold a keyspace, is; some seconds old."""

    capacity_bytes: int
    """Bytes of disk in all."""
    free_bytes: int
    used_bytes: int
    """Bytes of data, every replica counted."""
    keys: int
    """The estimated number of keys, replicas not counted."""


class Progress(NamedTuple):
    """How far an administrative operation is."""

    done: int
    """Steps done."""
    total: int
    """Steps in all; 0: not known yet."""
    finished: bool
    """Whether it has ended well."""


def take_value(lib: CData, handle: CData) -> Value:
    """The Value of a handle, which is destroyed."""
    try:
        return Value(
            ffi.buffer(lib.vasto_value_data(handle), lib.vasto_value_size(handle))[:],
            lib.vasto_value_type(handle),
            lib.vasto_value_version(handle),
            lib.vasto_value_updated_at_ns(handle),
            lib.vasto_value_expires_at_ns(handle) or None,
        )
    finally:
        lib.vasto_value_destroy(handle)


def take_bytes(lib: CData, handle: CData) -> bytes:
    """The bytes of a handle, which is destroyed."""
    try:
        data: bytes = ffi.buffer(lib.vasto_value_data(handle), lib.vasto_value_size(handle))[:]
        return data
    finally:
        lib.vasto_value_destroy(handle)


def rows_of(block: CData, count: int) -> list[Row]:
    """The first ``count`` of an array of vasto_kv_t as rows, their bytes copied."""
    new, memory = tuple.__new__, MEMORY
    return [
        # What Row(...) does, without the function in Python around it.
        new(
            Row,
            (
                memory[key : key + key_size],
                memory[value : value + size] if value else None,
                size,
                partition_hash if flags & _HAS_PARTITION_HASH else None,
                kind,
                version,
                updated,
                expires or None,
            ),
        )
        for key, key_size, value, size, partition_hash, version, updated, expires, kind, flags in KV.iter_unpack(
            ffi.buffer(block, count * KV.size)
        )
    ]


def changes_of(block: CData, count: int) -> list[Change]:
    """The first ``count`` of an array of vasto_kv_t as changes, their bytes copied."""
    return [
        Change(
            MEMORY[key : key + key_size],
            None if flags & _DELETED else MEMORY[value : value + size],
            partition_hash if flags & _HAS_PARTITION_HASH else None,
            kind,
            version,
            updated,
            expires or None,
        )
        for key, key_size, value, size, partition_hash, version, updated, expires, kind, flags in KV.iter_unpack(
            ffi.buffer(block, count * KV.size)
        )
    ]
