# SPDX-License-Identifier: Apache-2.0
"""The constants of vasto.h; a test compares each with the header."""

from __future__ import annotations

from enum import IntEnum

MAX_KEY_SIZE = 65536
"""Bytes of the longest key."""

MAX_VALUE_SIZE = 67108864
"""Bytes of the longest value."""

MAX_KEYSPACE_NAME = 128
"""Characters of the longest name of a keyspace."""

TYPE_BYTES = 0
"""The label of a value that has none of its own."""

TYPE_APPLICATION = 64
"""The first label that an application may choose; below it they belong to the library."""

NEVER = 2**64 - 1
"""As ``expires_at_ns`` of a write: the value never expires, whatever the keyspace says."""


class Code(IntEnum):
    """How a call ended."""

    OK = 0
    NOT_FOUND = 1
    END = 2
    INVALID_ARGUMENT = 3
    TIMEOUT = 4
    UNAVAILABLE = 5
    BUSY = 6
    STALE_WRITE = 7
    RESIZING = 8
    TOO_LARGE = 9
    BUFFER_TOO_SMALL = 10
    CORRUPTION = 11
    IO_ERROR = 12
    NO_SPACE = 13
    NOT_SUPPORTED = 14
    ALREADY_EXISTS = 15
    CANCELLED = 16
    CLOSED = 17
    WRONG_THREAD = 18
    FORKED = 19
    PERMISSION = 20
    TOO_OLD = 21
    INTERNAL = 99

    @classmethod
    def of(cls, number: int) -> Code:
        """The code of a number; ``INTERNAL`` for one that this version does not know."""
        try:
            return cls(number)
        except ValueError:
            return cls.INTERNAL


class Replica(IntEnum):
    """Which replica may answer a read."""

    PRIMARY = 0
    """The first that can be reached: fresh and monotonic; the default."""
    ANY = 1
    """Any, the reads spread over all: may be behind the primary."""
    NEAREST = 2
    """One on this host, else the quickest to reach: as ``ANY``."""


class Merge(IntEnum):
    """What a merge does with the value and its operand."""

    ADD_INT64 = 1
    MIN_INT64 = 2
    MAX_INT64 = 3
    ADD_FLOAT64 = 4
    MIN_FLOAT64 = 5
    MAX_FLOAT64 = 6
    APPEND = 7


class Acks(IntEnum):
    """How many replicas have a write when it is acknowledged."""

    KEYSPACE = -1
    """Of a write: what the keyspace says; the default."""
    ONE = 0
    QUORUM = 1
    ALL = 2


class Sync(IntEnum):
    """When a write reaches the disk of a replica."""

    NONE = 0
    """When the operating system writes it back; the default."""
    INTERVAL = 1
    """Within about a second."""
    ALWAYS = 2
    """Before it is acknowledged."""


class Describe(IntEnum):
    """What a description of the cluster tells about."""

    STATUS = 0
    STORES = 1
    KEYSPACES = 2
    KEYSPACE = 3
    USAGE = 4


class LogLevel(IntEnum):
    """The level of a log message."""

    DEBUG = 0
    INFO = 1
    WARNING = 2
    ERROR = 3
