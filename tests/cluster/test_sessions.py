# SPDX-License-Identifier: Apache-2.0
"""Sessions: reads that never go back behind what was written and seen, whoever answers them."""

import contextlib

import pytest

import libvasto
from libvasto import ANY, NEAREST, PRIMARY
from net_cluster import NetCluster
from vasto_cluster import SLOW

replicas = pytest.importorskip("replicas")
stock_thrift = replicas.stock_thrift


@pytest.fixture
def net(request):
    with NetCluster() as cluster:
        request.node.clusters = [cluster]
        cluster.create("ks", 1, 3)
        yield cluster


def order_of(cluster):
    """The indexes of the stores in the order of the shard's replicas."""
    indexes = replicas.store_indexes(cluster)
    shard = stock_thrift.descriptor(cluster.address, "ks").shards[0]
    return [indexes[replica.store] for replica in shard.replicas]


def number(value):
    return int(value or 0)


@contextlib.contextmanager
def apart(cluster, index):
    """Meanwhile the store hears nothing of the others, which clients do not notice, and serves."""
    others = [f"store{other}" for other in cluster.stores if other != index]
    cluster.network.cut([f"store{index}"], others)
    replicas.wait_serving(cluster, "ks", index)
    try:
        yield
    finally:
        cluster.network.heal()


@pytest.mark.smoke
def test_a_session_reads_what_it_wrote_from_any_replica(make_cluster):
    cluster = make_cluster(stores=3)
    cluster.create("ks", 4, 3)
    with libvasto.Client(cluster.address) as client:
        keyspace = client.keyspace("ks")
        session = keyspace.session()
        for i in range(300 // SLOW):
            key = b"k%d" % (i % 7)
            keyspace.put(key, b"%d" % i, session=session)
            assert keyspace.get(key, replica=ANY, session=session) == b"%d" % i
            if i % 10 == 0:
                keyspace.delete(key, session=session)
                assert keyspace.get(key, replica=ANY, session=session) is None


def test_a_stopped_replica_does_not_send_a_session_back(make_cluster):
    cluster = make_cluster(stores=3)
    cluster.create("ks", 1, 3)
    third = order_of(cluster)[2]
    with libvasto.Client(cluster.address) as client:
        keyspace = client.keyspace("ks")
        session = keyspace.session()

        def rounds(first, count):
            for i in range(first, first + count):
                keyspace.put(b"n", b"%d" % i, session=session)
                assert number(keyspace.get(b"n", replica=ANY, session=session)) == i

        rounds(1, 20)
        with cluster.stores[third].paused():
            rounds(100, 20)
        rounds(200, 100)


def test_a_replica_that_is_behind_answers_no_session(net):
    third = order_of(net)[2]
    with libvasto.Client(net.address) as client, libvasto.Client(net.address) as other:
        keyspace = client.keyspace("ks")
        keyspace.put(b"n", b"1")
        replicas.wait_alike(net, "ks")
        with apart(net, third):
            writer, reader = keyspace.session(), keyspace.session()
            old, back, before = 0, 0, 0
            for i in range(2, 102):
                keyspace.put(b"n", b"%d" % i, session=writer)
                for choice in (PRIMARY, ANY, NEAREST):
                    assert number(keyspace.get(b"n", replica=choice, session=writer)) == i
                # Another one, that wrote nothing, sees no less than it saw before.
                seen = number(keyspace.get(b"n", replica=ANY, session=reader))
                back += seen < before
                before = seen
                old += number(keyspace.get(b"n", replica=ANY)) < i
            assert back == 0
            assert old > 10, "the replica was not behind, or never asked"
            assert before > 2
            # So do the other reads.
            for _ in range(20):
                codes, _ = keyspace.multi_get([b"n"], replica=ANY, session=writer)
                assert codes == [(libvasto.OK, b"101")]
                assert list(keyspace.scan(replica=ANY, session=writer)) == [(b"n", b"101")]
            # And whoever is given the session.
            taken = other.keyspace("ks").session(writer.token())
            for _ in range(20):
                assert other.keyspace("ks").get(b"n", replica=ANY, session=taken) == b"101"
            assert any(other.keyspace("ks").get(b"n", replica=ANY) == b"1" for _ in range(50))


def test_after_a_failover_a_session_reads_what_it_wrote_or_nothing(net):
    first = order_of(net)[0]
    with libvasto.Client(net.address) as client:
        keyspace = client.keyspace("ks")
        keyspace.put(b"k", b"old")
        replicas.wait_alike(net, "ks")
        session = keyspace.session()
        # At level one, it is acknowledged by the primary alone, which dies with it.
        net.network.cut([f"store{first}"], [f"store{i}" for i in net.stores if i != first])
        keyspace.put(b"k", b"new", session=session)
        net.stores[first].kill9()
        assert keyspace.get(b"k") == b"old"
        for index in set(net.stores) - {first}:
            replicas.wait_serving(net, "ks", index)
        for choice in (PRIMARY, ANY, NEAREST):
            with pytest.raises(libvasto.VastoError) as caught:
                keyspace.get(b"k", replica=choice, session=session, timeout_ms=500 * SLOW)
            # BUSY: the last one that was asked was just looking at the others.
            assert caught.value.code in (libvasto.UNAVAILABLE, libvasto.TIMEOUT, libvasto.BUSY)
            assert "session" in caught.value.message or caught.value.code == libvasto.BUSY
        with pytest.raises(libvasto.VastoError, match="session"):
            list(keyspace.scan(session=keyspace.session(session.token()), timeout_ms=300 * SLOW))
        # What it writes from now on it reads where it can be: that does not have the other either.
        fresh = keyspace.session()
        keyspace.put(b"other", b"1", session=fresh)
        assert keyspace.get(b"other", replica=ANY, session=fresh) == b"1"
        # A crash of the process lost nothing: who waits reads it.
        net.network.heal()
        net.restart_store(first)
        for choice in (PRIMARY, ANY, NEAREST):
            assert keyspace.get(b"k", replica=choice, session=session, timeout_ms=10_000) == b"new"


def test_the_tool_keeps_a_session_in_a_file(net):
    third = order_of(net)[2]
    file = net.folder / "session"
    net.put("ks", b"k", b"1")
    replicas.wait_alike(net, "ks")
    with apart(net, third):
        net.vasto("put", "ks", "k", "2", "--session", file)
        for command in (["get", "ks", "k"], ["scan", "ks"]):
            for _ in range(8):
                shown = net.vasto(*command, "--read", "any", "--session", file).text
                assert shown.strip().endswith("2")
        before = file.read_bytes()
        net.vasto("del", "ks", "k", "--session", file)
        assert file.read_bytes() != before
        for _ in range(8):
            assert net.vasto("get", "ks", "k", "--read", "any", "--session", file,
                             check=None).code == 3
        assert not list(net.folder.glob("session.*"))
    net.vasto("touch", "ks", "k", 5, "--session", file, check=None)
    file.write_bytes(before[:-1])
    damaged = net.vasto("get", "ks", "k", "--session", file, check=None)
    assert damaged.code == 1 and "session" in damaged.err
    assert file.read_bytes() == before[:-1]
