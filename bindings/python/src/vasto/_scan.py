# SPDX-License-Identifier: Apache-2.0
"""Scans and watches for threads that wait."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._arguments import uint, wait_milliseconds
from ._constants import Code
from ._errors import error_from, new_error_slot
from ._native import ffi
from ._operation import SLICE_MS
from ._rows import ScanBase, WatchBase

if TYPE_CHECKING:
    from typing_extensions import Self

    from ._library import CData
    from ._values import Change, Row

_OK = int(Code.OK)
_TIMEOUT = int(Code.TIMEOUT)


class Scan(ScanBase):
    """An iterator over the rows of a scan; also a context manager that closes it.

    After a ``retryable`` error the iteration may go on with the next ``next()``, and loses no row.

    Threads: any, one at a time; ``close`` at any time.
    """

    _waiting: CData = None  # an array with the future of the next block, or NULL

    def __iter__(self) -> Self:
        """The scan itself."""
        return self

    def __next__(self) -> Row:
        """The next row; waits for it for up to the scan's ``timeout``."""
        try:
            return self._ahead.pop()  # which needs no lock
        except IndexError:
            pass
        with self._exclusive:
            ahead = self._fetch(self._block_rows)[::-1]
            if not ahead:
                raise StopIteration
            row = ahead.pop()
            self._ahead = ahead
            return row

    def take(self, count: int) -> list[Row]:
        """The next ``count`` rows; fewer only at the end of the scan.

        Raises:
            VastoError: rows could not be read; those that were stay in the scan.
        """
        uint("count", count)
        with self._exclusive:
            rows: list[Row] = []
            ahead, self._ahead = self._ahead, []
            try:
                while len(rows) < count:
                    if not ahead:
                        ahead = self._fetch(count - len(rows))[::-1]
                        if not ahead:
                            break
                    rows.append(ahead.pop())
            except BaseException:
                ahead += rows[::-1]
                raise
            finally:
                self._ahead = ahead
            return rows

    def _fetch(self, capacity: int) -> list[Row]:
        handle = self.open_handle()
        self._wait(handle)
        return self._next_block(handle, capacity)

    def _wait(self, handle: CData) -> None:
        """Until the next block needs no waiting; what an interrupted wait waited for is waited for again."""
        lib, slot = self._library.lib, new_error_slot()
        if self._waiting is None:
            self._waiting = ffi.gc(ffi.new("vasto_future_t**"), lambda waiting: lib.vasto_future_destroy(waiting[0]))
        waiting = self._waiting
        code = _OK if waiting[0] else lib.vasto_iter_ready_async(handle, waiting, slot)
        if code:
            raise error_from(self._library, code, slot)
        code = _TIMEOUT
        while code == _TIMEOUT and not slot[0]:
            code = lib.vasto_future_wait(waiting[0], SLICE_MS, slot)
        if not code:
            code = lib.vasto_future_status(waiting[0], slot)
        done, waiting[0] = waiting[0], ffi.NULL
        lib.vasto_future_destroy(done)
        if code:
            raise error_from(self._library, code, slot)

    def __enter__(self) -> Self:
        """The scan."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closes it."""
        self.close()


class Watch(WatchBase):
    """An iterator over changes that waits for each without limit; also a context manager that closes it.

    Threads: any, one at a time; ``close`` at any time: it ends a wait in another thread with :class:`ClosedError`.
    """

    def __iter__(self) -> Self:
        """The watch itself."""
        return self

    def __next__(self) -> Change:
        """The next change; waits for it without limit."""
        with self._exclusive:
            while not self._ahead:
                self._ahead = self._next_in_slices(-1, _always)[::-1]
            return self._ahead.pop()

    def next(self, timeout: float | None = None) -> list[Change]:
        """The changes that are there, or else the next ones.

        Args:
            timeout: seconds to wait; 0 does not wait, None is without limit.

        Returns:
            The changes; an empty list when none came in time.

        Raises:
            UnavailableError: nothing came, and a shard cannot be reached now; also BusyError, OperationTimeoutError.
            TooOldError: the stores do not remember what came next.
            NotFoundError: the keyspace is gone; ResizingError: it has another number of shards.
            ClosedError: the watch, or its client, was closed.
        """
        timeout_ms = wait_milliseconds("timeout", timeout)
        with self._exclusive:
            if self._ahead:
                changes, self._ahead = self._ahead[::-1], []
                return changes
            return self._next_in_slices(timeout_ms, _always)

    def __enter__(self) -> Self:
        """The watch."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closes it."""
        self.close()


def _always() -> bool:
    return True
