# SPDX-License-Identifier: Apache-2.0
"""Watches: every acknowledged change is given, and the last one of each key is what a read gives."""

import json
import pathlib
import signal
import subprocess
import threading

import pytest

import libvasto
import replicas
from load import Load
from vasto_cluster import BIN, SLOW, environment, wait_until

SMALL = ["--write_buffer_mb", 8, "--block_cache_mb", 8, "--feed_mb", 1]


class Follower:
    """Takes from a watch on a thread of its own: all (key, value) given, and the last of each key."""

    def __init__(self, keyspace, **settings):
        self.watch = keyspace.watch(**settings)
        self.last = {}
        self.given = set()
        self.failure = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="follower")
        self._thread.start()

    def _work(self):
        try:
            while not self._stop.is_set():
                for key, value in self.watch.next(100):
                    self.given.add((key, value))
                    self.last[key] = value
        except libvasto.VastoError as error:
            self.failure = error

    def wait_for(self, changes, timeout_s=20):
        changes = set(changes)
        wait_until(lambda: self.failure or changes <= self.given, "the changes", timeout_s)
        assert self.failure is None, self.failure

    def stop(self):
        """Ends it and returns the token."""
        self._stop.set()
        self._thread.join()
        token = self.watch.token()
        self.watch.close()
        return token


@pytest.fixture
def client_of(make_cluster):
    clients = []

    def make(cluster):
        clients.append(libvasto.Client(cluster.address))
        return clients[-1]
    yield make
    for client in clients:
        client.close()


def expect_last(follower, keyspace):
    """The last change of each key is what a read gives."""
    def alike():
        return all(keyspace.get(key) == value for key, value in list(follower.last.items()))
    wait_until(alike, "the last changes to be what reads give", 10)


def test_every_change_is_given_while_the_primary_is_killed_and_comes_back(make_cluster, client_of):
    cluster = make_cluster(stores=3)
    cluster.create("ks", 4, 3, "--acks", "quorum")
    keyspace = client_of(cluster).keyspace("ks")
    follower = Follower(keyspace)
    hot = {}
    with Load(cluster.address, "ks", threads=2) as load:
        victim = replicas.primary_of(cluster, "ks")
        for n in range(60):
            # One key again and again: each of its values is a change.
            value = f"{n}".encode()
            keyspace.put(b"hot", value)
            hot[n] = (b"hot", value)
            keyspace.put(b"deleted", value)
            keyspace.delete(b"deleted")
            if n == 20:
                cluster.stores[victim].kill9()
            if n == 40:
                cluster.restart_store(victim)
        replicas.wait_serving(cluster, "ks", victim)
        load.wait_for_writes(200)
    follower.wait_for(load.acknowledged.items())
    follower.wait_for(hot.values())
    follower.wait_for([(b"deleted", None)])
    replicas.wait_alike(cluster, "ks")
    expect_last(follower, keyspace)
    assert follower.last[b"hot"] == b"59" and follower.last[b"deleted"] is None
    follower.stop()
    load.close()


@pytest.mark.parametrize("copies", [1, 2])
def test_a_token_goes_on_after_all_stores_were_killed_or_restarted(make_cluster, client_of, copies):
    cluster = make_cluster(stores=2)
    cluster.create("ks", 2, copies)
    keyspace = client_of(cluster).keyspace("ks")
    follower = Follower(keyspace)
    keyspace.put(b"k", b"1")
    follower.wait_for([(b"k", b"1")])
    token = follower.stop()
    keyspace.put(b"k", b"2")
    keyspace.delete(b"k")
    keyspace.put(b"l", b"3")
    for index in list(cluster.stores):
        cluster.stores[index].kill9()
    for index in list(cluster.stores):
        cluster.restart_store(index)
    for index in list(cluster.stores):
        cluster.stores[index].stop()
        cluster.restart_store(index)
    keyspace.put(b"k", b"4")
    again = Follower(keyspace, token=token)
    again.wait_for([(b"k", b"2"), (b"k", None), (b"l", b"3"), (b"k", b"4")])
    assert again.last == {b"k": b"4", b"l": b"3"}
    again.stop()


