# SPDX-License-Identifier: Apache-2.0
"""Collects writes that are to be sent together."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from . import _requests
from ._arguments import choice, data_of, key_of, operand_of
from ._constants import Merge
from ._errors import error_from, new_error_slot
from ._native import ffi
from ._operation import result
from ._options import write_options

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typing_extensions import Self, Unpack

    from ._library import CData
    from ._operation import Target
    from ._options import ChangeOptions, MergeOptions, WriteOptions
    from ._queue import SingleOperation
    from ._values import BytesLike, EntryResult, KeyLike


class BatchBase:
    """Writes to be sent together. Not atomic: each entry has its own result.

    Entries for the same key take effect in the order they were added. A batch may be written more than once.
    Entries may have write options of their own; an entry without any takes those of the write.

    Threads: any, one after the other.
    """

    def __init__(self, target: Target) -> None:
        """Made by ``keyspace.batch()``."""
        lib = target.library.lib
        out, slot = ffi.new("vasto_batch_t**"), new_error_slot()
        code = lib.vasto_batch_create(out, slot)
        if code:
            raise error_from(target.library, code, slot)
        self._target = target
        self._handle: CData = ffi.gc(out[0], lib.vasto_batch_destroy)
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """The number of entries."""
        with self._lock:
            count: int = self._target.library.lib.vasto_batch_count(self._handle)
        return count

    def __bool__(self) -> bool:
        """A batch is true, also when it is empty."""
        return True

    def clear(self) -> None:
        """Removes all entries, for the next round."""
        with self._lock:
            self._target.library.lib.vasto_batch_clear(self._handle)

    def put(self, key: KeyLike, value: BytesLike, **options: Unpack[WriteOptions]) -> Self:
        """Adds a put; key and bytes are copied.

        Raises:
            TooLargeError: the key or value is over its limit; nothing was added.
        """
        return self._add("vasto_batch_put", key, data_of("value", value), options)

    def delete(self, key: KeyLike, **options: Unpack[ChangeOptions]) -> Self:
        """Adds a delete; otherwise as :meth:`put`."""
        return self._add("vasto_batch_delete", key, (), options)

    def merge(
        self, key: KeyLike, operation: Merge, operand: BytesLike | float, **options: Unpack[MergeOptions]
    ) -> Self:
        """Adds a merge; otherwise as :meth:`put`."""
        number = choice("the operation", operation, Merge)
        data, size = data_of("operand", operand_of(number, operand))
        return self._add("vasto_batch_merge", key, (number, data, size), options)

    def _add(self, function: str, key: KeyLike, arguments: tuple[CData, ...], options: Mapping[str, Any]) -> Self:
        library = self._target.library
        c_options = write_options(library, options)
        parts = key_of(key)
        c_key = ffi.new("vasto_key_t*", parts)
        slot = new_error_slot()
        with self._lock:
            code = getattr(library.lib, function)(self._handle, c_key, *arguments, c_options, slot)
        if code:
            raise error_from(library, code, slot)
        return self

    def _operation(self, options: WriteOptions) -> SingleOperation[list[EntryResult]]:
        return _requests.batch_write(self._target, self._handle, self._lock, options)


class Batch(BatchBase):
    """Writes to be sent together by :meth:`write`, or at the end of a ``with`` block that did not fail."""

    def write(self, **options: Unpack[WriteOptions]) -> list[EntryResult]:
        """Writes the entries, and waits until all have ended.

        Returns:
            The result of each entry, in the order of adding; all are OK.

        Raises:
            VastoError: an entry failed, the class says how the first of them; ``results`` has all of them.
        """
        return result(self._target, self._operation(options))

    def __enter__(self) -> Self:
        """The batch."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Writes the entries, unless the block failed."""
        if kind is None:
            self.write()
