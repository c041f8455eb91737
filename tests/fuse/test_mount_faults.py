# SPDX-License-Identifier: Apache-2.0
"""A mount when stores, masters or the mount itself stand still, die or are stopped."""

import concurrent.futures
import contextlib
import errno
import os
import signal
import subprocess
import sys
import time

import pytest

import vasto_cluster
from vasto_mount import UNREACHABLE, failure, is_mounted, outcome

SLOW = vasto_cluster.SLOW


def wait_for_request(mount):
    """Until something waits for the cluster: not for the mount itself, which answers soon."""
    vasto_cluster.wait_until(lambda: mount.status("waiting") == 1, "a request to wait", interval_s=0.005)


def start(folder, script):
    """A Python program that a test talks to through its standard streams."""
    return subprocess.Popen([sys.executable, "-c", script], cwd=folder, stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, text=True)


def replace(path):
    with open(path, "wb", buffering=0) as file:
        file.write(b"new")


def test_every_call_has_a_deadline(split_cluster, mounts):
    mount = mounts(split_cluster, "timeout=0.3")
    folder = mount.folder / "demo"
    for name in ("a", "b"):
        (folder / name).write_text(name)
    with open(folder / "a", "rb") as reader, open(folder / "b", "r+b", buffering=0) as writer, \
            split_cluster.stores[0].paused():
        calls = {
            "stat": lambda: os.stat(folder / "a"),
            "open": lambda: os.open(folder / "a", os.O_RDONLY),
            "read": lambda: writer.read(),
            "list": lambda: os.listdir(folder),
            "create": lambda: os.open(folder / "new", os.O_CREAT | os.O_EXCL),
            "write and close": lambda: replace(folder / "other"),
            "truncate": lambda: os.truncate(folder / "a", 1),
            "unlink": lambda: os.unlink(folder / "a"),
            "rename": lambda: os.rename(folder / "a", folder / "c"),
            "getxattr": lambda: os.getxattr(folder / "a", "user.vasto.version"),
            "write": lambda: writer.write(b"x"),
        }
        for name, call in calls.items():
            began = time.monotonic()
            result = outcome(call)
            took = time.monotonic() - began
            assert result in UNREACHABLE, f"{name}: {result}"
            assert took < 1.5 * SLOW, f"{name} took {took:.1f} s"
        assert os.pread(reader.fileno(), 10, 0) == b"a", "what was opened is there"
        assert mount.status("timeouts") > 0
    vasto_cluster.wait_until(lambda: outcome(os.stat, folder / "a") == 0, "recovery")
    assert (folder / "a").read_text() == "a" and os.listdir(folder) in (["a", "b"], ["a", "b", "new"])


def test_lookups_in_one_directory_run_in_parallel(split_cluster, mounts):
    folder = mounts(split_cluster, "timeout=1").folder / "demo"
    names = [folder / f"k{i}" for i in range(8)]
    for name in names:
        name.write_text("x")
    with split_cluster.stores[0].paused(), concurrent.futures.ThreadPoolExecutor(8) as pool:
        began = time.monotonic()
        results = list(pool.map(lambda name: outcome(os.stat, name), names))
        # One after the other they would take 8 s.
        assert time.monotonic() - began < 3 * SLOW
    assert set(results) <= set(UNREACHABLE)


def test_a_signal_ends_what_waits_for_a_store(split_cluster, mounts):
    mount = mounts(split_cluster, "timeout=20")
    folder = mount.folder / "demo"
    (folder / "k").write_text("v")
    programs = [["cat", "k"], ["ls", "-l"], ["sh", "-c", "exec > k2; echo x"], ["rm", "-f", "k"]]
    with split_cluster.stores[0].paused():
        for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGINT):
            for argv in programs:
                program = subprocess.Popen(argv, cwd=folder, stdout=subprocess.DEVNULL)
                wait_for_request(mount)
                program.send_signal(number)
                assert program.wait(timeout=5 * SLOW) == -number, argv
                # A program that is killed does not wait until the mount gave its request up.
                vasto_cluster.wait_until(lambda: mount.status("waiting") == 0, "the end of the request")
        assert mount.status("interrupted") > 0
    vasto_cluster.wait_until(lambda: outcome((folder / "k3").write_text, "x") == 0, "recovery")


