#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The phases of tools/test: each builds or tests one thing, is timed, and adds to the counts.

A phase that cannot run (its build broke, it ran out of time) counts as one failure, and the phases
that do not need it still run, and so does a run that takes longer than the project allows. Results
come from the JUnit files that ctest and pytest write. A test that was to run and was not, because
its program was not built or what it needs failed, is a failure and not a skipped one.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

sys.dont_write_bytecode = True

from background import Background  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
JOBS = str(os.cpu_count() or 2)
TESTS_AT_ONCE = str((os.cpu_count() or 2) + 1)  # one of them waits
PYTHON = "/usr/bin/python3"
# All phases together, without --soak, on a machine that has its processors for itself.
LIMIT_S = 2400
SANITIZERS = ("asan", "tsan")
# The reasons of ctest for a test that ran and asked to be skipped; any other is one that could not.
CTEST_SKIPPED = "SKIP_"
GTEST_SKIPPED = re.compile(r"^\[  SKIPPED \] ([\w./]+)$", re.M)


class Totals:
    """What has been counted so far. One instance per run."""

    def __init__(self):
        self.passed = 0
        self.failed = 0
        self.skipped = 0
        self.failures = []
        self.skips = []

    def fail(self, name):
        self.failed += 1
        self.failures.append(name)

    def skip(self, name, why=""):
        self.skipped += 1
        self.skips.append(f"{name} ({why})" if why else name)

    def add_case(self, case):
        """One case of a JUnit file: of ctest (with a status) or of pytest (without)."""
        name = " ".join(dict.fromkeys(filter(None, (case.get("classname"), case.get("name")))))
        status = case.get("status")
        skipped = case.find("skipped")
        why = (skipped.get("message") or "").split("\n")[0] if skipped is not None else ""
        if case.find("failure") is not None or case.find("error") is not None or status == "fail":
            self.fail(name)
        elif status == "notrun" and not why.startswith(CTEST_SKIPPED):
            self.fail(f"{name}: not run: {why or 'no reason given'}")
        elif skipped is not None or status in ("notrun", "disabled"):
            self.skip(name, why or status)
        else:
            self.passed += 1
        # Parts of a test program that skipped themselves while the rest of it ran.
        for part in sorted(set(GTEST_SKIPPED.findall(case.findtext("system-out") or ""))):
            self.skip(part, f"in {name}")

    def add_junit(self, path):
        """Adds the cases of a JUnit file. False when there is no readable file."""
        try:
            cases = list(ElementTree.parse(path).iter("testcase"))
        except (OSError, ElementTree.ParseError):
            return False
        for case in cases:
            self.add_case(case)
        return True

    def line(self):
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


class Runner:
    """Runs the phases in order and remembers which builds are usable."""

    def __init__(self, args):
        self.args = args
        self.tidy_command = [PYTHON, "tools/lib/tidy.py"] + (["--each"] if args.soak else [])
        self.totals = Totals()
        self.built = set()
        self.times = []
        self.background = Background(ROOT)

    def command(self, argv, timeout_s, env=None):
        """Runs argv in the source folder; returns its exit code, 124 when it ran out of time."""
        print("+ " + " ".join(argv), flush=True)
        try:
            return subprocess.run(argv, cwd=ROOT, env={**os.environ, **(env or {})},
                                  timeout=timeout_s, check=False).returncode
        except subprocess.TimeoutExpired:
            print(f"out of time after {timeout_s} s", flush=True)
            return 124

    def selected(self, name):
        return not self.args.only or any(part in name for part in self.args.only)

    def run(self, name, action):
        if not self.selected(name):
            return
        print(f"\n=== {name}", flush=True)
        start = time.monotonic()
        before = self.totals.failed
        action()
        seconds = time.monotonic() - start
        verdict = "ok" if self.totals.failed == before else "FAILED"
        self.times.append((name, seconds, verdict))
        print(f"=== {name}: {verdict}, {seconds:.0f} s", flush=True)

    def carry_out(self, name, commands, timeout_s):
        """Runs the commands until one fails, or waits for them where they run in the background."""
        if self.background.has(name):
            code, output = self.background.finish(name, timeout_s)
            print(output, end="", flush=True)
            return code
        return next((code for argv in commands if (code := self.command(argv, timeout_s))), 0)

    def build(self, preset):
        """Configures and builds a preset; a failure counts once."""
        if self.carry_out(f"build {preset}", build_commands(preset), 1800) == 0:
            self.built.add(preset)
        else:
            self.totals.fail(f"build {preset}")

    def need(self, preset):
        """True when the preset is built; a single phase run with --only trusts what is there."""
        if preset in self.built or self.args.only:
            return True
        self.totals.fail(f"not run: the {preset} build failed")
        return False

    def ctest(self, preset, timeout_s, *selection):
        if not self.need(preset):
            return
        folder = build_folder(preset)
        report = folder / "ctest.xml"
        report.unlink(missing_ok=True)
        code = self.command(
            ["ctest", "--test-dir", str(folder), "--output-on-failure", "-j", TESTS_AT_ONCE,
             "--output-junit", str(report), "--test-output-size-passed", "1000000",
             "--no-tests=error", *selection],
            timeout_s, soak_env(self.args))
        self.count(f"ctest {preset}", code, report)

    def pytest(self, name, paths, timeout_s, preset="release", extra=()):
        paths = [p for p in paths if (ROOT / p).is_dir() and list((ROOT / p).glob("test_*.py"))]
        if not paths or not self.need(preset):
            return
        report = build_folder(preset) / f"pytest-{name}.xml"
        report.unlink(missing_ok=True)
        env = {**soak_env(self.args), "VASTO_BUILD": str(build_folder(preset))}
        code = self.command(
            [PYTHON, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--durations=5",
             f"--junitxml={report}", *extra, *paths], timeout_s, env)
        self.count(f"pytest {name}", code, report)

    def count(self, name, code, report):
        """Adds a report; a run that failed without saying what failed is itself a failure."""
        before = self.totals.failed
        readable = self.totals.add_junit(report)
        if not readable or (code != 0 and self.totals.failed == before):
            self.totals.fail(f"{name}: exit code {code}")

    def check_time(self, seconds, stolen_s=0):
        """The whole run; too long counts once. stolen_s: of it, what this machine did not get."""
        if not self.args.soak and seconds - stolen_s > LIMIT_S:
            stolen = f" ({stolen_s:.0f} s of them stolen)" if stolen_s >= 1 else ""
            self.totals.fail(f"took {seconds:.0f} s{stolen}, the limit is {LIMIT_S} s")

    def tidy(self):
        self.count_one("clang-tidy", self.carry_out("clang-tidy", [self.tidy_command], 1500))

    def start_background(self):
        """Begins what needs no tests and is waited for later."""
        jobs = {f"build {preset}": build_commands(preset) for preset in SANITIZERS}
        jobs["clang-tidy"] = [self.tidy_command]
        self.background.start({n: commands for n, commands in jobs.items() if self.selected(n)})

    def planted(self):
        self.count_one("planted bugs", self.command([PYTHON, "tests/planted/planted.py"], 7200))

    def count_one(self, name, code):
        if code == 0:
            self.totals.passed += 1
        else:
            self.totals.fail(name)


