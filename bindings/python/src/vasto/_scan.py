# SPDX-License-Identifier: Apache-2.0
"""Scans and watches for threads that wait."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._arguments import uint, wait_milliseconds
from ._rows import ScanBase, WatchBase

if TYPE_CHECKING:
    from typing_extensions import Self

    from ._operation import Operation
    from ._values import Change, Row


class Scan(ScanBase):
    """An iterator over the rows of a scan; also a context manager that closes it.

    After a ``retryable`` error the iteration may go on with the next ``next()``, and loses no row.

    Threads: any, one at a time; ``close`` at any time.
    """

    _waiting: Operation[None] | None = None

    def __iter__(self) -> Self:
        """The scan itself."""
        return self

    def __next__(self) -> Row:
        """The next row; waits for it for up to the scan's ``timeout``."""
        with self._exclusive:
            if not self._ahead:
                self._ahead = self._fetch(self._block_rows)[::-1]
                if not self._ahead:
                    raise StopIteration
            return self._ahead.pop()

    def take(self, count: int) -> list[Row]:
        """The next ``count`` rows; fewer only at the end of the scan.

        Raises:
            VastoError: rows could not be read; those that were stay in the scan.
        """
        uint("count", count)
        with self._exclusive:
            rows: list[Row] = []
            try:
                while len(rows) < count:
                    if not self._ahead:
                        self._ahead = self._fetch(count - len(rows))[::-1]
                        if not self._ahead:
                            break
                    rows.append(self._ahead.pop())
            except BaseException:
                self._ahead += rows[::-1]
                raise
            return rows

    def _fetch(self, capacity: int) -> list[Row]:
        handle = self._open_handle()
        # What an interrupted wait waited for goes on, and is waited for again.
        if self._waiting is None:
            self._waiting = self._ready_for_rows(handle)
        self._waiting.wait()
        waiting, self._waiting = self._waiting, None
        try:
            waiting.take()
        finally:
            waiting.close()
        return self._next_block(handle, capacity)

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