def test_a_writer_that_is_killed_while_it_publishes_loses_nothing(split_cluster, mounts):
    mount = mounts(split_cluster, "timeout=20")
    folder = mount.folder / "demo"
    program = start(folder, """if True:
        import os, sys
        fd = os.open("k", os.O_WRONLY | os.O_CREAT)
        os.write(fd, b"data")
        print("written", flush=True)
        sys.stdin.readline()
        os.fsync(fd)
    """)
    assert program.stdout.readline() == "written\n"
    # Dead and not only still: nothing of the publication may wait in a socket for the store.
    store = split_cluster.stores[0]
    store.kill9()
    program.stdin.close()
    wait_for_request(mount)
    program.send_signal(signal.SIGTERM)
    assert program.wait(timeout=5 * SLOW) == -signal.SIGTERM
    program.stdout.close()
    split_cluster.start_store(0, address=store.address)
    # The close that came with its death publishes once the store is back.
    vasto_cluster.wait_until(lambda: split_cluster.vasto("get", "demo", "k", check=None).out == b"data",
                             "publication")


def test_hard_mounts_wait_for_the_store_and_can_be_interrupted(split_cluster, mounts):
    mount = mounts(split_cluster, "hard,timeout=0.2")
    folder = mount.folder / "demo"
    (folder / "k").write_text("v")
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        with split_cluster.stores[0].paused():
            reading = pool.submit((folder / "k").read_text)
            listing = pool.submit(os.listdir, folder)
            program = subprocess.Popen(["cat", "k"], cwd=folder)
            before = mount.status("timeouts")
            vasto_cluster.wait_until(lambda: mount.status("timeouts") > before + 6, "several deadlines")
            assert not reading.done() and not listing.done()
            program.terminate()
            assert program.wait(timeout=5 * SLOW) == -signal.SIGTERM
        assert reading.result(timeout=20 * SLOW) == "v"
        assert listing.result(timeout=20 * SLOW) == ["k"]


def test_a_dead_store_comes_back(split_cluster, mounts):
    folder = mounts(split_cluster, "timeout=0.5").folder / "demo"
    (folder / "k").write_text("v")
    split_cluster.stores[0].kill9()
    assert failure((folder / "k").read_text) in UNREACHABLE
    assert failure(replace, folder / "k") in UNREACHABLE
    split_cluster.start_store(0, address=split_cluster.stores[0].address)
    vasto_cluster.wait_until(lambda: outcome(os.stat, folder / "k") == 0, "recovery", 20)
    assert (folder / "k").read_text() == "v", "what could not be published was dropped"


@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_without_a_master_files_go_on_and_df_does_not_hang(split_cluster, mounts, how):
    mount = mounts(split_cluster, "timeout=20")
    folder = mount.folder / "demo"
    (folder / "k").write_text("v")
    assert os.listdir(mount.folder) == ["demo"]
    vasto_cluster.wait_until(lambda: os.statvfs(folder).f_blocks > 0, "the size of the disk")
    master = split_cluster.master
    with contextlib.ExitStack() as pause:
        if how == "stopped":
            pause.enter_context(master.paused())
        else:
            master.kill9()
        end = time.monotonic() + 2.5  # longer than anything is believed without asking
        while time.monotonic() < end:
            began = time.monotonic()
            assert os.statvfs(folder).f_blocks > 0
            assert time.monotonic() - began < 1 * SLOW, "df"
            assert (folder / "k").read_text() == "v"
            (folder / "l").write_text("w")
            assert sorted(os.listdir(folder)) == ["k", "l"]
            assert time.monotonic() - began < 2 * SLOW, "files"
        began = time.monotonic()
        assert os.listdir(mount.folder) == ["demo"], "the names known last"
        assert time.monotonic() - began < 5 * SLOW


