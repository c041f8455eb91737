# SPDX-License-Identifier: Apache-2.0
"""What blocking and asynchronous scans and watches share: rows and changes taken from C in blocks.

Invariants:
1. The handle is destroyed with its last reference: a close drops that of the object, and a call that is running in
   another thread keeps its own.
2. One thread or task at a time: who comes second gets a RuntimeError, and never waits.
3. Bytes are copied before the next call into C, which may free them.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ._arguments import data_of, uint
from ._constants import Code
from ._errors import closed, error_from, new_error_slot
from ._native import ffi
from ._operation import SLICE_MS, Target
from ._options import scan_options, watch_options
from ._values import Change, Row, changes_of, rows_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from ._library import CData
    from ._values import BytesLike

T = TypeVar("T")

_OK = int(Code.OK)
_END = int(Code.END)
_TIMEOUT = int(Code.TIMEOUT)
_NULL = ffi.NULL
_BLOCK = 1024
_MOST_BLOCK = 4096


class Exclusive:
    """A lock that is never waited for: whoever finds it taken made a mistake."""

    __slots__ = ("_lock", "_what")

    def __init__(self, what: str) -> None:
        """``what`` is in use, says the error."""
        self._lock = threading.Lock()
        self._what = what

    def __enter__(self) -> None:
        """Takes the lock."""
        if not self._lock.acquire(blocking=False):
            raise RuntimeError(f"the {self._what} is in use by another thread or task")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Gives it back."""
        self._lock.release()


class Blocks(Generic[T]):
    """The part of a scan or watch that does not depend on how one waits.

    ``_ahead`` are rows taken from C and not handed out yet, in reverse: the next one is its last.
    """

    _what = ""
    _token_function = ""

    def __init__(self, target: Target, handle: CData) -> None:
        """``handle`` must come from ``ffi.gc``."""
        self._target = target
        self._library = target.library
        self._handle: CData | None = handle
        self._exclusive = Exclusive(self._what)
        self._ahead: list[T] = []

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._handle is None

    def close(self) -> None:
        """Ends it, wherever it stands; once more is harmless. Allowed while another thread waits in it."""
        self._handle = None
        self._ahead = []

    def open_handle(self) -> CData:
        """The handle; raises that it is closed."""
        handle = self._handle
        if handle is None:
            raise closed(self._what)
        return handle

    def _token(self) -> bytes:
        data, size, slot = ffi.new("void const**"), ffi.new("size_t*"), new_error_slot()
        handle = self.open_handle()
        code = getattr(self._library.lib, self._token_function)(handle, data, size, slot)
        if code:
            raise error_from(self._library, code, slot)
        return ffi.buffer(data[0], size[0])[:] if size[0] else b""


