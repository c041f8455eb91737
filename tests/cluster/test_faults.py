# SPDX-License-Identifier: Apache-2.0
"""Faults: crashes, full disks, bit rot. Nothing acknowledged is lost."""

import os
import shutil
import subprocess
import threading
import time

import pytest

import libvasto
import replicas
from load import Load, MixedLoad
from vasto_cluster import wait_until


@pytest.mark.smoke
def test_kill_9_of_a_store_under_load_loses_nothing_acknowledged(make_cluster):
    cluster = make_cluster(stores=1)
    cluster.create("ks", 3, 1)
    with Load(cluster.address, "ks", threads=4, timeout_ms=20_000) as load:
        for _ in range(3):
            load.wait_for_writes(300)
            cluster.stores[0].kill9()
            cluster.start_store(0, address=cluster.stores[0].address)
        load.wait_for_writes(300)
    assert load.wrong == []
    assert load.failed == []  # all within their deadline, retried by the client
    assert load.lost() == []
    load.close()


@pytest.mark.smoke
def test_kill_9_under_batches_conditional_writes_and_deletes(make_cluster):
    """What was acknowledged is there, what was deleted is gone, and a condition held or did not."""
    cluster = make_cluster(stores=1)
    cluster.create("ks", 3, 1)
    with MixedLoad(cluster.address, "ks", threads=4, timeout_ms=20_000) as load:
        for _ in range(4):
            load.wait_for_writes(800)
            cluster.stores[0].kill9()
            assert load.wrong == []
            cluster.start_store(0, address=cluster.stores[0].address)
        load.wait_for_writes(800)
    assert load.wrong == []
    assert load.failed == []
    assert load.lost() == []
    # Each kind of write took part, and few answers were lost: at most one of a thread in a crash.
    kinds = {"put", "delete", "batch", "if_absent", "if_version"}
    assert {kind for kind in kinds if load.acknowledged_by.get(kind, 0) > 100} == kinds
    assert load.doubtful <= 4 * 4 * 5
    # The same after one more restart, of the whole cluster.
    for process in [cluster.stores[0], cluster.master]:
        process.kill9()
    cluster.start_master()
    cluster.start_store(0, address=cluster.stores[0].address)
    assert load.lost() == []
    load.close()


def test_kill_9_of_everything_with_sync_always(make_cluster):
    cluster = make_cluster(stores=2)
    cluster.create("ks", 4, 1, "--sync", "always")
    with Load(cluster.address, "ks", threads=4) as load:
        load.wait_for_writes(100)
        load.stop()
    for process in [cluster.master, *cluster.stores.values()]:
        process.kill9()
    cluster.start_master()
    for index in (0, 1):
        cluster.start_store(index)
    cluster.wait_for_stores(2)
    assert load.lost() == []
    load.close()


def test_a_dead_store_fails_only_its_own_keys(make_cluster):
    cluster = make_cluster(stores=2)
    cluster.create("ks", 2, 1)
    with libvasto.Client(cluster.address, timeout_ms=1500) as client:
        keyspace = client.keyspace("ks")
        keys = [b"k%d" % i for i in range(100)]
        for key in keys:
            keyspace.put(key, key)
        cluster.stores[1].kill9()
        results, code = keyspace.multi_get(keys)
        codes = {c for c, _ in results}
        assert libvasto.OK in codes
        assert codes & {libvasto.UNAVAILABLE, libvasto.TIMEOUT}
        assert code in (libvasto.UNAVAILABLE, libvasto.TIMEOUT)
        by_shard = {}
        for key, (c, _) in zip(keys, results):
            by_shard.setdefault(keyspace.shard_of(key), set()).add(c == libvasto.OK)
        assert sorted(map(sorted, by_shard.values())) == [[False], [True]]
        cluster.start_store(1, address=cluster.stores[1].address)
        wait_until(lambda: keyspace.multi_get(keys)[1] == libvasto.OK, "all keys to be back", 10)


def test_a_client_with_an_old_map_follows_a_store_that_moved(make_cluster):
    cluster = make_cluster(stores=1)
    cluster.create("ks", 2, 1)
    with libvasto.Client(cluster.address) as client:
        keyspace = client.keyspace("ks")
        keyspace.put(b"k", b"v")
        cluster.restart_store(0, same_port=False)
        assert keyspace.get(b"k") == b"v"
        keyspace.put(b"k", b"w")
        assert keyspace.get(b"k") == b"w"


def test_a_paused_store_gives_a_timeout_not_a_hang(make_cluster):
    cluster = make_cluster(stores=1)
    cluster.create("ks")
    with libvasto.Client(cluster.address) as client:
        keyspace = client.keyspace("ks")
        keyspace.put(b"k", b"v")
        with cluster.stores[0].paused():
            start = time.monotonic()
            with pytest.raises(libvasto.VastoError) as caught:
                keyspace.get(b"k", timeout_ms=700)
            assert caught.value.code in (libvasto.TIMEOUT, libvasto.UNAVAILABLE)
            assert 0.5 < time.monotonic() - start < 5
        assert keyspace.get(b"k") == b"v"


