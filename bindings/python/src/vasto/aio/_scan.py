# SPDX-License-Identifier: Apache-2.0
"""Scans and watches for asyncio."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from .._arguments import uint, wait_milliseconds
from .._errors import OperationCancelledError, OperationTimeoutError, VastoError, error_from, new_error_slot
from .._queue import SingleOperation
from .._rows import ScanBase, WatchBase

if TYPE_CHECKING:
    from typing_extensions import Self

    from .._library import CData, Library
    from .._operation import Target
    from .._options import ScanOptions
    from .._rows import Blocks
    from .._values import BytesLike, Change, RawRow, Row
    from ._loop import LoopQueue


def ready(library: Library, function: str, handle: CData) -> SingleOperation[VastoError | None]:
    """Is done when the next block needs no waiting; the error that keeps it away, as a result.

    The handle is not held meanwhile: a close by another task destroys it, which ends the wait.
    """
    start = getattr(library.lib, function)
    return SingleOperation(lambda out, slot: start(handle, out, slot), _take_error)


def _take_error(library: Library, future: CData, code: int, _row: RawRow) -> VastoError | None:
    slot = new_error_slot()
    library.lib.vasto_future_status(future, slot)
    return error_from(library, code, slot) if code else None


def check_ready(blocks: Blocks[Any], error: VastoError | None) -> None:
    """Raises what keeps the next block away: that it is closed, if a close ended the wait."""
    try:
        if isinstance(error, OperationCancelledError):
            blocks.open_handle()
        if error is not None:
            raise error
    finally:
        del error  # which refers to this frame


class Scan(ScanBase):
    """An asynchronous iterator over the rows of a scan; also a context manager that closes it.

    After a ``retryable`` error, or a cancelled wait, the iteration may go on, and loses no row. One task at a time.
    """

    def __init__(
        self,
        target: Target,
        queue: LoopQueue,
        prefix: BytesLike,
        start: BytesLike | None,
        end: BytesLike | None,
        options: ScanOptions,
    ) -> None:
        """Made by ``keyspace.scan(...)``."""
        super().__init__(target, prefix, start, end, options)
        self._queue = queue
        self._waiting: asyncio.Future[VastoError | None] | None = None

    def __aiter__(self) -> Self:
        """The scan itself."""
        return self

    async def __anext__(self) -> Row:
        """The next row; waits for it for up to the scan's ``timeout``."""
        if self._ahead:
            return self._ahead.pop()
        with self._exclusive:
            self._ahead = (await self._fetch(self._block_rows))[::-1]
            if not self._ahead:
                raise StopAsyncIteration
            return self._ahead.pop()

    async def take(self, count: int) -> list[Row]:
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
                        ahead = (await self._fetch(count - len(rows)))[::-1]
                        if not ahead:
                            break
                    rows.append(ahead.pop())
            except BaseException:
                ahead += rows[::-1]
                raise
            finally:
                self._ahead = ahead
            return rows

    async def _fetch(self, capacity: int) -> list[Row]:
        self._queue.check_loop()
        # What a cancelled task waited for goes on, and is waited for again.
        if self._waiting is None:
            self._waiting = self._queue.begin(ready(self._library, "vasto_iter_ready_async", self.open_handle()))
        try:
            check_ready(self, await asyncio.shield(self._waiting))
        finally:
            if self._waiting.done():
                self._waiting = None
        return self._next_block(self.open_handle(), capacity)

    async def __aenter__(self) -> Self:
        """The scan."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Closes it."""
        self.close()


class Watch(WatchBase):
    """An asynchronous iterator over changes that waits for each without limit; also a context manager that closes it.

    A cancelled wait loses no change. One task at a time; ``close`` at any time: it ends a wait with
    :class:`vasto.ClosedError`.
    """

    def __init__(self, target: Target, queue: LoopQueue, handle: CData) -> None:
        """Made by ``keyspace.watch(...)``."""
        super().__init__(target, handle)
        self._queue = queue

    def __aiter__(self) -> Self:
        """The watch itself."""
        return self

    async def __anext__(self) -> Change:
        """The next change; waits for it without limit."""
        with self._exclusive:
            if not self._ahead:
                self._ahead = (await self._fetch())[::-1]
            return self._ahead.pop()

    async def next(self, timeout: float | None = None) -> list[Change]:
        """The changes that are there, or else the next ones.

        Args:
            timeout: seconds to wait; 0 does not wait, None is without limit.

        Returns:
            The changes; an empty list when none came in time.

        Raises:
            VastoError: as :meth:`vasto.Watch.next`.
        """
        timeout_ms = wait_milliseconds("timeout", timeout)
        with self._exclusive:
            if self._ahead:
                changes, self._ahead = self._ahead[::-1], []
                return changes
            if timeout_ms == 0:
                return self._next_changes(self.open_handle(), 0)
            try:
                return await asyncio.wait_for(self._fetch(), timeout)
            except OperationTimeoutError:
                raise
            except asyncio.TimeoutError:
                return []

    async def _fetch(self) -> list[Change]:
        self._queue.check_loop()
        changes: list[Change] = []
        while not changes:
            waiting = ready(self._library, "vasto_watch_ready_async", self.open_handle())
            check_ready(self, await self._queue.run(waiting))
            changes = self._next_changes(self.open_handle(), 0)
        return changes

    async def __aenter__(self) -> Self:
        """The watch."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Closes it."""
        self.close()
