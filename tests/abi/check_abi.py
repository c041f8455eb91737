#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Checks what libvasto promises: check_abi.py CHECK [--header H] [--map M] [--library L]

    symbols   header == map == exported symbols, each in its node, and nothing else exported
    linking   SONAME libvasto.so.1, never unloaded, only the expected libraries needed
    header    alone clean as C99 -Wpedantic and as C++17, with gcc and clang; mostly comment
    words     every function says since when and for which threads, in the words of the header
    released  abidiff finds nothing that a program linked against a released version would miss

A dump of each released version is kept as released/MAJOR.MINOR/libvasto.abi, made once, at the release, by
check_abi.py dump --out FILE, with the header that it was made of. Neither is edited later.
"""

import argparse
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "capi"))

import generate_map  # noqa: E402

RELEASED = pathlib.Path(__file__).resolve().parent / "released"
MAX_LINES = 1400
MIN_COMMENT_PERCENT = 60
THREAD_CLASSES = ("any", "setup", "single", "future", "watch", "shared", "no other call on")


def output(*argv):
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


def exported(library):
    """{symbol: node} of everything the library defines for others, but for the nodes themselves."""
    found = {}
    for line in output("nm", "-D", "--defined-only", "--with-symbol-versions",
                       str(library)).splitlines():
        kind, name = line.split()[-2:]
        # Small letters are local: GNU ld keeps one there when a sanitizer refers to it.
        if kind == "u" or (kind.isupper() and kind != "A"):
            name, _, node = name.partition("@@")
            found[name] = node
    return found


def map_nodes(text):
    """{symbol: node} of a version script."""
    found = {}
    for node, body in re.findall(r"^(\w+\.\w+|VASTO_\w+) \{(.*?)\}", text, re.M | re.S):
        for name in re.findall(r"^\s+(vasto_\w+);", body, re.M):
            found[name] = node
    return found


def check_symbols(args):
    header = {name: f"VASTO_{major}.{minor}"
              for name, (major, minor) in generate_map.functions(args.header.read_text())}
    in_map = map_nodes(args.map.read_text())
    script = generate_map.version_script(generate_map.functions(args.header.read_text()))
    problems = []
    if script != args.map.read_text():
        problems.append("the map is not what generate_map.py makes of the header")
    for name in sorted(header.keys() | in_map.keys()):
        if header.get(name) != in_map.get(name):
            problems.append(f"{name}: header {header.get(name)}, map {in_map.get(name)}")
    symbols = exported(args.library)
    for name in sorted(header.keys() | symbols.keys()):
        if header.get(name) != symbols.get(name):
            problems.append(f"{name}: header {header.get(name)}, library {symbols.get(name)}")
    if len(header) < 100:
        problems.append(f"only {len(header)} functions found in the header")
    return problems


def check_linking(args):
    dynamic = output("readelf", "-d", "-W", str(args.library))
    problems = []
    if "soname: [libvasto.so.1]" not in dynamic.lower():
        problems.append("the SONAME is not libvasto.so.1")
    if "NODELETE" not in dynamic:
        problems.append("the library could be unloaded, though it owns threads")
    if "RPATH" in dynamic or "RUNPATH" in dynamic:
        problems.append("the library carries a search path")
    if "TEXTREL" in dynamic:
        problems.append("text relocations")
    needed = re.findall(r"NEEDED.*\[(.*?)\]", dynamic)
    problems += [f"needs {name}" for name in needed if re.search("rocksdb|fuse|edit|glog", name)]
    return problems


def check_header(args):
    problems = []
    text = args.header.read_text()
    lines = [line for line in text.splitlines() if line.strip()]
    comment = 100 * sum(line.lstrip().startswith("//") for line in lines) // len(lines)
    if len(text.splitlines()) > MAX_LINES:
        problems.append(f"{len(text.splitlines())} lines are more than {MAX_LINES}")
    if comment < MIN_COMMENT_PERCENT:
        problems.append(f"{comment} % comment are less than {MIN_COMMENT_PERCENT}")
    includes = set(re.findall(r"#include (\S+)", text))
    if includes != {"<stdbool.h>", "<stddef.h>", "<stdint.h>"}:
        problems.append(f"includes {sorted(includes)}")
    include_dir = args.header.resolve().parents[1]
    strict = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only", "-I", str(include_dir)]
    source = ROOT / "tests/abi/header_alone.c"
    commands = [[cc, "-std=c99", "-x", "c"] for cc in ("gcc", "clang")]
    commands += [[cc, "-std=c++17", "-x", "c++"] for cc in ("g++", "clang++")]
    commands += [["gcc", "-std=c99", "-x", "c", "-DVASTO_API_VERSION=10000"]]
    for command in commands:
        if shutil.which(command[0]) is None:
            continue
        done = subprocess.run([*command, *strict, str(source)], capture_output=True, text=True,
                              check=False)
        if done.returncode != 0:
            problems.append(f"{' '.join(command)}:\n{done.stderr}")
    return problems


def check_words(args):
    problems = []
    for comment, code in generate_map.COMMENT_THEN_CODE.findall(args.header.read_text()):
        names = generate_map.FUNCTION.findall(code)
        if not names:
            continue
        name, words = names[0], " ".join(line[2:].strip() for line in comment.splitlines())
        threads = re.findall(r"Threads: ([^.]*)", words)
        if not threads or not threads[-1].startswith(THREAD_CLASSES):
            problems.append(f"{name}: says nothing, or something else, about threads")
        for handle in re.findall(r"vasto_(\w+)_t\*\* out_\w+", code):
            if not re.search(r"owned by|As vasto_|as vasto_|pointer that was attached|parallel",
                             words) and handle != "error":
                problems.append(f"{name}: does not say who owns what it gives")
    return problems


def stub_source(header):
    """The functions of a header as C defines them, without bodies that do anything. What is compared is what C programs see: the
    types behind the handles are no part of it."""
    source = ["#include <vasto/vasto.h>"]
    for _, code in generate_map.COMMENT_THEN_CODE.findall(header.read_text()):
        if generate_map.FUNCTION.search(code):
            source.append(code.strip().removesuffix(";") + " { __builtin_trap(); }")
    return "\n".join(source) + "\n"


def build_stub(header, map_file, folder):
    """A library with the symbols, their versions and the types of the interface. Its path."""
    folder = pathlib.Path(folder)
    (folder / "stub.c").write_text(stub_source(header))
    library = folder / "libvasto.so.1"
    subprocess.run(["gcc", "-std=c99", "-g", "-shared", "-fPIC", "-w", "-I", header.resolve().parents[1], folder / "stub.c", "-o",
                    library, f"-Wl,--version-script={map_file}", "-Wl,-soname,libvasto.so.1"], check=True)
    return library


def dump(args):
    with tempfile.TemporaryDirectory() as folder:
        stub = build_stub(args.header, args.map, folder)
        subprocess.run(["abidw", "--no-corpus-path", "--no-comp-dir-path", "--short-locs", "--out-file", args.out, stub], check=True)
    return []


def check_released(args, released=RELEASED):
    dumps = sorted(released.glob("*/libvasto.abi"))
    problems = [] if dumps else ["there is no dump of a released version"]
    with tempfile.TemporaryDirectory() as folder:
        stub = build_stub(args.header, args.map, folder)
        for old in dumps:
            done = subprocess.run(["abidiff", "--no-added-syms", old, stub], capture_output=True, text=True, check=False)
            if done.returncode != 0:
                problems.append(f"not what {old.parent.name} was:\n{done.stdout}{done.stderr}")
    return problems


def main():
    checks = {"symbols": check_symbols, "linking": check_linking, "header": check_header,
              "words": check_words, "released": check_released, "dump": dump}
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("check", choices=checks)
    parser.add_argument("--header", type=pathlib.Path,
                        default=ROOT / "capi/include/vasto/vasto.h")
    parser.add_argument("--map", type=pathlib.Path, default=ROOT / "capi/libvasto.map")
    parser.add_argument("--library", type=pathlib.Path, default=ROOT / "build/lib/libvasto.so")
    parser.add_argument("--out", type=pathlib.Path, help="where dump writes to")
    args = parser.parse_args()
    problems = checks[args.check](args)
    print("\n".join(problems) or f"{args.check}: ok")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
