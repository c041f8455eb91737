# SPDX-License-Identifier: Apache-2.0
"""Directories of many keys: every key once, in bounded memory."""

import contextlib
import errno
import os
import select
import signal
import subprocess
import threading

import pytest

import libvasto
import vasto_cluster
from vasto_mount import sh

COUNT = 200_000
# A listing held whole would take some hundred bytes for each of its keys.
MOST_KIB = 12 * 1024 * vasto_cluster.SLOW
# Whatever the number of keys: the pages of a scan, at most 32 MiB, and some for the requests.
MOST_KIB_EVER = (32 + 8) * 1024 * vasto_cluster.SLOW


def fill(cluster, keyspace, count):
    lines = "".join(f'{{"key":"key-{i:08d}","value":"v"}}\n' for i in range(count))
    cluster.vasto("import", keyspace, input=lines.encode(), timeout_s=600)


@pytest.fixture(scope="module")
def filled(cluster):
    """A keyspace of COUNT keys in several shards, which no test changes for long."""
    cluster.create("big", 4)
    fill(cluster, "big", COUNT)
    return "big"


@pytest.fixture
def big(filled, mount):
    return mount.folder / filled


def list_in_bounded_memory(mount, folder, count, most_kib):
    os.stat(folder)
    before = mount.peak_kib()
    names = [entry.name for entry in os.scandir(folder)]
    assert len(names) == count and len(set(names)) == count
    assert (min(names), max(names)) == ("key-00000000", f"key-{count - 1:08d}")
    del names
    assert int(sh("ls -f | wc -l", folder, 600)) == count + 2
    assert int(sh("find . -type f | wc -l", folder, 600)) == count
    assert mount.peak_kib() - before < most_kib


def test_a_large_keyspace_is_listed_in_bounded_memory(mount, big):
    list_in_bounded_memory(mount, big, COUNT, MOST_KIB)


@pytest.mark.soak
def test_a_million_keys_are_listed_in_bounded_memory(cluster, mount):
    cluster.create("huge", 4)
    fill(cluster, "huge", 1_000_000)
    list_in_bounded_memory(mount, mount.folder / "huge", 1_000_000, MOST_KIB_EVER)


@pytest.mark.soak
def test_what_was_looked_at_is_remembered_as_long_as_by_the_kernel(mount, big):
    before = mount.peak_kib()
    assert int(sh("ls -l | wc -l", big, 600)) == COUNT + 1
    assert mount.status("nodes") >= COUNT
    assert mount.peak_kib() - before < MOST_KIB + COUNT * 500 / 1024
    with contextlib.suppress(PermissionError):
        with open("/proc/sys/vm/drop_caches", "w", encoding="ascii") as file:
            file.write("2")
        vasto_cluster.wait_until(lambda: mount.status("nodes") < 100, "the names to be forgotten")


def test_several_listings_at_once(mount, big):
    before = mount.peak_kib()
    programs = [subprocess.Popen(["bash", "-c", "ls -f | wc -l"], cwd=big, stdout=subprocess.PIPE)
                for _ in range(4)]
    assert [int(p.communicate(timeout=60)[0]) for p in programs] == [COUNT + 2] * 4
    assert mount.peak_kib() - before < 4 * MOST_KIB


def test_listings_while_keys_come_and_go(cluster, big):
    stop = threading.Event()

    def churn():
        with libvasto.Client(cluster.address) as client:
            keyspace = client.keyspace("big")
            while not stop.is_set():
                for i in range(0, COUNT, 10_000):
                    keyspace.put(b"key-%08d-between" % i, b"x")
                for i in range(0, COUNT, 10_000):
                    keyspace.delete(b"key-%08d-between" % i)

    writer = threading.Thread(target=churn)
    writer.start()
    try:
        names = os.listdir(big)
    finally:
        stop.set()
        writer.join()
    stable = [name for name in names if not name.endswith("-between")]
    assert len(stable) == COUNT and len(set(names)) == len(names)


def test_a_listing_can_be_read_again_and_left_early(big):
    with os.scandir(big) as entries:
        first = [next(entries).name for _ in range(3)]
    # Through the C library: back to a place far behind what is kept in memory, and to the start.
    script = """
        import ctypes, sys
        c = ctypes.CDLL(None)
        c.opendir.restype = c.readdir.restype = ctypes.c_void_p
        c.telldir.restype = ctypes.c_long
        d = ctypes.c_void_p(c.opendir(b"."))
        name = lambda: (p := c.readdir(d)) and ctypes.string_at(p + 19)
        for _ in range(102): name()
        place, here = c.telldir(d), name()
        rest = sum(1 for _ in iter(name, None))
        c.seekdir(d, ctypes.c_long(place))
        assert name() == here, "seekdir"
        assert sum(1 for _ in iter(name, None)) == rest
        c.rewinddir(d)
        print(sum(1 for _ in iter(name, None)))
    """
    lines = "\n".join(line[8:] for line in script.splitlines())
    done = subprocess.run(["python3", "-c", lines], cwd=big, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.strip() == str(COUNT + 2), done.stderr
    assert first == sorted(first)


def test_all_keys_are_removed_one_by_one(cluster, mount):
    cluster.create("short", 2)
    fill(cluster, "short", 2000)
    folder = mount.folder / "short"
    sh("ls | xargs rm", folder)
    assert os.listdir(folder) == []


def test_a_listing_goes_on_after_a_standstill_and_a_signal(split_cluster, mounts):
    fill(split_cluster, "demo", 150_000)  # far more than is fetched ahead
    mount = mounts(split_cluster, "timeout=40")
    script = """
        import os, signal, sys
        signal.signal(signal.SIGUSR1, lambda *_: None)
        fd = os.open(".", os.O_RDONLY)
        names = []
        import ctypes
        c = ctypes.CDLL(None, use_errno=True)
        buffer = ctypes.create_string_buffer(32768)
        def more():
            size = c.syscall(217, fd, buffer, len(buffer))  # getdents64
            if size < 0: return -ctypes.get_errno()
            at = 0
            while at < size:
                length = int.from_bytes(buffer[at + 16:at + 18], "little")
                names.append(buffer[at + 19:at + length].split(b"\\0")[0])
                at += length
            return size
        assert more() > 0
        print("half", flush=True)
        sys.stdin.readline()
        while (size := more()) > 0: pass
        print(f"stopped {-size}", flush=True)
        sys.stdin.readline()
        while more() > 0: pass
        print(len(names), len(set(names)), flush=True)
    """
    lines = "\n".join(line[8:] for line in script.splitlines())
    reader = subprocess.Popen(["python3", "-c", lines], cwd=mount.folder / "demo", text=True,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def go_on():
        reader.stdin.write("\n")
        reader.stdin.flush()

    try:
        assert reader.stdout.readline() == "half\n"
        with split_cluster.stores[0].paused():
            go_on()
            # The first signals may come while it still reads what was fetched ahead.
            vasto_cluster.wait_until(lambda: reader.send_signal(signal.SIGUSR1) or
                                     select.select([reader.stdout], [], [], 0)[0], "the interruption", 30)
            assert reader.stdout.readline() == f"stopped {errno.EINTR}\n"
        go_on()
        assert reader.stdout.readline() == "150002 150002\n"
    finally:
        reader.kill()
        reader.communicate()
