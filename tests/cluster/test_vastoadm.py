# SPDX-License-Identifier: Apache-2.0
"""vastoadm: long operations, progress, what is refused; wrong words of both tools."""

import os
import pty
import re
import subprocess
import threading
import time

import pytest

import vasto_cluster
from vasto_cluster import BIN, SLOW, STOP_S, wait_until

COMMANDS = {
    "vasto": "get stat scan put del merge touch export import bench watch shell".split(),
    "vastoadm": "status store keyspace".split(),
    "vastoadm keyspace": "create list describe compact delete".split(),
    "vastoadm store": ["list"],
}


class OnTerminal:
    """A tool that runs on a pseudo-terminal; `shown` grows while it runs."""

    def __init__(self, cluster, *argv):
        terminal, slave = pty.openpty()
        self.shown = b""
        self.popen = subprocess.Popen(
            [str(a) for a in argv], stdin=slave, stdout=slave, stderr=slave, cwd=cluster.folder,
            env={**vasto_cluster.environment(cluster.folder), "TERM": "xterm"})
        os.close(slave)
        self._reader = threading.Thread(target=self._read, args=(terminal,))
        self._reader.start()

    def _read(self, terminal):
        try:
            while part := os.read(terminal, 4096):
                self.shown += part
        except OSError:
            pass  # the other side is closed
        os.close(terminal)

    def wait(self):
        code = self.popen.wait(30 * SLOW)
        self._reader.join(STOP_S)
        return code


# words

@pytest.mark.parametrize("tool,words,wrong", [
    ("vasto", ["follow", "ks", "prefix"], "follow"),
    ("vasto", ["gett", "ks", "k"], "gett"),
    ("vastoadm", ["stores"], "stores"),
    ("vastoadm", ["-o", "json", "key space"], "key space"),
    ("vastoadm keyspace", ["resize", "ks", "--shards", "8"], "resize"),
    ("vastoadm keyspace", ["replace", "ks", "--from", "a", "--to", "b"], "replace"),
    ("vastoadm keyspace", ["status"], "status"),
    ("vastoadm store", ["lst"], "lst"),
])
def test_a_wrong_command_is_named_with_those_there_are(shared, tool, words, wrong):
    program, *group = tool.split()
    result = shared.run(program, "-m", shared.address, *group, *words, check=2, timeout_s=10)
    assert result.err == (f"{program}: unknown command '{wrong}'; {tool} has: "
                          f"{', '.join(COMMANDS[tool])} (see {program} --help)\n")
    assert result.out == b""


@pytest.mark.parametrize("tool", COMMANDS)
def test_no_command_is_a_usage_error_with_the_commands(shared, tool):
    program, *group = tool.split()
    result = shared.run(program, "-m", shared.address, *group, check=2, timeout_s=10)
    assert result.err.startswith(f"{program}: no command given; {tool} has: ")
    assert all(command in result.err for command in COMMANDS[tool])
    assert result.err.count("\n") == 1


@pytest.mark.parametrize("program,argv,words", [
    ("vasto", ["--nonsense"], "unknown option --nonsense"),
    ("vasto", ["get", "ks"], "KEY is required"),
    ("vasto", ["get", "ks", "k", "more"], "not expected: more"),
    ("vasto", ["get", "ks", "k", "--nonsense"], "not expected: --nonsense"),
    ("vasto", ["-o", "yaml", "get", "ks", "k"], "--output: yaml not in {table,json}"),
    ("vasto", ["--timeout-ms", "0", "get", "ks", "k"], "--timeout-ms"),
    ("vasto", ["put", "ks", "k", "v", "--if-absent", "--if-version", "1"], "--if-version"),
    ("vasto", ["touch", "ks", "k", "soon"], "SECONDS"),
    ("vasto", ["import", "ks", "--batch", "0"], "--batch"),
    ("vasto", ["put", "ks", "k", "v", "--ttl", ""], "--ttl: must be a whole number"),
    ("vasto", ["put", "ks", "k", "v", "--ttl", "0x10"], "--ttl: must be a whole number"),
    ("vasto", ["put", "ks", "k", "v", "--ttl", "3153600001"], "to 3153600000"),
    ("vasto", ["put", "ks", "k", "v", "--event-time-ns", "-1"], "--event-time-ns"),
    ("vasto", ["scan", "ks", "--limit", "-1"], "--limit"),
    ("vasto", ["bench", "ks", "--operations", "-1"], "--operations"),
    ("vasto", ["bench", "ks", "--value-size", "99999999999"], "to 67108864"),
    ("vastoadm", ["keyspace", "create", "ks", "--ttl", "-1"], "--ttl"),
    ("vastoadm", ["keyspace", "create", "ks", "--shards", "many"], "--shards"),
    ("vastoadm", ["--nonsense"], "unknown option --nonsense"),
    ("vastoadm", ["keyspace", "create"], "NAME is required"),
    ("vastoadm", ["keyspace", "create", "ks", "--acks", "most"], "--acks: most"),
    ("vastoadm", ["keyspace", "delete", "ks"], "add --yes"),
    ("vastoadm", ["status", "more"], "not expected: more"),
])
def test_a_usage_error_says_what_is_wrong(shared, program, argv, words):
    result = shared.run(program, "-m", shared.address, *argv, check=2, timeout_s=10)
    assert words in result.err, result
    assert result.err.startswith(f"{program}: ") and result.err.count("\n") == 1, result
    assert result.out == b""