def hold_unpublished(folder, name):
    """A program that has written to a file and neither synced nor closed it."""
    program = start(folder, f"""if True:
        import os, time
        fd = os.open({name!r}, os.O_WRONLY | os.O_CREAT)
        os.write(fd, b"unpublished")
        print("written", flush=True)
        time.sleep(600)
    """)
    assert program.stdout.readline() == "written\n"
    return program


def end(program):
    program.kill()
    program.communicate(timeout=10)


def test_sigterm_publishes_what_is_open(cluster, mounts, raw):
    mount = mounts(cluster)
    program = hold_unpublished(mount.folder / "demo", "held")
    try:
        assert raw.get(b"held") is None
        assert mount.stop() == 0
        assert raw.get(b"held") == b"unpublished"
        assert "busy holder=" in mount.log() and f"{program.pid} (" in mount.log()
    finally:
        end(program)


def test_umount_publishes_what_no_close_has_waited_for(cluster, mounts, raw):
    mount = mounts(cluster)
    (mount.folder / "demo" / "full").write_text("x")
    for _ in range(20):  # closes without data are published behind their callers' backs
        (mount.folder / "demo" / "created").touch()
        (mount.folder / "demo" / "full").write_text("")
    subprocess.run(["umount", mount.folder], check=True, timeout=20)
    assert mount.process.wait(timeout=10 * SLOW) == 0
    assert (raw.get(b"created"), raw.get(b"full")) == (b"", b"")
    assert "unpublished=0" in mount.log()


def test_a_lazy_umount_ends_with_the_last_user(cluster, mounts, raw):
    mount = mounts(cluster)
    with open(mount.folder / "demo" / "lazy", "wb", buffering=0) as file:
        file.write(b"data")
        subprocess.run(["umount", "-l", mount.folder], check=True, timeout=20)
        assert not is_mounted(mount.folder) and mount.process.poll() is None
        file.write(b" and more")
    assert mount.process.wait(timeout=10 * SLOW) == 0
    assert raw.get(b"lazy") == b"data and more"


@pytest.mark.parametrize("options", ["soft", "hard"])
def test_a_stop_is_bounded_and_says_what_was_lost(split_cluster, mounts, options):
    mount = mounts(split_cluster, options)
    program = hold_unpublished(mount.folder / "demo", "lost")
    try:
        with split_cluster.stores[0].paused():
            assert mount.stop() == 32
        assert "unpublished=1" in mount.log()
    finally:
        end(program)


def test_a_stop_does_not_wait_for_other_mount_namespaces(cluster, mounts):
    mount = mounts(cluster)
    holder = subprocess.Popen(["unshare", "-m", "sh", "-c", "echo ready; exec sleep 600"],
                              stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout.readline() == "ready\n"
        assert mount.stop() == 0
    finally:
        end(holder)


def test_a_killed_mount_is_replaced_by_the_next(cluster, mounts, raw):
    raw.put(b"k", b"v")
    mount = mounts(cluster)
    with open(mount.folder / "demo" / "k", "rb") as file:
        mount.kill9()
        assert is_mounted(mount.folder)
        assert failure(os.listdir, mount.folder) == errno.ENOTCONN
        assert failure(file.read) == errno.ENOTCONN
    # As often as it takes, one on top of the other.
    again = mounts(cluster, source=":/demo", folder=mount.folder)
    assert (again.folder / "k").read_text() == "v"
    again.kill9()
    last = mounts(cluster, folder=mount.folder)
    assert (last.folder / "demo" / "k").read_text() == "v"
    assert sum(line.split()[1] == str(mount.folder) for line in open("/proc/mounts")) == 1
    assert last.stop() == 0
    assert os.listdir(mount.folder) == []
