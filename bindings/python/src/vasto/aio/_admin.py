# SPDX-License-Identifier: Apache-2.0
"""Administration for asyncio: the loop's pool of threads waits."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

from .. import _admin
from .._admin import OperationBase, keyspace_options, still_running
from .._arguments import wait_milliseconds
from .._constants import Acks, Describe, Sync
from .._operation import SLICE_MS
from ._loop import blocking

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._library import CData, Library
    from .._values import Progress, Usage


class AdminOperation(OperationBase):
    """An administrative operation that runs in the cluster; dropping this object does not end it."""

    async def progress(self) -> Progress:
        """How far it is; as :meth:`vasto.AdminOperation.progress`."""
        return await blocking(self._ask_progress)

    async def wait(self, timeout: float | None = None) -> None:
        """Waits for the end of the operation; as :meth:`vasto.AdminOperation.wait`."""
        timeout_ms = wait_milliseconds("timeout", timeout)
        end = None if timeout_ms < 0 else time.monotonic() + timeout_ms / 1000
        while True:
            left_ms = SLICE_MS if end is None else max(0, int((end - time.monotonic()) * 1000))
            wait_ms = min(left_ms, SLICE_MS)
            if await blocking(partial(self._wait_slice, wait_ms)):
                return
            if left_ms == 0:
                raise still_running(self)


class Admin:
    """As :class:`vasto.Admin`, with the same arguments, results and errors."""

    def __init__(self, library: Library, client: CData) -> None:
        """Made with the client."""
        self._library = library
        self._client = client

    async def create_keyspace(
        self,
        name: str,
        *,
        shards: int = 1,
        replicas: int = 1,
        acks: Acks = Acks.ONE,
        sync: Sync = Sync.NONE,
        ttl: int = 0,
        tags: Sequence[str] = (),
    ) -> AdminOperation:
        """Starts to create a keyspace; as :meth:`vasto.Admin.create_keyspace`."""
        options = keyspace_options(self._library, shards, replicas, acks, sync, ttl, tags)
        return await self._start("vasto_admin_create_keyspace", name, options)

    async def delete_keyspace(self, name: str) -> AdminOperation:
        """Starts to delete a keyspace with all its data; as :meth:`vasto.Admin.delete_keyspace`."""
        return await self._start("vasto_admin_delete_keyspace", name)

    async def compact_keyspace(self, name: str) -> AdminOperation:
        """Starts to compact a keyspace; as :meth:`vasto.Admin.compact_keyspace`."""
        return await self._start("vasto_admin_compact_keyspace", name)

    async def _start(self, function: str, name: str, *arguments: CData) -> AdminOperation:
        library, client = self._library, self._client
        handle = await blocking(lambda: _admin.start(library, client, function, name, *arguments))
        return AdminOperation(library, handle)

    async def describe(
        self,
        what: Describe,
        name: str | None = None,
        *,
        timeout: float | None = None,
    ) -> dict[str, Any]:
        """Describes the cluster; as :meth:`vasto.Admin.describe`."""
        library, client = self._library, self._client
        return await blocking(lambda: _admin.describe(library, client, what, name, timeout))

    async def usage(
        self,
        name: str | None = None,
        *,
        timeout: float | None = None,
    ) -> Usage:
        """How full the cluster is, or what one keyspace uses; as :meth:`vasto.Admin.usage`."""
        library, client = self._library, self._client
        return await blocking(lambda: _admin.usage(library, client, name, timeout))
