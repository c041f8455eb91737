# SPDX-License-Identifier: Apache-2.0
"""A keyspace for threads that wait."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, overload

from . import _requests
from ._arguments import c_text, key_of
from ._batch import Batch
from ._errors import error_from, new_error_slot
from ._native import ffi
from ._operation import Target, interruptible, result
from ._rows import open_watch
from ._scan import Scan, Watch
from ._session import Session

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from typing_extensions import Unpack

    from ._constants import Merge
    from ._library import CData, Library
    from ._options import ChangeOptions, MergeOptions, ReadOptions, ScanOptions, WriteOptions
    from ._queue import Queue
    from ._values import BytesLike, GetResult, KeyLike, Stat, Value

D = TypeVar("D")


def open_keyspace(library: Library, client: CData, queues: list[Queue], name: str) -> Target:
    """Opens a keyspace; may wait for a master."""
    out, slot = ffi.new("vasto_keyspace_t**"), new_error_slot()
    code = library.lib.vasto_keyspace_open(client, c_text("name of a keyspace", name), out, slot)
    if code:
        raise error_from(library, code, slot)
    return Target(library, ffi.gc(out[0], library.lib.vasto_keyspace_destroy), queues)


class KeyspaceBase:
    """What a keyspace tells without waiting."""

    def __init__(self, target: Target) -> None:
        """Made by ``client.keyspace(name)``."""
        self._target = target

    def __repr__(self) -> str:
        """The class and the name."""
        return f"<{type(self).__module__}.{type(self).__qualname__} {self.name!r}>"

    @property
    def name(self) -> str:
        """The name."""
        return self._text("vasto_keyspace_name")

    @property
    def id(self) -> str:
        """The uuid, which no other keyspace ever has, also not one with the same name."""
        return self._text("vasto_keyspace_id")

    def _text(self, function: str) -> str:
        text: str = ffi.string(getattr(self._target.library.lib, function)(self._target.handle)).decode()
        return text

    @property
    def shard_count(self) -> int:
        """The number of shards that the client knows of at this moment."""
        count: int = self._target.library.lib.vasto_keyspace_shard_count(self._target.handle)
        return count

    @property
    def replica_count(self) -> int:
        """The number of replicas of each shard that the keyspace asks for."""
        count: int = self._target.library.lib.vasto_keyspace_replica_count(self._target.handle)
        return count

    def shard_of(self, key: KeyLike) -> int:
        """The shard, from 0, in which the key lives at this moment."""
        parts = key_of(key)
        c_key = ffi.new("vasto_key_t*", parts)
        shard: int = self._target.library.lib.vasto_keyspace_shard_of(self._target.handle, c_key)
        return shard

    def session(self, token: BytesLike | None = None) -> Session:
        """A new session that has seen nothing, or all that the session of the ``token`` had seen.

        Raises:
            InvalidArgumentError: the token is damaged, of another keyspace or of another number of shards.
        """
        session = Session(self._target.library, self._target.handle)
        if token is not None:
            session.import_token(token)
        return session


class Keyspace(KeyspaceBase):
    """An open keyspace: a map of bytes to bytes that lives in the cluster.

    As a mapping: ``ks[key]``, ``ks[key] = value``, ``del ks[key]``, ``key in ks``, and iteration, which is a scan of
    the keys. It has no ``len()``: nobody knows it without reading all keys. ``client.admin.usage(name)`` has an
    estimate. Keys are bytes, bytearray, memoryview or :class:`Key`; what the keyword arguments mean is written at
    :class:`ReadOptions`, :class:`WriteOptions` and :class:`ScanOptions`.

    The object stands for the keyspace that had the name when it was opened: when that is deleted, and even created
    again, calls raise :class:`NotFoundError`.

    Every call that goes to the cluster may raise any :class:`VastoError`; below are those with a meaning of their own.

    Threads: any number may use one.
    """

    def __getitem__(self, key: KeyLike) -> bytes:
        """The bytes of the value.

        Raises:
            KeyError: there is no such key.
        """
        value = self.get(key)
        if value is None:
            raise KeyError(key)
        return value

    def __setitem__(self, key: KeyLike, value: BytesLike) -> None:
        """Stores the value, as :meth:`put`."""
        self.put(key, value)

    def __delitem__(self, key: KeyLike) -> None:
        """Deletes the value; no KeyError if there is none, since nobody looks."""
        self.delete(key)

    def __contains__(self, key: object) -> bool:
        """Whether the key has a value."""
        return self.stat(key) is not None  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[bytes]:
        """All keys, in their order: a scan."""
        return self.keys()

    def keys(self, prefix: BytesLike = b"") -> Iterator[bytes]:
        """The keys that begin with ``prefix``, in their order: a scan."""
        return (row.key for row in self.scan(prefix, keys_only=True))

    def items(self, prefix: BytesLike = b"") -> Iterator[tuple[bytes, bytes]]:
        """The keys that begin with ``prefix``, in their order, with their values: a scan."""
        return ((row.key, row.value or b"") for row in self.scan(prefix))

    @overload
    def get(self, key: KeyLike, default: None = None, **options: Unpack[ReadOptions]) -> bytes | None: ...

    @overload
    def get(self, key: KeyLike, default: D, **options: Unpack[ReadOptions]) -> bytes | D: ...

    def get(self, key: KeyLike, default: Any = None, **options: Unpack[ReadOptions]) -> Any:
        """The bytes of the value, or ``default`` if there is no such key.

        Raises:
            NotFoundError: the keyspace is gone.
        """
        value = result(self._target, _requests.get_bytes(self._target, key, options))
        return default if value is None else value

    def get_value(self, key: KeyLike, **options: Unpack[ReadOptions]) -> Value | None:
        """The value with its type, version and times; None if there is no such key.

        Raises:
            NotFoundError: the keyspace is gone.
        """
        return result(self._target, _requests.get_value(self._target, key, options))

    def stat(self, key: KeyLike, **options: Unpack[ReadOptions]) -> Stat | None:
        """As :meth:`get_value`, without the bytes: their number only."""
        return result(self._target, _requests.stat(self._target, key, options))

    def multi_get(self, keys: Iterable[KeyLike], **options: Unpack[ReadOptions]) -> list[bytes | None]:
        """The bytes of several keys, in the order of the keys; None where there is no such key.

        Raises:
            VastoError: one of the keys could not be read.
        """
        results = result(self._target, _requests.multi_get(self._target, keys, options, raising=True))
        return [None if result.value is None else result.value.data for result in results]

    def multi_get_results(self, keys: Iterable[KeyLike], **options: Unpack[ReadOptions]) -> list[GetResult]:
        """The values of several keys, each with its own code, also where only some could be read."""
        return result(self._target, _requests.multi_get(self._target, keys, options, raising=False))

    def put(self, key: KeyLike, value: BytesLike, **options: Unpack[WriteOptions]) -> int:
        """Stores the value, replacing an older one.

        Returns:
            The version that it got.

        Raises:
            StaleWriteError: a newer value is stored, or ``if_version`` failed.
            AlreadyExistsError: ``if_absent`` failed.
            TooLargeError: the key is over ``MAX_KEY_SIZE``, or the value over ``MAX_VALUE_SIZE``.
            NotFoundError: the keyspace is gone.
        """
        return result(self._target, _requests.put(self._target, key, value, options))

    def delete(self, key: KeyLike, **options: Unpack[ChangeOptions]) -> int:
        """Deletes the value of the key; well also if there is none.

        Returns:
            The version of the deletion.

        Raises:
            StaleWriteError: a newer value is stored, or ``if_version`` failed.
            NotFoundError: the keyspace is gone.
        """
        return result(self._target, _requests.delete(self._target, key, options))

    def touch(self, key: KeyLike, ttl: int, **options: Unpack[ChangeOptions]) -> int:
        """Gives the value another expiry: ``ttl`` whole seconds from now, 0 for never. The bytes stay.

        Returns:
            The version that the value got.

        Raises:
            KeyNotFoundError: there is no such key; it is a KeyError too.
            StaleWriteError: a newer value is stored, or ``if_version`` failed.
        """
        return result(self._target, _requests.touch(self._target, key, ttl, options))

    def merge(self, key: KeyLike, operation: Merge, operand: BytesLike | float, **options: Unpack[MergeOptions]) -> int:
        """Merges the operand into the value: adds to a number, keeps the least or greatest, or appends bytes.

        Numbers are stored as decimal text; the operand may be an int or float, or such text. A merge is never repeated
        by itself: without an answer it ends ``in_doubt``.

        Returns:
            The version that the value got.

        Raises:
            InvalidArgumentError: the operand or the value is no such number, or is merged with another operation.
        """
        return result(self._target, _requests.merge(self._target, key, operation, operand, options))

    def batch(self) -> Batch:
        """An empty batch of writes to this keyspace."""
        return Batch(self._target)

    def scan(
        self,
        prefix: BytesLike = b"",
        *,
        start: BytesLike | None = None,
        end: BytesLike | None = None,
        **options: Unpack[ScanOptions],
    ) -> Scan:
        """Starts a scan of the keys that begin with ``prefix``, or of those from ``start`` to before ``end``.

        Does not wait. Without ``end`` a range goes to the last key. What is wrong with the keyspace, or with the resume
        token (InvalidArgumentError for that of another scan), is raised with the first row.
        """
        return Scan(self._target, prefix, start, end, options)

    def watch(
        self, prefix: BytesLike = b"", *, resume_token: BytesLike | None = None, timeout: float | None = None
    ) -> Watch:
        """Begins to watch the keys that begin with ``prefix``: what is acknowledged after this returns is given.

        Args:
            prefix: of the keys; empty: all.
            resume_token: go on where :meth:`Watch.resume_token` of another watch gave this, instead of now.
            timeout: seconds that this call may wait; default: the client's ``timeout_ms``.

        Raises:
            InvalidArgumentError: no token of a watch of this keyspace.
            TooOldError: the keyspace had another number of shards then.
            NotFoundError: the keyspace is gone.
        """
        target, options = self._target, {"resume_token": resume_token, "timeout": timeout}
        return Watch(target, interruptible(lambda: open_watch(target, prefix, options)))
