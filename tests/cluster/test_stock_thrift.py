# SPDX-License-Identifier: Apache-2.0
"""Any stock Thrift client can talk to a store; requests for the wrong shard are told so."""

import os
import uuid as uuids

import pytest

stock_thrift = pytest.importorskip("stock_thrift")
common, data = stock_thrift.common, stock_thrift.data


@pytest.fixture
def wire(shared, request):
    """(connection to store 0, descriptor) of a keyspace of one shard that lives there."""
    name = f"wire{abs(hash(request.node.nodeid)) % 10**9}"
    shared.create(name, 1, 2)
    with stock_thrift.Connection(shared.stores[0].address) as connection:
        yield connection, stock_thrift.descriptor(shared.address, name)
    shared.vastoadm("keyspace", "delete", name, "--yes")


@pytest.fixture
def primary(make_cluster):
    cluster = make_cluster(stores=1)
    cluster.create("ks", 2)
    with stock_thrift.Connection(cluster.stores[0].address) as connection:
        yield cluster, connection, stock_thrift.descriptor(cluster.address, "ks")


def put(key, payload, **more):
    return data.WriteEntry(kind=data.WriteKind.PUT, key=key, payload=payload, **more)


@pytest.mark.smoke
def test_get_write_scan_with_the_stock_library(primary):
    cluster, connection, descriptor = primary
    ref = data.ShardRef(keyspace=descriptor.uuid)
    written = connection.data.write(data.WriteRequest(ref=ref, entry=put(b"k", b"v")))
    assert (written.code, written.superseded) == (common.Code.OK, False)
    assert written.event_time != 0
    read = connection.data.get(data.GetRequest(ref=ref, key=data.ReadKey(key=b"k")))
    assert (read.code, read.value.payload, read.value.event_time) == \
           (common.Code.OK, b"v", written.event_time)
    missing = connection.data.get(data.GetRequest(ref=ref, key=data.ReadKey(key=b"none")))
    assert missing.code == common.Code.NOT_FOUND
    assert cluster.get("ks", "k") == b"v"
    rows = [connection.data.scan(data.ScanRequest(
        ref=data.ShardRef(keyspace=descriptor.uuid, shard=s), start=b"", end_key=b"")).rows
        for s in range(2)]
    assert any(b"k" in r for r in rows)


def test_the_unix_socket_speaks_the_same(primary):
    cluster, _, descriptor = primary
    stores = stock_thrift.cluster_map(cluster.address).stores
    path = stores[0].unix_path
    assert path and os.path.exists(path)
    with stock_thrift.Connection(unix_path=path) as connection:
        ref = data.ShardRef(keyspace=descriptor.uuid)
        connection.data.write(data.WriteRequest(ref=ref, entry=put(b"u", b"x")))
    assert cluster.get("ks", "u") == b"x"


def test_many_requests_in_one_write_are_answered_in_any_order(primary):
    """Pipelining: sequence ids tell the answers apart."""
    from test_bad_input import call_message, connect, read_frame
    cluster, _, _ = primary
    with connect(cluster.stores[0].address) as connection:
        connection.sendall(b"".join(call_message(b"no_such_method", n) for n in range(100)))
        seen = set()
        for _ in range(100):
            answer = read_frame(connection)
            seen.add(int.from_bytes(answer[8 + 14:12 + 14], "big"))
    assert seen == set(range(100))


@pytest.mark.smoke
def test_an_old_or_foreign_map_is_refused(primary):
    """Unknown keyspace, wrong epoch and wrong shard each get an error that names the problem."""
    _, connection, descriptor = primary
    refs = [data.ShardRef(keyspace=uuids.uuid4().bytes),
            data.ShardRef(keyspace=descriptor.uuid, epoch=descriptor.epoch + 100),
            data.ShardRef(keyspace=descriptor.uuid, epoch=descriptor.epoch, shard=77)]
    for ref in refs:
        for call in (lambda r=ref: connection.data.write(data.WriteRequest(ref=r, entry=put(b"k", b"v"))),
                     lambda r=ref: connection.data.get(
                         data.GetRequest(ref=r, key=data.ReadKey(key=b"k")))):
            try:
                code, message = (lambda a: (a.code, a.message))(call())
            except common.VastoError as error:
                code, message = error.code, error.message
            assert code not in (common.Code.OK, common.Code.NOT_FOUND) or "keyspace" in message, ref
            assert message


def test_a_key_of_another_shard_is_refused(primary):
    _, connection, descriptor = primary
    outcomes = []
    for shard in (0, 1):
        ref = data.ShardRef(keyspace=descriptor.uuid, epoch=descriptor.epoch, shard=shard)
        try:
            outcomes.append(connection.data.write(
                data.WriteRequest(ref=ref, entry=put(b"k", b"v"))).code)
        except common.VastoError as error:
            outcomes.append(error.code)
    assert outcomes.count(common.Code.OK) == 1


def test_a_wrong_checksum_is_refused(primary):
    _, connection, descriptor = primary
    ref = data.ShardRef(keyspace=descriptor.uuid)
    entry = put(b"k", b"v", content_checksum=12345)
    try:
        code = connection.data.write(data.WriteRequest(ref=ref, entry=entry)).code
    except common.VastoError as error:
        code = error.code
    assert code == common.Code.CORRUPTION
    read = connection.data.get(data.GetRequest(ref=ref, key=data.ReadKey(key=b"k")))
    assert read.code == common.Code.NOT_FOUND


def test_any_store_answers_with_the_cluster_map(shared, wire):
    connection, descriptor = wire
    answer = connection.topology.watch_cluster(
        stock_thrift.topology.WatchClusterRequest(known_term=0, known_version=0, wait_ms=0))
    assert descriptor.name in [k.name for k in answer.cluster_map.keyspaces]
