# SPDX-License-Identifier: Apache-2.0
"""Keys of all bytes as names of files, there and back, through libvasto and a real mount."""

import errno
import os
import random

import pytest

from vasto_mount import failure, sh

# Keys and their names; the rules are in mount.vasto(8).
KEYS = {
    b"plain": b"plain",
    b"with space": b"with space",
    "ü€😀".encode(): "ü€😀".encode(),
    b"": b"%",
    b".": b"%2E",
    b"..": b"%2E.",
    b"...": b"...",
    b".hidden": b".hidden",
    b".vasto": b"%2Evasto",
    b".vastoX": b"%2EvastoX",
    b"/": b"%2F",
    b"a/b": b"a%2Fb",
    b"../../etc/passwd": b"..%2F..%2Fetc%2Fpasswd",
    b"nul\0": b"nul%00",
    b"100%": b"100%25",
    b"%2F": b"%252F",
    b"line\nbreak\t": b"line%0Abreak%09",
    b"del\x7f": b"del%7F",
    b"\xff\xfe": b"%FF%FE",
    b"caf\xe9": b"caf%E9",
    b"\xc0\xaf": b"%C0%AF",  # an overlong form
    b"\xed\xa0\x80": b"%ED%A0%80",  # a surrogate
    b".a.swp": b"%2Ea.swp",  # would be a scratch file
    b"a~": b"a%7E",  # the same; its first byte alone would not do
    b"4913": b"%34913",
    b"-rf": b"-rf",
    b"* ? [a] $HOME `id` \"'\\": b"* ? [a] $HOME `id` \"'\\",
    b"x" * 1000: b"x" * 1000,
}


@pytest.fixture
def folder(ks):
    """The keyspace directory as bytes, and open: the longest names leave no room for a path."""
    fd = os.open(ks, os.O_RDONLY | os.O_DIRECTORY)
    yield fd
    os.close(fd)


def read_at(folder, name):
    with open(os.open(name, os.O_RDONLY, dir_fd=folder), "rb") as file:
        return file.read()


def names_of(ks):
    return sorted(os.listdir(os.fsencode(ks)))


def test_every_key_has_a_name_that_leads_to_it(raw, ks, folder):
    for key in KEYS:
        raw.put(key, b"of " + key)
    assert names_of(ks) == sorted(KEYS.values())
    for key, name in KEYS.items():
        assert read_at(folder, name) == b"of " + key
        assert os.stat(name, dir_fd=folder).st_size == 3 + len(key)
        path = b"/proc/self/fd/%d/%s" % (folder, name)
        assert os.getxattr(path, "user.vasto.key") == key
        os.unlink(name, dir_fd=folder)
        assert raw.get(key) is None
    assert names_of(ks) == []


def test_every_name_makes_its_key(raw, ks, folder):
    for key, name in KEYS.items():
        fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644, dir_fd=folder)
        os.write(fd, b"by name")
        os.close(fd)
        assert raw.get(key) == b"by name"
    assert names_of(ks) == sorted(KEYS.values())
    os.rename(b"%2F", b"nul%00%00", src_dir_fd=folder, dst_dir_fd=folder)
    assert (raw.get(b"/"), raw.get(b"nul\0\0")) == (None, b"by name")
    # Programs that know nothing of all this copy, compare and remove them.
    copy = ks.parent / "other"
    sh(f"cp -r . {copy}; diff -r . {copy}; find . -type f -print0 | xargs -0 rm --; rm -rf ./* ./.[!.]*", ks)
    assert names_of(ks) == []
    sh("find . -type f -delete", copy)
    assert os.listdir(copy) == []


def test_a_key_has_no_other_name(raw, ks, folder):
    raw.put(b"a/b", b"x")
    for alias in (b"a%2fb", b"%61%2Fb", b"a%2Fb%", b"%", b"%%", b"%2", b"a\xff", b"new\n"):
        assert failure(os.stat, alias, dir_fd=folder) == errno.ENOENT
    for alias in (b"a%2fb", b"%61%2Fb", b"%%", b"%2", b"a\xff", b"new\n", b".vastoX",
                  b"%~" + b"0" * 32):
        assert failure(os.open, alias, os.O_WRONLY | os.O_CREAT, dir_fd=folder) == errno.EINVAL
    assert names_of(ks) == [b"a%2Fb"]