class ScanBase(Blocks[Row]):
    """A running scan: rows in the order of their keys, compared as unsigned bytes, over all shards.

    A scan is no snapshot: what is written or deleted meanwhile comes at most once.
    """

    _what = "scan"
    _token_function = "vasto_iter_resume_token"  # noqa: S105 (the name of a function)

    def __init__(
        self,
        target: Target,
        prefix: BytesLike,
        start: BytesLike | None,
        end: BytesLike | None,
        options: Mapping[str, Any],
    ) -> None:
        """Made by ``keyspace.scan(...)``."""
        library = target.library
        rest = dict(options)
        block_rows = rest.pop("block_rows", None)
        self._block_rows = _BLOCK if block_rows is None else uint("block_rows", block_rows, _MOST_BLOCK)
        if self._block_rows == 0:
            raise ValueError("block_rows must be at least 1")
        c_options = scan_options(library, rest)
        out, slot = ffi.new("vasto_iter_t**"), new_error_slot()
        prefix_view, prefix_size = data_of("prefix", prefix)
        if start is None and end is None:
            code = library.lib.vasto_scan_prefix(target.handle, prefix_view, prefix_size, c_options, out, slot)
        elif prefix_size:
            raise TypeError("a scan has a prefix, or a start and an end, not both")
        else:
            start_view, start_size = data_of("start", b"" if start is None else start)
            end_view, end_size = data_of("end", b"" if end is None else end)
            code = library.lib.vasto_scan_range(
                target.handle, start_view, start_size, end_view, end_size, c_options, out, slot
            )
        if code:
            raise error_from(library, code, slot)
        super().__init__(target, ffi.gc(out[0], library.lib.vasto_iter_destroy))
        self._rows = ffi.new("vasto_kv_t[]", self._block_rows)

    def resume_token(self) -> bytes:
        """Where the scan stands, behind the last row handed out, for ``resume_token=`` of another scan.

        It is exact behind the rows of a ``take``, and at the end. While one row after the other is handed out, rows
        wait here that C has handed out already; open the scan with ``block_rows=1`` to ask behind each row then.

        Raises:
            RuntimeError: rows wait here.
        """
        with self._exclusive:
            if self._ahead:
                raise RuntimeError(
                    f"{len(self._ahead)} rows were fetched and not handed out: use take(), or block_rows=1"
                )
            return self._token()

    def _next_block(self, handle: CData, capacity: int) -> list[Row]:
        """Up to ``capacity`` rows; none: the scan is at its end."""
        count, slot = ffi.new("size_t*"), new_error_slot()
        capacity = min(capacity, self._block_rows)
        code = self._library.lib.vasto_iter_next_block(handle, self._rows, capacity, count, slot)
        if code == _END:
            return []
        if code:
            raise error_from(self._library, code, slot)
        return rows_of(self._rows, count[0])


class WatchBase(Blocks[Change]):
    """A running watch: the changes of all keys with a prefix, each at least once.

    The changes of a key come in order, some of them perhaps again; there is no order between keys. After an error that
    is ``retryable`` the watch goes on with the next call.
    """

    _what = "watch"
    _token_function = "vasto_watch_resume_token"  # noqa: S105 (the name of a function)

    def __init__(self, target: Target, handle: CData) -> None:
        """Made by ``keyspace.watch(...)``."""
        super().__init__(target, handle)
        self._changes = ffi.new("vasto_kv_t[]", _BLOCK)
        self._token_before = b""

    def resume_token(self) -> bytes:
        """Where the watch stands, for ``resume_token=`` of another one; some changes may come again there."""
        with self._exclusive:
            self.open_handle()
            # Changes that were not handed out yet must come again.
            return self._token_before if self._ahead else self._token()

    def _next_changes(self, handle: CData, timeout_ms: int) -> list[Change]:
        """The next changes; none: nothing came in time."""
        self._token_before = self._token()
        count, slot = ffi.new("size_t*"), new_error_slot()
        code = self._library.lib.vasto_watch_next(handle, self._changes, _BLOCK, timeout_ms, count, slot)
        if code == _TIMEOUT and slot[0] == _NULL:
            return []
        if code:
            raise error_from(self._library, code, slot)
        return changes_of(self._changes, count[0])

    def _next_in_slices(self, timeout_ms: int, may_go_on: Callable[[], bool]) -> list[Change]:
        """As _next_changes, without blocking long in C; ``timeout_ms`` -1: without limit."""
        left = timeout_ms
        while True:
            handle = self.open_handle()
            wait_ms = SLICE_MS if left < 0 else min(left, SLICE_MS)
            changes = self._next_changes(handle, wait_ms)
            if changes or left == wait_ms or not may_go_on():
                return changes
            if left > 0:
                left -= wait_ms


def open_watch(target: Target, prefix: BytesLike, options: Mapping[str, Any]) -> CData:
    """The handle of a new watch; waits for the stores."""
    library = target.library
    view, size = data_of("prefix", prefix)
    c_options = watch_options(library, options)
    out, slot = ffi.new("vasto_watch_t**"), new_error_slot()
    code = library.lib.vasto_watch_open(target.handle, view, size, c_options, out, slot)
    if code:
        raise error_from(library, code, slot)
    return ffi.gc(out[0], library.lib.vasto_watch_destroy)
