# SPDX-License-Identifier: Apache-2.0
"""The installed prefix is complete and works where it stands; a C program builds against it."""

import os
import re
import subprocess

import pytest

import vasto_cluster
from vasto_cluster import BUILD, ROOT

WANTED = [
    "bin/vasto-master", "bin/vasto-store", "bin/vasto-server", "bin/vasto", "bin/vastoadm",
    "bin/mount.vasto", "sbin/mount.vasto", "lib/libvasto.so", "lib/libvasto.so.1",
    "include/vasto/vasto.h", "lib/pkgconfig/vasto.pc",
    "share/bash-completion/completions/vasto", "share/bash-completion/completions/vastoadm",
    "share/man/man1/vasto.1", "share/man/man1/vastoadm.1", "share/man/man7/vasto.7",
    "share/man/man8/vasto-master.8", "share/man/man8/vasto-store.8",
    "share/man/man8/vasto-server.8", "share/man/man8/mount.vasto.8", "share/man/man3/libvasto.3",
    "share/man/man3/libvasto_write.3", "lib/cmake/vasto/vastoConfig.cmake",
]


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    if vasto_cluster.SLOW > 1:
        pytest.skip("sanitized builds are not installed")
    folder = tmp_path_factory.mktemp("prefix")
    done = subprocess.run(["cmake", "--install", BUILD, "--prefix", folder], capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return folder


@pytest.mark.parametrize("name", WANTED)
def test_is_installed(prefix, name):
    assert (prefix / name).exists()


def test_nothing_else_is_installed(prefix):
    """No test programs, no static libraries, no headers of the inside."""
    odd = [str(p) for p in prefix.rglob("*")
           if p.is_file() and (p.suffix in (".a", ".cc") or "_test" in p.name or "_fuzz" in p.name)]
    assert odd == []
    assert [p.name for p in prefix.rglob("*.h")] == ["vasto.h"]


def test_installed_programs_find_their_library(prefix):
    for name in ("vasto", "vastoadm", "mount.vasto", "vasto-server"):
        done = subprocess.run([prefix / "bin" / name, "--version"], capture_output=True, text=True,
                              check=False, env={"PATH": "/usr/bin:/bin"})
        assert done.returncode == 0, done.stderr


def test_every_function_has_a_page_that_says_what_the_header_says(prefix):
    header = (prefix / "include/vasto/vasto.h").read_text()
    names = re.findall(r"^VASTO_(?:API|STATUS)\b[^;(]*?\b(vasto_\w+)\(", header, re.M)
    assert len(names) > 100
    pages = prefix / "share/man/man3"
    linked = {name: (pages / f"{name}.3").read_text().split("man3/")[1].strip() for name in names}
    assert len(set(linked.values())) > 10
    for page in set(linked.values()):
        shown = subprocess.run(["man", "--warnings", "-l", pages / page], capture_output=True, text=True,
                               check=True, env={**os.environ, "MANWIDTH": "200", "LC_ALL": "C.UTF-8"})
        assert shown.stderr == ""
        for name in names:
            assert (linked[name] == page) == (f"\n   {name}\n" in shown.stdout), name
    text = (pages / linked["vasto_put"]).read_text()
    assert "Codes: OK, STALE_WRITE" in re.sub(r"\\f[BR]", "", text)


def test_a_c_program_builds_with_cmake(prefix, tmp_path):
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.25)\nproject(user C)\nfind_package(vasto REQUIRED)\n"
        f"add_executable(user {ROOT}/examples/cat.c)\ntarget_link_libraries(user vasto::vasto)\n")
    for argv in (["cmake", "-S", tmp_path, "-B", tmp_path / "b", f"-DCMAKE_PREFIX_PATH={prefix}"],
                 ["cmake", "--build", tmp_path / "b"]):
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    linked = subprocess.run(["ldd", tmp_path / "b/user"], capture_output=True, text=True, check=True).stdout
    assert f"libvasto.so.1 => {prefix}/lib/libvasto.so.1" in linked


def test_a_c_program_builds_with_pkg_config(prefix, shared, tmp_path):
    env = {**os.environ, "PKG_CONFIG_PATH": str(prefix / "lib/pkgconfig")}
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "vasto"], capture_output=True,
                           text=True, check=True, env=env).stdout.split()
    program = tmp_path / "cat"
    subprocess.run(["cc", "-std=c99", "-Wall", "-Werror", ROOT / "examples/cat.c", "-o", program,
                    *flags], check=True)
    shared.create("example")
    shared.vasto("put", "example", "k", "from C")
    done = subprocess.run([program, shared.address, "example", "k"], capture_output=True,
                          check=True, env={"LD_LIBRARY_PATH": str(prefix / "lib")})
    assert done.stdout == b"from C"
    shared.vastoadm("keyspace", "delete", "example", "--yes")
