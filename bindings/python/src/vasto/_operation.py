# SPDX-License-Identifier: Apache-2.0
"""An operation in flight, and how a thread waits for it so that Ctrl-C interrupts.

Python runs the handler of a signal only between its own instructions: a thread inside a C call does not notice Ctrl-C
before the call returns. So nothing here blocks longer than SLICE_MS in one call: an operation is started without
waiting and then waited for in slices. What C offers no such form of runs in a thread of its own, while the main thread
waits for it in Python.

The wait is that for a queue with nothing else in it, and not vasto_future_wait: a thread that waits for a queue does
the network's work itself, which saves two switches between threads and makes a get half as fast again.

Threads: an operation belongs to the thread, or the event loop, that started it.
"""

from __future__ import annotations

import _thread
import atexit
import threading
from typing import TYPE_CHECKING, Callable, Generic, TypeVar

from ._constants import Code
from ._errors import error_from, new_error_slot
from ._native import ffi

if TYPE_CHECKING:
    from ._library import CData, Library

T = TypeVar("T")

SLICE_MS = 100

_FUTURE = ffi.typeof("vasto_future_t**")
_OK = int(Code.OK)
_TIMEOUT = int(Code.TIMEOUT)


class Target:
    """What operations work on: the library, a handle destroyed with its last reference, and queues to wait in."""

    __slots__ = ("handle", "library", "queues")

    def __init__(self, library: Library, handle: CData, queues: list[CData]) -> None:
        """``handle`` must come from ``ffi.gc``; ``queues`` are those of the client that nobody waits in."""
        self.library = library
        self.handle = handle
        self.queues = queues


class Operation(Generic[T]):
    """One operation: ``out`` takes its future from the call that starts it, ``take`` makes the result of it.

    ``take(library, future)`` is called once, when the future is done; it raises what the operation failed with.
    """

    __slots__ = ("_take", "_target", "out")

    def __init__(self, target: Target, take: Callable[[Library, CData], T]) -> None:
        """An operation that is not started yet: pass ``out`` to a call that starts one."""
        self._target = target
        self.out = ffi.new(_FUTURE)
        self._take = take

    def take(self) -> T:
        """The result; raises if the operation failed."""
        return self._take(self._target.library, self.out[0])

    def close(self) -> None:
        """Ends the future, which cancels what is not done; once more is harmless."""
        future, self.out[0] = self.out[0], ffi.NULL
        if future != ffi.NULL:
            self._target.library.lib.vasto_future_destroy(future)

    def __del__(self) -> None:
        """Whoever dropped it does not wait for it any more."""
        if hasattr(self, "out"):
            self.close()

    def attach(self, queue: CData, tag: int) -> None:
        """Has it appear in a queue when it is done."""
        library, slot = self._target.library, new_error_slot()
        code = library.lib.vasto_queue_attach(queue, self.out[0], tag, slot)
        if code:
            raise error_from(library, code, slot)

    def wait(self) -> None:
        """Waits until it is done; may be called again after an interrupt."""
        library = self._target.library
        while True:
            slot = new_error_slot()
            code = library.lib.vasto_future_wait(self.out[0], SLICE_MS, slot)
            if code == _OK:
                return
            if code != _TIMEOUT or slot[0] != ffi.NULL:
                raise error_from(library, code, slot)

    def result(self) -> T:
        """Waits and takes the result; the operation is closed then, also when the wait was interrupted."""
        try:
            self._wait_in_queue()
            return self.take()
        finally:
            self.close()

    def _wait_in_queue(self) -> None:
        library, queues = self._target.library, self._target.queues
        try:
            queue = queues.pop()
        except IndexError:
            queue = new_queue(library)
        self.attach(queue, 0)
        out, slot = ffi.new(_FUTURE), new_error_slot()
        while True:
            code = library.lib.vasto_queue_next(queue, SLICE_MS, out, ffi.NULL, slot)
            if code == _OK:
                break
            if code != _TIMEOUT or slot[0] != ffi.NULL:
                raise error_from(library, code, slot)
        # Not after an error or interrupt: then it goes, and with it what may be in it.
        queues.append(queue)


def new_queue(library: Library) -> CData:
    """A vasto_queue_t, destroyed with its last reference."""
    out, slot = ffi.new("vasto_queue_t**"), new_error_slot()
    code = library.lib.vasto_queue_create(out, slot)
    if code:
        raise error_from(library, code, slot)
    return ffi.gc(out[0], library.lib.vasto_queue_destroy)


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
