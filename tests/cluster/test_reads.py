# SPDX-License-Identifier: Apache-2.0
"""Reads that choose their replica: who answers them, and how old the answer may be."""

import contextlib
import os
import re
import socket
import threading
import time
import urllib.request

import pytest

import libvasto
from libvasto import ANY, NEAREST
from net_cluster import NetCluster
from vasto_cluster import SLOW, wait_until

replicas = pytest.importorskip("replicas")
stock_thrift = replicas.stock_thrift

CHOICES = [{}, {"replica": ANY}, {"replica": NEAREST}, {"replica": ANY, "max_staleness_ms": 1},
           {"replica": ANY, "max_staleness_ms": 1000},
           {"replica": NEAREST, "max_staleness_ms": 1000}]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def counted(make_cluster):
    """Makes a cluster of three stores with a keyspace "ks" of one shard on all of them, and a
    function that says how many requests of a kind each has answered since it was last asked."""
    def make(flags=lambda index: []):
        ports = [free_port() for _ in range(3)]
        cluster = make_cluster(stores=3, store_flags=lambda index: [
            "--http", f"127.0.0.1:{ports[index]}", *flags(index)])
        cluster.create("ks", 1, 3)
        before = {}

        def answered(operation):
            counts = []
            for index, port in enumerate(ports):
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as page:
                    text = page.read().decode()
                series = rf'vasto_store_requests_total\{{[^}}]*op="{operation}"[^}}]*\}} (\d+)'
                total = sum(int(n) for n in re.findall(series, text))
                counts.append(total - before.get((operation, index), 0))
                before[operation, index] = total
            return counts

        return cluster, answered
    return make


def order_of(cluster):
    """The indexes of the stores in the order of the shard's replicas."""
    indexes = replicas.store_indexes(cluster)
    shard = stock_thrift.descriptor(cluster.address, "ks").shards[0]
    return [indexes[replica.store] for replica in shard.replicas]


def refusals(store, descriptor, key, max_staleness_ms):
    """Why this very store does not answer a get, a multi_get and a scan within the bound; None where
    it does."""
    data = stock_thrift.data
    bound = data.ReadBound(max_staleness_ms=max_staleness_ms)
    where = {"ref": data.ShardRef(keyspace=descriptor.uuid, shard=0), "bound": bound}
    key = data.ReadKey(key=key)
    found = []
    with stock_thrift.Connection(store.address) as connection:
        for call, request in ((connection.data.get, data.GetRequest(key=key, **where)),
                              (connection.data.multi_get, data.MultiGetRequest(keys=[key], **where)),
                              (connection.data.scan, data.ScanRequest(start=b"", end_key=b"", **where))):
            try:
                call(request)
                found.append(None)
            except stock_thrift.common.VastoError as error:
                found.append(error.message)
    return found


@pytest.mark.smoke
def test_any_is_answered_by_every_replica_and_primary_by_one(counted):
    cluster, answered = counted()
    with libvasto.Client(cluster.address) as client:
        keyspace = client.keyspace("ks")
        keyspace.put(b"k", b"v")
        replicas.wait_alike(cluster, "ks")
        answered("get")
        for _ in range(300):
            assert keyspace.get(b"k", replica=ANY) == b"v"
        assert all(count > 50 for count in answered("get"))
        for _ in range(300):
            assert keyspace.get(b"k") == b"v"
        assert sorted(answered("get")) == [0, 0, 300]
        for _ in range(300):
            assert keyspace.get(b"k", replica=ANY, max_staleness_ms=1000 * SLOW) == b"v"
        assert all(count > 50 for count in answered("get"))


def test_nearest_is_the_one_with_a_unix_socket_here(counted):
    cluster, answered = counted(
        lambda index: ["--unix_socket=false"] if index != 2 else [])
    with libvasto.Client(cluster.address) as client:
        keyspace = client.keyspace("ks")
        keyspace.put(b"k", b"v")
        replicas.wait_alike(cluster, "ks")
        answered("get")
        for _ in range(100):
            assert keyspace.get(b"k", replica=NEAREST) == b"v"
        assert answered("get") == [0, 0, 100]
        cluster.stores[2].kill9()
        for _ in range(100):
            assert keyspace.get(b"k", replica=NEAREST) == b"v"


