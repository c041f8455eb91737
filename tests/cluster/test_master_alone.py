# SPDX-License-Identifier: Apache-2.0
"""vasto-master by itself: starting, stopping, its pages, its flags, and bytes that are no request."""

import json
import os
import random
import signal
import socket
import struct
import time
import urllib.error
import urllib.request

import pytest

from vasto_cluster import SLOW, STOP_S, Cluster, wait_until, BIN


@pytest.fixture
def folder_of_master():
    """A place for masters without stores; everything in it is stopped and checked at the end."""
    with Cluster(start=False) as cluster:
        yield cluster


def start(cluster, *flags):
    return cluster.spawn("master", BIN / "vasto-master", "--listen", "127.0.0.1:0",
                         *flags).wait_ready()


def connect(process):
    host, port = process.address.rsplit(":", 1)
    return socket.create_connection((host, int(port)), timeout=10 * SLOW)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def fetch(url):
    try:
        with urllib.request.urlopen(url, timeout=10 * SLOW) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, ""


def refused(cluster, *flags):
    """The one line on stderr of a master that must not start."""
    result = cluster.run("vasto-master", *flags, check=1, timeout_s=10)
    assert result.out == b""
    assert result.err.count("\n") == 1 and result.err.startswith("vasto-master: "), result
    return result.err


@pytest.mark.smoke
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_ready_line_then_a_clean_stop(folder_of_master, number):
    process = start(folder_of_master)
    assert process.lines == [f"ready {process.address}"]
    began = time.monotonic()
    process.signal(number)
    assert process.popen.wait(STOP_S) == 0
    assert time.monotonic() - began < 2 * SLOW


def test_it_stops_with_connections_open(folder_of_master):
    process = start(folder_of_master)
    idle = [connect(process) for _ in range(50)]
    idle[0].sendall(struct.pack(">i", 100) + b"half of a frame")
    began = time.monotonic()
    assert process.stop() == 0
    assert time.monotonic() - began < 4 * SLOW
    for connection in idle:
        connection.close()


def test_metrics_and_status_pages(folder_of_master):
    port = free_port()
    process = start(folder_of_master, "--http", f"127.0.0.1:{port}")
    code, text = fetch(f"http://127.0.0.1:{port}/metrics")
    assert code == 200
    assert "# TYPE vasto_master_stores gauge\n" in text
    assert 'vasto_master_stores{state="up"} 0\n' in text
    code, text = fetch(f"http://127.0.0.1:{port}/status")
    status = json.loads(text)
    assert code == 200 and status["schema"] == 1
    assert status["stores"] == [] and status["keyspaces"] == []
    assert fetch(f"http://127.0.0.1:{port}/nothing")[0] == 404
    assert f"127.0.0.1:{port}" in refused(folder_of_master, "--listen", "127.0.0.1:0", "--http",
                                          f"127.0.0.1:{port}")
    assert process.stop() == 0


def test_a_port_in_use(folder_of_master):
    process = start(folder_of_master)
    assert process.address in refused(folder_of_master, "--listen", process.address)
    assert process.alive


@pytest.mark.parametrize("flags,word", [
    (["--colour=red"], "colour"),
    (["--listen=foo"], "HOST:PORT"),
    (["--listen=127.0.0.1:70000"], "70000"),
    (["--listen"], "--listen needs a value"),
    (["--http=foo", "--listen=127.0.0.1:0"], "--http"),
    (["--log_level=loud"], "loud"),
    (["--log_dir=/nowhere/at/all"], "/nowhere/at/all"),
    (["--flagfile=/nowhere/at/all"], "/nowhere/at/all"),
    (["now"], "now"),
])
def test_flags_that_cannot_be(folder_of_master, flags, word):
    assert word in refused(folder_of_master, *flags)


def test_flags_from_a_file_and_logs_in_a_folder(folder_of_master):
    logs = folder_of_master.folder / "logs"
    logs.mkdir()
    flags = folder_of_master.folder / "flags"
    flags.write_text(f"# for the test\n--listen=127.0.0.1:0\n--log_dir={logs}\n--log_level=debug\n")
    process = folder_of_master.spawn("filed", BIN / "vasto-master", "--flagfile", flags)
    process.wait_ready()
    assert process.stop() == 0
    assert any("vasto-master" in name for name in os.listdir(logs))
    text = "".join(path.read_text() for path in logs.iterdir())
    assert "stopping" in text
    assert "stopping" not in process.log()


@pytest.mark.smoke
def test_garbage_on_its_port_does_no_harm(folder_of_master):
    process = start(folder_of_master)
    rng = random.Random(7)
    for size in (1, 3, 4, 5, 64, 5000):
        for _ in range(20):
            with connect(process) as connection:
                connection.sendall(rng.randbytes(size))
    for length in (-1, 0, 2**31 - 1, 8):
        with connect(process) as connection:
            connection.sendall(struct.pack(">i", length) + b"\0" * 8)
    assert process.alive
    wait_until(lambda: process.open_files() < 50, "the connections to be closed")
    # It still answers: an unknown method gets an answer, not a hang-up.
    name = b"no_such_method"
    call = struct.pack(">ii", 0x80010001 - (1 << 32), len(name)) + name + struct.pack(">i", 1) + b"\0"
    with connect(process) as connection:
        connection.sendall(struct.pack(">i", len(call)) + call)
        (size,) = struct.unpack(">i", connection.recv(4))
        reply = connection.recv(size)
    assert struct.unpack(">I", reply[:4])[0] == 0x80010003  # an exception
    assert name in reply


def test_a_client_that_comes_before_any_store_is_told_so(folder_of_master):
    process = start(folder_of_master)
    folder_of_master.address = process.address
    listing = folder_of_master.vastoadm("-o", "json", "store", "list")
    assert listing.json["stores"] == []
    result = folder_of_master.create("ks", 1, 1, check=None)
    assert result.code != 0 and "0 are up" in result.err