@pytest.fixture
def small_disk(tmp_path):
    """A function that mounts a small tmpfs and unmounts it at the end."""
    if os.geteuid() != 0:
        pytest.skip("mounting a tmpfs needs root")
    mounted = []

    def mount(folder, megabytes):
        folder.mkdir(exist_ok=True)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", folder],
                              capture_output=True, check=False)
        if done.returncode != 0:
            pytest.skip(f"tmpfs cannot be mounted here: {done.stderr.decode().strip()}")
        mounted.append(folder)

    yield mount
    for folder in mounted:
        subprocess.run(["umount", "-l", folder], check=False)


def test_a_full_disk_refuses_writes_serves_reads_and_recovers(make_cluster, small_disk):
    cluster = make_cluster(stores=0)
    small_disk(cluster.store_folder(0), 96)
    cluster.start_store(0)
    cluster.wait_for_stores(1)
    cluster.create("ks")
    written = {}
    with libvasto.Client(cluster.address, timeout_ms=5000) as client:
        keyspace = client.keyspace("ks")
        with pytest.raises(libvasto.VastoError) as caught:
            for i in range(400):
                value = os.urandom(1 << 20)
                keyspace.put(b"k%d" % i, value)
                written[b"k%d" % i] = hash(value)
        assert caught.value.code == libvasto.NO_SPACE, caught.value
        assert len(written) >= 10
        assert cluster.stores[0].alive
        for key, digest in written.items():
            assert hash(keyspace.get(key)) == digest
        subprocess.run(["mount", "-o", "remount,size=512m", cluster.store_folder(0)], check=True)

        def works_again():
            try:
                return keyspace.put(b"after", b"v")
            except libvasto.VastoError:
                return False
        wait_until(works_again, "writes to work again", 20)
        cluster.restart_store(0)
        cluster.wait_for_stores(1)
        for key, digest in written.items():
            assert hash(keyspace.get(key)) == digest


def resize(folder, megabytes):
    subprocess.run(["mount", "-o", f"remount,size={megabytes}m", folder], check=True)


def fill(folder):
    """Leaves 4 MiB of the small disk."""
    resize(folder, 4 + (shutil.disk_usage(folder).used >> 20))


@pytest.fixture
def pair_on_small_disks(make_cluster, small_disk):
    """Two stores with small disks, and a keyspace with a replica on both."""
    cluster = make_cluster(stores=0)
    for index in (0, 1):
        small_disk(cluster.store_folder(index), 512)
        cluster.start_store(index)
    cluster.wait_for_stores(2)
    cluster.create("ks", 1, 2)
    return cluster


def test_a_replica_with_a_full_disk_leaves_its_place_and_comes_back(pair_on_small_disks):
    cluster = pair_on_small_disks
    primary = replicas.primary_of(cluster, "ks")
    with libvasto.Client(cluster.address, timeout_ms=10_000) as client:
        keyspace = client.keyspace("ks")
        keyspace.put(b"before", b"v")
        replicas.wait_alike(cluster, "ks")
        fill(cluster.store_folder(primary))
        written = {b"k%d" % i: os.urandom(1 << 20) for i in range(30)}
        for key, value in written.items():
            keyspace.put(key, value)
            assert keyspace.get(key) == value
        assert keyspace.get(b"before") == b"v"
        resize(cluster.store_folder(primary), 512)
        replicas.wait_serving(cluster, "ks", primary, 20)
        replicas.wait_alike(cluster, "ks", 20)
        # It is a full member again: the other one may go.
        cluster.stores[1 - primary].kill9()
        keyspace.put(b"after", b"v")
        assert all(keyspace.get(key) == value for key, value in written.items())


def test_full_disks_of_all_replicas_refuse_writes_and_serve_reads(pair_on_small_disks):
    cluster = pair_on_small_disks
    with libvasto.Client(cluster.address, timeout_ms=3_000) as client:
        keyspace = client.keyspace("ks")
        keyspace.put(b"before", b"v")
        replicas.wait_alike(cluster, "ks")
        for index in (0, 1):
            fill(cluster.store_folder(index))

        def refused():
            try:
                keyspace.put(b"k", os.urandom(1 << 20))
            except libvasto.VastoError as error:
                return error.code == libvasto.NO_SPACE
            return False

        wait_until(refused, "writes to be refused for good", 60)
        # Longer than until a replica asks again whether another can take its place.
        end = time.monotonic() + 6
        while time.monotonic() < end:
            assert refused()
        assert keyspace.get(b"before") == b"v"
        for index in (0, 1):
            resize(cluster.store_folder(index), 512)

        def works_again():
            try:
                return keyspace.put(b"after", b"v")
            except libvasto.VastoError:
                return False

        wait_until(works_again, "writes to work again", 30)
        replicas.wait_alike(cluster, "ks", 30)


