# SPDX-License-Identifier: Apache-2.0
"""The tests' own network, and the checks of histories: each is shown to notice what it is for."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import history
import netns
import slow_link
from history import Operation
from vasto_cluster import MARK, wait_until

HERE = Path(__file__).parent


@pytest.fixture
def network():
    made = netns.Network(["a", "b", "c"])
    yield made
    made.close()


class Echo:
    """A UDP server in a node, and ask(): whether an answer comes."""

    def __init__(self, network, node):
        self.network, self.node = network, node
        with network.inside(node):
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((network.addresses[node], 7))
        self.heard = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            data, sender = self._socket.recvfrom(100)
            self.heard.append(data)
            self._socket.sendto(data, sender)

    def ask(self, node, data=b"x", timeout_s=10):
        with self.network.inside(node), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            asking.settimeout(timeout_s)
            asking.sendto(data, (self.network.addresses[self.node], 7))
            try:
                return asking.recv(100) == data
            except TimeoutError:
                return False

    def is_cut_off(self, node, data=b"x"):
        return not self.ask(node, data, 0.2)


def test_a_cut_stops_what_it_names_and_heals(network):
    echo = Echo(network, "b")
    assert echo.ask("a") and echo.ask("c") and echo.ask(netns.ROUTER)
    network.cut(["a"], ["b"])
    assert echo.is_cut_off("a") and echo.ask("c") and echo.ask(netns.ROUTER)
    network.heal()
    assert echo.ask("a")
    network.isolate(["b"])
    assert echo.is_cut_off("a") and echo.is_cut_off("c") and echo.ask(netns.ROUTER)
    network.heal()
    assert echo.ask("a") and echo.ask("c")


def test_a_cut_of_one_way(network):
    echo = Echo(network, "b")
    network.cut(["b"], ["a"], one_way=True)
    assert echo.is_cut_off("a", b"heard")
    wait_until(lambda: echo.heard == [b"heard"], "what goes the other way")
    network.heal()
    network.cut(["a"], ["b"], one_way=True)
    assert echo.is_cut_off("a", b"not heard")
    assert echo.heard == [b"heard"]


def test_a_slow_link_delays_stalls_and_ends(network):
    echo = Echo(network, "b")
    with network.slow([("a", "b")], delay_s=0.1) as link:
        start = time.monotonic()
        assert echo.ask("a")
        assert time.monotonic() - start >= 0.2
        link.stall()
        assert echo.is_cut_off("a", b"held")
        assert echo.ask("c")
        assert b"held" not in echo.heard
        link.go_on()
        wait_until(lambda: b"held" in echo.heard, "what was held up")
    assert echo.ask("a")


def test_a_narrow_link_has_a_rate_and_drops_what_does_not_fit():
    packets = slow_link.Packets(delay_s=0.5, bytes_per_s=1000, room=2500)
    there, back = b"aaaabbbb", b"bbbbaaaa"

    def add(pair, mark, now):
        packets.add((bytes(12) + pair + mark).ljust(1000, b"."), now)

    def due(now):
        return [packet[20:21] for packet in packets.due(now)]

    for mark in b"1", b"2", b"3":
        add(there, mark, 10.0)
    add(back, b"4", 10.0)
    assert due(11.49) == [] and packets.next_s(11.25) == 0.25
    assert due(11.5) == [b"1", b"4"]
    add(there, b"5", 11.5)
    assert due(12.5) == [b"2"] and due(13.49) == []
    assert due(13.5) == [b"5"] and packets.next_s(13.5) is None


def test_networks_do_not_meet(network):
    other = netns.Network(["a", "b"])
    Echo(network, "b")
    alone = Echo(other, "b")
    assert alone.ask("a", b"other")
    other.isolate(["b"])
    assert alone.is_cut_off("a")
    other.close()


def in_another_process(code, *argv, **kwargs):
    code = f"import sys; sys.path.insert(0, {str(HERE)!r}); sys.dont_write_bytecode = True\n{code}"
    return subprocess.Popen([sys.executable, "-c", code, *argv], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, **kwargs)


def test_without_the_right_to_make_networks_it_says_so():
    process = in_another_process("import netns, os; os.setuid(65534); netns.Network(['a'])")
    _, err = process.communicate(timeout=20)
    assert process.returncode != 0
    assert "need root, or CAP_SYS_ADMIN" in err


def test_a_killed_test_leaves_no_process_and_no_network(tmp_path):
    process = in_another_process(
        "from net_cluster import NetCluster; cluster = NetCluster(stores=2)\n"
        "print(cluster.folder, flush=True); input()", stdin=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(tmp_path)})
    mark = f"{MARK}={process.stdout.readline().strip()}".encode()

    def marked():
        found = []
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and mark in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(os.readlink(entry / "ns/net"))
            except OSError:
                continue
        return found

    assert len(set(marked())) == 3  # a namespace for each of the master and the stores
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=20)
    wait_until(lambda: not marked(), "the processes to be gone")


# histories

def op(kind, value, start, version, result="ok", took=0.01):
    """version: in seconds."""
    return Operation("a", "ks", kind, b"k", value, start, start + took, result, at(version))


def at(seconds):
    return int(seconds * 1e6) << 12


PUT1 = op("put", b"1", 1, 10)
PUT2 = op("put", b"2", 2, 20)
DELETE3 = op("delete", None, 3, 30)
FAILED = op("put", b"4", 4, 0, "failed")
DOUBT = op("put", b"5", 5, 0, "doubt")
ADD = op("merge", b"1", 6, 60)
DOUBTFUL_ADD = op("merge", b"1", 6, 0, "doubt")
FAILED_ADD = op("merge", b"1", 6, 0, "failed")


@pytest.mark.parametrize("operations,rows,problem", [
    ([PUT1, PUT2], {b"k": (at(20), b"2")}, None),
    ([PUT2, PUT1], {b"k": (at(20), b"2")}, None),
    ([PUT1, DELETE3], {}, None),
    ([PUT1, PUT2], {}, "lost"),
    ([PUT1, PUT2], {b"k": (at(10), b"1")}, "older than what was acknowledged"),
    ([PUT1, PUT2], {b"k": (at(20), b"1")}, "other than what was acknowledged"),
    ([PUT2, DELETE3], {b"k": (at(20), b"2")}, "came back"),
    ([PUT2, op("put", b"3", 2, 20)], {b"k": (at(20), b"2")}, None),  # at two stores
    ([PUT2, op("put", b"3", 2, 20)], {b"k": (at(20), b"3")}, None),
    ([PUT2, op("put", b"3", 2, 20)], {b"k": (at(20), b"1")}, "other than what was acknowledged"),
    ([PUT2, op("delete", None, 2, 20)], {b"k": (at(20), b"2")}, "came back"),
    ([op("delete", None, 2, 20), PUT2], {}, None),
    ([PUT1], {b"k": (at(11), b"other")}, "from nowhere"),
    ([PUT1, PUT2], {b"k": (at(25), b"1")}, "written again"),
    ([op("put", b"1", 1, 10, took=1), PUT2], {b"k": (at(25), b"1")}, "written again"),
    ([PUT1], {b"k": (at(10.005), b"1")}, None),  # repeated
    ([PUT1], {b"k": (at(10.015), b"1")}, "written again"),
    ([op("delete", None, 1, 9.995), PUT1], {}, None),
    ([op("delete", None, 1, 9.985), PUT1], {}, "lost"),
    ([PUT1, FAILED], {b"k": (at(40), b"4")}, "from nowhere"),
    ([PUT1, FAILED], {b"k": (at(10), b"1")}, "error"),
    ([PUT1, DOUBT], {b"k": (at(50), b"5")}, "error"),
    ([ADD, DOUBTFUL_ADD, ADD, FAILED_ADD], {b"k": (at(70), b"3")}, None),
    ([ADD, DOUBTFUL_ADD, ADD, FAILED_ADD], {b"k": (at(70), b"2")}, None),
    ([ADD, DOUBTFUL_ADD, ADD, FAILED_ADD], {b"k": (at(70), b"1")}, "lost"),
    ([ADD, DOUBTFUL_ADD, ADD, FAILED_ADD], {b"k": (at(70), b"4")}, "counted twice"),
    ([DOUBTFUL_ADD], {}, None),
    ([ADD], {}, "lost"),
    ([PUT1, op("get", b"0", 6, 5)], {b"k": (at(10), b"1")}, "from nowhere"),
    ([PUT1, op("get", b"1", 6, 10, took=13)], {b"k": (at(10), b"1")}, "late"),
])
def test_a_history_is_checked(operations, rows, problem):
    problems = history.check(operations, "ks", rows)
    assert [p.split(":")[0] for p in problems][:1] == ([problem] if problem else [])
    assert history.check(operations, "other", rows) == []


@pytest.mark.parametrize("operations,misses", [
    ([PUT1, op("get", b"1", 2, 10)], 0),
    ([PUT1, PUT2, op("get", b"1", 2.005, 10)], 0),  # at the same time
    ([PUT1, PUT2, op("get", b"1", 3, 10)], 1),
    ([PUT1, op("get", None, 2, 0)], 1),
    ([PUT2, DELETE3, op("get", None, 4, 0)], 0),
    ([PUT2, DELETE3, op("get", b"2", 4, 20)], 1),
    ([DELETE3, op("put", b"6", 4, 40), op("get", None, 5, 0)], 1),
    ([PUT1, DOUBT, op("get", b"1", 6, 10)], 0),
])
def test_reads_that_missed_a_write_are_found(operations, misses):
    assert len(history.missed(operations, "ks")) == misses
