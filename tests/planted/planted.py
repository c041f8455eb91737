#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Do the tests find the bugs that they are there for?

  planted.py [--only WORDS]... [--list]

Copies the source tree, builds the tests below, and wants them green. Then plants each bug of bugs.py
in turn and wants one of them red. Ends with the line "N of N bugs found"; exit code 1 unless all were.
A quarter of an hour on two cores.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))

from bugs import BUGS  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
JOBS = str(os.cpu_count() or 2)
BUILD_S = 1800
TEST_S = 120
# The quick ones first: the first red one is enough.
TESTS = ("codec_test", "replication_follower_test", "storage_feed_ring_test",
         "storage_engine_test", "storage_shard_test",
         "storage_feed_test", "replication_replicator_test", "store_control_test",
         "storage_model_test", "replication_simulation_test")


def plant(text, bug):
    """The text with the bug in it; ValueError when its place is not there."""
    name, path, code, instead = bug
    if text.count(code) != 1:
        raise ValueError(f"{path} has the code of the bug '{name}' {text.count(code)} times")
    return text.replace(code, instead)


def copy_tree(to):
    files = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                           cwd=ROOT, capture_output=True, check=True).stdout.decode()
    for name in filter(None, files.split("\0")):
        source, target = ROOT / name, to / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)


def run(argv, folder, timeout_s):
    """(exit code, the end of what it printed)."""
    try:
        done = subprocess.run(argv, cwd=folder, timeout=timeout_s, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              errors="replace")
    except subprocess.TimeoutExpired:
        return 124, "out of time"
    return done.returncode, done.stdout[-3000:]


def build(folder):
    code, output = run(["ninja", "-C", "build", "-j", JOBS, "--quiet", *TESTS], folder, BUILD_S)
    if code != 0:
        raise RuntimeError(f"does not build:\n{output}")


def first_red(folder):
    """(the first test that fails, the end of its output); None: all pass."""
    for test in TESTS:
        code, output = run([f"build/tests/{test}"], folder, TEST_S)
        if code != 0:
            return test, output
    return None


def find_all(folder, bugs):
    """Plants each and prints who found it; how many were found."""
    found = 0
    for bug in bugs:
        name, path = bug[:2]
        start = time.monotonic()
        original = (folder / path).read_text()
        (folder / path).write_text(plant(original, bug))
        try:
            build(folder)
            red = first_red(folder)
            verdict = f"found by {red[0]}" if red else "NOT FOUND"
        except RuntimeError as error:
            red, verdict = None, str(error)
        finally:
            (folder / path).write_text(original)
        print(f"{name:52} {verdict:42} {time.monotonic() - start:5.0f} s", flush=True)
        found += red is not None
    return found


def main():
    parser = argparse.ArgumentParser(prog="planted.py")
    parser.add_argument("--only", action="append", default=[],
                        help="bugs whose name contains this; several times: any of them")
    parser.add_argument("--list", action="store_true")
    args = parser.parse_args()
    bugs = [bug for bug in BUGS if not args.only or any(words in bug[0] for words in args.only)]
    if args.list:
        print("\n".join(bug[0] for bug in bugs))
        return 0
    with tempfile.TemporaryDirectory(prefix="vasto-planted-") as name:
        folder = Path(name)
        copy_tree(folder)
        # File by file: each bug is in one.
        code, output = run(["cmake", "--preset", "release", "-DCMAKE_UNITY_BUILD=OFF",
                            "--log-level=WARNING"], folder, 300)
        if code != 0:
            raise RuntimeError(f"does not configure:\n{output}")
        build(folder)
        red = first_red(folder)
        if red:
            print(f"{red[0]} fails without any bug:\n{red[1]}")
            return 1
        found = find_all(folder, bugs)
    print(f"{found} of {len(bugs)} bugs found")
    return 0 if bugs and found == len(bugs) else 1


if __name__ == "__main__":
    sys.exit(main())
