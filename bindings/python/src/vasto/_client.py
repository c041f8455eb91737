# SPDX-License-Identifier: Apache-2.0
"""The client for threads that wait, and what it shares with the asynchronous one.

The C handle of a client is closed by ``close``, by the garbage collector or at the exit of the interpreter, whichever
comes first: a close is safe while other threads are inside calls, which end with ClosedError. It is destroyed with the
last reference to it, when no call is running any more.
"""

from __future__ import annotations

import os
import warnings
import weakref
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Union

from . import _log
from ._admin import Admin
from ._arguments import choice, wait_milliseconds
from ._config import Config
from ._constants import LogLevel
from ._errors import error_from, new_error_slot
from ._keyspace import Keyspace, open_keyspace
from ._library import library
from ._native import ffi
from ._operation import interruptible

if TYPE_CHECKING:
    from typing_extensions import Self

    from ._library import CData, Library
    from ._log import LogFunction
    from ._queue import Queue

Masters = Union[str, Sequence[str]]


class Connection:
    """An open client handle, the queues that threads wait in, and the number of its log function."""

    __slots__ = ("__weakref__", "handle", "library", "log_number", "pid", "queues")

    def __init__(self, library: Library, handle: CData, log_number: int | None) -> None:
        """``handle`` must come from ``ffi.gc``."""
        self.library = library
        self.handle = handle
        self.log_number = log_number
        self.pid = os.getpid()
        self.queues: list[Queue] = []

    def close(self, timeout_ms: int) -> None:
        """Closes it; what is running may go on for that long, -1: without limit."""
        slot = new_error_slot()
        code = self.library.lib.vasto_client_close(self.handle, timeout_ms, slot)
        if code:
            raise error_from(self.library, code, slot)
        self.queues.clear()
        _log.forget(self.log_number)

    def abandon(self) -> None:
        """Closes it for an owner that is gone; in a forked child nothing is to be closed."""
        if self.pid == os.getpid():
            slot = new_error_slot()
            self.library.lib.vasto_client_close(self.handle, 0, slot)
            self.library.lib.vasto_error_destroy(slot[0])
            _log.forget(self.log_number)


class Opening:
    """All that a client is to be opened with, checked and copied."""

    def __init__(
        self,
        masters: Masters | None,
        config: Config | Mapping[str, str] | None,
        log: LogFunction | None,
        log_level: LogLevel,
    ) -> None:
        """Arguments as of :class:`Client`."""
        self.library = library()
        # A copy, so that the log function is of this client only.
        self.config = Config(config)
        if masters is not None:
            self.config["masters"] = masters if isinstance(masters, str) else ",".join(masters)
        if log is not None and not callable(log):
            raise TypeError(f"log must be a function, not {type(log).__name__}")
        choice("log_level", log_level, LogLevel)
        self.log = log
        self.log_level = log_level

    def connect(self) -> Connection:
        """Opens; waits for the masters."""
        number = None
        if self.log is not None:
            number = _log.register(self.library, self.config.handle, self.log, self.log_level)
        try:
            return Connection(self.library, self._open(), number)
        except BaseException:
            _log.forget(number)
            raise

    def _open(self) -> CData:
        out, slot = ffi.new("vasto_client_t**"), new_error_slot()
        code = self.library.lib.vasto_client_open(self.config.handle, out, slot)
        if code:
            raise error_from(self.library, code, slot)
        return ffi.gc(out[0], self.library.lib.vasto_client_destroy)


class Client:
    """A connection to a cluster. Close it, best with ``with``; one that is forgotten gives a ResourceWarning.

    Reads and writes need no master once it is open. After ``fork`` a child opens a client of its own: calls on that of
    its parent raise :class:`ForkedError`.

    Threads: any number may use one. Ctrl-C interrupts every call within about 0.1 s.
    """

    def __init__(
        self,
        masters: Masters | None = None,
        *,
        config: Config | Mapping[str, str] | None = None,
        log: LogFunction | None = None,
        log_level: LogLevel = LogLevel.INFO,
    ) -> None:
        """Connects to the cluster and learns its map; waits for up to ``connect_timeout_ms`` of the configuration.

        Args:
            masters: ``host:port[,host:port...]``, or a list of ``host:port``; goes before those of ``config``.
            config: further names and values, see :class:`Config`.
            log: called with the level and the text of each message; from any thread, also several at once. It must not
                call the client.
            log_level: messages below are not made.

        Raises:
            InvalidArgumentError: no masters, or a value that does not parse.
            UnavailableError: no master answered.
            LibraryError: ``libvasto.so.1`` is missing or too old.
        """
        opening = Opening(masters, config, log, log_level)
        # A thread that logs must not outlive the interpreter, as one left behind by an interrupt could.
        self._connection = interruptible(opening.connect) if log is None else opening.connect()
        self._finalizer = weakref.finalize(self, self._connection.abandon)
        self._admin = Admin(self._connection.library, self._connection.handle)

    def keyspace(self, name: str) -> Keyspace:
        """Opens the keyspace ``name``, which must exist; usually does not wait.

        Raises:
            NotFoundError: there is none.
            InvalidArgumentError: no possible name.
        """
        connection = self._connection
        return Keyspace(
            interruptible(lambda: open_keyspace(connection.library, connection.handle, connection.queues, name))
        )

    @property
    def admin(self) -> Admin:
        """Keyspaces made and deleted, and the cluster described."""
        return self._admin

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return not self._finalizer.alive

    def close(self, timeout: float | None = 1.0) -> None:
        """Refuses new operations, waits for the running ones, then ends the rest with :class:`ClosedError`.

        Values and rows in hand stay valid; a second close does nothing.

        Args:
            timeout: seconds to wait for running operations; 0 does not wait, None is without limit.

        Raises:
            ForkedError: the client belongs to the parent process.
        """
        timeout_ms = wait_milliseconds("timeout", timeout)
        connection = self._connection
        if timeout_ms == 0:
            connection.close(0)
        else:
            interruptible(lambda: connection.close(timeout_ms))
        self._finalizer.detach()

    def __enter__(self) -> Self:
        """The client."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closes it."""
        self.close()

    def __del__(self) -> None:
        """Warns if it was not closed, and closes it."""
        if hasattr(self, "_finalizer"):
            end_forgotten(self, self._finalizer, self._connection.pid)


def end_forgotten(client: object, finalizer: weakref.finalize[Any, Any], pid: int) -> None:
    """Closes a client that nobody closed, with a ResourceWarning in the process that opened it."""
    if finalizer.alive and pid == os.getpid():
        warnings.warn(f"unclosed client {client!r}", ResourceWarning, source=client, stacklevel=3)
    # Not left to the end of the object: who records the warning keeps it.
    finalizer()
