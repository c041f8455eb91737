# SPDX-License-Identifier: Apache-2.0
"""Administration: keyspaces, and the cluster described. Needs a master."""

from __future__ import annotations

import json
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from ._arguments import c_text, choice, uint, wait_milliseconds
from ._constants import Acks, Code, Describe, Sync
from ._errors import OperationTimeoutError, error_from, new_error_slot
from ._native import ffi
from ._operation import SLICE_MS, interruptible
from ._options import read_options
from ._values import Progress, Usage, take_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ._library import CData, Library

_UINT32_MAX = 2**32 - 1
_OK = int(Code.OK)
_BUSY = int(Code.BUSY)
_TIMEOUT = int(Code.TIMEOUT)


def keyspace_options(
    library: Library, shards: int, replicas: int, acks: Acks, sync: Sync, ttl: int, tags: Sequence[str]
) -> CData:
    """A vasto_keyspace_options_t, destroyed with its last reference."""
    lib = library.lib
    out, slot = ffi.new("vasto_keyspace_options_t**"), new_error_slot()
    code = lib.vasto_keyspace_options_create(out, slot)
    if code:
        raise error_from(library, code, slot)
    options = ffi.gc(out[0], lib.vasto_keyspace_options_destroy)
    lib.vasto_keyspace_options_set_shards(options, uint("shards", shards, _UINT32_MAX))
    lib.vasto_keyspace_options_set_replicas(options, uint("replicas", replicas, _UINT32_MAX))
    lib.vasto_keyspace_options_set_acks(options, choice("acks", acks, Acks))
    lib.vasto_keyspace_options_set_sync(options, choice("sync", sync, Sync))
    lib.vasto_keyspace_options_set_ttl_seconds(options, uint("ttl", ttl))
    joined = tags if isinstance(tags, str) else ",".join(tags)
    lib.vasto_keyspace_options_set_tags(options, c_text("tags", joined))
    return options


def start(library: Library, client: CData, function: str, name: str, *arguments: CData) -> CData:
    """The handle of a started vasto_admin_op_t; waits until a master has accepted it."""
    out, slot = ffi.new("vasto_admin_op_t**"), new_error_slot()
    c_name = c_text("name of a keyspace", name)
    code = getattr(library.lib, function)(client, c_name, *arguments, out, slot)
    if code:
        raise error_from(library, code, slot)
    return ffi.gc(out[0], library.lib.vasto_admin_op_destroy)


def describe(
    library: Library, client: CData, what: Describe, name: str | None, timeout: float | None
) -> dict[str, Any]:
    """What :meth:`Admin.describe` returns; waits for a master."""
    number = choice("what", what, Describe)
    c_name = ffi.NULL if name is None else c_text("name of a keyspace", name)
    options = read_options(library, {"timeout": timeout})
    out, slot = ffi.new("vasto_value_t**"), new_error_slot()
    code = library.lib.vasto_admin_describe(client, number, c_name, options, out, slot)
    if code:
        raise error_from(library, code, slot)
    answer: dict[str, Any] = json.loads(take_bytes(library.lib, out[0]))
    return answer


def usage(library: Library, client: CData, name: str | None, timeout: float | None) -> Usage:
    """What :meth:`Admin.usage` returns; waits for a master."""
    c_name = ffi.NULL if name is None else c_text("name of a keyspace", name)
    options = read_options(library, {"timeout": timeout})
    out, slot = ffi.new("uint64_t[4]"), new_error_slot()
    code = library.lib.vasto_admin_usage(client, c_name, options, out, out + 1, out + 2, out + 3, slot)
    if code:
        raise error_from(library, code, slot)
    return Usage(*out)


class OperationBase:
    """An administrative operation that runs in the cluster, also without this object."""

    def __init__(self, library: Library, handle: CData) -> None:
        """``handle`` must come from ``ffi.gc``."""
        self._library = library
        self._handle = handle

    @property
    def id(self) -> str:
        """Its number as text, to show to people."""
        text: str = ffi.string(self._library.lib.vasto_admin_op_id(self._handle)).decode()
        return text

    def _ask_progress(self) -> Progress:
        out, slot = ffi.new("uint64_t[2]"), new_error_slot()
        code = self._library.lib.vasto_admin_op_progress(self._handle, out, out + 1, slot)
        if code not in (_OK, _BUSY) or slot[0] != ffi.NULL:
            raise error_from(self._library, code, slot)
        return Progress(out[0], out[1], code == _OK)

    def _wait_slice(self, timeout_ms: int) -> bool:
        """Waits that long at most; whether it has ended well."""
        slot = new_error_slot()
        code = self._library.lib.vasto_admin_op_wait(self._handle, timeout_ms, slot)
        if code == _TIMEOUT and slot[0] == ffi.NULL:
            return False
        if code:
            raise error_from(self._library, code, slot)
        return True


