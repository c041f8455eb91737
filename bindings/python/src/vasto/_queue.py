# SPDX-License-Identifier: Apache-2.0
"""Operations in flight, and the queue of the library in which their results appear.

Invariants:
1. A future belongs to the queue in which it was started, from the call that starts it on: until its result is taken,
   or until the queue goes, which cancels it. An interrupt, which may come between any two instructions, leaves none.
2. Bytes of a result are copied before its future is destroyed.

Threads: one at a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Generic, TypeVar

from ._constants import Code
from ._errors import error_from, new_error_slot
from ._native import ffi
from ._values import KV, RawRow

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence

    from ._library import CData, Library

T = TypeVar("T")

# Makes the result of (library, future, code, row), as vasto_queue_next_results gave them; raises what the operation
# failed with.
Take = Callable[["Library", "CData", int, RawRow], T]

_INTERNAL = int(Code.INTERNAL)
_TIMEOUT = int(Code.TIMEOUT)
_NULL = ffi.NULL
_KEYS = ffi.typeof("vasto_key_t[]")
_VALUES = ffi.typeof("vasto_slice_t[]")
_POINTER_SIZE = ffi.sizeof("void*")


class Operation(Generic[T]):
    """One operation.

    Attributes:
        take: called once, when the future is done.
        future: the vasto_future_t; NULL before it is started.
        tag: its number in the queue.
        done: in an event loop, who waits for the result; None: nobody, or not any more.
    """

    __slots__ = ("done", "future", "tag", "take")

    def __init__(self, take: Take[T]) -> None:
        """One that is not started yet."""
        self.take = take
        self.future: CData = _NULL
        self.tag = 0
        self.done: asyncio.Future[T] | None = None


class SingleOperation(Operation[T]):
    """An operation that a function of the library starts alone.

    Attributes:
        start: called with where the future and the error go; returns the code. Not kept, nor is what it refers to.
    """

    __slots__ = ("start",)

    def __init__(self, start: Callable[[CData, CData], int], take: Take[T]) -> None:
        """One that is not started yet."""
        super().__init__(take)
        self.start: Callable[[CData, CData], int] | None = start


class Kind:
    """What operations that one call starts have in common: the keyspace, the options, and whether they are puts.

    Attributes:
        keyspace: the vasto_keyspace_t.
        options: those of C; NULL for none.
        puts: or else gets.
    """

    __slots__ = ("keyspace", "options", "puts")

    def __init__(self, keyspace: CData, options: CData, *, puts: bool) -> None:
        """A kind of its own, whatever others there are."""
        self.keyspace = keyspace
        self.options = options
        self.puts = puts


class KeyOperation(Operation[T]):
    """A get or put, which may be started together with others of its kind.

    Attributes:
        kind: that of the operation.
        key: what a vasto_key_t is made of, which keeps the bytes alive; not kept once it is started.
        value: what a vasto_slice_t is made of, as the key; None: a get.
        fixed: whether key and value cannot change, so that the start may be put off.
    """

    __slots__ = ("fixed", "key", "kind", "value")

    def __init__(
        self,
        take: Take[T],
        kind: Kind,
        key: tuple[Any, ...] | None,
        value: tuple[CData, int] | None,
        fixed: bool,
    ) -> None:
        """One that is not started yet."""
        self.take = take
        self.future = _NULL
        self.tag = 0
        self.kind = kind
        self.key = key
        self.value = value
        self.fixed = fixed


class Queue:
    """A vasto_queue_t, and room for so many operations that are started, or taken, at once."""

    def __init__(self, library: Library, capacity: int) -> None:
        """An empty queue."""
        self.in_flight: dict[int, Operation[Any]] = {}
        self._library = library
        self._capacity = capacity
        self._next_tag = 1
        self._slot = new_error_slot()
        self._new_tags = ffi.new("uint64_t[]", capacity)
        # Not NULL between the start of a future and its entry in in_flight.
        self._new = ffi.new("vasto_future_t*[]", capacity)
        self._new_bytes = ffi.buffer(self._new)
        # Not NULL from when they come out until they are destroyed.
        self._futures = ffi.new("vasto_future_t*[]", capacity)
        self._tags = ffi.new("uint64_t[]", capacity)
        self._codes = ffi.new("vasto_status_t[]", capacity)
        self._rows = ffi.new("vasto_kv_t[]", capacity)
        self._row_bytes = ffi.buffer(self._rows)
        self._count = ffi.new("size_t*")
        self._out = ffi.new("vasto_queue_t**")
        code = library.lib.vasto_queue_create(self._out, self._slot)
        if code:
            raise error_from(library, code, self._slot)
        self._handle: CData = self._out[0]

    def __del__(self) -> None:
        """Ends what nobody waits for any more."""
        if hasattr(self, "_out"):
            lib = self._library.lib
            futures = {operation.future for operation in self.in_flight.values()}
            for future in futures.union(self._new, self._futures) - {_NULL}:
                lib.vasto_future_destroy(future)
            lib.vasto_queue_destroy(self._out[0])

    @property
    def descriptor(self) -> int:
        """What is readable while there may be something to take."""
        number: int = self._library.lib.vasto_queue_fd(self._handle)
        return number

    def start(self, operation: KeyOperation[Any] | SingleOperation[Any]) -> None:
        """Starts an operation; raises if that failed."""
        if isinstance(operation, KeyOperation):
            self.start_alike((operation,))
            return
        lib, slot = self._library.lib, self._slot
        start, operation.start = operation.start, None
        code = start(self._new, slot) if start is not None else _INTERNAL
        if not code:
            code = lib.vasto_queue_attach(self._handle, self._new[0], self._next_tag, slot)
            self._enter((operation,))
        if code:
            raise error_from(self._library, code, slot)

    def start_alike(self, operations: Sequence[KeyOperation[Any]]) -> None:
        """Starts operations of one kind, at most as many as there is room.

        Raises:
            VastoError: those that are left without a future could not be started.
        """
        lib, new, slot, kind, count = self._library.lib, self._new, self._slot, operations[0].kind, len(operations)
        keys = ffi.new(_KEYS, [operation.key for operation in operations])
        self._new_tags[0:count] = range(self._next_tag, self._next_tag + count)
        rest = (self._new_tags, count, kind.options, new, slot)
        if kind.puts:
            values = ffi.new(_VALUES, [operation.value for operation in operations])
            code = lib.vasto_queue_start_puts(self._handle, kind.keyspace, keys, values, *rest)
        else:
            code = lib.vasto_queue_start_gets(self._handle, kind.keyspace, keys, *rest)
        self._enter(operations)
        for operation in operations:
            operation.key = operation.value = None
        if code:
            raise error_from(self._library, code, slot)

    def _enter(self, operations: Sequence[Operation[Any]]) -> None:
        """Has in_flight own the new futures."""
        count = len(operations)
        for tag, operation, future in zip(range(self._next_tag, self._next_tag + count), operations, self._new):
            if future:
                operation.future = future
                operation.tag = tag
                self.in_flight[tag] = operation
        self._next_tag += count
        self._new_bytes[0 : count * _POINTER_SIZE] = bytes(count * _POINTER_SIZE)

    def cancel(self, operation: Operation[Any]) -> None:
        """Has an operation come out of the queue soon; one that did, or was not started, is left alone."""
        if self.in_flight.get(operation.tag) is operation:
            self._library.lib.vasto_future_cancel(operation.future)

    def take(self, timeout_ms: int) -> list[tuple[Operation[Any], Any, Exception | None]]:
        """What is done, waiting for the first: each with its result or its error; none in time: an empty list."""
        library, lib, slot = self._library, self._library.lib, self._slot
        code = lib.vasto_queue_next_results(
            self._handle,
            timeout_ms,
            self._futures,
            self._tags,
            self._codes,
            self._rows,
            self._capacity,
            self._count,
            slot,
        )
        if code:
            if code == _TIMEOUT and not slot[0]:
                return []
            raise error_from(library, code, slot)
        count, in_flight = self._count[0], self.in_flight
        tags, codes = ffi.unpack(self._tags, count), ffi.unpack(self._codes, count)
        finished: list[tuple[Operation[Any], Any, Exception | None]] = []
        for tag, code, row in zip(tags, codes, KV.iter_unpack(self._row_bytes[0 : count * KV.size])):
            operation = in_flight[tag]
            try:
                finished.append((operation, operation.take(library, operation.future, code, row), None))
            except Exception as error:
                # Without the traceback, which refers to this frame and so to itself.
                finished.append((operation, None, error.with_traceback(None)))
        # From here on they are of self._futures alone, where destroyed ones are NULL.
        for tag in tags:
            del in_flight[tag]
        lib.vasto_future_destroy_block(self._futures, count)
        return finished
