# SPDX-License-Identifier: Apache-2.0
"""libvasto.so through ctypes: what the cluster tests need of the C interface, as Python objects."""

import ctypes
from ctypes import byref, c_char_p, c_int32, c_size_t, c_uint32, c_uint64, c_void_p

import vasto_cluster

OK, NOT_FOUND, END, INVALID_ARGUMENT, TIMEOUT, UNAVAILABLE, BUSY, STALE_WRITE = range(8)
TOO_LARGE, BUFFER_TOO_SMALL, CORRUPTION, IO_ERROR, NO_SPACE, ALREADY_EXISTS = 9, 10, 11, 12, 13, 15
CANCELLED, TOO_OLD = 16, 21
HAS_PARTITION_HASH = 1
DELETED = 2
PRIMARY, ANY, NEAREST = range(3)
ACKS = ("one", "quorum", "all")
MERGE = (None, "add", "min", "max", "add-float", "min-float", "max-float", "append")


class Slice(ctypes.Structure):
    _fields_ = [("data", c_void_p), ("size", c_size_t)]


class Key(ctypes.Structure):
    _fields_ = [("key", Slice), ("partition_hash", c_uint64), ("flags", c_uint32),
                ("reserved", c_uint32)]


class Row(ctypes.Structure):
    _fields_ = [("key", Slice), ("value", Slice), ("partition_hash", c_uint64),
                ("version", c_uint64), ("updated_at_ns", c_uint64), ("expires_at_ns", c_uint64),
                ("type", c_uint32), ("flags", c_uint32)]


class VastoError(Exception):
    """A call failed; code as in vasto.h."""

    def __init__(self, code, message, in_doubt=False):
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.in_doubt = in_doubt


def _load():
    # A sanitized library cannot be loaded into an ordinary Python.
    build = vasto_cluster.ROOT / "build" if vasto_cluster.SLOW > 1 else vasto_cluster.BUILD
    lib = ctypes.CDLL(str(build / "lib/libvasto.so.1"))
    for name in ("error_message", "version_string"):
        getattr(lib, f"vasto_{name}").restype = c_char_p
    for name in ("value_data",):
        getattr(lib, f"vasto_{name}").restype = c_void_p
    for name in ("value_size", "batch_result_count"):
        getattr(lib, f"vasto_{name}").restype = c_size_t
    for name in ("value_version", "value_updated_at_ns", "value_expires_at_ns", "partition_hash",
                 "batch_result_version"):
        getattr(lib, f"vasto_{name}").restype = c_uint64
    lib.vasto_error_is_in_doubt.restype = ctypes.c_bool
    lib.vasto_keyspace_shard_of.restype = c_uint32
    lib.vasto_keyspace_shard_count.restype = c_uint32
    return lib


_lib = None


def lib():
    global _lib
    if _lib is None:
        _lib = _load()
    return _lib


def check(code, err, allowed=(OK,)):
    """Returns code if it is allowed; otherwise raises it with the message of err."""
    if code in allowed:
        if err:
            lib().vasto_error_destroy(err)
        return code
    message, doubt = "", False
    if err:
        message = lib().vasto_error_message(err).decode(errors="replace")
        doubt = lib().vasto_error_is_in_doubt(err)
        lib().vasto_error_destroy(err)
    raise VastoError(code, message, doubt)


def call(name, *args, allowed=(OK,)):
    err = c_void_p()
    return check(getattr(lib(), name)(*args, byref(err)), err, allowed)


def make_key(data, partition_hash=None):
    key = Key(Slice(ctypes.cast(c_char_p(data), c_void_p), len(data)))
    key.keep = data
    if partition_hash is not None:
        key.partition_hash = partition_hash
        key.flags = HAS_PARTITION_HASH
    return key


def partition_hash(data):
    return lib().vasto_partition_hash(data, c_size_t(len(data)))


