# SPDX-License-Identifier: Apache-2.0
"""Looks at every replica of a keyspace by itself, past the client's routing."""

import stock_thrift
from vasto_cluster import wait_until

data = stock_thrift.data


def store_indexes(cluster):
    """{uuid of a store as bytes: its index}, of the stores that run."""
    by_address = {store.address: index for index, store in cluster.stores.items()}
    return {info.uuid: by_address[info.address]
            for info in stock_thrift.cluster_map(cluster.address).stores
            if info.address in by_address}


def primary_of(cluster, keyspace, shard=0):
    """The index of the store of the shard's first replica."""
    replicas = stock_thrift.descriptor(cluster.address, keyspace).shards[shard].replicas
    return store_indexes(cluster)[replicas[0].store]


class _Bytes:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        self.at += count
        return self.data[self.at - count:self.at]

    def fixed64(self):
        return int.from_bytes(self.take(8), "little")

    def varint(self):
        value, shift = 0, 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 0x7f) << shift
            shift += 7
            if byte < 0x80:
                return value


def parse_rows(block):
    """(key, event time, expiry, value type, partition hash, payload) of each row of a row block."""
    data, key, parsed = _Bytes(block), b"", []
    assert data.take(1) == b"\x01"
    while data.at < len(block):
        key = key[:data.varint()] + data.take(data.varint())
        flags, event_time = data.varint(), data.fixed64()
        expiry = data.fixed64() if flags & 1 else 0
        value_type = data.varint() if flags & 2 else 0
        partition_hash = data.fixed64() if flags & 8 else None
        size = data.varint()
        payload = data.take(size) if flags & 4 else None
        data.take(8 if flags & 4 else 0)
        parsed.append((key, event_time, expiry, value_type, partition_hash, payload))
    return parsed


def rows(address, descriptor, shard):
    """What this store has of the shard, as reads see it."""
    found = []
    with stock_thrift.Connection(address) as connection:
        ref = data.ShardRef(keyspace=descriptor.uuid, shard=shard)
        request = data.ScanRequest(ref=ref, start=b"", end_key=b"")
        while True:
            page = connection.data.scan(request)
            found += parse_rows(page.rows)
            if not page.more:
                return found
            request.start = page.resume_key


def value(address, descriptor, key):
    """The value that this store has of the key; None: none."""
    with stock_thrift.Connection(address) as connection:
        ref = data.ShardRef(keyspace=descriptor.uuid)
        read = connection.data.get(data.GetRequest(ref=ref, key=data.ReadKey(key=key)))
        return read.value.payload if read.code == stock_thrift.common.Code.OK else None


def differences(cluster, keyspace):
    """The shards whose replicas do not hold the same, with what differs or does not answer."""
    descriptor = stock_thrift.descriptor(cluster.address, keyspace)
    indexes = store_indexes(cluster)
    found = []
    for number, shard in enumerate(descriptor.shards):
        held = set()
        for replica in shard.replicas:
            try:
                index = indexes[replica.store]
                held.add(tuple(rows(cluster.stores[index].address, descriptor, number)))
            except (KeyError, OSError, stock_thrift.common.VastoError,
                    stock_thrift.TTransport.TTransportException) as error:
                held.add(repr(error))
        if len(held) != 1 or isinstance(next(iter(held)), str):
            found.append((number, [h if isinstance(h, str) else len(h) for h in held]))
    return found


def wait_serving(cluster, keyspace, index, timeout_s=10):
    """Until the store serves each of its shards of the keyspace."""
    descriptor = stock_thrift.descriptor(cluster.address, keyspace)

    def serves():
        try:
            for number in range(len(descriptor.shards)):
                rows(cluster.stores[index].address, descriptor, number)
        except (OSError, stock_thrift.common.VastoError,
                stock_thrift.TTransport.TTransportException):
            return False
        return True

    wait_until(serves, f"store {index} to serve {keyspace}", timeout_s)


def wait_alike(cluster, keyspace, timeout_s=10):
    """Until every replica of every shard answers and holds the same."""
    last = []

    def alike():
        last[:] = differences(cluster, keyspace)
        return not last

    try:
        wait_until(alike, "replicas that hold the same", timeout_s)
    except AssertionError as error:
        raise AssertionError(f"{error}; at last {last}") from None
