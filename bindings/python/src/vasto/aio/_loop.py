# SPDX-License-Identifier: Apache-2.0
"""How an event loop learns that operations are done: one queue of the library for each loop.

The queue's file descriptor is readable while it holds finished operations; the loop polls it as it polls sockets, and
takes many at once. No thread of the library ever runs Python.

Invariants:
1. ``_pending`` has an entry for each operation that is attached and was neither taken from the queue nor given up.
2. The queue does not keep its loop alive; the loop, by its reader, and the registry keep the queue.

Threads: everything here but ``abandon`` runs in the thread of the loop.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
import weakref
from typing import TYPE_CHECKING, Any, Callable, TypeVar

from .._constants import Code
from .._errors import new_error_slot
from .._native import ffi
from .._operation import Operation, new_queue

if TYPE_CHECKING:
    from .._library import CData, Library

T = TypeVar("T")

_OK = int(Code.OK)
_BLOCK = 256


class LoopQueue:
    """The queue of one event loop, in use by ``users`` open clients."""

    def __init__(self, library: Library, loop: asyncio.AbstractEventLoop) -> None:
        """Begins to poll."""
        self._library = library
        self._loop = weakref.ref(loop)
        self._queue: CData = new_queue(library)
        self._descriptor: int = library.lib.vasto_queue_fd(self._queue)
        self._pending: dict[int, tuple[Operation[Any], asyncio.Future[None]]] = {}
        self._tags = itertools.count(1)
        self._futures = ffi.new("vasto_future_t*[]", _BLOCK)
        self._finished = ffi.new("uint64_t[]", _BLOCK)
        self.users = 0
        loop.add_reader(self._descriptor, self.take_finished)

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None:
        """The event loop, unless it is gone."""
        return self._loop()

    def stop_polling(self) -> None:
        """Takes the queue out of its loop."""
        loop = self._loop()
        if loop is not None and not loop.is_closed():
            loop.remove_reader(self._descriptor)

    @property
    def in_flight(self) -> int:
        """How many operations are not done."""
        return len(self._pending)

    def check_loop(self) -> None:
        """Refuses the use in another event loop, which would never be told."""
        if self._loop() is not asyncio.get_running_loop():
            raise RuntimeError("this object belongs to another event loop: open a client in this one")

    def expect(self, operation: Operation[T]) -> tuple[int, asyncio.Future[None]]:
        """The tag, and a future of the loop that gets a result when the operation is done."""
        tag = next(self._tags)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pending[tag] = (operation, done)
        try:
            operation.attach(self._queue, tag)
        except BaseException:
            del self._pending[tag]
            raise
        return tag, done

    async def run(self, operation: Operation[T]) -> T:
        """The result of the operation; if the task is cancelled, so is the operation."""
        tag = 0
        try:
            tag, done = self.expect(operation)
            await done
            return operation.take()
        finally:
            self._pending.pop(tag, None)
            operation.close()

    def take_finished(self) -> bool:
        """Wakes who waits for what is done; whether there was anything."""
        count, slot = ffi.new("size_t*"), new_error_slot()
        lib = self._library.lib
        code = lib.vasto_queue_next_block(self._queue, 0, self._futures, self._finished, _BLOCK, count, slot)
        if code != _OK:
            lib.vasto_error_destroy(slot[0])
            return False
        for tag in ffi.unpack(self._finished, count[0]):
            entry = self._pending.pop(tag, None)
            if entry is not None and not entry[1].done():
                entry[1].set_result(None)
        return True

    def drain(self) -> None:
        """As take_finished, until there is nothing."""
        while self.take_finished():
            pass


_queues: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, LoopQueue] = weakref.WeakKeyDictionary()
_lock = threading.Lock()


def acquire(library: Library) -> LoopQueue:
    """The queue of the running loop, for one user more."""
    loop = asyncio.get_running_loop()
    with _lock:
        queue = _queues.get(loop)
        if queue is None:
            queue = _queues[loop] = LoopQueue(library, loop)
        queue.users += 1
        return queue


def release(queue: LoopQueue) -> None:
    """One user less; without any the queue goes."""
    queue.drain()
    with _lock:
        queue.users -= 1
        loop = queue.loop
        if queue.users > 0 or loop is None:
            return
        _queues.pop(loop, None)
    queue.stop_polling()


def abandon(queue: LoopQueue) -> None:
    """As release, from any thread, for a user that was not closed."""
    loop = queue.loop
    if loop is not None and not loop.is_closed():
        loop.call_soon_threadsafe(release, queue)


async def blocking(call: Callable[[], T]) -> T:
    """``call()`` in the loop's pool of threads; if the task is cancelled it goes on, and its result is dropped."""
    return await asyncio.get_running_loop().run_in_executor(None, call)