class Value:
    """A value that was read: data (None after stat), size, version, updated_at_ns, expires_at_ns."""

    def __init__(self, handle):
        self.size = lib().vasto_value_size(handle)
        pointer = lib().vasto_value_data(handle)
        self.data = None if pointer is None else ctypes.string_at(pointer, self.size)
        self.type = lib().vasto_value_type(handle)
        self.version = lib().vasto_value_version(handle)
        self.updated_at_ns = lib().vasto_value_updated_at_ns(handle)
        self.expires_at_ns = lib().vasto_value_expires_at_ns(handle)
        lib().vasto_value_destroy(handle)


class Client:
    def __init__(self, masters, **config):
        handle = c_void_p()
        call("vasto_config_create", byref(handle))
        self._handle = c_void_p()
        try:
            for key, value in {"masters": masters, **config}.items():
                call("vasto_config_set", handle, key.encode(), str(value).encode())
            call("vasto_client_open", handle, byref(self._handle))
        finally:
            lib().vasto_config_destroy(handle)

    def keyspace(self, name):
        handle = c_void_p()
        call("vasto_keyspace_open", self._handle, name.encode(), byref(handle))
        return Keyspace(handle)

    def close(self):
        if self._handle:
            lib().vasto_client_destroy(self._handle)
            self._handle = c_void_p()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Session:
    """What operations with session=this have seen. token: of another session that it takes over."""

    def __init__(self, keyspace, token=None):
        self.handle = c_void_p()
        call("vasto_session_create", keyspace, byref(self.handle))
        if token is not None:
            self.take(token)

    def take(self, token):
        call("vasto_session_import", self.handle, token, c_size_t(len(token)))

    def token(self):
        size = c_size_t()
        call("vasto_session_token", self.handle, None, c_size_t(0), byref(size),
             allowed=(BUFFER_TOO_SMALL,))
        buffer = ctypes.create_string_buffer(size.value)
        call("vasto_session_token", self.handle, buffer, size, byref(size))
        return buffer.raw

    def __del__(self):
        if self.handle:
            lib().vasto_session_destroy(self.handle)


class _ReadOptions:
    """vasto_read_options, or NULL for the defaults."""

    def __init__(self, timeout_ms=None, replica=PRIMARY, max_staleness_ms=0, session=None,
                 hedge=False):
        self.handle = c_void_p()
        if timeout_ms is None and replica == PRIMARY and session is None:
            return
        call("vasto_read_options_create", byref(self.handle))
        lib().vasto_read_options_set_timeout_ms(self.handle, c_uint64(timeout_ms or 0))
        lib().vasto_read_options_set_replica(self.handle, c_int32(replica))
        lib().vasto_read_options_set_max_staleness_ms(self.handle, c_uint64(max_staleness_ms))
        lib().vasto_read_options_set_session(self.handle, session and session.handle)
        lib().vasto_read_options_set_hedge(self.handle, ctypes.c_bool(hedge))

    def __enter__(self):
        return self.handle

    def __exit__(self, *_):
        lib().vasto_read_options_destroy(self.handle)


class _WriteOptions:
    """vasto_write_options from keyword arguments, or NULL for none."""

    def __init__(self, settings):
        self.handle = c_void_p()
        if not settings:
            return
        call("vasto_write_options_create", byref(self.handle))
        for name, value in settings.items():
            setter = getattr(lib(), f"vasto_write_options_set_{name}")
            if value is True:
                setter(self.handle)
            elif isinstance(value, Session):
                setter(self.handle, value.handle)
            elif name == "acks":
                setter(self.handle, c_int32(ACKS.index(value)))
            else:
                setter(self.handle, c_uint64(value))

    def __enter__(self):
        return self.handle

    def __exit__(self, *_):
        lib().vasto_write_options_destroy(self.handle)