def stolen_seconds(stat="/proc/stat"):
    """How long the processors of this virtual machine were ready to run and did not, because the host
    ran something else (`steal` of proc(5)): seconds since it started, the mean of its processors."""
    try:
        lines = [line.split() for line in Path(stat).read_text().splitlines()]
        ticks = [int(line[8]) for line in lines if line and re.fullmatch(r"cpu\d+", line[0])]
    except (OSError, ValueError, IndexError):
        return 0.0
    return sum(ticks) / len(ticks) / os.sysconf("SC_CLK_TCK") if ticks else 0.0


def build_folder(preset):
    return ROOT / ("build" if preset == "release" else f"build-{preset}")


def build_commands(preset):
    return [["cmake", "--preset", preset, "--log-level=WARNING"],
            ["ninja", "-C", str(build_folder(preset)), "-j", JOBS, "--quiet"]]


def soak_env(args):
    return {"VASTO_SOAK": "1"} if args.soak else {}


def phases(runner, args):
    """(name, action) in order."""
    soak = args.soak
    yield "build release", lambda: runner.build("release")
    yield "unit tests and lints", lambda: runner.ctest("release", 900)

    def cluster_tests():
        # These and the next ones wait more than they work.
        if not args.quick:
            runner.start_background()
        runner.pytest("cluster", ["tests/cluster"], 7200 if soak else 900)

    yield "cluster tests", cluster_tests
    yield "mount tests", lambda: runner.pytest("fuse", ["tests/fuse"], 3600 if soak else 600)
    yield "bindings", lambda: runner.pytest("bindings", ["tests/bindings"], 1200, "release", (
        "-n", JOBS, "--dist", "loadgroup"))
    if args.quick:
        return
    if soak:
        yield "planted bugs", runner.planted
    for preset in SANITIZERS:
        yield f"build {preset}", lambda p=preset: runner.build(p)
        yield f"unit tests {preset}", lambda p=preset: runner.ctest(
            p, 3600 if soak else 900, "-LE", "lint|bench")
        yield f"cluster tests {preset}", lambda p=preset: runner.pytest(
            f"cluster-{p}", ["tests/cluster"], 7200 if soak else 420, p,
            () if soak else ("-m", "smoke"))
    yield "clang-tidy", runner.tidy


def main():
    parser = argparse.ArgumentParser(prog="tools/test")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--soak", action="store_true")
    parser.add_argument("--only", action="append", metavar="P")
    parser.add_argument("--list", action="store_true")
    args = parser.parse_args()
    runner = Runner(args)
    if args.list:
        print("\n".join(name for name, _ in phases(runner, args)))
        return 0
    if not shutil.which("ninja"):
        print("tools/test: ninja is missing; run tools/setup", file=sys.stderr)
        return 1
    start, stolen_before = time.monotonic(), stolen_seconds()
    try:
        for name, action in phases(runner, args):
            runner.run(name, action)
    finally:
        runner.background.stop()
    print("\nphase                            seconds  result")
    for name, seconds, verdict in runner.times:
        print(f"{name:32} {seconds:7.0f}  {verdict}")
    seconds, stolen_s = time.monotonic() - start, stolen_seconds() - stolen_before
    print(f"{'all':32} {seconds:7.0f}\n{'of which stolen by the host':32} {stolen_s:7.0f}")
    runner.check_time(seconds, stolen_s)
    for skip in runner.totals.skips:
        print(f"skipped: {skip}")
    for failure in runner.totals.failures:
        print(f"failed: {failure}")
    if not runner.times:
        runner.totals.fail("no phase matched")
    print(runner.totals.line(), flush=True)
    return 0 if runner.totals.failed == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
