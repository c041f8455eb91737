# SPDX-License-Identifier: Apache-2.0
"""Rules that run a program: formatter, compiler, shellcheck, our own binaries."""

import concurrent.futures
import hashlib
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

from rules_text import INCLUDE

JOBS = os.cpu_count() or 2
BINARIES = ["vasto-master", "vasto-store", "vasto-server", "vasto-gateway", "vastoadm", "vasto",
            "mount.vasto"]
# Every gflags program has these; they are described once, in vasto(7).
COMMON_OPTIONS = {"help", "h", "version", "V", "flagfile", "fromenv", "tryfromenv", "undefok",
                  "helpfull", "helpshort", "helpon", "helpmatch", "helppackage", "helpxml",
                  "tab_completion_word", "tab_completion_columns"}


def _run(argv, **kwargs):
    return subprocess.run(argv, capture_output=True, text=True, check=False, **kwargs)


def _parallel(function, items):
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        return [problem for problems in pool.map(function, items) for problem in problems]


def clang_format(tree):
    """clang-format has nothing to change."""
    formatter = shutil.which("clang-format-14") or shutil.which("clang-format")
    if not formatter:
        return ["clang-format: not installed; run tools/setup"]
    names = [f for f in tree.cpp_files if not f.endswith(".inc")]
    if not names:
        return []
    run = _run([formatter, "--style=file", "--dry-run", "--ferror-limit=1", *names], cwd=tree.root)
    bad = set(re.findall(r"^([^:\n]+):\d+:\d+: (?:warning|error)", run.stderr, re.M))
    if run.returncode != 0 and not bad:
        return [f"clang-format: {run.stderr.strip()}"]
    return [f"{name}: needs tools/format" for name in sorted(bad)]


def _include_folders(tree):
    return [tree.root, tree.root / "capi/include", tree.build / "gen",
            tree.build / "gen/vasto_thrift"]


def _reachable(tree, path, seen):
    """Adds a file and all project files it includes to seen."""
    if path in seen or not path.is_file():
        return
    seen.add(path)
    for _, target in INCLUDE.findall(path.read_text(encoding="utf-8", errors="replace")):
        for folder in _include_folders(tree):
            _reachable(tree, folder / target, seen)


