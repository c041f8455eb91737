# SPDX-License-Identifier: Apache-2.0
"""A store that stays away is replaced by another, and nothing that was confirmed is lost."""

import contextlib

import pytest

import libvasto
import replicas
from vasto_cluster import wait_until

# A store counts as down after 10 s.
AWAY = ("--replace_after_s=1",)
REPLACED_S = 40


@pytest.fixture
def client_of():
    clients = []

    def make(cluster):
        clients.append(libvasto.Client(cluster.address, timeout_ms=10_000))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


def members(cluster, keyspace):
    """{store: role} of each shard, in order."""
    return [{r["store"]: r["role"] for r in shard["replicas"]}
            for shard in cluster.describe(keyspace)["shard_list"]]


def uuid_of(cluster, index):
    """As describe names it."""
    address = cluster.stores[index].address
    stores = cluster.vastoadm("-o", "json", "store", "list").json["stores"]
    return next(s["id"] for s in stores if s["address"] == address)


def wait_replaced(cluster, keyspace, gone):
    """Until every shard has all its replicas, none on the store that is gone, and no learner."""
    def replaced():
        return all(gone not in shard and "learner" not in shard.values()
                   for shard in members(cluster, keyspace))

    wait_until(replaced, "the replicas of the store that is gone to be made anew", REPLACED_S)


def test_a_store_that_stays_away_is_replaced_where_it_stood(make_cluster, client_of):
    cluster = make_cluster(stores=4, master_flags=AWAY)
    cluster.create("ks", 4, 3, "--acks", "quorum")
    keyspace = client_of(cluster).keyspace("ks")
    written = {b"k%d" % i: b"v%d" % i for i in range(500)}
    for key, value in written.items():
        keyspace.put(key, value)
    replicas.wait_alike(cluster, "ks")
    before = cluster.placement("ks")
    index = replicas.primary_of(cluster, "ks")
    gone = uuid_of(cluster, index)
    store = cluster.stores.pop(index)
    store.kill9()
    for i in range(500, 600):
        written[b"k%d" % i] = b"later"
        keyspace.put(b"k%d" % i, b"later")
    for i in range(50):
        keyspace.delete(b"k%d" % i)
        written[b"k%d" % i] = None
    wait_replaced(cluster, "ks", gone)
    for old, new in zip(before, cluster.placement("ks")):
        assert len(set(new)) == 3
        assert [n for o, n in zip(old, new) if o != gone] == [o for o in old if o != gone]
    replicas.wait_alike(cluster, "ks")
    assert {key: keyspace.get(key) for key in written} == written

    # Back again, it is no member any more, and brings nothing back.
    cluster.start_store(index, address=store.address)
    removed = cluster.store_folder(index) / "removed"
    wait_until(lambda: removed.exists() and any(removed.iterdir()), "its shards to be put aside")
    replicas.wait_alike(cluster, "ks")
    assert {key: keyspace.get(key) for key in written} == written


def test_what_only_the_replaced_one_had_comes_back_with_it(make_cluster, client_of):
    cluster = make_cluster(stores=3, master_flags=AWAY)
    cluster.create("ks", 1, 2)
    keyspace = client_of(cluster).keyspace("ks")
    index = replicas.primary_of(cluster, "ks")
    contested = (b"overwritten", b"deleted", b"its own")
    for key in contested:
        keyspace.put(key, b"old")
    replicas.wait_alike(cluster, "ks")
    store = cluster.stores[index]
    gone = uuid_of(cluster, index)
    with contextlib.ExitStack() as stack:
        for other in cluster.stores.values():
            if other is not store:
                stack.enter_context(other.paused())
        # The first may still arrive, in answer to a question that was asked before.
        for i in range(100):
            keyspace.put(b"alone%d" % i, b"v")
        keyspace.merge(b"sum", "add", b"7")
        for key in contested:
            keyspace.put(key, b"mine")
        store.kill9()
    cluster.stores.pop(index)
    assert keyspace.get(b"alone99") is None
    keyspace.put(b"overwritten", b"newer")
    keyspace.delete(b"deleted")
    keyspace.merge(b"sum", "add", b"3")
    wait_replaced(cluster, "ks", gone)
    assert keyspace.get(b"its own") == b"old"

    cluster.start_store(index, address=store.address)
    wait_until(lambda: keyspace.get(b"its own") == b"mine", "its writes", 20)
    assert [i for i in range(100) if keyspace.get(b"alone%d" % i) != b"v"] == []
    assert keyspace.get(b"overwritten") == b"newer"
    assert keyspace.get(b"deleted") is None
    assert keyspace.get(b"sum") == b"10"
    replicas.wait_alike(cluster, "ks")
    folder = cluster.store_folder(index)
    wait_until(lambda: any((folder / "removed").iterdir()), "its shard to be put aside")
    assert not (folder / "damaged").exists()
