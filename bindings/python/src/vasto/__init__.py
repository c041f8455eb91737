# SPDX-License-Identifier: Apache-2.0
"""Client of the Vasto distributed key-value store, over libvasto.so.1.

``Client`` and what it makes wait in the calling thread; ``vasto.aio`` has the same for asyncio.
"""

from ._admin import Admin, AdminOperation
from ._batch import Batch
from ._client import Client
from ._config import Config
from ._constants import (
    MAX_KEY_SIZE,
    MAX_KEYSPACE_NAME,
    MAX_VALUE_SIZE,
    NEVER,
    TYPE_APPLICATION,
    TYPE_BYTES,
    Acks,
    Code,
    Describe,
    LogLevel,
    Merge,
    Replica,
    Sync,
)
from ._errors import (
    AlreadyExistsError,
    BusyError,
    ClosedError,
    CorruptionError,
    ForkedError,
    InputOutputError,
    InternalError,
    InvalidArgumentError,
    KeyNotFoundError,
    NoSpaceError,
    NotFoundError,
    NotSupportedError,
    OperationCancelledError,
    OperationTimeoutError,
    PermissionDeniedError,
    ResizingError,
    StaleWriteError,
    TooLargeError,
    TooOldError,
    UnavailableError,
    VastoError,
    WrongThreadError,
)
from ._hash import partition_hash, version_time_ns
from ._keyspace import Keyspace
from ._library import LibraryError, library_version, library_version_text, load_library
from ._options import ChangeOptions, MergeOptions, ReadOptions, ScanOptions, WriteOptions
from ._scan import Scan, Watch
from ._session import Session
from ._values import BytesLike, Change, EntryResult, GetResult, Key, KeyLike, Progress, Row, Stat, Usage, Value
from ._version import __version__

__all__ = [
    "MAX_KEYSPACE_NAME",
    "MAX_KEY_SIZE",
    "MAX_VALUE_SIZE",
    "NEVER",
    "TYPE_APPLICATION",
    "TYPE_BYTES",
    "Acks",
    "Admin",
    "AdminOperation",
    "AlreadyExistsError",
    "Batch",
    "BusyError",
    "BytesLike",
    "Change",
    "ChangeOptions",
    "Client",
    "ClosedError",
    "Code",
    "Config",
    "CorruptionError",
    "Describe",
    "EntryResult",
    "ForkedError",
    "GetResult",
    "InputOutputError",
    "InternalError",
    "InvalidArgumentError",
    "Key",
    "KeyLike",
    "KeyNotFoundError",
    "Keyspace",
    "LibraryError",
    "LogLevel",
    "Merge",
    "MergeOptions",
    "NoSpaceError",
    "NotFoundError",
    "NotSupportedError",
    "OperationCancelledError",
    "OperationTimeoutError",
    "PermissionDeniedError",
    "Progress",
    "ReadOptions",
    "Replica",
    "ResizingError",
    "Row",
    "Scan",
    "ScanOptions",
    "Session",
    "StaleWriteError",
    "Stat",
    "Sync",
    "TooLargeError",
    "TooOldError",
    "UnavailableError",
    "Usage",
    "Value",
    "VastoError",
    "Watch",
    "WriteOptions",
    "WrongThreadError",
    "__version__",
    "library_version",
    "library_version_text",
    "load_library",
    "partition_hash",
    "version_time_ns",
]
