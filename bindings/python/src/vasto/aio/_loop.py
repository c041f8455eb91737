# SPDX-License-Identifier: Apache-2.0
"""How an event loop learns that operations are done: one queue of the library for each loop.

The queue's file descriptor is readable while it holds finished operations; the loop polls it as it polls sockets, and
takes many at once. No thread of the library ever runs Python.

The gets, or puts, that are begun one after the other in one turn of the loop are gathered and started with one call.

Invariants:
1. What is begun is started before the next turn of the loop ends, in the order in which it was begun.
2. The queue does not keep its loop alive; the loop, by its reader, and the registry keep the queue.

Threads: everything here but ``abandon`` runs in the thread of the loop.
"""

from __future__ import annotations

import asyncio
import copy
import threading
import weakref
from typing import TYPE_CHECKING, Any, Callable, TypeVar

from .._errors import VastoError
from .._queue import KeyOperation, Queue

if TYPE_CHECKING:
    from .._library import Library
    from .._queue import Operation, SingleOperation

T = TypeVar("T")

_BLOCK = 256
_MOST_GATHERED = 16


class LoopQueue:
    """The queue of one event loop, in use by ``users`` open clients."""

    def __init__(self, library: Library, loop: asyncio.AbstractEventLoop) -> None:
        """Begins to poll."""
        self._loop = weakref.ref(loop)
        self._queue = Queue(library, _BLOCK)
        self._descriptor = self._queue.descriptor
        self._gathered: list[KeyOperation[Any]] = []
        self._flush_is_due = False
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
        """How many operations somebody waits for that are started and not done."""
        return sum(operation.done is not None for operation in self._queue.in_flight.values())

    def check_loop(self) -> asyncio.AbstractEventLoop:
        """The running loop; refuses any but that of the queue, as it would never be told."""
        loop = asyncio.get_running_loop()
        if self._loop() is not loop:
            raise RuntimeError("this object belongs to another event loop: open a client in this one")
        return loop

    async def run(self, operation: KeyOperation[T] | SingleOperation[T]) -> T:
        """The result of the operation; if the task is cancelled, so is the operation."""
        try:
            return await self.begin(operation)
        except asyncio.CancelledError:
            self._give_up(operation)
            raise

    def begin(self, operation: KeyOperation[T] | SingleOperation[T]) -> asyncio.Future[T]:
        """Starts the operation now or, gathered with others, soon; what gets its result."""
        loop = self.check_loop()
        operation.done = done = loop.create_future()
        if not isinstance(operation, KeyOperation):
            self.flush()
            self._queue.start(operation)
            return done
        if self._gathered and operation.kind is not self._gathered[0].kind:
            self.flush()
        self._gathered.append(operation)
        if not operation.fixed or len(self._gathered) == _MOST_GATHERED:
            self.flush()
        elif not self._flush_is_due:
            self._flush_is_due = True
            loop.call_soon(self._flush_when_due)
        return done

    def _flush_when_due(self) -> None:
        self._flush_is_due = False
        self.flush()

    def flush(self) -> None:
        """Starts what was gathered, so that operations start in the order of their calls."""
        gathered, self._gathered = self._gathered, []
        if not gathered:
            return
        try:
            self._queue.start_alike(gathered)
        except VastoError as error:
            for operation in gathered:
                if not operation.future and operation.done is not None and not operation.done.done():
                    # An exception for each, as each is raised.
                    operation.done.set_exception(copy.copy(error))

    def _give_up(self, operation: Operation[Any]) -> None:
        operation.done = None
        if operation in self._gathered:
            self._gathered.remove(operation)
        self._queue.cancel(operation)

    def take_finished(self) -> bool:
        """Wakes who waits for what is done; whether there was anything."""
        try:
            finished = self._queue.take(0)
        except VastoError:
            return False
        for operation, value, error in finished:
            done, operation.done = operation.done, None
            if done is None or done.done():
                continue
            if error is None:
                done.set_result(value)
            else:
                done.set_exception(error)
        return bool(finished)

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
