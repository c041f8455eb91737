# SPDX-License-Identifier: Apache-2.0
"""What a store keeps: expired and deleted values on the disk, and memory."""

import os
import subprocess

import pytest

import libvasto
from vasto_cluster import BIN, SLOW, wait_until

ROWS = 40
ROW_BYTES = 100_000


def sst_bytes(cluster):
    return sum(path.stat().st_size for path in cluster.store_folder(0).glob("shards/*/*/**/*.sst"))


def keys_of(cluster, keyspace):
    return cluster.describe(keyspace)["keys"]


@pytest.mark.parametrize("how", ["expired", "deleted"])
@pytest.mark.parametrize("flags,kept", [(["--tombstone_grace_s", "0"], False), ([], True)])
def test_a_compaction_drops_what_is_gone_once_the_grace_is_over(make_cluster, how, flags, kept):
    """--tombstone_grace_s 0: at once. The default is a day, in which nothing leaves the disk that a
    store that was away could bring back."""
    cluster = make_cluster(stores=1, store_flags=flags)
    cluster.create("ks", 2)
    with libvasto.Client(cluster.address) as client:
        keyspace = client.keyspace("ks")
        keyspace.put(b"stays", b"v")
        settings = {"ttl_seconds": 1} if how == "expired" else {}
        for i in range(ROWS):
            keyspace.put(b"k%d" % i, os.urandom(ROW_BYTES), **settings)
        if how == "deleted":
            cluster.vastoadm("keyspace", "compact", "ks")  # so that there is something on the disk
            assert sst_bytes(cluster) > ROWS * ROW_BYTES
            for i in range(ROWS):
                keyspace.delete(b"k%d" % i)
        wait_until(lambda: [key for key, _ in keyspace.scan(keys_only=True)] == [b"stays"],
                   "the values to be invisible")
        cluster.vastoadm("keyspace", "compact", "ks")
        if kept and how == "expired":
            assert sst_bytes(cluster) > ROWS * ROW_BYTES
        else:
            assert sst_bytes(cluster) < ROW_BYTES
        if kept:  # of a deletion: a small marker
            wait_until(lambda: keys_of(cluster, "ks") >= ROWS, "the count of what is kept")
        assert keyspace.get(b"stays") == b"v"


@pytest.mark.skipif(SLOW > 1, reason="sanitizers have memory of their own")
def test_memory_is_what_was_configured_however_many_shards(make_cluster):
    """Block cache + write buffers + 64 MiB."""
    cache_mb, buffer_mb, shards, rows = 64, 64, 200, 150_000
    cluster = make_cluster(stores=1, store_flags=[
        "--block_cache_mb", cache_mb, "--write_buffer_mb", buffer_mb])
    limit_kib = (cache_mb + buffer_mb + 64) << 10
    cluster.create("ks", shards)

    def check_memory(after, other_kib=0):
        assert cluster.stores[0].memory_kib() < limit_kib - other_kib, after

    check_memory(f"{shards} empty shards", (cache_mb + buffer_mb) << 10)
    for workload in ("put", "get", "scan"):
        cluster.vasto("bench", "ks", "--workload", workload, "--value-size", 1000, "--in-flight", 500,
                      "--operations", rows, "--keys", rows)
        check_memory(f"{workload} of twice the caches")


@pytest.mark.skipif(SLOW > 1, reason="sanitizers have memory of their own")
@pytest.mark.parametrize("program", ["vasto-master", "vasto-store", "vasto-server"])
def test_daemons_allocate_as_they_ask_to(program):
    """Their allocator is jemalloc, and it takes our settings."""
    run = subprocess.run([BIN / program, "--version"], capture_output=True, text=True, timeout=30,
                         env={**os.environ, "MALLOC_CONF": "confirm_conf:true"})
    assert "Set conf value: dirty_decay_ms:200\n" in run.stderr
    assert "Set conf value: percpu_arena:percpu\n" in run.stderr
    assert "Invalid" not in run.stderr
