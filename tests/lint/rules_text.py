# SPDX-License-Identifier: Apache-2.0
"""Rules that only read text: layers, lengths, licences, words, READMEs."""

import re
from pathlib import Path

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^">]+)[">]', re.M)

_BELOW_RPC = {"base", "hash", "codec", "topology"}
_BELOW_REPLICATION = _BELOW_RPC | {"rpc", "storage"}

# What a layer may include besides itself: the table of the architecture.
LAYER_MAY_INCLUDE = {
    "base": set(),
    "hash": {"base"},
    "codec": {"base"},
    "topology": {"base", "hash"},
    "storage": {"base", "codec", "hash"},
    "rpc": _BELOW_RPC,
    "replication": _BELOW_REPLICATION,
    "client": _BELOW_RPC | {"rpc"},
    "store": _BELOW_REPLICATION | {"replication"},
    "master": _BELOW_RPC | {"rpc"},
    "gateway": _BELOW_RPC | {"rpc", "client"},
}
# Folders above core: the longest matching prefix counts. Tests may include anything.
FOLDER_MAY_INCLUDE = {
    "capi": {"base", "client"},
    "fuse": set(),
    "bindings": set(),
    "daemons/cli": set(),
    "daemons/vasto": set(),
    "daemons/vastoadm": set(),
    "daemons": {"base", "client", "store", "master", "gateway"},
}
# Third-party headers with one home: (pattern of the include, folders that may use it).
THIRD_PARTY_HOMES = [
    (re.compile(r"^rocksdb/"), ("core/storage",)),
    (re.compile(r"^(thrift/|vasto_thrift/)"), ("core/rpc",)),
    (re.compile(r"^(fuse|fuse3/fuse)(_lowlevel|_opt|_common)?\.h$"), ("fuse",)),
    (re.compile(r"^gflags/"), ("daemons",)),
    (re.compile(r"^CLI/"), ("daemons",)),
    (re.compile(r"^(histedit\.h|editline/)"), ("daemons",)),
]
THIRD_PARTY_FREE = ("tests/",)

# Names of ABI customers' own code are relative to their folder, so only project folders count.
PROJECT_FOLDER = re.compile(r"^(core|capi|fuse|daemons|bindings)/")

MAX_FILE_LINES = 800
MAX_DAEMON_MAIN_LINES = 200
# The C ABI is one header by contract, and mostly comment.
LONG_FILES = {"capi/include/vasto/vasto.h": 2000, "tests/abi/released/1.0/vasto/vasto.h": 2000}
LICENCE = "SPDX-License-Identifier: Apache-2.0"
LICENSED_SUFFIXES = {".go", ".rs", ".java", ".ts", ".h", ".cc", ".c", ".cpp", ".inc", ".py", ".sh", ".thrift", ".cmake"}