class Keyspace:
    """Keyword arguments of writes are the setters of vasto_write_options: timeout_ms, ttl_seconds,
    updated_at_ns, if_version, if_absent=True, value_type, session, acks (one of ACKS)."""

    def __init__(self, handle):
        self._handle = handle

    def __del__(self):
        lib().vasto_keyspace_destroy(self._handle)

    @property
    def shard_count(self):
        return lib().vasto_keyspace_shard_count(self._handle)

    def session(self, token=None):
        return Session(self._handle, token)

    def shard_of(self, key):
        return lib().vasto_keyspace_shard_of(self._handle, byref(make_key(key)))

    def put(self, key, value, partition=None, **settings):
        version = c_uint64()
        with _WriteOptions(settings) as options:
            call("vasto_put", self._handle, byref(make_key(key, partition)), value,
                 c_size_t(len(value)), options, byref(version))
        return version.value

    def delete(self, key, partition=None, **settings):
        version = c_uint64()
        with _WriteOptions(settings) as options:
            call("vasto_delete", self._handle, byref(make_key(key, partition)), options,
                 byref(version))
        return version.value

    def merge(self, key, operation, operand, **settings):
        """operation: one of MERGE; operand: bytes."""
        version = c_uint64()
        with _WriteOptions(settings) as options:
            call("vasto_merge", self._handle, byref(make_key(key)), c_int32(MERGE.index(operation)),
                 operand, c_size_t(len(operand)), options, byref(version))
        return version.value

    def touch(self, key, ttl_seconds, partition=None):
        version = c_uint64()
        call("vasto_touch", self._handle, byref(make_key(key, partition)), c_uint64(ttl_seconds),
             None, byref(version))
        return version.value

    def _read(self, function, key, partition, timeout_ms, **choice):
        value = c_void_p()
        with _ReadOptions(timeout_ms, **choice) as options:
            code = call(function, self._handle, byref(make_key(key, partition)), options,
                        byref(value), allowed=(OK, NOT_FOUND))
        return Value(value) if code == OK else None

    def read(self, key, partition=None, timeout_ms=None, **choice):
        """The Value, or None when there is none. choice: replica, max_staleness_ms, session, hedge."""
        return self._read("vasto_get", key, partition, timeout_ms, **choice)

    def get(self, key, partition=None, timeout_ms=None, **choice):
        """The bytes, or None."""
        value = self.read(key, partition, timeout_ms, **choice)
        return value and value.data

    def stat(self, key, partition=None):
        return self._read("vasto_stat", key, partition, None)

    def multi_get(self, keys, **choice):
        """[(code, bytes or None)], and the code of the whole call."""
        count = len(keys)
        made = [make_key(k) for k in keys]
        array = (Key * count)(*made)
        values = (c_void_p * count)()
        codes = (c_int32 * count)()
        err = c_void_p()
        with _ReadOptions(**choice) as options:
            code = lib().vasto_multi_get(self._handle, array, c_size_t(count), options, values,
                                         codes, byref(err))
        lib().vasto_error_destroy(err)
        results = [(c, Value(c_void_p(v)).data if v else None) for c, v in zip(codes, values)]
        return results, code

    def write_batch(self, entries, **whole):
        """entries: (key, value or None to delete, settings). Returns [code] and the whole code."""
        batch, result, err = c_void_p(), c_void_p(), c_void_p()
        call("vasto_batch_create", byref(batch))
        try:
            for key, value, settings in entries:
                with _WriteOptions(settings) as options:
                    if value is None:
                        call("vasto_batch_delete", batch, byref(make_key(key)), options)
                    else:
                        call("vasto_batch_put", batch, byref(make_key(key)), value,
                             c_size_t(len(value)), options)
            with _WriteOptions(whole) as options:
                code = lib().vasto_batch_write(self._handle, batch, options, byref(result),
                                               byref(err))
            lib().vasto_error_destroy(err)
            count = lib().vasto_batch_result_count(result)
            codes = [lib().vasto_batch_result_code(result, c_size_t(i)) for i in range(count)]
            return codes, code
        finally:
            lib().vasto_batch_result_destroy(result)
            lib().vasto_batch_destroy(batch)

    def scan(self, prefix=b"", start=None, end=b"", limit=0, keys_only=False, token=None,
             **choice):
        """A Scan over a prefix, or over [start, end). choice: as of read but for hedge, and
        timeout_ms, page_bytes."""
        return Scan(self._handle, prefix, start, end, limit, keys_only, token, **choice)


    def watch(self, prefix=b"", token=None, timeout_ms=0):
        return Watch(self._handle, prefix, token, timeout_ms)


