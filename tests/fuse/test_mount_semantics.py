# SPDX-License-Identifier: Apache-2.0
"""What system calls on a mount promise."""

import concurrent.futures
import ctypes
import errno
import fcntl
import mmap
import os
import subprocess
import time

import vasto_cluster
from vasto_mount import failure, outcome, sh

AT_FDCWD = -100
RENAME_NOREPLACE, RENAME_EXCHANGE = 1, 2


def renameat2(old, new, flags):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(AT_FDCWD, os.fsencode(old), AT_FDCWD, os.fsencode(new), flags) != 0:
        raise OSError(ctypes.get_errno(), "renameat2")


def create_exclusively(path):
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))


def test_o_excl_is_put_if_absent_across_mounts(cluster, mounts, raw, ks):
    second = mounts(cluster).folder / "demo"
    for _ in range(10):
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            results = list(pool.map(lambda f: outcome(create_exclusively, f / "lock"), [ks, second] * 4))
        assert sorted(results) == [0] + 7 * [errno.EEXIST]
        (ks / "lock").unlink()
    # It is taken as soon as open returns, not when the file is closed; and by whom does not matter.
    with open(ks / "lock", "x"):
        assert raw.get(b"lock") == b""
        assert failure(create_exclusively, second / "lock") == errno.EEXIST
    raw.put(b"theirs", b"x")
    assert failure(create_exclusively, ks / "theirs") == errno.EEXIST
    sh("set -o noclobber; ! echo mine > theirs; echo mine > free", ks)
    assert (raw.get(b"theirs"), raw.get(b"free")) == (b"x", b"mine\n")


def test_truncate_seek_and_read_back(raw, ks):
    path = ks / "f"
    path.write_bytes(b"0123456789")
    os.truncate(path, 4)
    assert path.read_bytes() == raw.get(b"f") == b"0123"
    os.truncate(path, 6)
    assert path.read_bytes() == raw.get(b"f") == b"0123\0\0"
    with open(path, "r+b") as file:
        file.seek(2)
        file.write(b"XY")
        file.flush()
        file.truncate(5)
        assert os.fstat(file.fileno()).st_size == 5
        file.seek(0)
        assert file.read() == b"01XY\0"
    assert path.read_bytes() == b"01XY\0"
    assert failure(os.truncate, ks / "missing", 0) == errno.ENOENT
    os.truncate(path, 0)
    assert raw.get(b"f") == b""


def test_appends_of_two_mounts_are_all_kept(cluster, mounts, raw, ks):
    second = mounts(cluster).folder / "demo"
    (ks / "log").write_text("start\n")

    def append(folder, name):
        for i in range(20):
            with open(folder / "log", "a", encoding="ascii") as file:
                file.write(f"{name}{i}\n")

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(append, [ks, second], "ab"))
    lines = raw.get(b"log").decode().splitlines()
    assert lines[0] == "start"
    assert sorted(lines[1:]) == sorted(f"{name}{i}" for name in "ab" for i in range(20))
    assert [x for x in lines if x[0] == "a"] == [f"a{i}" for i in range(20)], "in their order"


def test_a_value_is_published_whole(raw, ks):
    (ks / "k").write_text("old")
    with open(ks / "k", "wb", buffering=0) as file:
        file.write(b"new")
        assert raw.get(b"k") == b"old", "nothing before flush"
        assert (ks / "k").read_text() == "new", "but here it is seen"
        os.fsync(file.fileno())
        assert raw.get(b"k") == b"new"


def test_a_shell_redirection_is_one_publication(mount, raw, ks):
    for script in ("echo hi > new", "echo more >> new", "cat new new > copy", "cp new other", ": > new"):
        before = mount.status("published")
        sh(script, ks)
        vasto_cluster.wait_until(lambda: mount.status("unpublished_files") == 0, "release")
        assert mount.status("published") - before == 1, script
    assert (raw.get(b"new"), raw.get(b"copy"), raw.get(b"other")) == (b"", b"hi\nmore\n" * 2, b"hi\nmore\n")


