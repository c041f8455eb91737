# SPDX-License-Identifier: Apache-2.0
"""How a thread waits for an operation so that Ctrl-C interrupts.

Python runs the handler of a signal only between its own instructions: a thread inside a C call does not notice Ctrl-C
before the call returns. So nothing here blocks longer than SLICE_MS in one call: an operation is started without
waiting and then waited for in slices. What C offers no such form of runs in a thread of its own, while the main thread
waits for it in Python.

The wait is that for a queue with nothing else in it, as a thread that waits so does the network's work itself.
"""

from __future__ import annotations

import _thread
import atexit
import threading
from typing import TYPE_CHECKING, Callable, TypeVar, cast

from ._native import ffi
from ._queue import Kind, Queue

if TYPE_CHECKING:
    from ._library import CData, Library
    from ._queue import KeyOperation, SingleOperation

T = TypeVar("T")

SLICE_MS = 100


class Target:
    """What operations work on: the library, a keyspace, and queues to wait in.

    Attributes:
        library: the library.
        handle: the vasto_keyspace_t, destroyed with its last reference.
        queues: those of the client that nobody waits in.
        gets, puts: the kinds of operations without options.
    """

    __slots__ = ("gets", "handle", "library", "puts", "queues")

    def __init__(self, library: Library, handle: CData, queues: list[Queue]) -> None:
        """``handle`` must come from ``ffi.gc``."""
        self.library = library
        self.handle = handle
        self.queues = queues
        self.gets = Kind(handle, ffi.NULL, puts=False)
        self.puts = Kind(handle, ffi.NULL, puts=True)


def result(target: Target, operation: KeyOperation[T] | SingleOperation[T]) -> T:
    """Starts the operation and waits for its result; an interrupt cancels it."""
    queues = target.queues
    try:
        queue = queues.pop()
    except IndexError:
        queue = Queue(target.library, 1)
    queue.start(operation)
    finished = queue.take(SLICE_MS)
    while not finished:
        finished = queue.take(SLICE_MS)
    # Not after an error or interrupt: then the queue goes, and with it what is in it.
    queues.append(queue)
    _, value, error = finished.pop()
    if error is not None:
        try:
            raise error
        finally:
            del error  # which refers to this frame
    return cast("T", value)


# One for each call that runs in a thread of its own, locked until it has ended.
_running: set[_thread.LockType] = set()


def interruptible(call: Callable[[], T]) -> T:
    """``call()``, in a thread of its own if this is the main thread, the only one that Ctrl-C interrupts.

    After an interrupt the call goes on in its thread, and its result is dropped there. The interpreter must not end
    meanwhile: a thread that comes back from C then crashes it. So the exit waits, when it has closed the clients.

    The threads and locks are the low-level ones: those of the module threading are Python, which an interrupt may leave
    in any state.
    """
    if threading.get_ident() != threading.main_thread().ident:
        return call()
    done = _thread.allocate_lock()
    done.acquire()
    results: list[T] = []
    errors: list[BaseException] = []
    wanted = [True]

    def run() -> None:
        try:
            results.append(call())
        except BaseException as error:
            errors.append(error)
        if not wanted:
            results.clear()
            errors.clear()
        _running.discard(done)
        done.release()

    try:
        _running.add(done)
        _thread.start_new_thread(run, ())
    except RuntimeError:  # the interpreter is about to end
        _running.discard(done)
        return call()
    except BaseException:
        _running.discard(done)
        raise
    try:
        # In slices: a signal may be delivered to another thread, and then ends no wait of this one.
        while not done.acquire(timeout=SLICE_MS / 1000):
            pass
    except BaseException:
        wanted.clear()
        raise
    if errors:
        raise errors.pop()
    return results.pop()


@atexit.register
def _wait_for_running() -> None:
    for done in list(_running):
        done.acquire()
