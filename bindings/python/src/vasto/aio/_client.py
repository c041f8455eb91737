# SPDX-License-Identifier: Apache-2.0
"""The client for asyncio."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from .._arguments import wait_milliseconds
from .._client import Connection, Opening, end_forgotten
from .._constants import LogLevel
from .._keyspace import open_keyspace
from ._admin import Admin
from ._keyspace import Keyspace
from ._loop import LoopQueue, abandon, acquire, blocking, release

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typing_extensions import Self

    from .._client import Masters
    from .._config import Config
    from .._log import LogFunction


class _Open:
    """What an open client has."""

    __slots__ = ("admin", "connection", "queue")

    def __init__(self, connection: Connection, queue: LoopQueue) -> None:
        self.connection = connection
        self.queue = queue
        self.admin = Admin(connection.library, connection.handle)

    def abandon(self) -> None:
        self.connection.abandon()
        abandon(self.queue)


class Client:
    """A connection to a cluster, for one event loop: ``async with vasto.aio.Client(masters) as client``.

    Without ``async with``: ``await client.open()`` and ``await client.close()``. One that is forgotten gives a
    ResourceWarning. As :class:`vasto.Client` otherwise.

    Threads: that of the event loop in which it was opened.
    """

    def __init__(
        self,
        masters: Masters | None = None,
        *,
        config: Config | Mapping[str, str] | None = None,
        log: LogFunction | None = None,
        log_level: LogLevel = LogLevel.INFO,
    ) -> None:
        """Checks the arguments, which are those of :class:`vasto.Client`; does not connect."""
        self._opening = Opening(masters, config, log, log_level)
        self._open: _Open | None = None
        self._finalizer: weakref.finalize[Any, Any] | None = None

    async def open(self) -> Self:
        """Connects to the cluster; waits for up to ``connect_timeout_ms`` of the configuration.

        Raises:
            InvalidArgumentError: no masters.
            UnavailableError: no master answered.
            RuntimeError: it is, or was, open.
        """
        if self._open is not None:
            raise RuntimeError("the client is, or was, open")
        connection = await blocking(self._opening.connect)
        self._open = _Open(connection, acquire(connection.library))
        self._finalizer = weakref.finalize(self, self._open.abandon)
        return self

    def _opened(self) -> _Open:
        if self._open is None:
            raise RuntimeError("the client is not open: use it with `async with`, or await its open()")
        return self._open

    async def keyspace(self, name: str) -> Keyspace:
        """Opens the keyspace ``name``, which must exist; as :meth:`vasto.Client.keyspace`."""
        opened = self._opened()
        opened.queue.check_loop()
        connection = opened.connection
        target = await blocking(
            lambda: open_keyspace(connection.library, connection.handle, connection.queues, name),
        )
        return Keyspace(target, opened.queue)

    @property
    def admin(self) -> Admin:
        """Keyspaces made and deleted, and the cluster described."""
        return self._opened().admin

    @property
    def closed(self) -> bool:
        """Whether it is not open."""
        return self._finalizer is None or not self._finalizer.alive

    async def close(self, timeout: float | None = 1.0) -> None:
        """Refuses new operations, waits for the running ones, then ends the rest with ``ClosedError``.

        Args:
            timeout: seconds to wait for running operations; 0 does not wait, None is without limit.
        """
        timeout_ms = wait_milliseconds("timeout", timeout)
        if self._finalizer is None or self._open is None or not self._finalizer.alive:
            return
        opened = self._open
        opened.queue.check_loop()
        opened.queue.flush()
        await blocking(lambda: opened.connection.close(timeout_ms))
        if self._finalizer.detach() is not None:
            release(opened.queue)

    async def __aenter__(self) -> Self:
        """Opens it."""
        return await self.open()

    async def __aexit__(self, *_: object) -> None:
        """Closes it."""
        await self.close()

    def __del__(self) -> None:
        """Warns if it was not closed, and closes it."""
        opened, finalizer = getattr(self, "_open", None), getattr(self, "_finalizer", None)
        if opened is not None and finalizer is not None:
            end_forgotten(self, finalizer, opened.connection.pid)
