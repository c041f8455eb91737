#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A stock Python Thrift client, with code generated from thrift/*.thrift, against our server.

  stock_client_test.py SERVER_PROGRAM GENERATED_CODE_FOLDER
"""

import subprocess
import sys
import unittest
import uuid

SERVER = sys.argv.pop(1)
sys.path.insert(0, sys.argv.pop(1))

# pylint: disable=wrong-import-position
from thrift.protocol.TBinaryProtocol import TBinaryProtocol, TBinaryProtocolAccelerated
from thrift.Thrift import TApplicationException
from thrift.transport.TSocket import TSocket
from thrift.transport.TTransport import TFramedTransport

from vasto_thrift.admin import AdminService
from vasto_thrift.admin.ttypes import (ClusterStatsRequest, CreateKeyspaceRequest,
                                       DeleteKeyspaceRequest, StartCompactionRequest,
                                       WaitOperationRequest)
from vasto_thrift.common.ttypes import Code, VastoError
from vasto_thrift.control import MasterControlService, StoreControlService
from vasto_thrift.control.ttypes import (CompactKeyspaceRequest, HeartbeatRequest,
                                         InstallKeyspaceRequest, RegisterStoreRequest)
from vasto_thrift.data import DataService
from vasto_thrift.data.ttypes import (Condition, GetRequest, MultiGetRequest, ReadKey, ScanRequest,
                                      ShardRef, WriteBatchRequest, WriteEntry, WriteKind,
                                      WriteRequest)
from vasto_thrift.topology import TopologyService
from vasto_thrift.topology.ttypes import (AckLevel, StoreInfo, StoreState, SyncMode,
                                          WatchClusterRequest)

STORE = uuid.UUID(int=(3 << 64) | 4).bytes
BIG = 2**63 - 1


class StockClientTest(unittest.TestCase):
    """Each test has a server of its own."""

    protocol = TBinaryProtocol

    def setUp(self):
        self.server = subprocess.Popen([SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       text=True)
        word, address = self.server.stdout.readline().split()
        self.assertEqual(word, "ready")
        host, port = address.rsplit(":", 1)
        socket = TSocket(host, int(port))
        socket.setTimeout(20_000)
        self.transport = TFramedTransport(socket)
        self.transport.open()

    def tearDown(self):
        self.transport.close()
        self.server.communicate(timeout=20)
        self.assertEqual(self.server.returncode, 0)

    def client(self, service):
        return service.Client(self.protocol(self.transport))

    def test_get(self):
        client = self.client(DataService)
        answer = client.get(GetRequest(key=ReadKey(key=b"a\x00\xff")))
        self.assertEqual(answer.code, Code.OK)
        self.assertEqual(answer.value.payload, b"a\x00\xff")
        self.assertEqual(answer.value.payload_size, 3)

    def test_an_error_is_the_exception_of_the_idl(self):
        with self.assertRaises(VastoError) as raised:
            self.client(DataService).get(GetRequest(key=ReadKey(key=b"fail")))
        self.assertEqual(raised.exception.code, Code.BUSY)
        self.assertEqual(raised.exception.message, "not now")

    def test_pipelined_calls_come_back_in_order(self):
        client = self.client(DataService)
        keys = [b"thread" if i % 3 == 0 else b"%d" % i for i in range(60)]
        for key in keys:
            client.send_get(GetRequest(key=ReadKey(key=key)))
        for key in keys:
            expected = b"from a thread" if key == b"thread" else key
            self.assertEqual(client.recv_get().value.payload, expected)

    def test_multi_get(self):
        keys = [ReadKey(key=b"abc", partition_hash=BIG), ReadKey(key=b"")]
        results = self.client(DataService).multi_get(MultiGetRequest(keys=keys)).results
        self.assertEqual([r.code for r in results], [Code.OK, Code.NOT_FOUND])
        self.assertEqual(results[0].value.payload, b"abc")
        self.assertEqual(results[0].value.content_checksum, BIG)
        self.assertEqual([results[1].value.event_time, results[1].value.expires_at_us,
                          results[1].value.value_type], [1, 2, 3])

    def test_write_carries_every_field(self):
        ref = ShardRef(keyspace=uuid.UUID(int=7).bytes, epoch=3, shard=-1, timeout_ms=250)
        entry = WriteEntry(kind=WriteKind.TOUCH, key=b"k\xfe", partition_hash=11, payload=b"\x01",
                           value_type=5, content_checksum=-1, event_time=13, ttl_seconds=14,
                           expires_at_us=15, condition=Condition.IF_VERSION, if_version=16)
        answer = self.client(DataService).write(WriteRequest(ref=ref, entry=entry))
        self.assertEqual(answer.code, Code.ALREADY_EXISTS)
        self.assertEqual(answer.event_time, -1)  # all bits set
        self.assertTrue(answer.superseded)
        self.assertEqual(
            answer.message,
            "keyspace=00000000-0000-0000-0000-000000000007 epoch=3 shard=-1 timeout_ms=250 kind=3 "
            "key=6bfe partition_hash=11 payload=01 value_type=5 content_checksum="
            "18446744073709551615 event_time=13 ttl_seconds=14 expires_at_us=15 condition=2 "
            "if_version=16")

    def test_write_batch_of_defaults(self):
        entries = [WriteEntry(key=b"a"), WriteEntry(key=b"b", kind=WriteKind.DELETE)]
        answer = self.client(DataService).write_batch(WriteBatchRequest(entries=entries))
        self.assertEqual([r.message.split()[:2] for r in answer.results],
                         [["kind=1", "key=61"], ["kind=2", "key=62"]])

    def test_scan(self):
        answer = self.client(DataService).scan(ScanRequest(
            start=b"s", start_exclusive=True, end_key=b"e", limit=3, max_bytes=4, keys_only=True))
        self.assertEqual(answer.rows,
                         b"start=s start_exclusive=1 end=e limit=3 max_bytes=4 keys_only=1")
        self.assertTrue(answer.more)

    def descriptor(self):
        answer = self.client(TopologyService).watch_cluster(
            WatchClusterRequest(known_term=3, known_version=4, wait_ms=5))
        self.assertTrue(answer.changed)
        self.assertEqual((answer.cluster_map.term, answer.cluster_map.version), (3, 9))
        return answer.cluster_map

    def test_cluster_map(self):
        cluster_map = self.descriptor()
        self.assertEqual(cluster_map.stores, [StoreInfo(
            uuid=STORE, address="10.0.0.1:1", unix_path="/run/x", host_id="host", zone="z1",
            tags=["ssd"], capacity_bytes=100, free_bytes=60, state=StoreState.SUSPECT)])
        keyspace = cluster_map.keyspaces[0]
        self.assertEqual((keyspace.name, keyspace.acks, keyspace.sync, keyspace.tags),
                         ("photos", AckLevel.QUORUM, SyncMode.INTERVAL, ["ssd", "eu"]))
        self.assertEqual(keyspace.shards[1].replicas[0].incarnation, 77)

    def test_control(self):
        master = self.client(MasterControlService)
        descriptor = self.descriptor().keyspaces[0]
        answer = master.register_store(RegisterStoreRequest(
            cluster=STORE, max_term=10, store=StoreInfo(uuid=STORE), descriptors=[descriptor]))
        self.assertEqual((answer.cluster, answer.term), (STORE, 11))
        with self.assertRaises(VastoError) as raised:
            master.register_store(RegisterStoreRequest(store=StoreInfo()))
        self.assertEqual(raised.exception.code, Code.INVALID_ARGUMENT)
        master.heartbeat(HeartbeatRequest(store=STORE))
        store = self.client(StoreControlService)
        answer = store.install_keyspace(InstallKeyspaceRequest(term=8, descriptor=descriptor))
        self.assertEqual(answer.replicas[0].incarnation, 8)
        store.compact_keyspace(CompactKeyspaceRequest(term=8, keyspace=STORE))

    def test_admin(self):
        admin = self.client(AdminService)
        request = CreateKeyspaceRequest(name="ks", shards=4, replicas=3, acks=AckLevel.ALL,
                                        sync=SyncMode.ALWAYS, ttl_seconds=60, tags=["a", "b"])
        self.assertEqual(admin.create_keyspace(request).operation, 42)
        with self.assertRaises(VastoError) as raised:
            admin.delete_keyspace(DeleteKeyspaceRequest(name="gone"))
        self.assertEqual((raised.exception.code, raised.exception.message),
                         (Code.NOT_FOUND, "no keyspace gone"))
        self.assertEqual(admin.start_compaction(StartCompactionRequest(name="four")).operation, 4)
        answer = admin.wait_operation(WaitOperationRequest(operation=6, wait_ms=7))
        self.assertEqual((answer.done, answer.steps_done, answer.steps_total, answer.code,
                          answer.message), (True, 6, 7, Code.NO_SPACE, "disk full"))
        stats = admin.cluster_stats(ClusterStatsRequest()).stores[0].replicas[0]
        self.assertEqual((stats.shard, stats.estimated_keys, stats.disk_bytes, stats.memory_bytes,
                          stats.health), (1, 10, 20, 30, "slow"))

    def test_an_unknown_method_is_an_application_exception(self):
        client = self.client(DataService)
        protocol = self.protocol(self.transport)
        protocol.writeMessageBegin("no_such_method", 1, 0)
        protocol.writeStructBegin("args")
        protocol.writeFieldStop()
        protocol.writeStructEnd()
        protocol.writeMessageEnd()
        self.transport.flush()
        with self.assertRaises(TApplicationException) as raised:
            client.recv_get()
        self.assertEqual(raised.exception.type, TApplicationException.UNKNOWN_METHOD)
        self.test_get()  # the connection lives


class AcceleratedStockClientTest(StockClientTest):
    """The same with Thrift's C extension."""

    protocol = TBinaryProtocolAccelerated


if __name__ == "__main__":
    unittest.main()
