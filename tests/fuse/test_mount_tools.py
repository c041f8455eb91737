# SPDX-License-Identifier: Apache-2.0
"""The programs people use, on a keyspace directory of a real cluster."""

import hashlib
import os
import re
import time
from pathlib import Path

import pytest

from vasto_mount import sh

LICENCES = Path("/usr/share/common-licenses")


def digest(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


@pytest.fixture
def texts(ks):
    """The keyspace with copies of real files, and their names."""
    sh(f"cp -L {LICENCES}/* .", ks)
    return sorted(os.listdir(LICENCES))


def test_a_file_is_a_key(cluster, ks):
    (ks / "greeting").write_text("hello")
    assert cluster.get("demo", "greeting") == b"hello"
    cluster.put("demo", "from-tool", b"value")
    assert sh("cat from-tool", ks) == "value"
    (ks / "greeting").unlink()
    assert cluster.vasto("get", "demo", "greeting", check=None).code == 3


def test_cp_into_within_and_out_of_a_keyspace(raw, ks, texts, tmp_path):
    assert sorted(os.listdir(ks)) == texts
    for name in texts:
        assert raw.get(name.encode()) == (LICENCES / name).read_bytes()
    sh("cp GPL-3 copy; cp -p GPL-3 kept; cp --no-clobber Artistic copy; cmp GPL-3 copy; cmp GPL-3 kept", ks)
    sh("cp Artistic copy; cmp Artistic copy", ks)
    sh(f"cp -r . {tmp_path}/out; diff -r . {tmp_path}/out", ks)
    sh(f"mkdir {tmp_path}/in; echo one > {tmp_path}/in/a1; echo two > {tmp_path}/in/a2; cp -a {tmp_path}/in/. .", ks)
    assert (raw.get(b"a1"), raw.get(b"a2")) == (b"one\n", b"two\n")


def test_mv_within_into_out_of_and_across_keyspaces(raw, ks, tmp_path):
    sh("echo one > a; mv a b; test ! -e a", ks)
    assert (raw.get(b"a"), raw.get(b"b")) == (None, b"one\n")
    sh("echo other > c; mv b c; echo two > d; mv -n c d", ks)
    assert (raw.get(b"b"), raw.get(b"c"), raw.get(b"d")) == (None, b"one\n", b"two\n")
    sh(f"mv c {tmp_path}/out; echo in > {tmp_path}/in; mv {tmp_path}/in .", ks)
    assert (tmp_path / "out").read_text() == "one\n"
    assert (raw.get(b"c"), raw.get(b"in")) == (None, b"in\n")
    sh("mv in ../other/moved; cat ../other/moved; rm ../other/moved; test ! -e in", ks)


def test_rm_deletes_keys_and_never_a_keyspace(cluster, raw, ks):
    sh("touch a b c 'd e'; rm a; rm -f b missing; ! rm missing; ls", ks)
    assert (raw.get(b"a"), raw.get(b"b"), raw.get(b"c")) == (None, None, b"")
    sh("! rm -rf ../demo; test -z \"$(ls)\"", ks)
    assert raw.get(b"c") is None
    assert "demo" in cluster.keyspaces()


def test_cat_head_tail_and_redirections(raw, ks):
    sh("printf 'one\\ntwo\\n' > log; echo three >> log; cat log log > twice", ks)
    assert raw.get(b"log") == b"one\ntwo\nthree\n"
    assert raw.get(b"twice") == 2 * b"one\ntwo\nthree\n"
    assert sh("head -n1 log; tail -n1 log; wc -l < log; tac log | head -n1", ks) == "one\nthree\n3\nthree\n"
    sh(": > log; test ! -s log; cat log > empty", ks)
    assert (raw.get(b"log"), raw.get(b"empty")) == (b"", b"")


def test_ls_shows_sizes_and_event_times(raw, ks, texts):
    # Printed as seconds: the time of the change as the cluster has it.
    lines = sh("ls -l --time-style=+%s | tail -n +2", ks).splitlines()
    rows = {line.split()[-1]: line.split() for line in lines}
    assert sorted(rows) == texts
    for name in texts:
        mode, links, _, _, size, seconds, _ = rows[name]
        assert (mode, links, int(size)) == ("-rw-r--r--", "1", (LICENCES / name).stat().st_size)
        assert int(seconds) == raw.stat(name.encode()).updated_at_ns // 10**9
    raw.put(b"past-ls", b"old", updated_at_ns=1_000_000_000 * 10**9)
    assert sh("TZ=UTC ls -l --time-style=long-iso past-ls", ks).split()[5:7] == ["2001-09-09", "01:46"]
    assert sh("stat -c %s:%Y past-ls", ks) == "3:1000000000\n"


def test_ls_stops_to_ask_for_security_attributes(mount, ks):
    # A file costs a look-up and a stat. It would be twice as many requests if the answer to the first
    # question for an access list did not say that there are none anywhere.
    for i in range(100):
        (ks / f"f{i}").write_text("x")
    before = mount.status("requests")
    sh("ls -l > /dev/null", ks)
    assert mount.status("requests") - before < 280


def test_find(raw, ks, texts):
    raw.put(b"past-find", b"old", updated_at_ns=1_000_000_000 * 10**9)
    assert len(sh("find . -type f", ks).splitlines()) == len(texts) + 1
    assert sh("find . -name 'GPL-3'", ks) == "./GPL-3\n"
    assert sh("find . -newermt 2005-01-01 -name 'pas*'; find . ! -newermt 2005-01-01 -type f", ks) == "./past-find\n"
    big = {f"./{name}" for name in texts if (LICENCES / name).stat().st_size > 30 * 1024}
    assert set(sh("find . -type f -size +30k", ks).splitlines()) == big
    sh("find . -name 'GPL-*' -delete", ks)
    assert not [key for key in texts if key.startswith("GPL-") and raw.get(key.encode()) is not None]


def test_grep_r(ks, texts):
    assert sh("grep -rl 'Apache License' . | sort", ks) == \
        sh("grep -l 'Apache License' $(ls) | sed 's#^#./#' | sort", LICENCES)
    assert sh("grep -rc . GPL-3", ks) == sh("grep -c . GPL-3", LICENCES)


def test_sed_in_place(raw, ks):
    for i in range(3):
        (ks / f"t{i}").write_text("hello world\n")
    sh("sed -i s/hello/goodbye/ t0 t1 t2", ks)
    assert [raw.get(f"t{i}".encode()) for i in range(3)] == [b"goodbye world\n"] * 3
    sh("sed -i.bak s/goodbye/hello/ t0", ks)
    assert (raw.get(b"t0"), raw.get(b"t0.bak")) == (b"hello world\n", b"goodbye world\n")
    assert sorted(os.listdir(ks)) == ["t0", "t0.bak", "t1", "t2"]


def test_vim(raw, ks):
    (ks / "text").write_text("goodbye world\n")
    sh("vim -es -u NONE -i NONE -c '%s/world/moon/' -c wq text", ks)
    assert raw.get(b"text") == b"goodbye moon\n"
    # With a swap file and a backup, as people have it.
    sh("vim -es -u NONE -i NONE --cmd 'set swapfile backup backupskip=' -c '%s/moon/sun/' -c wq text", ks)
    assert raw.get(b"text") == b"goodbye sun\n"
    assert (ks / "text~").read_text() == "goodbye moon\n"
    assert raw.get(b"text~") is None, "backups stay in the mount"
    sh("rm text~; vim -es -u NONE -i NONE -c 'normal ihi' -c wq new", ks)
    assert raw.get(b"new") == b"hi\n"
    assert sorted(os.listdir(ks)) == ["new", "text"], "temporary files are gone"


def test_dd_in_pieces_of_any_size(mount, raw, ks, tmp_path):
    source = tmp_path / "big"
    sh(f"dd if=/dev/urandom of={source} bs=1M count=6 status=none", ks)
    before = mount.status("writes")
    sh(f"dd if={source} of=big bs=1M status=none", ks)
    assert mount.status("writes") - before == 6, "pieces of 1 MiB arrive whole"
    requests, writes = mount.status("requests"), mount.status("writes")
    sh(f"dd if={source} of=pieces bs=64k status=none", ks)
    assert mount.status("writes") - writes == 96
    assert mount.status("requests") - requests < 96 + 40, "no question before each write"
    sh(f"dd if={source} of=small-pieces bs=4k status=none; dd if={source} of=synced bs=64k status=none conv=fsync", ks)
    assert all(digest(ks / name) == digest(source) for name in ("big", "small-pieces", "synced"))
    assert hashlib.sha256(raw.get(b"big")).hexdigest() == digest(source)
    sh("dd if=big of=part bs=4096 skip=100 count=3 status=none", ks)
    assert (ks / "part").read_bytes() == source.read_bytes()[409600:409600 + 12288]
    sh("printf XY | dd of=part bs=1 seek=4096 conv=notrunc status=none", ks)
    sh("printf end | dd of=part oflag=append conv=notrunc status=none", ks)
    part = bytearray(source.read_bytes()[409600:409600 + 12288])
    part[4096:4098] = b"XY"
    assert raw.get(b"part") == bytes(part) + b"end"


def test_tar_there_and_back(ks, texts, tmp_path):
    (ks / "empty").write_bytes(b"")
    sh(f"tar cf {tmp_path}/t.tar . && mkdir {tmp_path}/out && tar xf {tmp_path}/t.tar -C {tmp_path}/out", ks)
    sh(f"diff -r . {tmp_path}/out; tar df {tmp_path}/t.tar", ks)
    sh(f"rm *; tar xf {tmp_path}/t.tar --no-same-permissions; diff -r . {tmp_path}/out", ks)
    assert sorted(os.listdir(ks)) == sorted([*texts, "empty"])


def test_rsync(raw, ks, tmp_path):
    source = tmp_path / "source"
    sh(f"mkdir {source}; cp -L {LICENCES}/* {source}", ks)
    sh(f"rsync -rc {source}/ .; diff -r {source} .", ks)
    assert sorted(os.listdir(ks)) == sorted(os.listdir(source)), "no temporary files"
    (source / "GPL-3").write_text("changed")
    changed = sh(f"rsync -rci {source}/ .", ks).splitlines()
    assert [line.split()[-1] for line in changed] == ["GPL-3"]
    assert raw.get(b"GPL-3") == b"changed"
    (source / "Artistic").unlink()
    sh(f"rsync -a --inplace --delete {source}/ .; diff -r {source} .; rsync -a ./ {tmp_path}/back; diff -r {tmp_path}/back .", ks)


def test_sha256sum(ks, texts, tmp_path):
    sh(f"sha256sum * > {tmp_path}/sums", ks)
    sh(f"sha256sum --quiet -c {tmp_path}/sums", LICENCES)
    sh(f"echo >> GPL-3; ! sha256sum --quiet -c {tmp_path}/sums", ks)
    assert len((tmp_path / "sums").read_text().splitlines()) == len(texts)


def test_df_knows_the_disk(mount, ks):
    size, available, percent = sh(f"df -B1 --output=size,avail,pcent {mount.folder} | tail -n1", ks).split()
    disk = os.statvfs("/tmp")
    assert 0 < int(available) <= int(size) and re.fullmatch(r"\d+%", percent)
    assert int(size) >= disk.f_blocks * disk.f_frsize // 2, "the size of real disks"
    assert os.statvfs(ks).f_namemax >= 1024
    assert sh(f"df --output=source,fstype {ks} | tail -n1", "/").split()[1] == "fuse.vasto"


def test_touch_does_not_change_the_time(raw, ks):
    raw.put(b"past-touch", b"old", updated_at_ns=1_000_000_000 * 10**9)
    sh("touch past-touch; touch -d 2020-01-01 past-touch; touch new", ks)
    assert raw.stat(b"past-touch").updated_at_ns == 1_000_000_000 * 10**9
    assert abs((ks / "new").stat().st_mtime - time.time()) < 60
