# SPDX-License-Identifier: Apache-2.0
"""vasto-server: a whole cluster in one process."""

import contextlib
import os
import re
import signal
import subprocess

import pytest

import libvasto
import vasto_cluster
from vasto_cluster import wait_until


@pytest.mark.smoke
def test_one_line_start_gives_a_keyspace(make_cluster):
    cluster = make_cluster(stores=3, server=True, server_flags=["--create", "demo,other"])
    assert cluster.live_store_count() == 3
    assert cluster.keyspaces() == ["demo", "other"]
    cluster.put("demo", "k", b"v")
    assert cluster.get("demo", "k") == b"v"


def test_a_restart_keeps_data_and_create_is_idempotent(make_cluster):
    cluster = make_cluster(stores=2, server=True, server_flags=["--create", "demo"])
    cluster.put("demo", "k", b"v")
    identity = cluster.describe("demo")["id"]
    assert cluster.master.stop() == 0
    cluster.start_server(2, ["--create", "demo"])
    assert cluster.keyspaces() == ["demo"]
    assert cluster.describe("demo")["id"] == identity
    assert cluster.get("demo", "k") == b"v"


def test_kill_9_loses_nothing_acknowledged(make_cluster):
    cluster = make_cluster(stores=2, server=True, server_flags=["--create", "demo"])
    with libvasto.Client(cluster.address) as client:
        keyspace = client.keyspace("demo")
        for i in range(300):
            keyspace.put(b"k%d" % i, b"v%d" % i)
    cluster.master.kill9()
    cluster.start_server(2)
    with libvasto.Client(cluster.address) as client:
        keyspace = client.keyspace("demo")
        results, code = keyspace.multi_get([b"k%d" % i for i in range(300)])
    assert code == libvasto.OK
    assert [v for _, v in results] == [b"v%d" % i for i in range(300)]


def test_replicas_of_a_server_are_on_different_stores(make_cluster):
    cluster = make_cluster(stores=3, server=True)
    cluster.create("ks", 6, 3)
    for stores in cluster.placement("ks"):
        assert len(set(stores)) == 3


def test_mount_from_the_same_command(make_cluster):
    if not os.path.exists("/dev/fuse"):
        pytest.skip("no /dev/fuse")
    cluster = make_cluster(start=False)
    directory = cluster.folder / "mnt"
    directory.mkdir()
    cluster.start_server(1, ["--create", "demo", "--mount", str(directory)])
    wait_until(lambda: os.path.ismount(directory), "the mount")
    try:
        (directory / "demo" / "hello").write_bytes(b"world\n")
        assert cluster.get("demo", "hello") == b"world\n"
        cluster.put("demo", "other", b"way")
        assert subprocess.run(["cat", directory / "demo" / "other"], check=True,
                              capture_output=True).stdout == b"way"
    finally:
        code = cluster.master.stop(vasto_cluster.STOP_S)
    assert code == 0
    assert not os.path.ismount(directory)


def test_a_mount_ends_with_its_server_however_that_ends(make_cluster):
    if not os.path.exists("/dev/fuse"):
        pytest.skip("no /dev/fuse")
    cluster = make_cluster(start=False)
    directory = cluster.folder / "mnt"
    flags = ["--create", "demo", "--mount", str(directory)]
    for _ in range(2):
        cluster.start_server(1, flags)
        (directory / "demo" / "hello").write_bytes(b"world\n")
        cluster.master.kill9()
        wait_until(lambda: not os.path.ismount(directory), "the mount to end")
        wait_until(lambda: not cluster.strays(), "its process to end")


@pytest.mark.parametrize("mount", ["new", "new/mnt", "."])
def test_mount_and_data_are_kept_apart(make_cluster, mount):
    cluster = make_cluster(start=False)
    one_line(run_server(cluster, cluster.folder / "new", "--mount", cluster.folder / mount),
             "--mount .* --dir", "within")
    assert not (cluster.folder / "new").exists()


def run_server(cluster, folder, *flags):
    return cluster.run("vasto-server", "--dir", folder, "--listen", "127.0.0.1:0", *flags,
                       check=None, timeout_s=20)


