# SPDX-License-Identifier: Apache-2.0
"""Finding, loading and checking the C library, and what was written down of its header."""

from __future__ import annotations

import importlib.util
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support import PACKAGE, ROOT, run_python

import vasto
from vasto import _library
from vasto._native import ffi

if TYPE_CHECKING:
    import enum

HEADER = ROOT / "capi" / "include" / "vasto" / "vasto.h"
in_the_tree = pytest.mark.skipif(not HEADER.exists(), reason="the header is not beside an unpacked package")


def constants() -> dict[str, int]:
    found = re.findall(r"^#define VASTO_(\w+) \(?(-?\d+)u?\)?\s*(?://.*)?$", HEADER.read_text(), re.MULTILINE)
    return {name: int(number) for name, number in found}


@in_the_tree
def test_the_cdef_is_what_the_header_says() -> None:
    spec = importlib.util.spec_from_file_location("generate_cdef", PACKAGE / "generate_cdef.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    cdef, header = (PACKAGE / "vasto_cdef.h").read_text(), HEADER.read_text()
    assert module.same_declarations(cdef, module.cdef_of(header))
    commented = header.replace("\nVASTO_API ", "\n\n// A remark.\n\n// Another one.\nVASTO_API ")
    assert module.same_declarations(cdef, module.cdef_of(commented))
    assert not module.same_declarations(cdef, module.cdef_of(header.replace("uint32_t type", "uint64_t type")))
    functions = set(re.findall(r"^VASTO_(?:API|STATUS)\b[^;(]*?\b(vasto_\w+)\s*\(", HEADER.read_text(), re.MULTILINE))
    assert len(functions) > 140
    assert functions == {name for name in dir(_library.library().lib) if name.startswith("vasto_")}


@in_the_tree
@pytest.mark.parametrize(
    ("prefix", "kind"),
    [
        ("REPLICA_", vasto.Replica),
        ("MERGE_", vasto.Merge),
        ("ACKS_", vasto.Acks),
        ("SYNC_", vasto.Sync),
        ("DESCRIBE_", vasto.Describe),
        ("LOG_", vasto.LogLevel),
    ],
)
def test_enumerations_are_those_of_the_header(prefix: str, kind: type[enum.IntEnum]) -> None:
    wanted = {name[len(prefix) :]: number for name, number in constants().items() if name.startswith(prefix)}
    assert {member.name: int(member) for member in kind} == wanted


@in_the_tree
def test_codes_and_limits_are_those_of_the_header() -> None:
    section = HEADER.read_text()
    section = section[section.index("#define VASTO_OK") : section.index("// Limits that servers")]
    codes = re.findall(r"#define VASTO_(\w+) (\d+)", section)
    assert {code.name: int(code) for code in vasto.Code} == {name: int(number) for name, number in codes}
    all_of_them = constants()
    for name in ("MAX_KEY_SIZE", "MAX_VALUE_SIZE", "MAX_KEYSPACE_NAME", "TYPE_BYTES", "TYPE_APPLICATION"):
        assert getattr(vasto, name) == all_of_them[name]
    assert all_of_them["KEY_HAS_PARTITION_HASH"] == 1
    assert all_of_them["KV_DELETED"] == 2
    assert tuple(all_of_them[f"VERSION_{part}"] for part in ("MAJOR", "MINOR", "PATCH")) == _library.WRITTEN_FOR


def test_every_code_has_a_class_of_its_own() -> None:
    library = _library.library()
    kinds = set()
    for code in vasto.Code:
        name = ffi.string(library.lib.vasto_status_name(int(code))).decode()
        assert name == code.name
        kinds.add(type(vasto._errors.error_from(library, int(code), vasto._errors.new_error_slot())))
    plain = {vasto.Code.OK, vasto.Code.END, vasto.Code.BUFFER_TOO_SMALL}
    assert len(kinds) == len(vasto.Code) - len(plain)


def test_an_unknown_code_is_internal_and_keeps_its_number() -> None:
    error = vasto._errors.error_from(_library.library(), 1234, vasto._errors.new_error_slot())
    assert type(error) is vasto.InternalError
    assert (error.code, error.number) == (vasto.Code.INTERNAL, 1234)


def test_versions() -> None:
    assert vasto.library_version() >= (1, 1, 0)
    assert "abi" in vasto.library_version_text()


def test_a_missing_library_is_named_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "libvasto.so.1"
    with pytest.raises(vasto.LibraryError) as raised:
        _library.Library(str(path))
    assert str(path) in str(raised.value)
    assert "install libvasto 1.1 or newer (cmake --install), or set VASTO_LIBRARY" in str(raised.value)
    path.write_text("this is no library")
    with pytest.raises(vasto.LibraryError, match="cannot be loaded"):
        _library.Library(str(path))


def test_a_library_of_something_else_is_refused() -> None:
    with pytest.raises(vasto.LibraryError, match=r"libc\.so\.6 is no libvasto.*set VASTO_LIBRARY"):
        _library.Library("libc.so.6")


@pytest.mark.parametrize("version", [(1, 0, 0), (1, 0, 99), (0, 9, 0)])
def test_a_library_that_is_too_old_is_named_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, version: tuple[int, int, int]
) -> None:
    monkeypatch.setattr(_library.Library, "_version", lambda _: version)
    path, dotted = os.environ["VASTO_LIBRARY"], ".".join(map(str, version))
    with pytest.raises(vasto.LibraryError) as raised:
        _library.Library(path)
    said = f"{path} is too old: it has interface version {dotted}; install libvasto 1.1 or newer (cmake --install)"
    assert said in str(raised.value)


