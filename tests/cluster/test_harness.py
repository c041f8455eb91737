# SPDX-License-Identifier: Apache-2.0
"""The harness itself: it must notice what goes wrong."""

import pytest

import vasto_cluster
from vasto_cluster import Cluster

READY = "echo ready 127.0.0.1:1; exec sleep 1000"


@pytest.fixture
def empty():
    cluster = Cluster(start=False)
    yield cluster
    cluster.kill_all()


def test_the_ready_line_gives_the_address(empty):
    process = empty.spawn("fake", "sh", "-c", READY).wait_ready()
    assert process.address == "127.0.0.1:1"
    process.expected_codes = {-15}
    empty.close()
    assert not empty.folder.exists()


def test_a_daemon_that_dies_before_it_is_ready(empty):
    process = empty.spawn("fake", "sh", "-c", "echo no such disk >&2; exit 3")
    with pytest.raises(AssertionError, match="(?s)exited with 3.*no such disk"):
        process.wait_ready()


def test_a_daemon_that_is_never_ready(empty):
    process = empty.spawn("fake", "sleep", "1000")
    with pytest.raises(AssertionError, match="not ready"):
        process.wait_ready(0.2)


def test_a_crash_is_noticed_at_the_end(empty):
    process = empty.spawn("fake", "sh", "-c", "echo ready 127.0.0.1:1; kill -SEGV $$").wait_ready()
    process.popen.wait(10)
    with pytest.raises(AssertionError, match="exited with -11"):
        empty.close()


def test_a_daemon_that_ignores_sigterm(empty, monkeypatch):
    monkeypatch.setattr(vasto_cluster, "STOP_S", 0.3)
    process = empty.spawn("fake", "sh", "-c", "trap '' TERM; echo ready 127.0.0.1:1; "
                          "while :; do sleep 1; done").wait_ready()
    with pytest.raises(AssertionError, match="did not stop"):
        process.stop(0.3)


def test_a_stray_process_is_noticed(empty):
    process = empty.spawn("fake", "sh", "-c", "setsid sleep 1000 >/dev/null 2>&1 & " + READY)
    process.wait_ready()
    process.expected_codes = {-15}
    with pytest.raises(AssertionError, match="left running.*sleep 1000"):
        empty.close()
    assert empty.strays() == []


def test_a_wrong_exit_code_of_a_tool(empty, monkeypatch):
    monkeypatch.setattr(vasto_cluster, "BIN", vasto_cluster.Path("/bin"))
    assert empty.run("sh", "-c", "cat", input=b"in").out == b"in"
    with pytest.raises(vasto_cluster.CommandFailed, match="wanted exit code 0"):
        empty.run("sh", "-c", "exit 3")
    assert empty.run("sh", "-c", "exit 3", check=None).code == 3
