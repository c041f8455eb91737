# SPDX-License-Identifier: Apache-2.0
"""A keyspace for asyncio."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, overload

from .. import _requests
from .._batch import BatchBase
from .._keyspace import KeyspaceBase
from .._rows import open_watch
from ._loop import blocking
from ._scan import Scan, Watch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from typing_extensions import Self, Unpack

    from .._constants import Merge
    from .._operation import Target
    from .._options import ChangeOptions, MergeOptions, ReadOptions, ScanOptions, WriteOptions
    from .._values import BytesLike, EntryResult, GetResult, KeyLike, Stat, Value
    from ._loop import LoopQueue

D = TypeVar("D")


class Batch(BatchBase):
    """Writes to be sent together by :meth:`write`, or at the end of an ``async with`` block that did not fail."""

    def __init__(self, target: Target, queue: LoopQueue) -> None:
        """Made by ``keyspace.batch()``."""
        super().__init__(target)
        self._queue = queue

    async def write(self, **options: Unpack[WriteOptions]) -> list[EntryResult]:
        """As :meth:`vasto.Batch.write`. The batch may be changed as soon as the task waits."""
        return await self._queue.run(self._operation(options))

    async def __aenter__(self) -> Self:
        """The batch."""
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Writes the entries, unless the block failed."""
        if kind is None:
            await self.write()


class Keyspace(KeyspaceBase):
    """An open keyspace, as :class:`vasto.Keyspace` and with the same arguments, results and errors.

    When a task that waits is cancelled, its operation is cancelled too; a write may nevertheless happen.

    Threads: that of the event loop in which the client was opened.
    """

    def __init__(self, target: Target, queue: LoopQueue) -> None:
        """Made by ``client.keyspace(name)``."""
        super().__init__(target)
        self._queue = queue

    @overload
    async def get(self, key: KeyLike, default: None = None, **options: Unpack[ReadOptions]) -> bytes | None: ...

    @overload
    async def get(self, key: KeyLike, default: D, **options: Unpack[ReadOptions]) -> bytes | D: ...

    async def get(self, key: KeyLike, default: Any = None, **options: Unpack[ReadOptions]) -> Any:
        """The bytes of the value, or ``default`` if there is no such key; as :meth:`vasto.Keyspace.get`."""
        value = await self._queue.run(_requests.get_bytes(self._target, key, options))
        return default if value is None else value

    async def get_value(self, key: KeyLike, **options: Unpack[ReadOptions]) -> Value | None:
        """The value with its type, version and times; as :meth:`vasto.Keyspace.get_value`."""
        return await self._queue.run(_requests.get_value(self._target, key, options))

    async def stat(self, key: KeyLike, **options: Unpack[ReadOptions]) -> Stat | None:
        """The value without its bytes; as :meth:`vasto.Keyspace.stat`."""
        return await self._queue.run(_requests.stat(self._target, key, options))

    async def multi_get(self, keys: Iterable[KeyLike], **options: Unpack[ReadOptions]) -> list[bytes | None]:
        """The bytes of several keys; as :meth:`vasto.Keyspace.multi_get`."""
        results = await self._queue.run(_requests.multi_get(self._target, keys, options, raising=True))
        return [None if result.value is None else result.value.data for result in results]

    async def multi_get_results(self, keys: Iterable[KeyLike], **options: Unpack[ReadOptions]) -> list[GetResult]:
        """The values of several keys, each with its own code; as :meth:`vasto.Keyspace.multi_get_results`."""
        return await self._queue.run(_requests.multi_get(self._target, keys, options, raising=False))

    async def put(self, key: KeyLike, value: BytesLike, **options: Unpack[WriteOptions]) -> int:
        """Stores the value; as :meth:`vasto.Keyspace.put`."""
        return await self._queue.run(_requests.put(self._target, key, value, options))

    async def delete(self, key: KeyLike, **options: Unpack[ChangeOptions]) -> int:
        """Deletes the value of the key; as :meth:`vasto.Keyspace.delete`."""
        return await self._queue.run(_requests.delete(self._target, key, options))

    async def touch(self, key: KeyLike, ttl: int, **options: Unpack[ChangeOptions]) -> int:
        """Gives the value another expiry; as :meth:`vasto.Keyspace.touch`."""
        return await self._queue.run(_requests.touch(self._target, key, ttl, options))

    async def merge(
        self, key: KeyLike, operation: Merge, operand: BytesLike | float, **options: Unpack[MergeOptions]
    ) -> int:
        """Merges the operand into the value; as :meth:`vasto.Keyspace.merge`."""
        return await self._queue.run(_requests.merge(self._target, key, operation, operand, options))

    def batch(self) -> Batch:
        """An empty batch of writes to this keyspace."""
        return Batch(self._target, self._queue)

    def scan(
        self,
        prefix: BytesLike = b"",
        *,
        start: BytesLike | None = None,
        end: BytesLike | None = None,
        **options: Unpack[ScanOptions],
    ) -> Scan:
        """Starts a scan, for ``async for``; as :meth:`vasto.Keyspace.scan`."""
        return Scan(self._target, self._queue, prefix, start, end, options)

    async def keys(self, prefix: BytesLike = b"") -> AsyncIterator[bytes]:
        """The keys that begin with ``prefix``, in their order: a scan."""
        async for row in self.scan(prefix, keys_only=True):
            yield row.key

    async def items(self, prefix: BytesLike = b"") -> AsyncIterator[tuple[bytes, bytes]]:
        """The keys that begin with ``prefix``, in their order, with their values: a scan."""
        async for row in self.scan(prefix):
            yield row.key, row.value or b""

    async def watch(
        self,
        prefix: BytesLike = b"",
        *,
        resume_token: BytesLike | None = None,
        timeout: float | None = None,
    ) -> Watch:
        """Begins to watch, for ``async for``; as :meth:`vasto.Keyspace.watch`."""
        self._queue.check_loop()
        target, options = self._target, {"resume_token": resume_token, "timeout": timeout}
        return Watch(target, self._queue, await blocking(lambda: open_watch(target, prefix, options)))