# Spelled in pieces so that this file passes its own rule.
FORBIDDEN = [
    (re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b"), "unfinished work"),
    (re.compile(r"(?<![\w./-])/(work|root|home/\w+)/"), "a path of somebody's machine"),
    (re.compile(r"\bissue #?\d", re.I), "an issue number"),
    (re.compile(r"\bnot (yet )?implemented\b", re.I), "unfinished work"),
]
FORBIDDEN_EXEMPT = {"LICENSE"}


# The real time, randomness and files: for core only behind the interfaces of core/base.
REAL_WORLD = re.compile(
    r"(?<![\w])(System(?:Random|Clock)\s*\(\)|PosixFileSystem\s*\(\)|(?:steady|system)_clock"
    r"|std::(?:random_device|[io]?fstream)|getrandom\s*\(|clock_gettime\s*\(|fopen\s*\("
    r"|::open\s*\()")
# An options struct of an outermost entry may take the real thing when it is given nothing.
REAL_DEFAULT = re.compile(r"=\s*(?:SystemRandom|SystemClock|PosixFileSystem)\(\);")
_SOCKETS = "waits in poll and epoll, which no other clock can end"
REAL_WORLD_ALLOWED = {
    "core/rpc/io_loop.cc": _SOCKETS,
    "core/rpc/server.cc": _SOCKETS,
    "core/rpc/server_loop.cc": _SOCKETS,
    "core/rpc/socket_transport.cc": _SOCKETS,
    "core/rpc/loop_seat.cc": "a guest's absence is real time, as the loop's sleep is",
    "core/rpc/spinner.h": "measures how long it kept a processor",
    "core/rpc/waiter.cc": _SOCKETS,
}


def _folder_of(name):
    for folder in sorted(FOLDER_MAY_INCLUDE, key=len, reverse=True):
        if name.startswith(folder + "/"):
            return folder
    return None


def _check_core_include(name, target, own_layer, allowed):
    layer = target.split("/")[1]
    if layer == own_layer or layer in allowed:
        return []
    return [f"{name}: may not include {target}"]


def _check_project_include(name, target):
    """Problems of one include of a project header by its root-relative name."""
    if name.startswith("core/"):
        own = name.split("/")[1]
        if own not in LAYER_MAY_INCLUDE:
            return [f"{name}: core/{own} is not a layer of the architecture"]
        if not target.startswith("core/"):
            return [f"{name}: may not include {target}"]
        return _check_core_include(name, target, own, LAYER_MAY_INCLUDE[own])
    folder = _folder_of(name)
    if folder is None:
        return []
    if target.startswith("core/"):
        return _check_core_include(name, target, None, FOLDER_MAY_INCLUDE[folder])
    target_folder = _folder_of(target)
    if target_folder in (None, folder, "daemons", "daemons/cli") or "include/vasto/" in target:
        return []
    return [f"{name}: may not include {target}"]


def layers(tree):
    """A file includes only what the row of its folder names, by a root-relative name."""
    problems = []
    for name in tree.cpp_files:
        for bracket, target in INCLUDE.findall(tree.text(name)):
            for pattern, homes in THIRD_PARTY_HOMES:
                if pattern.match(target) and not name.startswith(THIRD_PARTY_FREE) \
                        and not name.startswith(tuple(h + "/" for h in homes)):
                    problems.append(f"{name}: {target} belongs to {', '.join(homes)}")
            if name.startswith("tests/"):
                continue
            if ".." in target.split("/"):
                problems.append(f"{name}: include {target} by its root-relative name")
            elif PROJECT_FOLDER.match(target):
                if bracket == "<":
                    problems.append(f"{name}: include {target} with quotes")
                problems += _check_project_include(name, target)
            elif bracket == '"' and name.startswith("core/") \
                    and not target.startswith("vasto_thrift/"):
                problems.append(f"{name}: include {target} by its root-relative name")
    return problems


def link_layers(tree):
    """The CMake dependencies of a layer obey the same table."""
    problems = []
    for layer, allowed in LAYER_MAY_INCLUDE.items():
        name = f"core/{layer}/CMakeLists.txt"
        for call in re.findall(r"vasto_library\s*\(([^)]*)\)", tree.text(name)):
            for word in re.findall(r"[\w:.-]+", call.split("DEPS", 1)[-1] if "DEPS" in call else ""):
                other = word.removeprefix("vasto_")
                if other in LAYER_MAY_INCLUDE and other != layer and other not in allowed:
                    problems.append(f"{name}: {layer} may not depend on {other}")
                if word == "Thrift::thrift" and layer != "rpc":
                    problems.append(f"{name}: only rpc links Thrift")
                if "rocksdb" in word.lower() and layer != "storage":
                    problems.append(f"{name}: only storage links RocksDB")
    return problems


def injected(tree):
    """Core gets time, randomness and files handed in, so that a simulation can own them."""
    problems = []
    for name in tree.cpp_files:
        if not name.startswith("core/") or name.startswith("core/base/"):
            continue
        text = re.sub(r"//[^\n]*", "", tree.text(name))
        if name.endswith(".h"):
            text = REAL_DEFAULT.sub("", text)
        used = sorted(set(REAL_WORLD.findall(text)))
        if used and name not in REAL_WORLD_ALLOWED:
            problems.append(f"{name}: {', '.join(used)} must come in through an interface")
        if not used and name in REAL_WORLD_ALLOWED:
            problems.append(f"{name}: needs no exception from the rule any more")
    return problems


def file_length(tree):
    """No hand-written source is longer than 800 lines, no main of a daemon than 200."""
    problems = []
    for name in tree.files:
        if Path(name).suffix not in LICENSED_SUFFIXES:
            continue
        lines = tree.text(name).count("\n")
        limit = LONG_FILES.get(name, MAX_FILE_LINES)
        if re.fullmatch(r"daemons/[^/]*/?[^/]*main[^/]*\.cc", name):
            limit = MAX_DAEMON_MAIN_LINES
        if lines > limit:
            problems.append(f"{name}: {lines} lines, the limit is {limit}")
    return problems


def licence(tree):
    """Every source says its licence in its first three lines."""
    problems = []
    for name in tree.files:
        text = tree.text(name)
        source = Path(name).suffix in LICENSED_SUFFIXES or Path(name).name == "CMakeLists.txt"
        if (source or text.startswith("#!")) and LICENCE not in "\n".join(text.split("\n")[:3]):
            problems.append(f"{name}: the line '{LICENCE}' is missing from its head")
    return problems


def forbidden_words(tree):
    """Nothing unfinished, nothing that only means something on one machine."""
    problems = []
    for name in tree.files:
        if name in FORBIDDEN_EXEMPT:
            continue
        for number, line in enumerate(tree.text(name).split("\n"), 1):
            for pattern, what in FORBIDDEN:
                match = pattern.search(line)
                if match:
                    problems.append(f"{name}:{number}: '{match.group(0)}' ({what})")
    return problems


def readme(tree):
    """Every layer has a README of a page: purpose, entry header, threads, invariants."""
    folders = [f"core/{layer}" for layer in LAYER_MAY_INCLUDE]
    folders += ["capi", "fuse", "daemons", "thrift", "man", "tests"]
    problems = []
    for folder in folders:
        if not tree.exists(f"{folder}/CMakeLists.txt"):
            continue
        if not tree.exists(f"{folder}/README.md"):
            problems.append(f"{folder}: README.md is missing")
            continue
        text = tree.text(f"{folder}/README.md")
        if len(text.split()) < 30:
            problems.append(f"{folder}/README.md: says too little")
        if folder.startswith("core/"):
            problems += _readme_headers(tree, folder, text)
    return problems


def _readme_headers(tree, folder, text):
    """A README of a layer speaks of threads and names headers that exist."""
    problems = []
    if "thread" not in text.lower():
        problems.append(f"{folder}/README.md: says nothing about threads")
    for header in re.findall(r"`([\w/]+\.h)`", text):
        if not any(tree.exists(p) for p in (header, f"{folder}/{header}", f"core/{header}")):
            problems.append(f"{folder}/README.md: {header} does not exist")
    return problems