def test_the_tool_reads_where_it_is_told_to(counted):
    cluster, answered = counted(
        lambda index: ["--unix_socket=false"] if index != 2 else [])
    cluster.put("ks", b"k", b"v")
    replicas.wait_alike(cluster, "ks")
    primary = order_of(cluster)[0]
    for operation, command in (("get", ["get", "ks", "k"]), ("get", ["stat", "ks", "k"]),
                               ("scan", ["scan", "ks"])):
        answered(operation)
        plain = cluster.vasto(*command).out
        assert answered(operation)[primary] == 1
        assert cluster.vasto(*command, "--read", "primary").out == plain
        assert answered(operation)[primary] == 1
        near = cluster.vasto(*command, "--read", "nearest", "--max-staleness", 10_000 * SLOW)
        assert near.out == plain and answered(operation) == [0, 0, 1]
        assert cluster.vasto(*command, "--read", "any").out == plain
        assert sum(answered(operation)) == 1
        for wrong in (["--read", "farthest"], ["--max-staleness", "5"],
                      ["--read", "any", "--max-staleness", "-1"]):
            assert cluster.vasto(*command, *wrong, check=None).code == 2


def test_a_hedged_read_does_not_wait_for_a_stopped_store(counted):
    cluster, _ = counted()
    last = order_of(cluster)[2]
    cluster.put("ks", b"k", b"v")
    replicas.wait_alike(cluster, "ks")

    def longest(**choice):
        # Of a client that does not know yet that the store is silent.
        with libvasto.Client(cluster.address) as client:
            keyspace, took = client.keyspace("ks"), []
            for _ in range(20):
                begin = time.monotonic()
                assert keyspace.get(b"k", replica=ANY, **choice) == b"v"
                took.append(time.monotonic() - begin)
        return max(took)

    with cluster.stores[last].paused():
        assert longest(hedge=True) < 0.25 * SLOW
        assert longest() > 0.25


def test_all_pages_of_a_scan_come_from_one_replica(counted):
    cluster, answered = counted()
    with libvasto.Client(cluster.address) as client:
        keyspace = client.keyspace("ks")
        rows = [(b"k%04d" % i, b"v" * 100) for i in range(1000)]
        for key, value in rows:
            keyspace.put(key, value)
        replicas.wait_alike(cluster, "ks")
        asked = set()
        for _ in range(20):
            answered("scan")
            scan = keyspace.scan(replica=ANY, max_staleness_ms=1000 * SLOW, page_bytes=4096)
            assert list(scan) == rows
            pages = answered("scan")
            assert sorted(pages)[:2] == [0, 0] and max(pages) > 10
            asked.add(pages.index(max(pages)))
        assert len(asked) > 1


def test_a_replica_that_cannot_hear_the_primary_does_not_answer_within_a_bound(counted):
    cluster, _ = counted()
    first, second, third = order_of(cluster)
    descriptor = stock_thrift.descriptor(cluster.address, "ks")
    bound_ms = 500 * SLOW

    def refused(index):
        return refusals(cluster.stores[index], descriptor, b"k", bound_ms)

    with libvasto.Client(cluster.address) as client:
        keyspace = client.keyspace("ks")
        keyspace.put(b"k", b"v")
        replicas.wait_alike(cluster, "ks")
        for index in (first, second, third):
            assert refused(index) == [None] * 3
        with cluster.stores[first].paused():
            for index in (second, third):
                wait_until(lambda: all("moved: behind: " in (why or "") for why in refused(index)),
                           f"store {index} to be behind")
                replicas.wait_serving(cluster, "ks", index)
                address = cluster.stores[index].address
                assert replicas.value(address, descriptor, b"k") == b"v"
            # The next of them is the primary now, for this client.
            for choice in CHOICES:
                assert keyspace.get(b"k", **choice) == b"v"
                assert list(keyspace.scan(**choice)) == [(b"k", b"v")]
        for index in (first, second, third):
            wait_until(lambda: refused(index) == [None] * 3, f"store {index} to be fresh again")