def still_running(operation: OperationBase) -> OperationTimeoutError:
    """The error of a wait that ended before the operation."""
    return OperationTimeoutError(Code.TIMEOUT, f"operation {operation.id} is still running", retryable=True)


class AdminOperation(OperationBase):
    """An administrative operation that runs in the cluster; dropping this object does not end it.

    Threads: any number may use one.
    """

    def progress(self) -> Progress:
        """How far it is; asks a master.

        Raises:
            VastoError: the operation failed.
        """
        return interruptible(self._ask_progress)

    def wait(self, timeout: float | None = None) -> None:
        """Waits for the end of the operation.

        Args:
            timeout: seconds to wait; 0 only looks, None is without limit.

        Raises:
            OperationTimeoutError: it is still running, and goes on.
            VastoError: the operation failed.
        """
        timeout_ms = wait_milliseconds("timeout", timeout)
        end = None if timeout_ms < 0 else time.monotonic() + timeout_ms / 1000
        while True:
            left_ms = SLICE_MS if end is None else max(0, int((end - time.monotonic()) * 1000))
            # A slice is longer when the master does not answer.
            if interruptible(partial(self._wait_slice, min(left_ms, SLICE_MS))):
                return
            if left_ms == 0:
                raise still_running(self)


class Admin:
    """Keyspaces made and deleted, and the cluster described; ``client.admin``.

    Every call may raise any :class:`VastoError`. A start waits for the master to accept, for up to ``timeout_ms`` of
    the client; the operation then runs in the cluster.

    Threads: any number may use one.
    """

    def __init__(self, library: Library, client: CData) -> None:
        """Made with the client."""
        self._library = library
        self._client = client

    def create_keyspace(
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
        """Starts to create a keyspace; when the operation has ended well, every open finds it.

        Args:
            name: ``[A-Za-z0-9_][A-Za-z0-9._-]*``, up to ``MAX_KEYSPACE_NAME`` characters.
            shards: 1 to 4096.
            replicas: copies of each shard, at most the number of stores.
            acks: how many replicas have a write when it is acknowledged.
            sync: when a write is on the disk.
            ttl: whole seconds after which a value expires whose write does not say; 0: never.
            tags: only stores with all of these get replicas; none: any store.

        Raises:
            AlreadyExistsError: there is one.
            InvalidArgumentError: no possible name or shape, or more replicas than stores that fit.
        """
        library = self._library
        options = keyspace_options(library, shards, replicas, acks, sync, ttl, tags)
        return self._start("vasto_admin_create_keyspace", name, options)

    def delete_keyspace(self, name: str) -> AdminOperation:
        """Starts to delete a keyspace with all its data, for ever.

        Raises:
            NotFoundError: there is none.
        """
        return self._start("vasto_admin_delete_keyspace", name)

    def compact_keyspace(self, name: str) -> AdminOperation:
        """Starts to drop what is deleted or expired from the disk of every replica.

        Raises:
            NotFoundError: there is none.
        """
        return self._start("vasto_admin_compact_keyspace", name)

    def _start(self, function: str, name: str, *arguments: CData) -> AdminOperation:
        library, client = self._library, self._client
        return AdminOperation(library, interruptible(lambda: start(library, client, function, name, *arguments)))

    def describe(self, what: Describe, name: str | None = None, *, timeout: float | None = None) -> dict[str, Any]:
        """Describes the cluster, as the object that vasto.h (vasto_admin_describe) shows.

        Bytes, keys, counts and times (microseconds since 1970-01-01 UTC) are numbers, all else is text.

        Args:
            what: what about.
            name: the keyspace, for ``KEYSPACE`` and, if wanted, for ``USAGE``.
            timeout: seconds; default: the client's ``timeout_ms``.

        Raises:
            NotFoundError: there is no such keyspace.
        """
        library, client = self._library, self._client
        return interruptible(lambda: describe(library, client, what, name, timeout))

    def usage(self, name: str | None = None, *, timeout: float | None = None) -> Usage:
        """How full the cluster is, or what one keyspace may use and uses.

        Args:
            name: the keyspace; None: the cluster.
            timeout: seconds; default: the client's ``timeout_ms``.

        Raises:
            NotFoundError: there is no such keyspace.
        """
        library, client = self._library, self._client
        return interruptible(lambda: usage(library, client, name, timeout))
