# SPDX-License-Identifier: Apache-2.0
"""The exceptions, and how one is made from an error of the library.

Threads: exceptions are plain objects and hold nothing of the library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._constants import Code
from ._native import ffi

if TYPE_CHECKING:
    from ._library import CData, Library
    from ._values import EntryResult


class VastoError(Exception):
    """An operation failed; a class below this one says how, if it is worth catching alone.

    Attributes:
        code: how it failed; ``Code.INTERNAL`` also for codes younger than this package.
        number: the code as the library gave it.
        message: one line for people; the wording may change.
        origin: ``client``, or the address of the server that answered so; may be empty.
        retryable: whether the same call may succeed later; until the deadline it was retried already.
        in_doubt: whether the failed write may nevertheless have happened, or may still happen.
        results: of a batch, how each entry ended; otherwise empty.
    """

    def __init__(
        self, number: int, message: str, *, origin: str = "", retryable: bool = False, in_doubt: bool = False
    ) -> None:
        """Arguments as the attributes."""
        super().__init__(message)
        self.code = Code.of(number)
        self.number = int(number)
        self.message = message
        self.origin = origin
        self.retryable = retryable
        self.in_doubt = in_doubt
        self.results: tuple[EntryResult, ...] = ()

    def __str__(self) -> str:
        """The name of the code, the message and what else there is to know."""
        doubt = ", may have happened" if self.in_doubt else ""
        origin = f" [{self.origin}]" if self.origin not in ("", "client") else ""
        return f"{self.code.name}: {self.message}{doubt}{origin}"

    def __reduce__(self) -> tuple[Any, ...]:
        """Exceptions go to other processes as any others do."""
        return _rebuild, (type(self), self.number, self.message), self.__dict__


def _rebuild(kind: type[VastoError], number: int, message: str) -> VastoError:
    return kind(number, message)


class NotFoundError(VastoError):
    """There is no such keyspace (any more), or no such name. A key without a value is no error of a read."""


class KeyNotFoundError(NotFoundError, KeyError):
    """There is no such key: of ``touch``, and of a :class:`Config`."""


class InvalidArgumentError(VastoError, ValueError):
    """The call can never succeed as it was made."""


class OperationTimeoutError(VastoError, TimeoutError):
    """The deadline passed; a write may be in doubt."""


class UnavailableError(VastoError, ConnectionError):
    """No master, or not enough replicas, could be reached; a write may be in doubt."""


class BusyError(VastoError):
    """The cluster is overloaded, or the object is in use: try again later."""


class StaleWriteError(VastoError):
    """A newer value is stored, or the version did not match."""


class ResizingError(VastoError):
    """The keyspace is changing shape and could not serve this now."""


class TooLargeError(VastoError, ValueError):
    """A key, value, batch or name is over its limit."""


class CorruptionError(VastoError):
    """Stored or received bytes fail their checksum."""


class InputOutputError(VastoError, OSError):
    """A disk or network operation failed for good."""


class NoSpaceError(VastoError):
    """A store is out of disk, or this process out of memory."""


class NotSupportedError(VastoError):
    """The server, or this library, cannot do that."""


class AlreadyExistsError(VastoError):
    """The key (put if absent) or the keyspace exists."""


class OperationCancelledError(VastoError):
    """The operation was cancelled; a write may be in doubt."""


class ClosedError(VastoError):
    """The client, scan or watch is closed."""


class WrongThreadError(VastoError):
    """A call that may wait was made inside a log function."""


class ForkedError(VastoError):
    """The object belongs to the parent process: a child opens a client of its own."""


class PermissionDeniedError(VastoError, PermissionError):
    """The server refused the caller."""


class TooOldError(VastoError):
    """No server remembers what came after the token of the watch: scan, and watch anew before that."""


class InternalError(VastoError):
    """A defect, or a code younger than this package."""


_CLASSES: dict[Code, type[VastoError]] = {
    Code.NOT_FOUND: NotFoundError,
    Code.INVALID_ARGUMENT: InvalidArgumentError,
    Code.TIMEOUT: OperationTimeoutError,
    Code.UNAVAILABLE: UnavailableError,
    Code.BUSY: BusyError,
    Code.STALE_WRITE: StaleWriteError,
    Code.RESIZING: ResizingError,
    Code.TOO_LARGE: TooLargeError,
    Code.CORRUPTION: CorruptionError,
    Code.IO_ERROR: InputOutputError,
    Code.NO_SPACE: NoSpaceError,
    Code.NOT_SUPPORTED: NotSupportedError,
    Code.ALREADY_EXISTS: AlreadyExistsError,
    Code.CANCELLED: OperationCancelledError,
    Code.CLOSED: ClosedError,
    Code.WRONG_THREAD: WrongThreadError,
    Code.FORKED: ForkedError,
    Code.PERMISSION: PermissionDeniedError,
    Code.TOO_OLD: TooOldError,
}


_SLOT = ffi.typeof("vasto_error_t**")  # looked up once, as every operation makes some


def new_error_slot() -> CData:
    """Where a call of the library puts its error; whoever passes it hands it to :func:`error_from` on failure."""
    return ffi.new(_SLOT)


def error_from(library: Library, number: int, slot: CData, *, no_key: bool = False) -> VastoError:
    """The exception of a call that returned ``number``; frees the error in the slot.

    ``no_key``: a NOT_FOUND without an error object says that there is no such key.
    """
    lib = library.lib
    code = Code.of(number)
    kind = _CLASSES.get(code, InternalError)
    handle, slot[0] = slot[0], ffi.NULL
    if handle == ffi.NULL:
        name = ffi.string(lib.vasto_status_name(number)).decode()
        if no_key and code is Code.NOT_FOUND:
            return KeyNotFoundError(number, "there is no such key", origin="client")
        return kind(number, name, origin="client", retryable=lib.vasto_status_is_retryable(number))
    try:
        message = ffi.string(lib.vasto_error_message(handle)).decode(errors="replace")
        if code is Code.FORKED:
            message += "; open a client in this process"
        return kind(
            number,
            message,
            origin=ffi.string(lib.vasto_error_origin(handle)).decode(errors="replace"),
            retryable=lib.vasto_error_is_retryable(handle),
            in_doubt=lib.vasto_error_is_in_doubt(handle),
        )
    finally:
        lib.vasto_error_destroy(handle)


def closed(what: str) -> ClosedError:
    """The error of a call on a scan or watch after its close."""
    return ClosedError(Code.CLOSED, f"the {what} is closed", origin="client")