def one_line(result, *words):
    """A start that failed says so in one line, and nothing else."""
    assert (result.code, result.out, result.err.count("\n")) == (1, b"", 1), result
    for word in words:
        assert re.search(word, result.err), result


def test_a_folder_in_use_is_refused(make_cluster):
    cluster = make_cluster(stores=1, server=True)
    one_line(run_server(cluster, cluster.folder / "server", "--stores", 1), "store1", "in use")
    assert cluster.live_store_count() == 1


def test_a_folder_of_somebody_else_is_refused_and_left_alone(make_cluster):
    cluster = make_cluster(start=False)
    folder = cluster.folder / "photos"
    folder.mkdir()
    (folder / "holiday.jpg").write_text("precious")
    one_line(run_server(cluster, folder), "photos", "holiday.jpg")
    assert [p.name for p in folder.iterdir()] == ["holiday.jpg"]
    # Nor is a folder that has just the name of a store's.
    (folder / "holiday.jpg").rename(cluster.folder / "holiday.jpg")
    (folder / "store1").mkdir()
    (cluster.folder / "holiday.jpg").rename(folder / "store1/holiday.jpg")
    one_line(run_server(cluster, folder), "store1", "holiday.jpg")
    assert [str(p.relative_to(folder)) for p in folder.rglob("*")] == ["store1",
                                                                       "store1/holiday.jpg"]


def test_fewer_stores_than_before_are_refused(make_cluster):
    cluster = make_cluster(stores=3, server=True, server_flags=["--create", "demo"])
    for i in range(20):
        cluster.put("demo", f"k{i}", b"v")
    assert cluster.master.stop() == 0
    one_line(run_server(cluster, cluster.folder / "server", "--stores", 1), "--stores", "3 stores")
    # More are welcome, and files beside the stores are no reason to refuse.
    (cluster.folder / "server/notes").write_text("mine")
    cluster.start_server(4)
    assert cluster.live_store_count() == 4
    assert [cluster.get("demo", f"k{i}") for i in range(20)] == [b"v"] * 20


@pytest.mark.parametrize("flags", [[], ["--create", "demo"]])
def test_once_it_is_ready_clients_are_answered_at_once(make_cluster, flags):
    """Also after a restart, when its master has to hear of all stores first."""
    cluster = make_cluster(stores=2, server=True, server_flags=["--create", "demo"])
    for _ in range(2):
        assert cluster.master.stop() == 0
        cluster.start_server(2, flags)
        quick = ("-m", cluster.address, "--timeout-ms", 150 * vasto_cluster.SLOW)
        assert cluster.run("vastoadm", *quick, "-o", "json", "keyspace", "list").json["keyspaces"]
        cluster.run("vasto", *quick, "put", "demo", "k", "v")


@pytest.mark.parametrize("flags,word", [
    (["--http", "nonsense"], "--http"), (["--create", "a/b"], "keyspace"),
    (["--stores", "65"], "--stores"), (["--mount", "/dev/null"], "--mount /dev/null")])
def test_flags_are_checked_before_anything_is_made(make_cluster, flags, word):
    cluster = make_cluster(start=False)
    one_line(run_server(cluster, cluster.folder / "new", *flags), word)
    assert not (cluster.folder / "new").exists()


def test_two_sigterms_to_its_whole_group_stop_it_cleanly(make_cluster):
    """As timeout(1) sends them: one to the process, one to its group, and again."""
    if not os.path.exists("/dev/fuse"):
        pytest.skip("no /dev/fuse")
    cluster = make_cluster(start=False)
    directory = cluster.folder / "mnt"
    directory.mkdir()
    cluster.start_server(2, ["--create", "demo", "--mount", str(directory)])
    with open(directory / "demo" / "open", "wb") as file:
        file.write(b"x" * 100000)
    for _ in range(3):
        cluster.master.signal(signal.SIGTERM)
        with contextlib.suppress(ProcessLookupError):  # it may have ended already
            os.killpg(cluster.master.pid, signal.SIGTERM)
        wait_until(lambda: not cluster.master.alive or
                   re.search(" stopping ", cluster.master.log()), "the stop to begin")
    assert cluster.master.popen.wait(vasto_cluster.STOP_S) == 0
    assert not os.path.ismount(directory)
    assert str(directory) not in open("/proc/self/mounts", encoding="utf-8").read()
