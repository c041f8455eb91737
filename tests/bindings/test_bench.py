# SPDX-License-Identifier: Apache-2.0
"""tests/bench/bindings works and counts right: a small run, whose numbers mean nothing."""

import os
import re
import subprocess

import pytest

from languages import ROOT

QUICK = ("node", "python")  # the script is the same for all
NUMBER = r"([\d,]+)"
ROW = re.compile(rf"\| (.+) \| {NUMBER} \| (C|Redis) \| {NUMBER} \| (\d+\.\d\d) \| ([\d.]+) \|")
MEMORY = re.compile(r"\| (\w+) \| (-?\d+\.\d) \| (\d+) \|")


def test_bench(language):
    name = language.name
    if name not in QUICK and not os.environ.get("VASTO_SOAK"):
        pytest.skip("needs VASTO_SOAK=1: its programs are built for up to a minute")
    done = subprocess.run([ROOT / "tests/bench/bindings", "--languages", name, "--rounds", "1", "--scale", "0.0005"],
                          capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = ROW.findall(done.stdout)
    assert [(row[0], row[2]) for row in rows] == [
        (f"{name}: get, 1 in flight", "C"), (f"{name}: get, 50 in flight", "C"), (f"{name}: get, 50 in flight, Redis", "Redis"),
        (f"{name}: put, 50 in flight, Redis", "Redis"), (f"{name}: scan of all rows", "C")], done.stdout
    below = 0
    for _, ours, _, theirs, ratio, target in rows:
        quotient = int(ours.replace(",", "")) / int(theirs.replace(",", ""))
        assert abs(quotient - float(ratio)) < 0.01
        below += quotient < float(target)
    memory = MEMORY.findall(done.stdout)
    assert [row[0] for row in memory] == [name], done.stdout
    below += float(memory[0][1]) > float(memory[0][2])
    assert done.stdout.endswith(f"\n{below} below target\n"), done.stdout