def test_disks_that_are_full_of_different_things_serve_what_they_have(pair_on_small_disks):
    """Each store lacks what the other has no room for, so none can ever have everything."""
    cluster = pair_on_small_disks
    written = {}
    with libvasto.Client(cluster.address, timeout_ms=3_000) as client:
        keyspace = client.keyspace("ks")
        keyspace.put(b"before", b"v")
        replicas.wait_alike(cluster, "ks")

        def refused(name):
            value = os.urandom(256 << 10)
            try:
                keyspace.put(name, value)
            except libvasto.VastoError as error:
                return error.code == libvasto.NO_SPACE
            written[name] = value
            return False

        for index in (0, 1):
            fill(cluster.store_folder(index))
        for index in (0, 1):
            with cluster.stores[1 - index].paused():
                names = iter(b"k%d.%d" % (index, i) for i in range(1000))
                wait_until(lambda names=names: refused(next(names)), "one disk to be full", 60)
        assert {name[1:2] for name in written} == {b"0", b"1"}
        # Whoever stood still, here for longer than is taken for that, looks at what the other has.
        with cluster.stores[0].paused(), cluster.stores[1].paused():
            time.sleep(0.5)

        def read(name):
            try:
                return keyspace.get(name)
            except libvasto.VastoError:
                return None

        wait_until(lambda: read(b"before") == b"v", "reads to go on", 10)
        for _ in range(20):
            assert refused(b"later")
            assert keyspace.get(b"before") == b"v"
        said = [store.log().count("changes_not_applied") for store in cluster.stores.values()]
        assert all(0 < times <= 3 for times in said), said
        for index in (0, 1):
            resize(cluster.store_folder(index), 512)
        wait_until(lambda: not refused(b"after"), "writes to work again", 30)
        replicas.wait_alike(cluster, "ks", 30)
        assert {name: keyspace.get(name) for name in written} == written


def sst_files(cluster):
    """The SST files of store 0 by the folder they are in: one folder is one shard."""
    found = {}
    for path in sorted(cluster.store_folder(0).rglob("*.sst")):
        found.setdefault(path.parent, []).append(path)
    return found


def test_a_corrupted_sst_harms_only_its_shard(make_cluster):
    cluster = make_cluster(stores=1)
    cluster.create("ks", 3, 1)
    keys = [b"key%04d" % i for i in range(600)]
    with libvasto.Client(cluster.address) as client:
        keyspace = client.keyspace("ks")
        for key in keys:
            keyspace.put(key, key * 50)
        shard_of = {key: keyspace.shard_of(key) for key in keys}
    cluster.vastoadm("keyspace", "compact", "ks")
    assert cluster.stores[0].stop() == 0
    files = sst_files(cluster)
    assert len(files) == 3
    for path in next(iter(files.values())):
        data = bytearray(path.read_bytes())
        for at in range(64, max(65, len(data) - 2048), 512):
            data[at] ^= 0xff
        path.write_bytes(data)
    cluster.start_store(0)
    cluster.wait_for_stores(1)
    with libvasto.Client(cluster.address, timeout_ms=3000) as client:
        keyspace = client.keyspace("ks")
        results, _ = keyspace.multi_get(keys)
        harmed = set()
        for key, (code, value) in zip(keys, results):
            assert code != libvasto.NOT_FOUND, "corruption must never look like absence"
            if code == libvasto.OK:
                assert value == key * 50
            else:
                harmed.add(shard_of[key])
        assert len(harmed) == 1
        for key in keys:
            if shard_of[key] not in harmed:
                keyspace.put(key, b"new")
    assert cluster.stores[0].alive


def test_many_clients_race_for_one_key(make_cluster):
    """put-if-absent from many threads and clients: exactly one wins each round."""
    cluster = make_cluster(stores=1)
    cluster.create("ks")
    clients = [libvasto.Client(cluster.address) for _ in range(4)]
    for round_number in range(30):
        winners = []
        barrier = threading.Barrier(len(clients))

        def race(client, number):
            keyspace = client.keyspace("ks")
            barrier.wait()
            try:
                keyspace.put(b"lock%d" % round_number, b"%d" % number, if_absent=True)
                winners.append(number)
            except libvasto.VastoError as error:
                assert error.code == libvasto.ALREADY_EXISTS

        threads = [threading.Thread(target=race, args=(c, i)) for i, c in enumerate(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(winners) == 1
        assert clients[0].keyspace("ks").get(b"lock%d" % round_number) == b"%d" % winners[0]
    for client in clients:
        client.close()


@pytest.mark.soak
def test_an_hour_of_crashes(make_cluster):
    """Stores and the master die and return in turn, under load, for VASTO_SOAK_S seconds."""
    import random
    import time
    cluster = make_cluster(stores=3)
    cluster.create("ks", 9, 1)
    rng = random.Random(1)
    end = time.monotonic() + int(os.environ.get("VASTO_SOAK_S", "600"))
    with Load(cluster.address, "ks", threads=4, timeout_ms=30_000) as load:
        while time.monotonic() < end:
            load.wait_for_writes(200)
            victim = rng.randrange(4)
            if victim == 3:
                cluster.master.kill9()
                cluster.start_master()
            else:
                cluster.stores[victim].kill9()
                cluster.start_store(victim, address=cluster.stores[victim].address)
    assert load.wrong == []
    assert load.failed == []
    assert load.lost() == []
    load.close()
