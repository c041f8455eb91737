# SPDX-License-Identifier: Apache-2.0
"""The operations on keys: each function starts one and returns it, for a thread or an event loop to wait for.

Keys, values and options are copied by the call that starts the operation. Whatever is wrong with the arguments is
raised here, before anything was sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, TypeVar

from ._arguments import choice, data_of, fill_key, operand_of, uint
from ._constants import Code, Merge
from ._errors import error_from, new_error_slot
from ._native import ffi
from ._operation import Operation, Target
from ._options import read_options, write_options
from ._values import EntryResult, GetResult, Key, Stat, Value, take_bytes, take_stat, take_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ._library import CData, Library
    from ._values import BytesLike, KeyLike

T = TypeVar("T")

_KEY = ffi.typeof("vasto_key_t*")
_VALUE = ffi.typeof("vasto_value_t**")
_OK = int(Code.OK)
_NOT_FOUND = int(Code.NOT_FOUND)
_NULL = ffi.NULL


def _new_key(key: KeyLike) -> tuple[CData, CData]:
    """A vasto_key_t, and the view of its bytes, which has to live as long."""
    target = ffi.new(_KEY)
    return target, fill_key(target, key)


def _read(
    start: str, take: Callable[[CData, CData], T], target: Target, key: KeyLike, options: Mapping[str, Any]
) -> Operation[T | None]:
    library = target.library

    def finish(library: Library, future: CData) -> T | None:
        out, slot = ffi.new(_VALUE), new_error_slot()
        code = library.lib.vasto_future_take_value(future, out, slot)
        if code == _OK:
            return take(library.lib, out[0])
        # With an error object it is the keyspace that is gone.
        if code == _NOT_FOUND and slot[0] == _NULL:
            return None
        raise error_from(library, code, slot)

    c_options = read_options(library, options)
    c_key, _view = _new_key(key)
    operation: Operation[T | None] = Operation(target, finish)
    slot = new_error_slot()
    code = getattr(library.lib, start)(target.handle, c_key, c_options, operation.out, slot)
    if code:
        raise error_from(library, code, slot)
    return operation


def get_bytes(target: Target, key: KeyLike, options: Mapping[str, Any]) -> Operation[bytes | None]:
    """The bytes of the value; None: no such key."""
    return _read("vasto_get_async", take_bytes, target, key, options)


def get_value(target: Target, key: KeyLike, options: Mapping[str, Any]) -> Operation[Value | None]:
    """The value with all that is stored with it; None: no such key."""
    return _read("vasto_get_async", take_value, target, key, options)


def stat(target: Target, key: KeyLike, options: Mapping[str, Any]) -> Operation[Stat | None]:
    """The value without its bytes; None: no such key."""
    return _read("vasto_stat_async", take_stat, target, key, options)


def multi_get(
    target: Target, keys: Iterable[KeyLike], options: Mapping[str, Any], *, raising: bool
) -> Operation[list[GetResult]]:
    """The results of the keys in their order; ``raising``: a failed one raises."""
    library = target.library
    if isinstance(keys, (bytes, bytearray, memoryview, str, Key)):
        raise TypeError("keys must be an iterable of keys, not a single key")
    listed = list(keys)
    count = len(listed)

    def finish(library: Library, future: CData) -> list[GetResult]:
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

    c_options = read_options(library, options)
    c_keys = ffi.new("vasto_key_t[]", count)
    _views = [fill_key(c_keys[i], key) for i, key in enumerate(listed)]
    operation = Operation(target, finish)
    slot = new_error_slot()
    code = library.lib.vasto_multi_get_async(target.handle, c_keys, count, c_options, operation.out, slot)
    if code:
        raise error_from(library, code, slot)
    return operation


# The codes of a whole multi_get: it was not made at all, or the keyspace is gone.
_OF_THE_WHOLE = frozenset({int(Code.INVALID_ARGUMENT), int(Code.FORKED), int(Code.NOT_FOUND)})


def _take_version(library: Library, future: CData) -> int:
    slot = new_error_slot()
    code = library.lib.vasto_future_status(future, slot)
    if code:
        raise error_from(library, code, slot, no_key=True)
    version: int = library.lib.vasto_future_version(future)
    return version


def _write(
    start: str, target: Target, key: KeyLike, arguments: tuple[Any, ...], options: Mapping[str, Any]
) -> Operation[int]:
    library = target.library
    c_options = write_options(library, options)
    c_key, _view = _new_key(key)
    operation = Operation(target, _take_version)
    slot = new_error_slot()
    code = getattr(library.lib, start)(target.handle, c_key, *arguments, c_options, operation.out, slot)
    if code:
        raise error_from(library, code, slot)
    return operation


def put(target: Target, key: KeyLike, value: BytesLike, options: Mapping[str, Any]) -> Operation[int]:
    """Stores a value; the version."""
    return _write("vasto_put_async", target, key, data_of("value", value), options)


def delete(target: Target, key: KeyLike, options: Mapping[str, Any]) -> Operation[int]:
    """Deletes a value; the version of the deletion."""
    return _write("vasto_delete_async", target, key, (), options)


def touch(target: Target, key: KeyLike, ttl: int, options: Mapping[str, Any]) -> Operation[int]:
    """Gives a value another expiry; the version."""
    return _write("vasto_touch_async", target, key, (uint("ttl", ttl),), options)


def merge(
    target: Target, key: KeyLike, operation: Merge, operand: BytesLike | float, options: Mapping[str, Any]
) -> Operation[int]:
    """Merges the operand into a value; the version."""
    number = choice("the operation", operation, Merge)
    view, size = data_of("operand", operand_of(number, operand))
    return _write("vasto_merge_async", target, key, (number, view, size), options)


def _take_entries(library: Library, future: CData) -> list[EntryResult]:
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


def batch_write(target: Target, batch: CData, options: Mapping[str, Any]) -> Operation[list[EntryResult]]:
    """Writes the entries of a batch; raises if one failed."""
    library = target.library
    c_options = write_options(library, options)
    operation = Operation(target, _take_entries)
    slot = new_error_slot()
    code = library.lib.vasto_batch_write_async(target.handle, batch, c_options, operation.out, slot)
    if code:
        raise error_from(library, code, slot)
    return operation
