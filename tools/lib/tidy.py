#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs clang-tidy over the sources of the product, in parallel, remembering what was clean.

Uses compile commands of clang, so that its thread-safety analysis is on too. What is looked at
counts as clean as long as its own text, every project header and .clang-tidy are unchanged (headers
it does not reach are left out by following its includes).

  tidy.py          every .cc of core, capi, fuse and daemons, joined as the builds join them
  tidy.py --each   each by itself, which shows too that it includes what it uses: three times the work
  tidy.py FILE...  these, each by itself
"""

import argparse
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
FOLDERS = tuple(ROOT / folder for folder in ("core", "capi", "fuse", "daemons"))
# Checks that take a source that is included for a header.
NOT_WHERE_JOINED = ("-bugprone-suspicious-include", "-google-global-names-in-headers")
INCLUDE = re.compile(rb'^\s*#\s*include\s*"([^"]+)"', re.M)


class Tidy:
    """What one run looks at. preset: `clang`, where each source is by itself, or `tidy`."""

    def __init__(self, preset):
        self.build = ROOT / f"build-{preset}"
        self.clean_list = self.build / "clean.json"
        self.options = ["--checks=" + ",".join(NOT_WHERE_JOINED)] if preset == "tidy" else []
        self._prepare(preset)
        commands = json.loads((self.build / "compile_commands.json").read_text())
        self.units = sorted(path for path in (Path(c["file"]) for c in commands)
                            if self._is_of_the_product(path))

    def _prepare(self, preset):
        """Configures the preset and generates the Thrift code that the sources include."""
        quiet = ["cmake", "--preset", preset, "--log-level=WARNING"]
        subprocess.run(quiet, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        targets = subprocess.run(["ninja", "-C", str(self.build), "-t", "targets", "all"],
                                 check=True, capture_output=True, text=True).stdout
        generated = re.findall(r"^(gen/\S+\.h):", targets, re.M)
        if generated:
            subprocess.run(["ninja", "-C", str(self.build), "--quiet", *generated], check=True)

    def _is_of_the_product(self, path):
        if path.parent.name != "Unity":
            return path.suffix == ".cc" and any(f in path.parents for f in FOLDERS)
        return all(self._is_of_the_product(Path(name.decode())) for name in
                   INCLUDE.findall(path.read_bytes()))

    def _reach(self, path, seen):
        """Adds path and the project files it includes, directly or not, to seen."""
        if path in seen or not path.is_file():
            return
        seen.add(path)
        for name in INCLUDE.findall(path.read_bytes()):
            for base in (ROOT, path.parent, ROOT / "capi/include", self.build / "gen"):
                self._reach(base / name.decode(), seen)

    def fingerprint(self, unit):
        files = set()
        self._reach(unit, files)
        digest = hashlib.sha256((ROOT / ".clang-tidy").read_bytes())
        for path in sorted(files):
            digest.update(str(path).encode() + b"\0" + path.read_bytes())
        return digest.hexdigest()

    def look_at(self, unit):
        """(whether it is clean, what was found)"""
        run = subprocess.run(
            ["clang-tidy", "-p", str(self.build), "--quiet", *self.options, str(unit)],
            capture_output=True, text=True, check=False)
        return run.returncode == 0, run.stdout + ("" if run.returncode == 0 else run.stderr)

    def run(self, units):
        """The number of those that are not clean."""
        try:
            clean = json.loads(self.clean_list.read_text())
        except (OSError, ValueError):
            clean = {}
        prints = {unit: self.fingerprint(unit) for unit in units}
        todo = [u for u in units if clean.get(str(u.relative_to(ROOT))) != prints[u]]
        print(f"tidy: {len(todo)} of {len(units)} to look at", flush=True)
        bad = 0
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 2) as pool:
            for unit, (good, output) in zip(todo, pool.map(self.look_at, todo)):
                name = str(unit.relative_to(ROOT))
                if good:
                    clean[name] = prints[unit]
                else:
                    bad += 1
                    print(f"tidy: {name}\n{output.strip()}", flush=True)
        self.clean_list.write_text(json.dumps(clean, indent=0, sort_keys=True))
        print(f"tidy: {bad} of {len(units)} have findings")
        return bad


def main():
    parser = argparse.ArgumentParser(prog="tools/lib/tidy.py")
    parser.add_argument("--each", action="store_true")
    parser.add_argument("files", metavar="FILE", nargs="*", type=Path)
    args = parser.parse_args()
    if not shutil.which("clang-tidy"):
        print("tidy: clang-tidy is missing; run tools/setup", file=sys.stderr)
        return 1
    tidy = Tidy("clang" if args.each or args.files else "tidy")
    asked = {file.resolve() for file in args.files}
    foreign = sorted(asked.difference(tidy.units))
    if foreign:
        print("tidy: no source of the product: " + ", ".join(map(str, foreign)), file=sys.stderr)
        return 1
    return 1 if tidy.run(sorted(asked) or tidy.units) else 0


if __name__ == "__main__":
    sys.exit(main())