def test_an_open_file_survives_unlink(raw, ks):
    (ks / "k").write_text("still here")
    with open(ks / "k") as reader, open(ks / "k", "r+b", buffering=0) as writer:
        (ks / "k").unlink()
        assert raw.get(b"k") is None
        assert os.listdir(ks) == []
        assert failure(os.stat, ks / "k") == errno.ENOENT
        assert reader.read() == "still here"
        writer.write(b"STILL")
        assert os.fstat(writer.fileno()).st_size == 10
        os.fsync(writer.fileno())
    assert raw.get(b"k") is None, "what was unlinked does not come back"
    # Nor what never was in the cluster.
    with open(ks / "new", "wb", buffering=0) as writer:
        writer.write(b"x")
        (ks / "new").unlink()
        assert failure((ks / "new").unlink) == errno.ENOENT
    assert raw.get(b"new") is None


def test_rename_replaces_and_moves_what_is_open(raw, ks):
    (ks / "a").write_text("a")
    (ks / "b").write_text("b")
    with open(ks / "b") as replaced, open(ks / "a", "a") as moved:
        os.rename(ks / "a", ks / "b")
        assert (raw.get(b"a"), raw.get(b"b")) == (None, b"a")
        assert replaced.read() == "b"
        moved.write("2")
    assert raw.get(b"b") == b"a2"
    with open(ks / "tmp", "wb", buffering=0) as file:
        file.write(b"never closed before it has its name")
        os.rename(ks / "tmp", ks / "b")
        assert raw.get(b"b") == b"never closed before it has its name"
    assert os.listdir(ks) == ["b"] and raw.get(b"tmp") is None


def test_rename_rules(cluster, raw, ks):
    (ks / "a").write_text("a")
    assert failure(os.rename, ks / "a", ks.parent / "other" / "a") == errno.EXDEV
    assert failure(os.rename, ks / "missing", ks / "b") == errno.ENOENT
    assert failure(os.rename, ks / "a", ks / "bad%zz") == errno.EINVAL
    os.rename(ks / "a", ks / "b")
    assert os.listdir(ks) == ["b"]
    (ks / "c").write_text("c")
    assert failure(renameat2, ks / "b", ks / "c", RENAME_NOREPLACE) == errno.EEXIST
    assert failure(renameat2, ks / "b", ks / "c", RENAME_EXCHANGE) == errno.EINVAL
    assert (raw.get(b"b"), raw.get(b"c")) == (b"a", b"c")
    renameat2(ks / "b", ks / "d", RENAME_NOREPLACE)
    assert (raw.get(b"b"), raw.get(b"d")) == (None, b"a")
    raw.put(b"keeps-expiry", b"x", ttl_seconds=1000)
    os.rename(ks / "keeps-expiry", ks / "renamed")
    assert raw.read(b"renamed").expires_at_ns > (time.time() + 900) * 10**9


def test_noreplace_has_one_winner_across_mounts(cluster, mounts, ks):
    second = mounts(cluster).folder / "demo"
    for folder, name in ((ks, "a"), (second, "b")):
        (folder / name).write_text(name)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda f, n: outcome(renameat2, f / n, f / "target", RENAME_NOREPLACE),
                                [ks, second], "ab"))
    assert sorted(results) == [0, errno.EEXIST]
    assert (ks / "target").read_text() == "ab"[results.index(0)]