@pytest.mark.parametrize("version", [(1, 1, 0), (1, 2, 0), (1, 99, 9)])
def test_a_library_that_is_younger_is_taken(monkeypatch: pytest.MonkeyPatch, version: tuple[int, int, int]) -> None:
    monkeypatch.setattr(_library.Library, "_version", lambda _: version)
    assert _library.Library(os.environ["VASTO_LIBRARY"]).version == version


def test_a_library_of_another_major_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_library.Library, "_version", lambda _: (2, 0, 0))
    with pytest.raises(vasto.LibraryError, match=r"has interface version 2\.0\.0; install libvasto"):
        _library.Library(os.environ["VASTO_LIBRARY"])


def test_a_library_without_a_function_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    has = _library.Library.has
    monkeypatch.setattr(_library.Library, "has", lambda self, name: name != "vasto_touch_async" and has(self, name))
    with pytest.raises(vasto.LibraryError, match="lacks the function vasto_touch_async"):
        _library.Library(os.environ["VASTO_LIBRARY"])


def test_a_path_in_code_goes_before_the_environment_and_that_before_the_linker() -> None:
    path = os.environ["VASTO_LIBRARY"]
    code = f"import vasto; vasto.load_library({path!r}); print(vasto.library_version()[0])"
    assert run_python(code, env={"VASTO_LIBRARY": "/nowhere.so"}) == "1\n"
    wanted = "try: vasto.partition_hash(b'')\nexcept vasto.LibraryError as error: print(str(error).split()[0])"
    assert run_python(f"import vasto\n{wanted}", env={"VASTO_LIBRARY": "/nowhere.so"}) == "/nowhere.so\n"
    linker = {"VASTO_LIBRARY": "", "LD_LIBRARY_PATH": str(Path(path).parent)}
    assert run_python("import vasto; print(vasto.library_version()[0])", env=linker) == "1\n"


def test_another_library_than_the_loaded_one_is_refused() -> None:
    vasto.load_library()
    with pytest.raises(vasto.LibraryError, match="has loaded"):
        vasto.load_library("/nowhere.so")


def test_an_import_loads_no_library() -> None:
    assert run_python("import vasto, vasto.aio; print('fine')", env={"VASTO_LIBRARY": "/nowhere.so"}) == "fine\n"
