# SPDX-License-Identifier: Apache-2.0
"""What a client is opened with, as names and values."""

from __future__ import annotations

import os
from collections.abc import Iterator, MutableMapping
from typing import TYPE_CHECKING

from ._arguments import c_text
from ._constants import Code
from ._errors import KeyNotFoundError, error_from, new_error_slot
from ._library import library
from ._native import ffi

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ._library import CData


class Config(MutableMapping[str, str]):
    """A configuration: a mapping with a fixed set of names, each of which always has a value, by default its own.

    ========================  ==========  ===================================================================
    ``masters``               (empty)     ``host:port[,host:port...]``
    ``timeout_ms``            ``10000``   the deadline of an operation that gives none
    ``connect_timeout_ms``    ``5000``    how long opening a client may take
    ``connections_per_store`` ``0``       pipelined connections to each store; 0 chooses by the machine
    ``io_threads``            ``0``       threads for the network; 0 chooses by the machine
    ``unix_sockets``          ``true``    prefer a store's unix socket when it is on this machine
    ========================  ==========  ===================================================================

    Threads: one while it is being changed. A client copies what it is opened with.
    """

    def __init__(self, values: Mapping[str, str] | None = None, **more: str) -> None:
        """A configuration with default values, and these set.

        Raises:
            KeyNotFoundError: a name is unknown.
            InvalidArgumentError: a value does not parse.
        """
        self._library = library()
        out, slot = ffi.new("vasto_config_t**"), new_error_slot()
        code = self._library.lib.vasto_config_create(out, slot)
        if code:
            raise error_from(self._library, code, slot)
        self.handle: CData = ffi.gc(out[0], self._library.lib.vasto_config_destroy)
        self.update(values or {}, **more)

    def load_file(self, path: str | os.PathLike[str]) -> None:
        """Sets every ``name = value`` line of a text file; all or, on failure, none. Lines of ``#`` are comments.

        Raises:
            InputOutputError: the file cannot be read.
            NotFoundError: a name is unknown; the message has the line.
            InvalidArgumentError: a value does not parse.
        """
        slot = new_error_slot()
        code = self._library.lib.vasto_config_load_file(self.handle, os.fsencode(path), slot)
        if code:
            raise error_from(self._library, code, slot)

    def __getitem__(self, name: str) -> str:
        """The value of a name."""
        out, slot = ffi.new("char const**"), new_error_slot()
        code = self._library.lib.vasto_config_get(self.handle, c_text("name", name), out, slot)
        if code:
            self._raise(code, slot, name)
        value: str = ffi.string(out[0]).decode()
        return value

    def __setitem__(self, name: str, value: str) -> None:
        """Sets a value."""
        slot = new_error_slot()
        code = self._library.lib.vasto_config_set(self.handle, c_text("name", name), c_text("value", value), slot)
        if code:
            self._raise(code, slot, name)

    def __delitem__(self, name: str) -> None:
        """Gives a name its default value again; it stays in the mapping."""
        self[name] = Config()[name]

    def __iter__(self) -> Iterator[str]:
        """The names."""
        index = 0
        while True:
            name = self._library.lib.vasto_config_key_at(index)
            if name == ffi.NULL:
                return
            yield ffi.string(name).decode()
            index += 1

    def __len__(self) -> int:
        """How many names there are."""
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        """All names and values."""
        return f"vasto.Config({dict(self)!r})"

    def _raise(self, code: int, slot: CData, name: str) -> None:
        error = error_from(self._library, code, slot, no_key=True)
        if code == Code.NOT_FOUND:
            raise KeyNotFoundError(code, f"there is no configuration {name!r}", origin="client") from None
        raise error
