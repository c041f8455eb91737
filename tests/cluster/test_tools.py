# SPDX-License-Identifier: Apache-2.0
"""vasto and vastoadm: output, JSON, exit codes, shell, import and export, bench."""

import json
import os
import pty
import random
import subprocess

import pytest

import vasto_cluster
from vasto_cluster import BIN


@pytest.fixture
def ks(shared, request):
    """The name of a fresh keyspace."""
    name = f"tools{abs(hash(request.node.nodeid)) % 10**9}"
    shared.create(name, 2)
    yield name
    shared.vastoadm("keyspace", "delete", name, "--yes")


@pytest.mark.smoke
def test_put_get_del(shared, ks):
    shared.vasto("put", ks, "k", "value")
    assert shared.vasto("get", ks, "k").out == b"value"  # and nothing else, no line end
    shared.vasto("del", ks, "k")
    assert shared.vasto("get", ks, "k", check=3).out == b""


def test_put_reads_stdin(shared, ks):
    value = random.Random(3).randbytes(3 << 20)
    shared.put(ks, "k", value)
    assert shared.get(ks, "k") == value
    shared.put(ks, "empty", b"")
    assert shared.get(ks, "empty") == b""


def test_keys_that_look_like_options(shared, ks):
    shared.vasto("put", ks, "--", "-k", "v")
    assert shared.vasto("get", ks, "--", "-k").out == b"v"


@pytest.mark.smoke
def test_scan(shared, ks):
    for i in range(20):
        shared.vasto("put", ks, f"key{i:02}", f"v{i}")
    shared.vasto("put", ks, "other", "x")
    lines = shared.vasto("scan", ks, "key").text.strip().split("\n")
    assert len(lines) == 20
    assert [line.split()[0] for line in lines] == [f"key{i:02}" for i in range(20)]
    assert len(shared.vasto("scan", ks, "--limit", 3).text.strip().split("\n")) == 3


def test_scan_as_json(shared, ks):
    shared.vasto("put", ks, "a", "1")
    shared.put(ks, "b", b"\xff\x00")
    rows = [json.loads(line) for line in
            shared.vasto("-o", "json", "scan", ks).text.strip().split("\n")]
    text = json.dumps(rows)
    assert '"a"' in text
    assert "/wA=" in text  # bytes that are not text come as base64


def test_json_has_a_schema(shared, ks):
    for argv in (("status",), ("store", "list"), ("keyspace", "list"),
                 ("keyspace", "describe", ks)):
        assert shared.vastoadm("-o", "json", *argv).json["schema"] == 1


def test_master_from_the_environment(shared, ks):
    shared.vasto("put", ks, "k", "v")
    result = shared.run("vasto", "get", ks, "k", env={"VASTO_MASTER": shared.address})
    assert result.out == b"v"
    listing = shared.run("vastoadm", "-o", "json", "keyspace", "list",
                         env={"VASTO_MASTER": shared.address}).json
    assert ks in [k["name"] for k in listing["keyspaces"]]


def test_several_masters_the_first_away(shared, ks):
    address = f"127.0.0.1:1,{shared.address}"
    shared.vasto("put", ks, "k", "v")
    assert shared.run("vasto", "-m", address, "get", ks, "k").out == b"v"


def test_shell_runs_commands_from_stdin(shared, ks):
    script = f"use {ks}\nput a 1\nput b 'two words'\nput \\x00\\xff bytes\nget b\nscan\ndel a\nquit\n"
    result = shared.vasto("shell", input=script.encode())
    assert "two words" in result.text
    assert shared.vasto("get", ks, "a", check=None).code == 3
    assert "\\x00\\xff\tbytes\n" in shared.vasto("scan", ks).text


def test_shell_script_stops_at_the_first_failure(shared, ks):
    result = shared.vasto("shell", ks, input=b"put k v\nnonsense\nput k2 v\n", check=None)
    assert result.code == 2
    assert "nonsense" in result.err
    assert shared.vasto("get", ks, "k").out == b"v"
    assert shared.vasto("get", ks, "k2", check=None).code == 3


def test_shell_on_a_terminal_edits_and_remembers(shared, ks):
    """Typed words are shown, errors do not end the session, and the history is kept."""
    state = shared.folder / "state"
    env = {**vasto_cluster.environment(shared.folder), "TERM": "xterm", "XDG_STATE_HOME": str(state)}
    master, slave = pty.openpty()
    argv = [str(BIN / "vasto"), "-m", shared.address, "shell", ks]
    with subprocess.Popen(argv, stdin=slave, stdout=slave, stderr=slave, env=env) as shell:
        os.close(slave)
        os.write(master, b"nonsense\nput typed inX\x7f\x7fhand\nget typed\nquit\n")
        shown = b""
        try:
            while part := os.read(master, 4096):
                shown += part
        except OSError:
            pass  # the other side is closed
        assert shell.wait(20 * vasto_cluster.SLOW) == 0
    os.close(master)
    assert b"nonsense" in shown
    assert shared.vasto("get", ks, "typed").out == b"ihand"
    assert "put typed ihand" in (state / "vasto/history").read_text().replace("\\040", " ")


def test_export_and_import_are_inverse(shared, ks):
    rng = random.Random(11)
    rows = {b"plain": b"text", b"empty": b"", "µ".encode(): "ü".encode()}
    rows.update({rng.randbytes(9).replace(b"\0", b"0"): rng.randbytes(50) for _ in range(50)})
    for key, value in rows.items():
        shared.put(ks, key, value)
    exported = shared.vasto("export", ks).out
    lines = exported.decode().strip().split("\n")
    assert len(lines) == len(rows)
    assert all(isinstance(json.loads(line), dict) for line in lines)
    shared.create("copy", 3)
    shared.vasto("import", "copy", input=exported)
    for key, value in rows.items():
        assert shared.get("copy", key) == value
    assert shared.vasto("export", "copy").out == exported
    shared.vastoadm("keyspace", "delete", "copy", "--yes")


def test_import_refuses_garbage_with_its_line(shared, ks):
    good = shared.vasto("export", ks)
    assert good.out == b""
    result = shared.vasto("import", ks, input=b'{"nonsense": 1}\n', check=None)
    assert result.code in (1, 2)
    assert "1" in result.err
    result = shared.vasto("import", ks, input=b"not json\n", check=None)
    assert result.code in (1, 2)


@pytest.mark.parametrize("workload,more", [
    ("put", []), ("get", ["--in-flight", 1]), ("mixed", ["--reads", 50, "--distribution", "zipfian"]),
    ("batch_put", ["--batch", 50]), ("multi_get", ["--connections", 2]), ("scan", []),
    ("put", ["--rate", 2000, "--threads", 2])])
def test_bench(shared, ks, workload, more):
    result = shared.vasto("bench", ks, "--workload", workload, "--operations", 1000, "--keys", 500,
                          *more)
    for word in ("p50", "p99", "p99.9", "throughput"):
        assert word in result.text, result
    report = shared.vasto("-o", "json", "bench", ks, "--workload", workload, "--operations", 1000,
                          "--keys", 500, *more).json
    assert report["schema"] == 1
    assert "failed" not in result.text
