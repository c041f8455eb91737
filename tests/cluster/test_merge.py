# SPDX-License-Identifier: Apache-2.0
"""Merges: numbers that several replicas merge into at once, and appends."""

import itertools
import threading

import pytest

import libvasto
from vasto_cluster import wait_until

replicas = pytest.importorskip("replicas")
stock_thrift = replicas.stock_thrift


class Counting:
    """Threads that add 1 to counters, each of them to all in turn, until told to stop."""

    def __init__(self, cluster, keyspace, keys, threads=4):
        self.keys = keys
        self.done = dict.fromkeys(keys, 0)
        self.doubtful = dict.fromkeys(keys, 0)
        self.errors = []
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._client = libvasto.Client(cluster.address)
        self._keyspace = self._client.keyspace(keyspace)
        self._threads = [threading.Thread(target=self._run) for _ in range(threads)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._client.close()

    def _run(self):
        for key in itertools.cycle(self.keys):
            if self._stop.is_set():
                return
            try:
                self._keyspace.merge(key, "add", b"1")
            except libvasto.VastoError as error:
                with self._lock:
                    if error.in_doubt:
                        self.doubtful[key] += 1
                    else:
                        self.errors.append(str(error))
            else:
                with self._lock:
                    self.done[key] += 1

    def wait_for(self, more):
        before = sum(self.done.values())
        wait_until(lambda: sum(self.done.values()) >= before + more, f"{more} more merges", 30)


def values(cluster, keyspace, key):
    """What each store has of the key."""
    descriptor = stock_thrift.descriptor(cluster.address, keyspace)
    return [replicas.value(store.address, descriptor, key) for store in cluster.stores.values()]


@pytest.mark.smoke
def test_every_operation_by_the_tool(make_cluster):
    cluster = make_cluster(stores=1)
    cluster.create("ks", 2)

    def merge(key, operation, operand, check=0):
        return cluster.vasto("merge", "ks", key, operation, operand, check=check)

    for key, operation, operands, value in [
            ("sum", "add", ["5", "-7"], "-2"), ("least", "min", ["5", "-7", "3"], "-7"),
            ("most", "max", ["5", "-7", "3"], "5"), ("fsum", "add-float", ["0.5", "2"], "2.5"),
            ("fleast", "min-float", ["0.5", "2"], "0.5"), ("fmost", "max-float", ["0.5", "2"], "2"),
            ("text", "append", ["ab", "cd"], "abcd")]:
        for operand in operands:
            merge(key, operation, operand)
        assert cluster.vasto("get", "ks", key).text == value
    refused = merge("text", "add", "1", check=None)
    assert refused.code != 0 and "is no int64" in refused.err
    assert "OPERATION" in merge("k", "plus", "1", check=None).err


def test_each_merge_counts_once_whoever_dies(make_cluster):
    """Acknowledged merges are there, and no more than were tried, on all replicas alike."""
    cluster = make_cluster(stores=3)
    cluster.create("ks", 2, 3, "--acks", "quorum")
    keys = [b"n%d" % i for i in range(6)]
    with Counting(cluster, "ks", keys) as counting:
        for victim in range(3):
            counting.wait_for(300)
            cluster.stores[victim].kill9()
            counting.wait_for(300)
            cluster.start_store(victim, address=cluster.stores[victim].address)
            cluster.wait_for_stores(3)
        counting.wait_for(300)
    assert counting.errors == []
    replicas.wait_alike(cluster, "ks")
    for key in keys:
        found = values(cluster, "ks", key)
        assert len(set(found)) == 1, found
        done = counting.done[key]
        assert done <= int(found[0]) <= done + counting.doubtful[key]


def test_merges_survive_the_restart_of_all_stores(make_cluster):
    cluster = make_cluster(stores=2)
    cluster.create("ks", 1, 2)
    with libvasto.Client(cluster.address) as client:
        keyspace = client.keyspace("ks")
        for _ in range(10):
            keyspace.merge(b"n", "add", b"1")
        replicas.wait_alike(cluster, "ks")
        for index, store in list(cluster.stores.items()):
            store.kill9()
            cluster.start_store(index, address=store.address)
            keyspace.merge(b"n", "add", b"1")
        assert keyspace.get(b"n") == b"12"
    replicas.wait_alike(cluster, "ks")
    assert values(cluster, "ks", b"n") == [b"12", b"12"]
