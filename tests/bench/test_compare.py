#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tests/bench/compare works and counts right: a small run, whose numbers mean nothing."""

import argparse
import contextlib
import importlib.machinery
import importlib.util
import io
import os
import re
import signal
import subprocess
import sys
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
COMPARE = Path(__file__).resolve().parent / "compare"
README = COMPARE.parents[2] / "README.md"
# A hung run is ended by this, well before ctest would do it without a word.
TIMEOUT_S = 150

ROWS = [
    "get, 50 in flight, multiplexed",
    "get, 50 connections, one in flight each",
    "get, 50 connections, 32 in flight each",
    "put, 50 in flight, multiplexed",
    "put, 50 connections, one in flight each",
    "put, 50 connections, 32 in flight each",
    "get, one connection, one in flight, TCP",
    "get, one connection, one in flight, unix socket",
    "multi_get of 100",
    "batch put of 100",
    "full scan",
]
# Of three stores; a table of their own.
REPLICATED_ROWS = [
    "put, 3 replicas, acks one, 50 in flight",
    "put, 3 replicas, acks quorum, 50 in flight",
]
# Of replication itself, against limits.
LIMITED_ROWS = [
    "replica lag under full write load, p99",
    "all is everywhere after the load ends",
    "failover stall of a client, kill -9",
    "a replica made from a checkpoint, against cp",
    "a replica made from a checkpoint, against cp and sync",
    "memory over what is configured, a follower stands still",
]


def load_compare():
    loader = importlib.machinery.SourceFileLoader("compare", str(COMPARE))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("compare", loader))
    loader.exec_module(module)
    return module


def table_of(text):
    """{workload: (vasto, other, ratio, target)} of the rows as printed."""
    rows = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if line.startswith("|") and len(cells) == 6 and re.match(r"[\d.]+$", cells[5]):
            rows[cells[0]] = [float(cells[n].replace(",", "")) for n in (1, 3, 4, 5)]
    return rows


def limits_of(text):
    """{measure: (measured, limit)} of the rows as printed."""
    rows = re.findall(r"(?m)^\| ([^|]+) \| ([-\d,.]+) (\w+) \| (\d+) (\w+) \|$", text)
    return {name: (float(value.replace(",", "")), float(limit)) for name, value, _, limit, _ in rows}


class SmallRun(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        argv = [COMPARE, "--rounds", "1", "--operations", "2000", "--keys", "5000", "--shards", "4"]
        process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   start_new_session=True)
        try:
            cls.output, cls.errors = process.communicate(timeout=TIMEOUT_S)
        finally:
            cls.left_over = True
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                cls.left_over = False
            process.wait()
        cls.code = process.returncode

    def test_it_ends_well_and_leaves_nothing_running(self):
        self.assertEqual(self.code, 0, self.output + self.errors)
        self.assertFalse(self.left_over, "a server was left running")

    def test_it_names_the_machine(self):
        self.assertRegex(self.output, r"(?m)^Machine: \d+ cores \(.+\), \d+ GiB, Linux .+; medians of 1")

    def test_the_table_has_all_rows(self):
        table = table_of(self.output)
        self.assertCountEqual(table, ROWS + REPLICATED_ROWS, self.output + self.errors)
        for name, (mine, his, ratio, target) in table.items():
            self.assertGreater(mine, 0, name)
            self.assertAlmostEqual(ratio, mine / his, delta=0.01 + ratio / 20, msg=name)
            self.assertGreater(target, 0, name)

    def test_replication_is_held_against_its_limits(self):
        limits = limits_of(self.output)
        self.assertCountEqual(limits, LIMITED_ROWS, self.output + self.errors)
        self.assertGreater(limits["replica lag under full write load, p99"][0], 0)
        self.assertGreater(limits["failover stall of a client, kill -9"][0], 0)

    def test_the_last_line_counts_what_is_below_target(self):
        self.assertRegex(self.output, r"store memory with 5 shards: \d+ MiB resident, [+-]\d+ MiB")
        # A ratio that is printed as its target may be on either side of it.
        below = sum(ratio < target - 0.005 for _, _, ratio, target in table_of(self.output).values())
        edge = sum(abs(ratio - target) <= 0.005 for _, _, ratio, target in table_of(self.output).values())
        limits = limits_of(self.output).values()
        below += sum(value > limit + 0.05 for value, limit in limits)
        edge += sum(abs(value - limit) <= 0.05 for value, limit in limits)
        counted = int(re.search(r"(\d+) below target\s*$", self.output).group(1))
        self.assertIn(counted, range(below, below + edge + 1))


class Readme(unittest.TestCase):
    """The table of the README is one that the script printed, with its machine and its targets."""

    def setUp(self):
        text = README.read_text(encoding="utf-8")
        marked = re.findall(r"<!-- comparison:begin -->\n(.*?)<!-- comparison:end -->", text, re.S)
        self.assertEqual(len(marked), 1)
        self.text = marked[0]

    def test_it_has_every_row_with_the_ratio_of_its_numbers(self):
        table = table_of(self.text)
        self.assertCountEqual(table, ROWS)
        for name, (mine, his, ratio, _) in table.items():
            self.assertAlmostEqual(ratio, mine / his, delta=0.006, msg=name)

    def test_the_targets_are_those_that_are_measured_against(self):
        args = argparse.Namespace(operations=1, keys=1)
        workloads = load_compare().workloads(args, None, None, Path())
        self.assertEqual({name: target for name, _, target, *_ in workloads},
                         {name: row[3] for name, row in table_of(self.text).items()})

    def test_it_names_the_machine_and_the_memory(self):
        self.assertRegex(self.text, r"Measured on \d+ cores \(.+\), \d+ GiB, Linux .+; medians of \d")
        self.assertRegex(self.text, r"memory with \d+ shards: \d+ MiB resident, [+-]\d+ MiB")


class MemoryRow(unittest.TestCase):
    """The row of memory, of a store that only says how large it is."""

    def missed(self, over_mib):
        compare = load_compare()

        class Store:
            @staticmethod
            def rss_mib():
                return compare.CACHE_MB + compare.WRITE_BUFFER_MB + over_mib

        class Vasto:
            store = Store

            def admin(self, *_):
                pass

            def bench(self, *_):
                pass

        with contextlib.redirect_stdout(io.StringIO()) as output:
            missed = compare.memory_row(Vasto(), 4)
        self.assertIn(f"{over_mib:+} MiB against", output.getvalue())
        return missed

    def test_too_much_memory_is_below_target(self):
        self.assertFalse(self.missed(-10))
        self.assertFalse(self.missed(64))
        self.assertTrue(self.missed(65))


if __name__ == "__main__":
    unittest.main()