def test_what_is_refused_says_why(ks):
    (ks / "a").write_text("a")
    assert failure(os.link, ks / "a", ks / "b") == errno.EPERM
    assert failure(os.symlink, "a", ks / "b") == errno.EPERM
    assert failure(os.mkfifo, ks / "b") == errno.EPERM
    assert failure(os.mkdir, ks / "dir") == errno.EPERM
    assert failure(os.mkdir, ks.parent / "newks") == errno.EPERM
    assert failure(os.rmdir, ks) == errno.EPERM
    assert failure((ks.parent / "file").write_text, "x") == errno.EPERM
    assert failure(os.stat, ks / "missing") == errno.ENOENT
    assert failure(os.stat, ks / "bad%zz") == errno.ENOENT
    assert failure(os.stat, ks.parent / "nosuchkeyspace") == errno.ENOENT
    assert failure(os.chmod, ks / "a", 0o600) == errno.EPERM
    assert failure(os.chown, ks / "a", 1, 1) == errno.EPERM
    os.chmod(ks / "a", 0o644)
    # But editors and rsync narrow their new files before they fill them.
    fd = os.open(ks / "narrow", os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    os.fchmod(fd, 0o600)
    os.close(fd)
    with open(ks / "a", "r+b") as file:
        os.posix_fallocate(file.fileno(), 0, 10)  # the C library writes zeros when it is refused
        assert os.fstat(file.fileno()).st_size == 10


def test_stat_has_size_and_event_time(raw, ks):
    before = time.time_ns()
    (ks / "k").write_text("12345")
    stat = (ks / "k").stat()
    value = raw.stat(b"k")
    assert (stat.st_size, stat.st_nlink, stat.st_blocks) == (5, 1, 1)
    assert abs(stat.st_mtime_ns - value.updated_at_ns) < 1000
    assert before - 10**9 < stat.st_mtime_ns < time.time_ns() + 10**9
    assert stat.st_mtime_ns == stat.st_ctime_ns
    raw.put(b"k", b"from elsewhere")
    assert (ks / "k").stat().st_size == 14
    assert (ks / "k").stat().st_ino == stat.st_ino
    with open(ks / "k", "ab", buffering=0) as file:
        file.write(b"!")
        assert (ks / "k").stat().st_size == 15, "what is not published yet is seen here"
    (ks / "scratch~").write_text("x")
    with open(ks / "a%2Fnew", "w"):
        inodes = {e.name: e.inode() for e in os.scandir(ks)}
        assert inodes == {name: (ks / name).stat().st_ino for name in ("k", "a%2Fnew", "scratch~")}
        assert inodes["k"] == stat.st_ino


def test_attributes_of_the_xattr_kind(raw, ks):
    (ks / "k").write_text("12345")
    path, version = ks / "k", raw.stat(b"k").version
    assert int(os.getxattr(path, "user.vasto.version")) == version
    assert int(os.getxattr(path, "user.vasto.event_time")) == raw.stat(b"k").updated_at_ns
    assert os.getxattr(path, "user.vasto.key") == b"k"
    assert int(os.getxattr(path, "user.vasto.shard")) == raw.shard_of(b"k")
    assert os.listxattr(path) == [], "cp -a would try to copy what is listed"
    assert failure(os.getxattr, path, "user.mine") == errno.ENODATA
    for name in ("security.selinux", "security.capability", "system.posix_acl_access", "trusted.x"):
        assert failure(os.getxattr, path, name) == errno.EOPNOTSUPP
    assert failure(os.setxattr, path, "user.mine", b"x") == errno.EOPNOTSUPP
    assert failure(os.setxattr, path, "user.vasto.version", b"1") == errno.EPERM
    assert failure(os.setxattr, path, "user.vasto.ttl", b"soon") == errno.EINVAL
    os.setxattr(path, "user.vasto.ttl", b"1000")
    assert 0 < int(os.getxattr(path, "user.vasto.ttl")) <= 1000
    assert raw.stat(b"k").expires_at_ns > time.time_ns()
    os.removexattr(path, "user.vasto.ttl")
    assert raw.stat(b"k").expires_at_ns == 0
    os.setxattr(path, "user.vasto.ttl", b"1")
    vasto_cluster.wait_until(lambda: not path.exists(), "expiry")


def test_if_version_makes_compare_and_set(raw, ks):
    (ks / "k").write_text("1")
    version = raw.stat(b"k").version

    def replace(text):
        file = os.open(ks / "k", os.O_WRONLY | os.O_TRUNC)
        os.setxattr(file, "user.vasto.if_version", str(version).encode())
        os.write(file, text)
        return outcome(os.close, file)

    assert replace(b"2") == 0
    assert replace(b"3") == errno.ESTALE
    assert raw.get(b"k") == (ks / "k").read_bytes() == b"2"


def test_too_large_a_value_is_refused_at_once(cluster, mounts, raw):
    folder = mounts(cluster, "max_value=1M").folder / "demo"
    with open(folder / "big", "wb", buffering=0) as file:
        file.write(b"x" * (1 << 20))
        assert failure(file.write, b"y") == errno.EFBIG
        assert failure(file.truncate, (1 << 20) + 1) == errno.EFBIG
    assert len(raw.get(b"big")) == 1 << 20
    (folder / "big").unlink()


def test_the_largest_value_there_and_back(cluster, raw, ks):
    block = os.urandom(1 << 20)
    with open(ks / "big", "wb", buffering=0) as file:
        for _ in range(64):
            file.write(block)
        assert failure(file.write, b"y") == errno.EFBIG
    assert raw.stat(b"big").size == 64 << 20
    with open(ks / "big", "rb") as file:
        assert all(file.read(1 << 20) == block for _ in range(64)) and file.read(1) == b""
    (ks / "big").unlink()


def test_a_reader_gets_one_value_and_follows_a_log(raw, ks):
    raw.put(b"k", b"first value")
    with open(ks / "k", "rb", buffering=0) as file:
        assert file.read(6) == b"first "
        raw.put(b"k", b"FIRST VALUE and more")
        assert file.read(5) == b"value", "never parts of two values"
        assert os.fstat(file.fileno()).st_size == 20
        assert file.read(100) == b" and more"
        file.seek(0)
        assert file.read(5) == b"FIRST"
        raw.delete(b"k")
        file.seek(0)
        assert file.read(5) == b"FIRST", "what is open stays, as after unlink"


def test_maps_of_files(raw, ks):
    (ks / "k").write_bytes(b"a" * 10000)
    with open(ks / "k", "r+b") as file:
        with mmap.mmap(file.fileno(), 10000) as shared:
            shared[5000] = ord("b")
            shared.flush()
    assert raw.get(b"k")[4999:5002] == b"aba"
    with open(ks / "k", "rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as shared:
        assert shared[5000] == ord("b")


def test_locks_work_within_a_mount(ks):
    (ks / "k").write_text("x")
    with open(ks / "k", "r+") as first, open(ks / "k", "r+") as second:
        fcntl.flock(first, fcntl.LOCK_EX)
        assert failure(fcntl.flock, second, fcntl.LOCK_EX | fcntl.LOCK_NB) == errno.EWOULDBLOCK
    assert subprocess.run(["flock", "-n", ks / "k", "true"], check=False).returncode == 0


def test_read_only_and_nodelete(cluster, mounts, ks):
    (ks / "k").write_text("v")
    read_only = mounts(cluster, "ro").folder / "demo"
    assert (read_only / "k").read_text() == "v"
    assert failure((read_only / "k").write_text, "x") == errno.EROFS
    assert failure((read_only / "k").unlink) == errno.EROFS
    keeps = mounts(cluster, "nodelete").folder / "demo"
    assert failure((keeps / "k").unlink) == errno.EPERM
    assert failure(os.rename, keeps / "k", keeps / "l") == errno.EPERM
    (keeps / "k").write_text("w")
    assert (ks / "k").read_text() == "w"


def test_keyspaces_can_be_made_and_dropped_on_demand(cluster, mounts):
    root = mounts(cluster, "admin", "shards=2").folder
    (root / "made").mkdir()
    (root / "made" / "k").write_text("v")
    assert cluster.describe("made")["shards"] == 2
    assert failure(os.rmdir, root / "made") == errno.ENOTEMPTY
    (root / "made" / "k").unlink()
    (root / "made").rmdir()
    assert "made" not in cluster.keyspaces()
    assert failure(os.stat, root / "made") == errno.ENOENT
