# SPDX-License-Identifier: Apache-2.0
"""Scans and watches for asyncio."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from .._arguments import uint, wait_milliseconds
from .._errors import OperationCancelledError, OperationTimeoutError
from .._operation import SLICE_MS, Operation
from .._rows import ScanBase, WatchBase
from ._loop import blocking

if TYPE_CHECKING:
    from typing_extensions import Self

    from .._library import CData
    from .._operation import Target
    from .._options import ScanOptions
    from .._values import BytesLike, Change, Row
    from ._loop import LoopQueue

_READY = "vasto_watch_ready_async"


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
        self._waiting: tuple[Operation[None], asyncio.Future[None]] | None = None

    def __aiter__(self) -> Self:
        """The scan itself."""
        return self

    async def __anext__(self) -> Row:
        """The next row; waits for it for up to the scan's ``timeout``."""
        with self._exclusive:
            if not self._ahead:
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
            try:
                while len(rows) < count:
                    if not self._ahead:
                        self._ahead = (await self._fetch(count - len(rows)))[::-1]
                        if not self._ahead:
                            break
                    rows.append(self._ahead.pop())
            except BaseException:
                self._ahead += rows[::-1]
                raise
            return rows

    async def _fetch(self, capacity: int) -> list[Row]:
        self._queue.check_loop()
        # What a cancelled task waited for goes on, and is waited for again. The handle is not held meanwhile: a close
        # by another task destroys it, which ends the wait.
        if self._waiting is None:
            operation = self._ready_for_rows(self._open_handle())
            self._waiting = (operation, self._queue.expect(operation)[1])
        operation, done = self._waiting
        await asyncio.shield(done)
        self._waiting = None
        try:
            operation.take()
        except OperationCancelledError:
            self._open_handle()
            raise
        finally:
            operation.close()
        return self._next_block(self._open_handle(), capacity)

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
                return self._next_changes(self._open_handle(), 0)
            try:
                return await asyncio.wait_for(self._fetch(), timeout)
            except OperationTimeoutError:
                raise
            except asyncio.TimeoutError:
                return []

    async def _fetch(self) -> list[Change]:
        self._queue.check_loop()
        while True:
            if self._library.has(_READY):
                await self._wait()
                changes = self._next_changes(self._open_handle(), 0)
            else:
                changes = await self._next_in_thread()
            if changes:
                return changes

    async def _wait(self) -> None:
        """Until the next changes, or the error that keeps them away, need no waiting."""
        # The handle is not held meanwhile: a close by another task destroys it, which ends the wait.
        try:
            await self._queue.run(self._ready(_READY, self._open_handle()))
        except OperationCancelledError:
            self._open_handle()
            raise

    async def _next_in_thread(self) -> list[Change]:
        """For a library that is too old to wait for a watch: a thread of the loop's pool waits in it."""
        handle = self._open_handle()
        taking = asyncio.ensure_future(blocking(lambda: self._next_changes(handle, SLICE_MS)))
        try:
            return await asyncio.shield(taking)
        except asyncio.CancelledError:
            # Until the thread is done nobody else may use the watch; what it took is for the next call.
            self._ahead = (await taking)[::-1]
            raise

    async def __aenter__(self) -> Self:
        """The watch."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Closes it."""
        self.close()