def test_a_master_that_is_no_address_is_a_usage_error(shared):
    for masters in ("foo", "localhost:0x10", "a\nb"):
        result = shared.run("vasto", "-m", masters, "get", "ks", "k", check=2)
        assert "is not HOST:PORT" in result.err and result.err.count("\n") == 1, result


@pytest.mark.parametrize("program", ["vasto", "vastoadm"])
def test_no_master_given_is_a_usage_error(shared, program):
    argv = ["get", "ks", "k"] if program == "vasto" else ["status"]
    assert "VASTO_MASTER" in shared.run(program, *argv, check=2, timeout_s=10).err


def test_a_store_in_the_place_of_the_master_is_named(shared):
    store = shared.stores[0].address
    for argv in (("status",), ("keyspace", "delete", "ks", "--yes")):
        result = shared.run("vastoadm", "-m", store, *argv, check=1, timeout_s=10)
        assert f"master {store}: " in result.err and "what listens there is a store" in result.err
        assert result.err.count("\n") == 1, result


# long operations

def test_no_wait_prints_the_operation_whether_or_not_it_has_ended(make_cluster):
    cluster = make_cluster(stores=1)
    cluster.create("ks")
    ids = [cluster.vastoadm("keyspace", "compact", "ks", "--no-wait").text for _ in range(10)]
    assert all(re.fullmatch(r"\d+\n", text) for text in ids), ids
    answer = cluster.vastoadm("-o", "json", "keyspace", "compact", "ks", "--no-wait").json
    assert answer["operation"].isdigit() and answer["result"] in ("started", "compacted")
    assert len({*ids, answer["operation"] + "\n"}) == 11
    # One that cannot even begin has ended at once, and badly.
    cluster.stores[0].kill9()
    cluster.wait_for_stores(0)
    result = cluster.vastoadm("keyspace", "compact", "ks", "--no-wait", check=5)
    assert re.fullmatch(r"\d+\n", result.text)
    assert "not connected" in result.err
    answer = cluster.vastoadm("-o", "json", "keyspace", "compact", "ks", "--no-wait", check=5).json
    assert answer["operation"].isdigit() and answer["result"] == "failed"


def test_a_replica_on_a_store_that_is_gone_has_no_lag(make_cluster):
    cluster = make_cluster(stores=2)
    cluster.create("ks", 1, 2)
    cluster.stores[0].kill9()
    cluster.wait_for_stores(1)
    by_address = {r["address"]: r for r in cluster.describe("ks")["shard_list"][0]["replicas"]}
    gone, here = (by_address[cluster.stores[i].address] for i in (0, 1))
    assert (gone["lag_us"], gone["health"]) == (None, "store is not up")
    assert isinstance(here["lag_us"], int)
    table = cluster.vastoadm("keyspace", "describe", "ks").text
    line = next(line for line in table.splitlines() if cluster.stores[0].address in line)
    assert re.search(r" - +store is not up", line), table


def test_an_operation_is_waited_for_with_a_progress_bar_and_without_a_limit(make_cluster):
    """The bar is only on a terminal. --timeout-ms, when given, limits the wait."""
    cluster = make_cluster(stores=2)
    cluster.create("ks", 4)
    with cluster.stores[0].paused():
        start = time.monotonic()
        tool = OnTerminal(cluster, BIN / "vastoadm", "-m", cluster.address, "keyspace", "compact",
                          "ks")
        bar = rb"compact keyspace ks \[#{15} {15}\]  50% 1/2 steps"
        wait_until(lambda: re.search(bar, tool.shown), "the bar at one of two stores")
        result = cluster.vastoadm("--timeout-ms", 400, "keyspace", "compact", "ks", check=4)
        assert re.search(r"still running after 400 ms.*as operation \d+$", result.err.strip())
        assert "\r" not in result.err and "[" not in result.err  # no terminal, no bar
        # The default of --timeout-ms, 10 s, is no limit of the wait.
        while time.monotonic() - start < 10.5:
            assert tool.popen.poll() is None, tool.shown
            time.sleep(0.1)
    assert tool.wait() == 0, tool.shown
    # The bar is wiped and the result stands in its place.
    assert tool.shown.endswith(b"\r\x1b[Kkeyspace ks compacted\r\n"), tool.shown


# exit codes

def test_a_store_that_is_silent_and_one_that_is_gone_have_exit_codes_of_their_own(make_cluster):
    cluster = make_cluster(stores=1)
    cluster.create("ks")
    cluster.put("ks", "k", b"v")
    with cluster.stores[0].paused():
        for argv in (("get", "ks", "k"), ("put", "ks", "k", "w"), ("scan", "ks")):
            result = cluster.vasto("--timeout-ms", 500, *argv, check=4)
            assert result.err.count("\n") == 1 and result.out == b"", result
    wait_until(lambda: cluster.vasto("get", "ks", "k", check=None).code == 0, "the store")
    cluster.stores[0].kill9()
    for argv in (("get", "ks", "k"), ("put", "ks", "k", "w"), ("scan", "ks")):
        result = cluster.vasto("--timeout-ms", 500, *argv, check=5)
        assert result.err.count("\n") == 1 and result.out == b"", result
