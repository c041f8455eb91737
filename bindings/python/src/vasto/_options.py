# SPDX-License-Identifier: Apache-2.0
"""Keyword arguments of the calls, and the option objects of C that they become."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Optional, TypedDict

from ._arguments import choice, data_of, flag, milliseconds, uint
from ._constants import Acks, Replica
from ._errors import error_from, new_error_slot
from ._native import ffi
from ._session import Session

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ._library import CData, Library
    from ._values import BytesLike

_UINT32_MAX = 2**32 - 1


class ReadOptions(TypedDict, total=False):
    """Keyword arguments of reads. What is not given, or None, has its default.

    Attributes:
        timeout: seconds until the deadline of the operation, retries included; default: the client's ``timeout_ms``.
        replica: who may answer; default ``Replica.PRIMARY``. With the others, two reads after each other may be
            answered by different replicas, unless they belong to a session.
        max_staleness: seconds. A replica other than the primary answers only if it lacks nothing that is older.
        hedge: whether a second replica is asked when the first is slow (with ``ANY`` and ``NEAREST``).
        session: what the read must not go behind.
    """

    timeout: float | None
    replica: Replica | None
    max_staleness: float | None
    hedge: bool | None
    session: Session | None


class MergeOptions(TypedDict, total=False):
    """Keyword arguments of merges, and with more below of all writes. What is not given, or None, has its default.

    Attributes:
        timeout: seconds until the deadline of the operation, retries included; default: the client's ``timeout_ms``.
        acks: how many replicas must have the write before it is acknowledged; default: what the keyspace says.
        session: the session that the write belongs to.

    Of one entry of a batch these do not matter, but those of the whole write.
    """

    timeout: float | None
    acks: Acks | None
    session: Session | None


class ChangeOptions(MergeOptions, total=False):
    """Keyword arguments of ``delete`` and ``touch``: those of :class:`MergeOptions`, and when the write is done at all.

    Attributes:
        updated_at_ns: the event time, in nanoseconds since 1970-01-01 UTC; default: the store's time. The last event
            time wins; an older write is a :class:`StaleWriteError`.
        if_version: the write happens only if the key has this version, else :class:`StaleWriteError`.
    """

    updated_at_ns: int | None
    if_version: int | None


class WriteOptions(ChangeOptions, total=False):
    """Keyword arguments of ``put`` and of batches: those of :class:`ChangeOptions`, and what goes with the value.

    Attributes:
        if_absent: whether the write happens only if the key does not exist, else :class:`AlreadyExistsError`; so does
            an ``if_version`` of 0.
        ttl: the value expires so many whole seconds after the write; default: what the keyspace says.
        expires_at_ns: instead of ``ttl``, the moment, in nanoseconds since 1970-01-01 UTC; ``NEVER``: never.
        value_type: the label stored with the value, ``TYPE_APPLICATION`` or above.
    """

    if_absent: bool | None
    ttl: int | None
    expires_at_ns: int | None
    value_type: int | None


class ScanOptions(TypedDict, total=False):
    """Keyword arguments of scans. What is not given, or None, has its default.

    Attributes:
        limit: the scan ends after so many rows.
        keys_only: whether the bytes of the values are left out.
        page_bytes: about how many bytes of rows one answer of a store holds; default 1 MiB.
        resume_token: the scan goes on where :meth:`Scan.resume_token` gave this; same prefix or range.
        timeout: seconds that the next rows may take; default: the client's ``timeout_ms``.
        replica: as of reads, for all rows.
        max_staleness: as of reads, for each page when it is read.
        session: as of reads, for each page when it is read.
        block_rows: how many rows are taken with one call into C, 1 to 4096, default 1024.
    """

    limit: int | None
    keys_only: bool | None
    page_bytes: int | None
    resume_token: BytesLike | None
    timeout: float | None
    replica: Replica | None
    max_staleness: float | None
    session: Session | None
    block_rows: int | None


def _timeout(name: str, value: Any) -> tuple[Any, ...]:
    return (milliseconds(name, value),)


def _uint64(name: str, value: Any) -> tuple[Any, ...]:
    return (uint(name, value),)


def _uint32(name: str, value: Any) -> tuple[Any, ...]:
    return (uint(name, value, _UINT32_MAX),)


def _bool(name: str, value: Any) -> tuple[Any, ...]:
    return (flag(name, value),)


def _replica(name: str, value: Any) -> tuple[Any, ...]:
    return (choice(name, value, Replica),)


def _acks(name: str, value: Any) -> tuple[Any, ...]:
    return (choice(name, value, Acks),)


def _bytes(name: str, value: Any) -> tuple[Any, ...]:
    return data_of(name, value)


def _session(name: str, value: Any) -> tuple[Any, ...]:
    if not isinstance(value, Session):
        raise TypeError(f"{name} must be a vasto.Session, not {type(value).__name__}")
    return (value.handle,)


def _if_absent(name: str, value: Any) -> tuple[Any, ...] | None:
    return () if flag(name, value) else None


# The option of C (vasto_KIND_options_set_NAME) of each keyword argument, and how its argument is made.
_Table = dict[str, tuple[str, Callable[[str, Any], Optional[tuple[Any, ...]]]]]

_READ: _Table = {
    "timeout": ("timeout_ms", _timeout),
    "replica": ("replica", _replica),
    "max_staleness": ("max_staleness_ms", _timeout),
    "hedge": ("hedge", _bool),
    "session": ("session", _session),
}
_WRITE: _Table = {
    "timeout": ("timeout_ms", _timeout),
    "ttl": ("ttl_seconds", _uint64),
    "expires_at_ns": ("expires_at_ns", _uint64),
    "updated_at_ns": ("updated_at_ns", _uint64),
    "value_type": ("value_type", _uint32),
    "if_absent": ("if_absent", _if_absent),
    "if_version": ("if_version", _uint64),
    "acks": ("acks", _acks),
    "session": ("session", _session),
}
_SCAN: _Table = {
    "limit": ("limit", _uint64),
    "keys_only": ("keys_only", _bool),
    "page_bytes": ("page_bytes", _uint64),
    "resume_token": ("resume_token", _bytes),
    "timeout": ("timeout_ms", _timeout),
    "replica": ("replica", _replica),
    "max_staleness": ("max_staleness_ms", _timeout),
    "session": ("session", _session),
}
_WATCH: _Table = {
    "timeout": ("timeout_ms", _timeout),
    "resume_token": ("resume_token", _bytes),
}


def _build(library: Library, kind: str, table: _Table, options: Mapping[str, Any]) -> CData:
    if not options:
        return ffi.NULL
    lib = library.lib
    out, slot = ffi.new(f"vasto_{kind}_options_t**"), new_error_slot()
    code = getattr(lib, f"vasto_{kind}_options_create")(out, slot)
    if code:
        raise error_from(library, code, slot)
    handle = ffi.gc(out[0], getattr(lib, f"vasto_{kind}_options_destroy"))
    for name, value in options.items():
        if name not in table:
            raise TypeError(f"{name!r} is no option of a {kind}; there are {', '.join(table)}")
        if value is None:
            continue
        c_name, arguments_of = table[name]
        arguments = arguments_of(name, value)
        if arguments is not None:
            getattr(lib, f"vasto_{kind}_options_set_{c_name}")(handle, *arguments)
    return handle


def read_options(library: Library, options: Mapping[str, Any]) -> CData:
    """A vasto_read_options_t of keyword arguments, destroyed with its last reference; NULL for none."""
    return _build(library, "read", _READ, options) if options else ffi.NULL


def write_options(library: Library, options: Mapping[str, Any]) -> CData:
    """As read_options, of writes."""
    if not options:
        return ffi.NULL
    for one, other in (("ttl", "expires_at_ns"), ("if_absent", "if_version")):
        if options.get(one) not in {None, False} and options.get(other) is not None:
            raise ValueError(f"{one} and {other} exclude each other")
    return _build(library, "write", _WRITE, options)


def scan_options(library: Library, options: Mapping[str, Any]) -> CData:
    """As read_options, of scans."""
    return _build(library, "scan", _SCAN, options)


def watch_options(library: Library, options: Mapping[str, Any]) -> CData:
    """As read_options, of watches."""
    return _build(library, "watch", _WATCH, options)
