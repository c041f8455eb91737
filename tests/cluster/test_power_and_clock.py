# SPDX-License-Identifier: Apache-2.0
"""Stores that lose their power, with all that they had not synced, and stores whose clock is set."""

import threading
import time

import pytest

import faulty
import libvasto
import replicas
import stock_thrift
from load import Load, MixedLoad
from vasto_cluster import Cluster, wait_until

pytestmark = pytest.mark.skipif(not faulty.AVAILABLE, reason="nothing can be preloaded before a sanitizer")


class FaultyCluster(faulty.FaultyStores, Cluster):
    pass


@pytest.fixture
def cluster(request):
    with FaultyCluster(stores=3) as made:
        request.node.clusters = [made]
        yield made


def start(cluster, indexes, serving=True):
    """All at once, on the ports that they had; serving: until each serves all shards."""
    for index in indexes:
        cluster.start_store(index, wait=False, address=cluster.stores[index].address)
    for index in indexes:
        cluster.stores[index].wait_ready()
        if serving:
            replicas.wait_serving(cluster, "ks", index)


# power

def test_what_is_not_synced_is_lost_with_the_power(cluster):
    """Else nothing here proves anything."""
    cluster.create("ks", 1, 1, "--sync", "none")
    with libvasto.Client(cluster.address) as client:
        keyspace = client.keyspace("ks")
        for i in range(100):
            keyspace.put(b"k%d" % i, b"v" * 1000)
        index = replicas.primary_of(cluster, "ks")
        assert cluster.cut_power([index]) > 100_000
        start(cluster, [index])
        assert keyspace.get(b"k99") is None
        keyspace.put(b"k", b"after")
        assert keyspace.get(b"k") == b"after"


@pytest.mark.parametrize("replica_count,acks", [(1, "one"), (3, "one"), (3, "quorum")])
def test_sync_always_loses_nothing_when_all_lose_their_power(cluster, replica_count, acks):
    cluster.create("ks", 2, replica_count, "--sync", "always", "--acks", acks)
    with Load(cluster.address, "ks", threads=4, timeout_ms=20_000) as load:
        for _ in range(3):
            load.wait_for_writes(200)
            cluster.cut_power(list(cluster.stores))
            start(cluster, list(cluster.stores), serving=replica_count == 3)
            wait_until(lambda: load.lost() == [], "all that was acknowledged to be there")
        load.wait_for_writes(200)
    assert load.failed == [] and load.lost() == []
    if replica_count == 3:
        replicas.wait_alike(cluster, "ks")
    load.close()


def test_a_quorum_survives_the_loss_of_one_store_s_power(cluster):
    """Nothing is synced. What the store had told and lost it gets back, and its new writes are new to all."""
    cluster.create("ks", 3, 3, "--sync", "none", "--acks", "quorum")
    cut = 0
    with MixedLoad(cluster.address, "ks", threads=4, timeout_ms=20_000) as load:
        for index in (0, 1, 2, 0, 1, 2):
            load.wait_for_writes(300)
            cut += cluster.cut_power([index])
            load.wait_for_writes(300)
            start(cluster, [index])
    assert cut > 0
    assert load.failed == [] and load.wrong == []
    replicas.wait_alike(cluster, "ks")
    assert load.lost() == []
    load.close()


# the clock

@pytest.mark.parametrize("ahead_s", [0, 0.01, -0.01, 2, -2, 60, -60, 3600, -3600])
def test_a_clock_that_is_set_loses_nothing(cluster, ahead_s):
    """First the primary's, then that of the next one, then back; in the midst of all kinds of writes."""
    cluster.create("ks", 1, 3, "--acks", "quorum")
    first = replicas.primary_of(cluster, "ks")
    with MixedLoad(cluster.address, "ks", threads=4, timeout_ms=20_000) as load:
        for index in (first, (first + 1) % 3):
            load.wait_for_writes(200)
            cluster.move_clock(index, ahead_s)
            load.wait_for_writes(200)
        cluster.stores[first].kill9()
        load.wait_for_writes(200)
        start(cluster, [first])
        cluster.move_clock(first, 0)
        load.wait_for_writes(200)
    assert load.failed == [] and load.wrong == []
    replicas.wait_alike(cluster, "ks")
    assert load.lost() == []
    load.close()


@pytest.fixture
def net(request):
    with faulty.FaultyNetCluster(stores=3) as made:
        request.node.clusters = [made]
        yield made


def test_a_deletion_that_is_repeated_elsewhere_undoes_nothing_later(net):
    """The primary, whose clock is far ahead, does it, tells nobody and dies. The next one, whose own clock
    is not, is asked again, and then given a value. When the first attempt comes to light, that wins."""
    net.create("ks", 1, 3, "--acks", "quorum")
    descriptor = stock_thrift.descriptor(net.address, "ks")
    index = replicas.primary_of(net, "ks")
    first = net.stores[index]
    net.move_clock(index, 60)
    ahead = int((time.time() + 30) * 1e6) << 12
    with libvasto.Client(net.address, timeout_ms=20_000) as client:
        keyspace = client.keyspace("ks")
        wait_until(lambda: keyspace.put(b"k", b"before") > ahead, "the client to know the clock")
        replicas.wait_alike(net, "ks")
        deleted = []
        deletion = threading.Thread(target=lambda: deleted.append(keyspace.delete(b"k")))
        net.network.cut([first.name], [store.name for store in net.stores.values() if store is not first])
        with first.paused():
            deletion.start()
            time.sleep(0.05)  # so much later than it was sent it is done
        wait_until(lambda: replicas.value(first.address, descriptor, b"k") is None,
                   "the deletion on the primary", interval_s=0.001)
        first.kill9()
        deletion.join()
        assert len(deleted) == 1
        kept = keyspace.put(b"k", b"after")
        net.network.heal()
        start(net, [index])
        replicas.wait_alike(net, "ks")
        assert keyspace.get(b"k") == b"after"
        # Not only in logical steps from the time that the deletion had, which is as of when it was sent.
        assert kept - deleted[0] > 10_000 << 12


def test_what_is_written_after_a_clock_was_set_back_wins(cluster):
    cluster.create("ks", 1, 3)
    first = replicas.primary_of(cluster, "ks")
    with libvasto.Client(cluster.address) as client:
        keyspace = client.keyspace("ks")
        cluster.move_clock(first, 3600)
        keyspace.put(b"k", b"ahead")
        replicas.wait_alike(cluster, "ks")
        for index in cluster.stores:
            cluster.move_clock(index, 0)
        cluster.restart_store(first)
        replicas.wait_serving(cluster, "ks", first)
        keyspace.put(b"k", b"later")
        assert keyspace.get(b"k") == b"later"
        cluster.stores[first].kill9()
        keyspace.put(b"k", b"last")
        assert keyspace.get(b"k") == b"last"
