#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs clang-tidy over the sources of the product, in parallel, remembering files that were clean.

Uses the compile commands of the clang preset, so that clang's thread-safety analysis is on too. A
file counts as clean as long as its own text, every project header and .clang-tidy are unchanged
(headers it does not reach are left out by following its includes).

  tidy.py [FILE...]     default: every .cc of core, capi, fuse and daemons
"""

import concurrent.futures
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build-clang"
CLEAN_LIST = BUILD / "tidy-clean.json"
FOLDERS = ("core", "capi", "fuse", "daemons")
INCLUDE = re.compile(rb'^\s*#\s*include\s*"([^"]+)"', re.M)


def reachable(path, seen):
    """Adds path and the project files it includes, directly or not, to seen."""
    if path in seen or not path.is_file():
        return
    seen.add(path)
    for name in INCLUDE.findall(path.read_bytes()):
        name = name.decode()
        for base in (ROOT, path.parent, ROOT / "capi/include", BUILD / "gen"):
            reachable(base / name, seen)


def fingerprint(source):
    files = set()
    reachable(source, files)
    digest = hashlib.sha256((ROOT / ".clang-tidy").read_bytes())
    for path in sorted(files):
        digest.update(str(path).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def prepare():
    """Configures the clang preset and generates the Thrift code the sources include."""
    quiet = ["cmake", "--preset", "clang", "--log-level=WARNING"]
    subprocess.run(quiet, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    targets = subprocess.run(["ninja", "-C", str(BUILD), "-t", "targets", "all"],
                             check=True, capture_output=True, text=True).stdout
    generated = re.findall(r"^(gen/\S+\.h):", targets, re.M)
    if generated:
        subprocess.run(["ninja", "-C", str(BUILD), "--quiet", *generated], check=True)


def tidy(source):
    run = subprocess.run(["clang-tidy", "-p", str(BUILD), "--quiet", str(source)],
                         capture_output=True, text=True, check=False)
    return run.returncode == 0, run.stdout + ("" if run.returncode == 0 else run.stderr)


def main():
    if not shutil.which("clang-tidy"):
        print("tidy: clang-tidy is missing; run tools/setup", file=sys.stderr)
        return 1
    prepare()
    known = {entry["file"] for entry in json.loads((BUILD / "compile_commands.json").read_text())}
    if len(sys.argv) > 1:
        sources = [Path(name).resolve() for name in sys.argv[1:]]
    else:
        sources = sorted(p for folder in FOLDERS for p in (ROOT / folder).rglob("*.cc"))
    sources = [p for p in sources if str(p) in known]
    try:
        clean = json.loads(CLEAN_LIST.read_text())
    except (OSError, ValueError):
        clean = {}
    prints = {source: fingerprint(source) for source in sources}
    todo = [s for s in sources if clean.get(str(s.relative_to(ROOT))) != prints[s]]
    print(f"tidy: {len(todo)} of {len(sources)} files to look at", flush=True)
    bad = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        for source, (good, output) in zip(todo, pool.map(tidy, todo)):
            name = str(source.relative_to(ROOT))
            if good:
                clean[name] = prints[source]
            else:
                bad += 1
                print(f"tidy: {name}\n{output.strip()}", flush=True)
    CLEAN_LIST.write_text(json.dumps(clean, indent=0, sort_keys=True))
    print(f"tidy: {bad} of {len(sources)} files have findings")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
