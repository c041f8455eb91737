# SPDX-License-Identifier: Apache-2.0
"""Talks to masters and stores with the stock Python Thrift library: framed binary, nothing of ours."""

import atexit
import shutil
import subprocess
import sys
import tempfile

from thrift.protocol import TBinaryProtocol
from thrift.transport import TSocket, TTransport

import vasto_cluster


def _generate():
    """Generates Python from thrift/*.thrift into a private folder and makes it importable."""
    folder = tempfile.mkdtemp(prefix="vasto-test-thrift-")
    atexit.register(shutil.rmtree, folder, True)
    for idl in sorted((vasto_cluster.ROOT / "thrift").glob("*.thrift")):
        subprocess.run(["thrift", "--gen", "py", "-I", idl.parent, "-out", folder, idl], check=True)
    sys.path.insert(0, folder)


_generate()

from vasto_thrift.common import ttypes as common  # noqa: E402
from vasto_thrift.data import DataService  # noqa: E402
from vasto_thrift.data import ttypes as data  # noqa: E402
from vasto_thrift.topology import TopologyService  # noqa: E402
from vasto_thrift.topology import ttypes as topology  # noqa: E402


class Connection:
    """One connection with the clients of the services that share the port."""

    def __init__(self, address=None, unix_path=None):
        if unix_path:
            socket = TSocket.TSocket(unix_socket=unix_path)
        else:
            host, port = address.rsplit(":", 1)
            socket = TSocket.TSocket(host, int(port))
        socket.setTimeout(10_000 * vasto_cluster.SLOW)
        self.transport = TTransport.TFramedTransport(socket)
        self.transport.open()
        protocol = TBinaryProtocol.TBinaryProtocol(self.transport)
        self.data = DataService.Client(protocol)
        self.topology = TopologyService.Client(protocol)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.transport.close()


def cluster_map(address):
    with Connection(address) as connection:
        request = topology.WatchClusterRequest(known_term=0, known_version=0, wait_ms=0)
        return connection.topology.watch_cluster(request).cluster_map


def descriptor(address, keyspace):
    return next(k for k in cluster_map(address).keyspaces if k.name == keyspace)


def get_frame(cluster, keyspace, key):
    """The bytes of a get as the stock library sends it."""
    uuid = descriptor(cluster.address, keyspace).uuid
    buffer = TTransport.TMemoryBuffer()
    client = DataService.Client(TBinaryProtocol.TBinaryProtocol(TTransport.TFramedTransport(buffer)))
    client.send_get(data.GetRequest(ref=data.ShardRef(keyspace=uuid), key=data.ReadKey(key=key)))
    return buffer.getvalue()
