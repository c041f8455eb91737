# SPDX-License-Identifier: Apache-2.0
"""The operations on keys: each function makes one, for a thread or an event loop to start and to wait for.

Whatever is wrong with the type of an argument is raised here. Keys, values and options are copied by the call of the
library that starts the operation; the operation keeps them until then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from ._arguments import choice, data_of, key_of, operand_of, uint
from ._constants import Code, Merge
from ._errors import error_from, new_error_slot
from ._native import ffi
from ._options import read_options, write_options
from ._queue import KeyOperation, Kind, SingleOperation
from ._values import MEMORY, EntryResult, GetResult, Key, Stat, Value, take_value

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterable, Mapping

    from ._errors import VastoError
    from ._library import CData, Library
    from ._operation import Target
    from ._values import BytesLike, KeyLike, RawRow

T = TypeVar("T")

_OK = int(Code.OK)
_NOT_FOUND = int(Code.NOT_FOUND)
_NULL = ffi.NULL


def _error_of(library: Library, future: CData, *, no_key: bool = False) -> VastoError:
    slot = new_error_slot()
    code = library.lib.vasto_future_status(future, slot)
    return error_from(library, code, slot, no_key=no_key)


def _missing(library: Library, future: CData, code: int) -> None:
    """Nothing for a key that is missing; otherwise raises what a read failed with."""
    if code == _NOT_FOUND:
        slot = new_error_slot()
        library.lib.vasto_future_status(future, slot)
        # With an error object it is the keyspace that is gone.
        if slot[0] == _NULL:
            return
        raise error_from(library, code, slot)
    raise _error_of(library, future)


def _take_bytes(library: Library, future: CData, code: int, row: RawRow) -> bytes | None:
    if code:
        _missing(library, future, code)
        return None
    data: bytes = MEMORY[row[2] : row[2] + row[3]]
    return data


def _take_value(library: Library, future: CData, code: int, row: RawRow) -> Value | None:
    if code:
        _missing(library, future, code)
        return None
    _, _, data, size, _, version, updated_at_ns, expires_at_ns, kind, _ = row
    return Value(MEMORY[data : data + size], kind, version, updated_at_ns, expires_at_ns or None)


def _take_stat(library: Library, future: CData, code: int, row: RawRow) -> Stat | None:
    if code:
        _missing(library, future, code)
        return None
    _, _, _, size, _, version, updated_at_ns, expires_at_ns, kind, _ = row
    return Stat(size, kind, version, updated_at_ns, expires_at_ns or None)


def _take_version(library: Library, future: CData, code: int, row: RawRow) -> int:
    if code:
        raise _error_of(library, future, no_key=True)
    return row[5]


def _gets(target: Target, options: Mapping[str, Any]) -> Kind:
    return Kind(target.handle, read_options(target.library, options), puts=False) if options else target.gets


def get_bytes(target: Target, key: KeyLike, options: Mapping[str, Any]) -> KeyOperation[bytes | None]:
    """The bytes of the value; None: no such key."""
    return KeyOperation(_take_bytes, _gets(target, options), key_of(key), None, type(key) is bytes)


def get_value(target: Target, key: KeyLike, options: Mapping[str, Any]) -> KeyOperation[Value | None]:
    """The value with all that is stored with it; None: no such key."""
    return KeyOperation(_take_value, _gets(target, options), key_of(key), None, type(key) is bytes)


def stat(target: Target, key: KeyLike, options: Mapping[str, Any]) -> SingleOperation[Stat | None]:
    """The value without its bytes; None: no such key."""
    start, handle, c_options = target.library.lib.vasto_stat_async, target.handle, read_options(target.library, options)
    c_key = key_of(key)
    return SingleOperation(
        lambda out, slot: start(handle, ffi.new("vasto_key_t*", c_key), c_options, out, slot), _take_stat
    )


def multi_get(
    target: Target, keys: Iterable[KeyLike], options: Mapping[str, Any], *, raising: bool
) -> SingleOperation[list[GetResult]]:
    """The results of the keys in their order; ``raising``: a failed one raises."""
    if isinstance(keys, (bytes, bytearray, memoryview, str, Key)):
        raise TypeError("keys must be an iterable of keys, not a single key")
    c_options = read_options(target.library, options)
    c_keys = [key_of(key) for key in keys]
    count = len(c_keys)

    def start(out: CData, slot: CData) -> int:
        code: int = target.library.lib.vasto_multi_get_async(
            target.handle, ffi.new("vasto_key_t[]", c_keys), count, c_options, out, slot
        )
        return code

    def take(library: Library, future: CData, _code: int, _row: RawRow) -> list[GetResult]:
        values, codes = ffi.new("vasto_value_t*[]", count), ffi.new("vasto_status_t[]", count)
        slot = new_error_slot()
        code = library.lib.vasto_future_take_values(future, values, codes, count, slot)
        try:
            if code and (raising or not count or code in _OF_THE_WHOLE):
                raise error_from(library, code, slot)
            results = []
            for i in range(count):
                handle, values[i] = values[i], _NULL
                value = take_value(library.lib, handle) if handle != _NULL else None
                results.append(GetResult(Code.of(codes[i]), value))
            return results
        finally:
            for handle in values:
                library.lib.vasto_value_destroy(handle)
            library.lib.vasto_error_destroy(slot[0])

    return SingleOperation(start, take)


# The codes of a whole multi_get: it was not made at all, or the keyspace is gone.
_OF_THE_WHOLE = frozenset({int(Code.INVALID_ARGUMENT), int(Code.FORKED), int(Code.NOT_FOUND)})


def put(target: Target, key: KeyLike, value: BytesLike, options: Mapping[str, Any]) -> KeyOperation[int]:
    """Stores a value; the version."""
    kind = Kind(target.handle, write_options(target.library, options), puts=True) if options else target.puts
    fixed = type(key) is bytes and type(value) is bytes
    return KeyOperation(_take_version, kind, key_of(key), data_of("value", value), fixed)


def _write(
    function: str, target: Target, key: KeyLike, arguments: tuple[Any, ...], options: Mapping[str, Any]
) -> SingleOperation[int]:
    start, handle = getattr(target.library.lib, function), target.handle
    c_options, c_key = write_options(target.library, options), key_of(key)
    return SingleOperation(
        lambda out, slot: start(handle, ffi.new("vasto_key_t*", c_key), *arguments, c_options, out, slot), _take_version
    )


def delete(target: Target, key: KeyLike, options: Mapping[str, Any]) -> SingleOperation[int]:
    """Deletes a value; the version of the deletion."""
    return _write("vasto_delete_async", target, key, (), options)


def touch(target: Target, key: KeyLike, ttl: int, options: Mapping[str, Any]) -> SingleOperation[int]:
    """Gives a value another expiry; the version."""
    return _write("vasto_touch_async", target, key, (uint("ttl", ttl),), options)


def merge(
    target: Target, key: KeyLike, operation: Merge, operand: BytesLike | float, options: Mapping[str, Any]
) -> SingleOperation[int]:
    """Merges the operand into a value; the version."""
    number = choice("the operation", operation, Merge)
    view, size = data_of("operand", operand_of(number, operand))
    return _write("vasto_merge_async", target, key, (number, view, size), options)


def _take_entries(library: Library, future: CData, _code: int, _row: RawRow) -> list[EntryResult]:
    lib = library.lib
    out, slot = ffi.new("vasto_batch_result_t**"), new_error_slot()
    code = lib.vasto_future_take_batch_result(future, out, slot)
    try:
        entries = [
            EntryResult(Code.of(lib.vasto_batch_result_code(out[0], i)), lib.vasto_batch_result_version(out[0], i))
            for i in range(lib.vasto_batch_result_count(out[0]) if out[0] != _NULL else 0)
        ]
        if code:
            error = error_from(library, code, slot)
            error.results = tuple(entries)
            raise error
        return entries
    finally:
        lib.vasto_batch_result_destroy(out[0])


def batch_write(
    target: Target, batch: CData, lock: threading.Lock, options: Mapping[str, Any]
) -> SingleOperation[list[EntryResult]]:
    """Writes the entries that a batch has at the start, under its lock; raises if one failed."""
    c_options = write_options(target.library, options)

    def start(out: CData, slot: CData) -> int:
        with lock:
            code: int = target.library.lib.vasto_batch_write_async(target.handle, batch, c_options, out, slot)
        return code

    return SingleOperation(start, _take_entries)
