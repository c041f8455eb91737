# SPDX-License-Identifier: Apache-2.0
"""What compare measures of replication itself, on real clusters of three stores, against limits instead of another program."""

import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "cluster"))

import libvasto  # noqa: E402
import replicas  # noqa: E402
import stock_thrift  # noqa: E402
from vasto_cluster import BIN, Cluster, wait_until  # noqa: E402

CACHE_MB, WRITE_BUFFER_MB, FEED_MB = 64, 64, 64
PROCESS_MB = 64  # what a store needs besides, as vasto-store(8) says
FLAGS = [f"--block_cache_mb={CACHE_MB}", f"--write_buffer_mb={WRITE_BUFFER_MB}", f"--feed_mb={FEED_MB}"]
LAG_SHARDS = 3


def load(cluster, keyspace, *argv):
    """A client that puts as fast as it can, in a process of its own."""
    return subprocess.Popen(
        [BIN / "vasto", "-m", cluster.address, "-o", "json", "bench", keyspace, *(str(a) for a in argv)],
        stdout=subprocess.DEVNULL)


def fill(cluster, keyspace, args, value_size):
    """Each key once."""
    return load(cluster, keyspace, "--workload", "batch_put", "--operations", max(1, args.keys // 100), "--keys", args.keys,
                "--value-size", value_size, "--distribution", "sequential")


def finished(process):
    if process.wait() != 0:
        raise SystemExit(f"vasto bench failed with {process.returncode}")


class Markers:
    """Puts keys and looks at every store until each has them."""

    def __init__(self, cluster, keyspace):
        self._descriptor = stock_thrift.descriptor(cluster.address, keyspace)
        self._connections = [stock_thrift.Connection(store.address) for store in cluster.stores.values()]
        self._client = libvasto.Client(cluster.address)
        self._keyspace = self._client.keyspace(keyspace)
        self._count = 0

    def close(self):
        for connection in self._connections:
            connection.transport.close()
        self._client.close()

    def lag_ms(self):
        """From the acknowledgement of one put at level one until the last store shows it."""
        key = b"marker %d" % self._count
        self._count += 1
        self._keyspace.put(key, b"x", acks="one")
        begin = time.monotonic()
        for connection in self._connections:
            wait_until(lambda: self._shows(connection, key), "a replica to follow", 30, interval_s=0)
        return 1000 * (time.monotonic() - begin)

    def all_shards_lag_ms(self):
        """The longest of puts in all shards."""
        seen, longest = set(), 0.0
        while len(seen) < self._keyspace.shard_count:
            seen.add(self._keyspace.shard_of(b"marker %d" % self._count))
            longest = max(longest, self.lag_ms())
        return longest

    def _shows(self, connection, key):
        ref = stock_thrift.data.ShardRef(keyspace=self._descriptor.uuid)
        request = stock_thrift.data.GetRequest(ref=ref, key=stock_thrift.data.ReadKey(key=key))
        try:
            return connection.data.get(request).code == stock_thrift.common.Code.OK
        except stock_thrift.common.VastoError:  # it looks at the others just now
            return False


def lag(args):
    """(p99 of the lag under full load, how long after its end everything was everywhere), in ms."""
    with Cluster(stores=3, store_flags=FLAGS) as cluster:
        cluster.create("lag", LAG_SHARDS, 3)
        for index in cluster.stores:
            replicas.wait_serving(cluster, "lag", index)
        markers = Markers(cluster, "lag")
        samples = []
        for _ in range(args.rounds):
            process = load(cluster, "lag", "--workload", "put", "--operations", args.operations, "--keys", args.keys,
                           "--in-flight", 50)
            while process.poll() is None:
                samples.append(markers.lag_ms())
            finished(process)
        caught_up = markers.all_shards_lag_ms()
        markers.close()
    return sorted(samples)[len(samples) * 99 // 100], caught_up


def stall_ms(args):
    """The longest time between two acknowledged puts of one client around a kill -9 of the primary; the median of the rounds."""
    stalls = []
    with Cluster(stores=3, store_flags=FLAGS) as cluster, libvasto.Client(cluster.address) as client:
        cluster.create("stall", 1, 3)
        keyspace = client.keyspace("stall")
        for _ in range(args.rounds):
            index = replicas.primary_of(cluster, "stall")
            replicas.wait_serving(cluster, "stall", index)
            victim = cluster.stores[index]
            keyspace.put(b"k", b"before")
            victim.kill9()
            last, longest, end = time.monotonic(), 0.0, time.monotonic() + 2
            while last < end:
                keyspace.put(b"k", b"after")
                longest, last = max(longest, time.monotonic() - last), time.monotonic()
            stalls.append(1000 * longest)
            cluster.start_store(index, address=victim.address)
    return statistics.median(stalls)


def bootstrap_times(args):
    """How long it takes to make a replica anew that has nothing, until it serves, in times of cp of the same files, and of cp
    and sync: the replica's files are on the disk by then. The medians of rounds in turn, after one that does not count: memory
    that a virtual machine has not touched for a while costs more than the copying, whoever touches it first."""
    with Cluster(stores=3, store_flags=FLAGS) as cluster:
        cluster.create("big", 1, 3)
        finished(fill(cluster, "big", args, 1000))
        # One that fell behind so far that it is copied anew cannot be compacted meanwhile.
        wait_until(lambda: caught_up(cluster, "big"), "the replicas to have followed", 120)
        cluster.vastoadm("keyspace", "compact", "big")
        wait_until(lambda: caught_up(cluster, "big"), "the replicas to have followed", 120)
        source = replicas.primary_of(cluster, "big")
        index = next(i for i in cluster.stores if i != source)
        rounds = [bootstrap_round(cluster, source, index) for _ in range(1 + max(3, args.rounds))]
        ours, copied, synced = (statistics.median(times) for times in zip(*rounds[1:]))
        return ours / copied, ours / synced


def bootstrap_round(cluster, source, index):
    """(until a replica of nothing serves, cp of what it got, cp and sync), in seconds."""
    address = cluster.stores[index].address
    cluster.stores[index].stop()
    for folder in cluster.store_folder(index).glob("shards/*/*"):
        shutil.rmtree(folder)
    # Both begin alike: nothing else is to be written, and what is read is in memory.
    subprocess.run(["sync", "-f", cluster.folder], check=True)
    for path in cluster.store_folder(source).glob("shards/*/0/db/*.sst"):
        path.read_bytes()
    descriptor = stock_thrift.descriptor(cluster.address, "big")
    begin = time.monotonic()
    cluster.start_store(index, address=address)
    wait_until(lambda: serves(address, descriptor), "the replica to be made", 300, interval_s=0.005)
    ours = time.monotonic() - begin
    files, = cluster.store_folder(index).glob("shards/*/0/db")
    copy = cluster.folder / "copied"
    begin = time.monotonic()
    subprocess.run(["cp", "-r", files, copy], check=True)
    copied = time.monotonic() - begin
    subprocess.run(["sync", "-f", copy], check=True)
    synced = time.monotonic() - begin
    shutil.rmtree(copy)
    return ours, copied, synced


def caught_up(cluster, keyspace):
    markers = Markers(cluster, keyspace)
    try:
        return markers.all_shards_lag_ms() < 100
    finally:
        markers.close()


def serves(address, descriptor):
    try:
        replicas.value(address, descriptor, b"k")
        return True
    except stock_thrift.common.VastoError:
        return False


def memory_over_mib(args):
    """What the primary takes beyond what it was configured to use, while a follower stands still and far more is written than
    the ring holds."""
    with Cluster(stores=3, store_flags=FLAGS) as cluster:
        cluster.create("ring", 1, 3)
        primary = replicas.primary_of(cluster, "ring")
        still = next(i for i in cluster.stores if i != primary)
        with cluster.stores[still].paused():
            finished(fill(cluster, "ring", args, 500))
            resident = cluster.stores[primary].memory_kib() / 1024
    return resident - CACHE_MB - WRITE_BUFFER_MB - FEED_MB


def rows(args):
    """Yields (name, value, unit, the most that it may be)."""
    p99, settled = lag(args)
    yield "replica lag under full write load, p99", p99, "ms", 50
    yield "all is everywhere after the load ends", settled, "ms", 1000
    yield "failover stall of a client, kill -9", stall_ms(args), "ms", 1000
    against_cp, against_sync = bootstrap_times(args)
    yield "a replica made from a checkpoint, against cp", against_cp, "x", 2
    yield "a replica made from a checkpoint, against cp and sync", against_sync, "x", 2
    yield "memory over what is configured, a follower stands still", memory_over_mib(args), "MiB", PROCESS_MB


def print_rows(args):
    """Measures and prints; returns how many are above their limit."""
    print("\n| of three stores | measured | limit |\n|---|---:|---:|")
    missed = 0
    for name, value, unit, limit in rows(args):
        missed += value > limit
        print(f"| {name} | {value:,.1f} {unit} | {limit} {unit} |", flush=True)
    return missed
