# SPDX-License-Identifier: Apache-2.0
"""Log messages of the library, given to a function of the user.

One C callback serves all clients and lives as long as the process. It finds the function by the number that it was
registered with, and drops what comes after the client is closed. Python must be alive whenever a thread of the library
logs: a client with a log function is therefore closed at the exit of the interpreter at the latest, and after a close
no thread of the library is left.
"""

from __future__ import annotations

import itertools
import sys
from typing import TYPE_CHECKING, Any, Callable

from ._constants import LogLevel
from ._native import ffi

if TYPE_CHECKING:
    from ._library import CData, Library

LogFunction = Callable[[LogLevel, str], Any]

_functions: dict[int, LogFunction] = {}
_numbers = itertools.count(1)


def _deliver(user_data: CData, level: int, message: CData) -> None:
    function = _functions.get(int(ffi.cast("uintptr_t", user_data)))
    if function is None:
        return
    try:
        known = LogLevel(min(max(level, LogLevel.DEBUG), LogLevel.ERROR))
        function(known, ffi.string(message).decode(errors="replace"))
    except Exception as error:
        sys.unraisablehook(_Unraisable(error, function))  # type: ignore[arg-type]


class _Unraisable:
    """The argument of sys.unraisablehook, whose own class cannot be made."""

    def __init__(self, error: BaseException, source: object) -> None:
        self.exc_type = type(error)
        self.exc_value = error
        self.exc_traceback = error.__traceback__
        self.err_msg = "Exception ignored in the log function of a vasto client"
        self.object = source


_callback: CData = None


def register(library: Library, config: CData, function: LogFunction, level: LogLevel) -> int:
    """Has clients that are opened with the configuration log to ``function``; the number to forget it by."""
    global _callback  # noqa: PLW0603 (made once, when it is first needed)
    if _callback is None:
        _callback = ffi.callback("vasto_log_callback_t", _deliver)
    number = next(_numbers)
    _functions[number] = function
    library.lib.vasto_config_set_log_callback(config, _callback, ffi.cast("void*", number), int(level))
    return number


def forget(number: int | None) -> None:
    """No message of that registration is delivered any more."""
    if number is not None:
        _functions.pop(number, None)
