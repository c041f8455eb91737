# SPDX-License-Identifier: Apache-2.0
"""Build step: compiles vasto_cdef.h into vasto/_native.py, so that an import parses no C."""

from __future__ import annotations

import pathlib
from typing import Any

from cffi import FFI
from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class NativeModule(BuildHookInterface[Any]):
    """Writes the module and has it included, though git ignores it."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = pathlib.Path(self.root)
        ffi = FFI()
        ffi.cdef((root / "vasto_cdef.h").read_text())
        ffi.set_source("vasto._native", None)
        ffi.emit_python_code(str(root / "src" / "vasto" / "_native.py"))
        build_data["artifacts"].append("src/vasto/_native.py")