def test_a_token_that_is_too_old_says_so(make_cluster, client_of):
    cluster = make_cluster(stores=2, store_flags=[*SMALL, "--max_log_mb", 1, "--watch_log_mb", 0])
    cluster.create("ks", 1, 2)
    keyspace = client_of(cluster).keyspace("ks")
    watch = keyspace.watch()
    keyspace.put(b"first", b"v")
    old = watch.token()

    def logs():
        return {path.name for index in cluster.stores
                for path in cluster.store_folder(index).glob("shards/*/0/db/**/*.log")}
    before = logs()

    def gone():
        keyspace.write_batch([(f"k{i}".encode(), b"v" * 20_000, {}) for i in range(100)])
        return not before & logs()
    wait_until(gone, "the logs to be gone", 40)
    for late in (watch, keyspace.watch(token=old)):
        with pytest.raises(libvasto.VastoError) as error:
            while True:
                late.next()
        assert error.value.code == libvasto.TOO_OLD
        assert "scan" in error.value.message
    # From now on all is well.
    watch = keyspace.watch()
    keyspace.put(b"k", b"new")
    assert watch.next(5000) == [(b"k", b"new")]


def test_a_watcher_that_does_not_take_costs_the_stores_nothing(make_cluster, client_of):
    cluster = make_cluster(stores=2, store_flags=SMALL)
    cluster.create("ks", 2, 2)
    keyspace = client_of(cluster).keyspace("ks")
    watches = [keyspace.watch() for _ in range(20)]
    bench = ("bench", "ks", "--workload", "put", "--keys", 5_000, "--operations")
    cluster.vasto(*bench, 50_000)
    before = [store.memory_kib() for store in cluster.stores.values()]
    for watch in watches:
        assert watch.next(5000)
    cluster.vasto(*bench, 100_000)
    for kib, store in zip(before, cluster.stores.values()):
        assert store.memory_kib() < kib + (24 << 10) * SLOW, (kib, store.memory_kib())
    # They go on where they are, as fast as they like.
    keyspace.put(b"end", b"v")
    last = {}
    while last.get(b"end") != b"v":
        last.update(watches[0].next(5000))
    assert all(keyspace.get(key) == value for key, value in list(last.items())[:100])


def test_only_keys_with_the_prefix_are_given(make_cluster, client_of):
    cluster = make_cluster()
    cluster.create("ks", 4)
    keyspace = client_of(cluster).keyspace("ks")
    follower = Follower(keyspace, prefix=b"u/")
    for key in (b"t", b"u", b"u/1", b"u/2", b"v/1"):
        keyspace.put(key, key)
    follower.wait_for([(b"u/1", b"u/1"), (b"u/2", b"u/2")])
    assert set(follower.last) == {b"u/1", b"u/2"}
    follower.stop()


# the tool

class Tool:
    """vasto watch, and the lines it has printed so far."""

    def __init__(self, cluster, *argv):
        self.process = subprocess.Popen(
            [str(BIN / "vasto"), "-m", cluster.address, *map(str, argv)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=environment(cluster.folder))
        self.lines = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def wait_for(self, line):
        wait_until(lambda: line in self.lines, f"{line!r} of {self.lines}")

    def end(self, number=signal.SIGINT):
        """The exit code after the signal."""
        if number is not None:
            self.process.send_signal(number)
        code = self.process.wait(10 * SLOW)
        self._reader.join()
        self.process.stdout.close()
        self.process.stderr.close()
        return code


def test_the_tool_prints_changes_and_goes_on_from_its_file(make_cluster, tmp_path):
    cluster = make_cluster()
    cluster.create("ks", 4)
    place = pathlib.Path(tmp_path) / "place"
    tool = Tool(cluster, "watch", "ks", "u/", "--token", place)
    wait_until(place.exists, "the file")
    cluster.put("ks", "u/1", b"a\tb")
    cluster.put("ks", "other", b"v")
    tool.wait_for("put\tu/1\ta\\x09b")
    cluster.vasto("del", "ks", "u/1")
    tool.wait_for("del\tu/1")
    assert tool.end() == 0
    assert tool.lines == ["put\tu/1\ta\\x09b", "del\tu/1"]
    # What comes while nobody watches is printed by the next one.
    cluster.put("ks", "u/2", b"v")
    tool = Tool(cluster, "watch", "ks", "u/", "--token", place, "--limit", 1, "-o", "json")
    assert tool.end(None) == 0
    change = json.loads(tool.lines[0])
    assert (change["change"], change["key"], change["value"]) == ("put", "u/2", "v")
    cluster.put("ks", "u/3", b"v")
    tool = Tool(cluster, "watch", "ks", "u/", "--token", place, "--limit", 1, "--keys-only")
    assert tool.end(None) == 0
    assert tool.lines == ["put\tu/3"]


def test_the_tool_says_what_is_wrong(make_cluster, tmp_path):
    cluster = make_cluster()
    cluster.create("ks")
    result = cluster.vasto("watch", "nothing", check=3)
    assert "nothing" in result.err
    bad = pathlib.Path(tmp_path) / "bad"
    bad.write_text("no token\n")
    result = cluster.vasto("watch", "ks", "--token", bad, check=2)
    assert str(bad) in result.err
