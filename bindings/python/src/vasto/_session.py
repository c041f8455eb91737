# SPDX-License-Identifier: Apache-2.0
"""Sessions: reads that never go back behind what was seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._arguments import data_of
from ._constants import Code
from ._errors import error_from, new_error_slot
from ._native import ffi

if TYPE_CHECKING:
    from ._library import CData, Library
    from ._values import BytesLike


class Session:
    """What the operations of a session have seen; pass it as ``session=`` to operations on its keyspace.

    A read of the session sees at least what the session's operations that ended before had written or seen, whichever
    replica answers. Made by ``keyspace.session()``. When the number of shards changes, operations with a session that
    has seen something are :class:`InvalidArgumentError`.

    Threads: any number may use one. No call here waits.
    """

    __slots__ = ("_library", "handle")

    def __init__(self, library: Library, keyspace: CData) -> None:
        """Made by ``keyspace.session()``."""
        out, slot = ffi.new("vasto_session_t**"), new_error_slot()
        code = library.lib.vasto_session_create(keyspace, out, slot)
        if code:
            raise error_from(library, code, slot)
        self._library = library
        self.handle = ffi.gc(out[0], library.lib.vasto_session_destroy)

    def token(self) -> bytes:
        """All that the session has seen, for :meth:`import_token` of another, also in another process."""
        size, capacity = ffi.new("size_t*"), 0
        while True:
            buffer, slot = ffi.new("char[]", capacity), new_error_slot()
            code = self._library.lib.vasto_session_token(self.handle, buffer, capacity, size, slot)
            if code == Code.OK:
                token: bytes = ffi.buffer(buffer, size[0])[:]
                return token
            error = error_from(self._library, code, slot)
            if code != Code.BUFFER_TOO_SMALL:
                raise error
            capacity = size[0]

    def import_token(self, token: BytesLike) -> None:
        """Adds what another session had seen when it gave this token.

        Raises:
            InvalidArgumentError: the token is damaged, of another keyspace or of another number of shards.
        """
        view, size = data_of("token", token)
        slot = new_error_slot()
        code = self._library.lib.vasto_session_import(self.handle, view, size, slot)
        if code:
            raise error_from(self._library, code, slot)