class Watch:
    """next() gives [(key, value)], value None for a delete, and [] when nothing came in time;
    token() is where it stands."""

    CAPACITY = 500

    def __init__(self, keyspace, prefix, token, timeout_ms):
        options = c_void_p()
        call("vasto_watch_options_create", byref(options))
        lib().vasto_watch_options_set_timeout_ms(options, c_uint64(timeout_ms))
        if token is not None:
            lib().vasto_watch_options_set_resume_token(options, token, c_size_t(len(token)))
        self._watch = c_void_p()
        self._rows = (Row * self.CAPACITY)()
        try:
            call("vasto_watch_open", keyspace, prefix, c_size_t(len(prefix)), options,
                 byref(self._watch))
        finally:
            lib().vasto_watch_options_destroy(options)

    def next(self, timeout_ms=1000):
        count = c_size_t()
        # What keeps changes away for a while is no failure of a watch.
        call("vasto_watch_next", self._watch, self._rows, c_size_t(self.CAPACITY),
             ctypes.c_int64(timeout_ms), byref(count), allowed=(OK, TIMEOUT, UNAVAILABLE, BUSY))
        return [(ctypes.string_at(row.key.data, row.key.size),
                 None if row.flags & DELETED else ctypes.string_at(row.value.data, row.value.size))
                for row in self._rows[:count.value]]

    def token(self):
        data, size = c_void_p(), c_size_t()
        call("vasto_watch_resume_token", self._watch, byref(data), byref(size))
        return ctypes.string_at(data, size.value)

    def close(self):
        if getattr(self, "_watch", None):
            lib().vasto_watch_destroy(self._watch)
            self._watch = c_void_p()

    def __del__(self):
        self.close()


class Scan:
    """Yields (key, value); token() is where it stands."""

    def __init__(self, keyspace, prefix, start, end, limit, keys_only, token, replica=PRIMARY,
                 max_staleness_ms=0, page_bytes=0, session=None, timeout_ms=0):
        options = c_void_p()
        call("vasto_scan_options_create", byref(options))
        lib().vasto_scan_options_set_timeout_ms(options, c_uint64(timeout_ms))
        lib().vasto_scan_options_set_replica(options, c_int32(replica))
        lib().vasto_scan_options_set_max_staleness_ms(options, c_uint64(max_staleness_ms))
        lib().vasto_scan_options_set_page_bytes(options, c_uint64(page_bytes))
        lib().vasto_scan_options_set_session(options, session and session.handle)
        if limit:
            lib().vasto_scan_options_set_limit(options, c_uint64(limit))
        if keys_only:
            lib().vasto_scan_options_set_keys_only(options, ctypes.c_bool(True))
        if token is not None:
            lib().vasto_scan_options_set_resume_token(options, token, c_size_t(len(token)))
        self._iter = c_void_p()
        if start is None:
            call("vasto_scan_prefix", keyspace, prefix, c_size_t(len(prefix)), options,
                 byref(self._iter))
        else:
            call("vasto_scan_range", keyspace, start, c_size_t(len(start)), end,
                 c_size_t(len(end)), options, byref(self._iter))
        lib().vasto_scan_options_destroy(options)

    def __iter__(self):
        return self

    def __next__(self):
        row = Row()
        if call("vasto_iter_next", self._iter, byref(row), allowed=(OK, END)) == END:
            raise StopIteration
        key = ctypes.string_at(row.key.data, row.key.size)
        if row.value.data is None:
            return key, None
        return key, ctypes.string_at(row.value.data, row.value.size)

    def token(self):
        data, size = c_void_p(), c_size_t()
        call("vasto_iter_resume_token", self._iter, byref(data), byref(size))
        return ctypes.string_at(data, size.value)

    def __del__(self):
        if getattr(self, "_iter", None):
            lib().vasto_iter_destroy(self._iter)