class Counting:
    """One counts up in the key "n" of a store, others read it at others; a context manager.

    write(number), read(): of a thread's own connection, made by the functions given; they raise where
    there is no answer. late: (read, acknowledged, for how long) where a read missed a number that was
    acknowledged bound_s before it began. What is on its way, for 0.1 s, is not counted."""

    def __init__(self, writer, readers, bound_s):
        self.acknowledged = [(0.0, 0)]  # when each number was, and the number
        self.late, self.reads, self.old, self.refused = [], 0, 0, []
        self._bound_s = bound_s + 0.1 * SLOW
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._write, args=(writer,))]
        self._threads += [threading.Thread(target=self._read, args=(make,)) for make in readers]

    def _write(self, make):
        number, write = 0, make()
        while not self._stop.is_set():
            number += 1
            try:
                write(number)
            except (libvasto.VastoError, stock_thrift.common.VastoError):
                continue
            self.acknowledged.append((time.monotonic(), number))

    def _read(self, make):
        read = make()
        while not self._stop.is_set():
            begin = time.monotonic()
            try:
                got = int(read() or 0)
            except (libvasto.VastoError, stock_thrift.common.VastoError) as error:
                self.refused.append(error)
                continue
            known = self.acknowledged
            at = len(known) - 1
            self.old += got < known[at][1]
            while known[at][0] > begin - self._bound_s:
                at -= 1
            if got < known[at][1]:
                self.late.append((got, known[at][1], begin - known[at][0]))
            self.reads += 1

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()


@pytest.fixture
def net(request):
    with NetCluster() as cluster:
        request.node.clusters = [cluster]
        cluster.create("ks", 1, 3)
        yield cluster


@pytest.mark.parametrize("bound_s", [pytest.param(0.1 * SLOW, marks=pytest.mark.soak), 0.4 * SLOW])
def test_a_replica_never_answers_beyond_its_bound(net, bound_s):
    """Whatever it cannot hear, and when it does again: as to what the first replica acknowledged."""
    data = stock_thrift.data
    first, second, third = (f"store{index}" for index in order_of(net))
    ends = (([third], [first, second]), ([first], [second, third]), ([second], [first]))
    cuts = [(*end, one_way) for end in ends for one_way in (False, True)]
    if not os.environ.get("VASTO_SOAK"):
        cuts = [cuts[0], cuts[3], cuts[5]]
    uuid = stock_thrift.descriptor(net.address, "ks").uuid
    ref = data.ShardRef(keyspace=uuid, shard=0, timeout_ms=1000)

    connections = contextlib.ExitStack()

    def connect(name):
        address = net.stores[int(name[5:])].address
        return connections.enter_context(stock_thrift.Connection(address)).data

    def writer():
        service = connect(first)

        def write(number):
            entry = data.WriteEntry(kind=data.WriteKind.PUT, key=b"n", payload=b"%d" % number)
            result = service.write(data.WriteRequest(ref=ref, entry=entry))
            if result.code != stock_thrift.common.Code.OK:
                raise stock_thrift.common.VastoError(result.code, result.message)
        return write

    def reader(name):
        def make():
            service = connect(name)
            request = data.GetRequest(ref=ref, key=data.ReadKey(key=b"n"),
                                      bound=data.ReadBound(max_staleness_ms=int(bound_s * 1000)))
            return lambda: service.get(request).value.payload
        return make

    with connections, Counting(writer, [reader(second), reader(third)], bound_s) as counting:
        for sources, targets, one_way in cuts:
            time.sleep(0.5)
            net.network.cut(sources, targets, one_way)
            time.sleep(2 * SLOW)
            net.network.heal()
        time.sleep(0.5)
    assert counting.late == []
    assert len(counting.acknowledged) > 100 and counting.reads > 100
    assert any("behind" in error.message for error in counting.refused)


def test_clients_are_answered_within_the_bound_while_a_replica_is_cut_off(net):
    third = f"store{order_of(net)[2]}"
    bound_s = 0.4 * SLOW

    clients = contextlib.ExitStack()

    def of_client(place, work):
        def make():
            net.network.enter(place)
            client = clients.enter_context(libvasto.Client(net.address))
            return work(client.keyspace("ks"))
        return make

    def reader(replica):
        return of_client("b", lambda keyspace: lambda: keyspace.get(
            b"n", replica=replica, max_staleness_ms=int(bound_s * 1000)))

    writer = of_client("a", lambda keyspace: lambda number: keyspace.put(b"n", b"%d" % number))
    with clients, Counting(writer, [reader(ANY), reader(NEAREST)], bound_s) as counting:
        # Not healed meanwhile: then it may be the only one that serves for a moment, the primary.
        for one_way in (True, False):
            time.sleep(0.5)
            net.network.cut([third], set(net.network.addresses) - {third, "b"}, one_way)
            time.sleep(2 * SLOW)
    net.network.heal()
    assert counting.refused == []
    assert counting.late == []
    assert len(counting.acknowledged) > 100 and counting.reads > 100
    assert counting.old > 0, "all were answered by the primary"
