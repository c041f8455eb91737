# SPDX-License-Identifier: Apache-2.0
"""A cluster whose processes are each in a network of their own, so that it can be cut anywhere."""

import contextlib
import subprocess
import sys

import history
import netns
import replicas
from vasto_cluster import MARK, Cluster, wait_until

MASTER_PORT, STORE_PORT = 7000, 7100

# Ends what carries the mark once its standard input is closed: when the test was killed.
_WATCHER = """
import os, pathlib, signal, sys
sys.stdin.buffer.read()
for entry in pathlib.Path("/proc").iterdir():
    try:
        if entry.name.isdigit() and sys.argv[1].encode() in (entry / "environ").read_bytes():
            os.kill(int(entry.name), signal.SIGKILL)
    except OSError:
        pass
"""


class NetCluster(Cluster):
    """Nodes of .network: master, master2, store0 …, and clients; `a` and `b` are for loads.

    The thread that makes it is in the router's network, from where all is reached whatever is cut,
    until it calls close() or kill_all(). start_second_master() makes the mistake of its name.
    """

    def __init__(self, stores=3, clients=("a", "b"), **kwargs):
        super().__init__(start=False, **kwargs)
        self.clients = clients
        self.kept = False  # something in the folder is still wanted
        self.network = None
        self._inside = contextlib.ExitStack()
        names = [f"store{i}" for i in range(stores)]
        self.network = netns.Network(["master", "master2", *names, *clients])
        self._inside.callback(self.network.close)
        self._inside.enter_context(self.network.inside(netns.ROUTER))
        self._watcher = subprocess.Popen(
            [sys.executable, "-c", _WATCHER, f"{MARK}={self.folder}"], stdin=subprocess.PIPE,
            start_new_session=True)
        try:
            self.address = self.at("master", MASTER_PORT)
            self.start_all(stores)
        except BaseException:
            self.kill_all()
            raise

    def at(self, node, port):
        return f"{self.network.addresses[node]}:{port}"

    def spawn(self, name, *argv):
        with self.network.inside(name):
            return super().spawn(name, *argv)

    def start_store(self, index, wait=True, address=None, flags=()):
        masters = f"{self.address},{self.at('master2', MASTER_PORT)}"
        return super().start_store(index, wait, address or self.at(f"store{index}", STORE_PORT),
                                   ["--master", masters, "--unix_socket=false", *flags])

    def start_second_master(self):
        return self.spawn("master2", self.master.argv[0], "--listen",
                          self.at("master2", MASTER_PORT)).wait_ready()

    def load(self, keyspaces, clients=None, **kwargs):
        """A HistoryLoad of these clients, each in its own place."""
        places = {name: lambda node=name: self.network.enter(node)
                  for name in clients or self.clients}
        return history.HistoryLoad(self.address, places, keyspaces, **kwargs)

    def _leave(self):
        self._inside.close()
        if self.network:
            self._watcher.stdin.close()
            self._watcher.wait()
            self.network = None

    def kill_all(self):
        super().kill_all()
        self._leave()

    def close(self):
        if self.kept:
            self.kill_all()
        else:
            super().close()
        self._leave()


def descriptors_on_disk(cluster):
    """{file name: the set of contents that stores have for it}."""
    found = {}
    for index in cluster.stores:
        for path in cluster.store_folder(index).glob("keyspaces/*.desc"):
            found.setdefault(path.name, set()).add(path.read_bytes())
    return found


# What a store may answer while it is not ready.
NOT_READY = (OSError, replicas.stock_thrift.common.VastoError,
             replicas.stock_thrift.TTransport.TTransportException)


def wait_one_truth(cluster, timeout_s=10):
    """Until the master and all stores tell the same keyspaces, and what is on the disks agrees."""
    last = []

    def told(address):
        try:
            return repr(replicas.stock_thrift.cluster_map(address).keyspaces)
        except NOT_READY as error:
            return f"{address}: {error!r}"

    def one():
        addresses = [cluster.address, *(store.address for store in cluster.stores.values())]
        last[:] = [{told(address) for address in addresses}]
        last.append([name for name, held in descriptors_on_disk(cluster).items()
                     if len(held) != 1])
        return len(last[0]) == 1 and not last[1]

    try:
        wait_until(one, "one truth about the keyspaces", timeout_s)
    except AssertionError as error:
        raise AssertionError(f"{error}; at last {last}") from None


def held(cluster, keyspace, timeout_s=10):
    """{key: (event time, value)} of the first replica of each shard, once it serves."""
    descriptor = replicas.stock_thrift.descriptor(cluster.address, keyspace)
    indexes = replicas.store_indexes(cluster)

    def rows_of(shard):
        store = cluster.stores[indexes[descriptor.shards[shard].replicas[0].store]]
        try:
            return [replicas.rows(store.address, descriptor, shard)]
        except NOT_READY:
            return None

    found = {}
    for shard in range(len(descriptor.shards)):
        what = f"the first replica of shard {shard} of {keyspace} to serve"
        for key, event_time, _, _, _, payload in wait_until(
                lambda number=shard: rows_of(number), what, timeout_s)[0]:
            found[key] = (event_time, payload)
    return found


def finish(cluster, load, quorum=(), excused=lambda read: False):
    """Ends the load and checks all of it, once the replicas are alike; keeps the history if something
    is wrong. quorum: keyspaces in which no read may miss what was acknowledged, unless excused."""
    load.close()
    problems = []
    try:
        wait_one_truth(cluster)
        for keyspace in load.keyspaces:
            replicas.wait_alike(cluster, keyspace)
            problems += history.check(load.operations, keyspace, held(cluster, keyspace))
    except AssertionError as error:
        problems.append(str(error))
    for keyspace in quorum:
        problems += [f"missed: {read}, after {write}"
                     for read, write in history.missed(load.operations, keyspace)
                     if not excused(read)]
    if problems:
        raise AssertionError(f"{len(problems)} problems, history in {keep(cluster, load)}:\n"
                             + "\n".join(problems[:10]))


def keep(cluster, load):
    """Keeps the history in the folder of the cluster, and that."""
    path = cluster.folder / f"history-{load.run}.jsonl"
    load.save(path)
    cluster.kept = True
    return path