def test_long_keys(mount, raw, ks, folder):
    longest = os.statvfs(ks).f_namemax
    assert longest in (1024, 4095)
    raw.put(b"n" * longest, b"fits")
    raw.put(b"n" * (longest + 1), b"does not")
    raw.put(b"\x01" * 60_000, b"by far not")
    names = names_of(ks)
    assert names[2] == b"n" * longest
    assert all(len(name) == 34 and name.startswith(b"%~") for name in names[:2])
    assert sorted(read_at(folder, name) for name in names) == [b"by far not", b"does not", b"fits"]
    assert failure(os.stat, b"n" * (longest + 1), dir_fd=folder) == errno.ENAMETOOLONG
    info = (mount.folder / ".vasto" / "ks" / "demo" / "info").read_text()
    assert "long_names: 2\n" in info
    for name in names:
        os.unlink(name, dir_fd=folder)
    assert names_of(ks) == [] and raw.get(b"\x01" * 60_000) is None


def test_random_keys(raw, ks, folder):
    seed = random.randrange(1 << 32)
    rng = random.Random(seed)
    alphabet = [b"/", b"%", b".", b"~", b"\0", b"\n", b"2F", b"a", "é".encode(), b"\xc3", b"\xff", b"4913"]
    keys = {b"".join(rng.choices(alphabet, k=rng.randrange(6))) for _ in range(150)}
    keys |= {rng.randbytes(rng.randrange(1, 20)) for _ in range(150)}
    for key in keys:
        raw.put(key, key)
    names = names_of(ks)
    assert {read_at(folder, name) for name in names} == keys, f"seed {seed}"
    assert len(names) == len(keys), f"seed {seed}"
    assert all(os.stat(name, dir_fd=folder).st_size == len(read_at(folder, name)) for name in names)
    for name in names:
        os.unlink(name, dir_fd=folder)
    assert [key for key in keys if raw.get(key) is not None] == [], f"seed {seed}"


def test_scratch_files_stay_in_the_mount(cluster, mounts, raw, ks):
    (ks / ".a.swp").write_text("swap")
    assert (ks / ".a.swp").read_text() == "swap"
    assert os.listdir(ks) == [".a.swp"]
    elsewhere = mounts(cluster).folder / "demo"
    assert os.listdir(elsewhere) == [] and raw.get(b".a.swp") is None
    os.rename(ks / ".a.swp", ks / "a")
    assert raw.get(b"a") == b"swap"
    os.rename(ks / "a", ks / "a~")
    assert raw.get(b"a") is None and (ks / "a~").read_text() == "swap"
    (ks / "a~").unlink()
    plain = mounts(cluster, "scratch=off").folder / "demo"
    (plain / "b~").write_text("a key")
    assert raw.get(b"b~") == b"a key"
    (plain / "b~").unlink()


def test_one_keyspace_or_one_prefix_can_be_the_root(cluster, mounts, raw, ks):
    for key in (b"a/1", b"a/2", b"a/b/3", b"b", b"a"):
        raw.put(key, b"of " + key)
    root = mounts(cluster, source=":/demo").folder
    assert names_of(root) == sorted([b"a%2F1", b"a%2F2", b"a%2Fb%2F3", b"b", b"a"])
    assert (root / "a%2F1").read_text() == "of a/1"
    below = mounts(cluster, source=":/demo/a/").folder
    assert names_of(below) == [b"1", b"2", b"b%2F3"]
    assert (below / "b%2F3").read_text() == "of a/b/3"
    (below / "4").write_text("four")
    (below / "1").unlink()
    os.rename(below / "2", below / "5")
    assert (raw.get(b"a/4"), raw.get(b"a/1"), raw.get(b"a/5")) == (b"four", None, b"of a/2")
    assert "shards: " in (below / ".vasto" / "ks" / "demo" / "info").read_text()


def test_the_root_of_a_cluster_shows_its_keyspaces(cluster, mounts):
    root = mounts(cluster).folder
    assert sorted(os.listdir(root)) == ["demo", "other"]
    cluster.create("third")
    (root / "third" / "k").write_text("v")
    assert cluster.get("third", "k") == b"v"
    assert sorted(os.listdir(root)) == ["demo", "other", "third"]
    cluster.vastoadm("keyspace", "delete", "third", "--yes")
    assert sorted(os.listdir(root)) == ["demo", "other"]
    assert failure((root / "third" / "k").read_text) == errno.ENOENT
    # Hidden from rm -rf and cp -r, but there.
    assert ".vasto" not in os.listdir(root)
    assert (root / ".vasto" / "version").read_text().startswith("vasto")
    assert ".vasto" in os.listdir(mounts(cluster, "show_internal").folder)
