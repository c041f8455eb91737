# SPDX-License-Identifier: Apache-2.0
"""Finds, loads and checks libvasto.so.1, once for the process, when it is first needed."""

from __future__ import annotations

import os
import threading
from typing import Any

from ._native import ffi

SONAME = "libvasto.so.1"
PATH_VARIABLE = "VASTO_LIBRARY"
WRITTEN_FOR = (1, 1, 0)

# What cffi calls CData: pointers, structs and arrays of C. Its stubs know no more of them either.
CData = Any


class LibraryError(ImportError):
    """``libvasto.so.1`` is missing, too old, or not what its name says; the message tells what to do."""


class Library:
    """The loaded library. Its attributes never change, and it is never unloaded.

    Attributes:
        lib: the functions and constants of vasto.h.
        path: what was given to the dynamic linker.
        version: (major, minor, patch) of the interface.
        text: the product version, for people.
    """

    __slots__ = ("lib", "path", "text", "version")

    def __init__(self, path: str) -> None:
        """Loads and checks the library at ``path``, or of that name."""
        self.path = path
        try:
            self.lib: CData = ffi.dlopen(path, ffi.RTLD_NOW | ffi.RTLD_LOCAL)
        except OSError as error:
            raise LibraryError(_advice(path, f"cannot be loaded ({error})")) from None
        self.version = self._version()
        if self.version < WRITTEN_FOR:
            raise LibraryError(_advice(path, f"is too old: it has interface version {_dotted(self.version)}"))
        if self.version[0] != WRITTEN_FOR[0]:
            raise LibraryError(_advice(path, f"has interface version {_dotted(self.version)}"))
        for name in dir(self.lib):
            if name.startswith("vasto_") and not self.has(name):
                raise LibraryError(_advice(path, f"lacks the function {name}"))
        self.text: str = ffi.string(self.lib.vasto_version_string()).decode()

    def _version(self) -> tuple[int, int, int]:
        if not self.has("vasto_version"):
            raise LibraryError(_advice(self.path, "is no libvasto: it lacks the function vasto_version"))
        numbers = ffi.new("int32_t[3]")
        self.lib.vasto_version(numbers, numbers + 1, numbers + 2)
        return numbers[0], numbers[1], numbers[2]

    def has(self, name: str) -> bool:
        """Whether the library has the function."""
        try:
            getattr(self.lib, name)
        except (AttributeError, ffi.error):
            return False
        return True


def _dotted(version: tuple[int, int, int]) -> str:
    return ".".join(map(str, version))


def _advice(path: str, what: str) -> str:
    return (
        f"{path} {what}; install libvasto {WRITTEN_FOR[0]}.{WRITTEN_FOR[1]} or newer (cmake --install), "
        f"or set {PATH_VARIABLE} to the path of {SONAME}"
    )


_lock = threading.Lock()
_loaded: Library | None = None


def load_library(path: str | os.PathLike[str] | None = None) -> None:
    """Loads the C library now, and not with the first client.

    Args:
        path: the file to load. Without it, the one that the environment variable ``VASTO_LIBRARY`` names, and without
            that the ``libvasto.so.1`` that the dynamic linker finds.

    Raises:
        LibraryError: it is missing or too old, or another one is loaded already.
    """
    wanted = os.fspath(path) if path is not None else None
    loaded = library(wanted)
    if wanted is not None and loaded.path != wanted:
        raise LibraryError(f"{wanted} cannot be loaded: this process has loaded {loaded.path} already")


def library(path: str | None = None) -> Library:
    """The library, loaded if that was not done yet."""
    global _loaded  # noqa: PLW0603 (a library is loaded once for the process)
    if _loaded is not None:
        return _loaded
    with _lock:
        if _loaded is None:
            _loaded = Library(path or os.environ.get(PATH_VARIABLE) or SONAME)
        return _loaded


def library_version() -> tuple[int, int, int]:
    """The version of the loaded library's interface: (major, minor, patch).

    Raises:
        LibraryError: as :func:`load_library`.
    """
    return library().version


def library_version_text() -> str:
    """The product version and build of the loaded library, for people, as in ``vasto 0.1.0 (abi 1.0.0)``.

    Raises:
        LibraryError: as :func:`load_library`.
    """
    return library().text