def _fingerprint(tree, name):
    seen = set()
    _reachable(tree, tree.root / name, seen)
    digest = hashlib.sha256()
    for path in sorted(seen):
        digest.update(str(path).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _compile_alone(tree, name):
    """Compiles a header as if it were a whole program. C headers also as C."""
    flags = [f"-I{tree.root}"] + [f"-isystem{f}" for f in _include_folders(tree)[1:]]
    for package in ("fuse3", "libedit"):
        flags += _run(["pkg-config", "--cflags", package]).stdout.split()
    dialects = [["g++", "-x", "c++", "-std=c++20"]]
    if "include/vasto/" in name:
        dialects.append(["gcc", "-x", "c", "-std=c99", "-pedantic-errors"])
    problems = []
    for dialect in dialects:
        run = _run([*dialect, "-fsyntax-only", "-Wall", "-Werror", "-Wno-pragma-once-outside-header",
                    *flags, "-include", str(tree.root / name), "/dev/null"])
        if run.returncode != 0:
            error = next((x for x in run.stderr.split("\n") if "error" in x), run.stderr.strip())
            problems.append(f"{name}: does not compile alone: {error}")
    return problems


def _begins_its_source(tree, name):
    """True when NAME.cc includes the header before anything else: it is read as if alone where each
    source is by itself, without precompiled headers (tools/lib/tidy.py --each, tools/test --soak)."""
    source = name.removesuffix(".h") + ".cc"
    first = INCLUDE.search(tree.text(source)) if source in tree.cpp_files else None
    return first is not None and first.group(2) == name


def self_contained_headers(tree):
    """Every header compiles alone. A header that did is not tried again until it changes."""
    names = [f for f in tree.cpp_files
             if f.endswith(".h") and f.startswith(("core/", "capi/", "fuse/", "daemons/"))
             and not _begins_its_source(tree, f)]
    memory = tree.build / "lint-headers.json"
    try:
        good = json.loads(memory.read_text())
    except (OSError, ValueError):
        good = {}
    prints = {name: _fingerprint(tree, name) for name in names}
    todo = [name for name in names if good.get(name) != prints[name]]
    problems = _parallel(lambda name: _compile_alone(tree, name), todo)
    bad = {problem.split(":")[0] for problem in problems}
    if tree.build.is_dir():
        memory.write_text(json.dumps({n: prints[n] for n in names if n not in bad}))
    return problems


def shell_scripts(tree):
    """shellcheck has nothing to say about any shell script."""
    checker = shutil.which("shellcheck")
    if not checker:
        return ["shellcheck: not installed; run tools/setup"]
    scripts = [f for f in tree.files
               if re.match(r"#!.*\b(ba)?sh\b", tree.text(f).split("\n")[0]) or f.endswith(".sh")]
    if not scripts:
        return []
    run = _run([checker, "-f", "gcc", "-S", "warning", *scripts], cwd=tree.root)
    return [line for line in run.stdout.split("\n") if line]


def _options_of_help(text):
    """The options that lines of a help text begin with, without dashes."""
    options = set()
    for line in text.split("\n"):
        head = re.match(r"\s+(-[-\w]*\w(?:[ ,]+-[-\w]*\w)*)", line)
        if head:
            options.update(o.lstrip("-") for o in re.findall(r"-[-\w]*\w", head.group(1)))
    return options - COMMON_OPTIONS


def _subcommands_of_help(text):
    """The words under "Subcommands:" (indented, one a line)."""
    match = re.search(r"^(?:Subc|C)ommands:\n((?:[ \t]+\S.*\n?|\s*\n)*)", text, re.M)
    if not match:
        return []
    lines = [x for x in match.group(1).split("\n") if x.strip()]
    indents = [len(x) - len(x.lstrip()) for x in lines]
    return [x.split()[0] for x, i in zip(lines, indents) if i == min(indents)]


def _help_of(program, words, environment):
    try:
        run = _run([str(program), *words, "--help"], timeout=20, stdin=subprocess.DEVNULL,
                   env=environment)
    except (OSError, subprocess.TimeoutExpired) as error:
        return None, f"{program.name} {' '.join(words)} --help: {error}"
    if run.returncode not in (0, 1):
        return None, f"{program.name} {' '.join(words)} --help: exit code {run.returncode}"
    return run.stdout or run.stderr, None


def options_of_program(program):
    """(options, problems) of a program and, one by one, of its subcommands."""
    options, problems, todo = set(), [], [[]]
    environment = {**os.environ, "COLUMNS": "200"}
    while todo:
        words = todo.pop()
        text, problem = _help_of(program, words, environment)
        if problem:
            problems.append(problem)
            continue
        options |= _options_of_help(text)
        if len(words) < 2:
            todo += [[*words, sub] for sub in _subcommands_of_help(text)]
    return options, problems


def _man_options(text):
    """(options described at the start of a line, every option mentioned) of an scdoc page."""
    text = text.replace("\\", "")
    token = r"(?<![\w-])--?([A-Za-z](?:[-\w]*\w)?)"
    mentioned = set(re.findall(token, text))
    described = set()
    for line in text.split("\n"):
        if re.match(r"\s*\*-", line):
            described |= set(re.findall(r"\*" + token, line))
    return described - COMMON_OPTIONS, mentioned


def man_pages(tree):
    """Each program has a page, and both name the same options. What is not built is left out."""
    if not tree.exists("man"):
        return []
    problems = []
    for binary in BINARIES:
        program = tree.build / "bin" / binary
        if not program.exists():
            continue
        pages = sorted((tree.root / "man").glob(f"{binary}.[1-8].scd"))
        if not pages:
            problems.append(f"man: no page for {binary}")
            continue
        in_help, broken = options_of_program(program)
        problems += broken
        described, mentioned = _man_options(pages[0].read_text(encoding="utf-8"))
        page = Path(pages[0]).relative_to(tree.root)
        problems += [f"{page}: option {o} of --help is not described"
                     for o in sorted(in_help - mentioned)]
        if in_help:
            problems += [f"{page}: option {o} is described but not in --help"
                         for o in sorted(described - in_help)]
    return problems
