# SPDX-License-Identifier: Apache-2.0
"""Replicas: each gets what any accepted, any serves when the primary is gone, nothing is lost."""

import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import libvasto
from load import Load, MixedLoad
from vasto_cluster import SLOW, wait_until

replicas = pytest.importorskip("replicas")
stock_thrift = replicas.stock_thrift
data = stock_thrift.data


@pytest.mark.smoke
def test_every_replica_gets_what_was_written(make_cluster):
    cluster = make_cluster(stores=3)
    cluster.create("ks", 4, 3)
    with libvasto.Client(cluster.address) as client:
        keyspace = client.keyspace("ks")
        for i in range(300):
            keyspace.put(b"k%d" % i, b"v%d" % i)
        for i in range(0, 300, 3):
            keyspace.delete(b"k%d" % i)
    replicas.wait_alike(cluster, "ks")
    descriptor = stock_thrift.descriptor(cluster.address, "ks")
    for store in cluster.stores.values():
        assert replicas.value(store.address, descriptor, b"k1") == b"v1"
        assert replicas.value(store.address, descriptor, b"k3") is None


@pytest.mark.smoke
@pytest.mark.parametrize("acks", ["one", "quorum"])
def test_reads_and_writes_go_on_when_the_primary_is_killed(make_cluster, acks):
    cluster = make_cluster(stores=3)
    cluster.create("ks", 1, 3, "--acks", acks)
    victim = replicas.primary_of(cluster, "ks")
    with Load(cluster.address, "ks", threads=4) as load:
        load.wait_for_writes(300)
        cluster.stores[victim].kill9()
        load.wait_for_writes(1000)
        # With acks of one, what only the dead store had is missed until it is back.
        assert acks == "one" or load.lost() == []
        cluster.start_store(victim, address=cluster.stores[victim].address)
        load.wait_for_writes(1000)
    assert load.failed == []
    assert acks == "one" or load.wrong == []
    replicas.wait_alike(cluster, "ks")
    assert load.lost() == []
    load.close()


def longest_pause(cluster, keyspace, fault):
    """How long a client that puts and gets all the time has to wait at most while it happens.
    fault gets a function that waits for so many of its rounds."""
    pauses = []
    stop = threading.Event()

    def work():
        with libvasto.Client(cluster.address) as client:
            ks = client.keyspace(keyspace)
            while not stop.is_set():
                begin = time.monotonic()
                ks.put(b"pause", b"%d" % len(pauses))
                assert ks.get(b"pause") is not None
                pauses.append(time.monotonic() - begin)

    def wait_for_rounds(count):
        end = len(pauses) + count
        wait_until(lambda: len(pauses) >= end or worker.done(), "the client to go on", 10)

    with ThreadPoolExecutor(1) as pool:
        worker = pool.submit(work)
        try:
            fault(wait_for_rounds)
        finally:
            stop.set()
        worker.result()
    return max(pauses)


def test_a_killed_primary_costs_a_client_less_than_a_second(make_cluster):
    cluster = make_cluster(stores=3)
    cluster.create("ks", 1, 3)
    victim = replicas.primary_of(cluster, "ks")

    def kill(wait_for_rounds):
        wait_for_rounds(100)
        cluster.stores[victim].kill9()
        wait_for_rounds(1000)

    assert longest_pause(cluster, "ks", kill) < 1 * SLOW


def test_a_client_that_lost_a_store_first_makes_the_next_look(make_cluster):
    """The client knows it before the store: what the lost one had acknowledged a third may have."""
    cluster = make_cluster(stores=3)
    cluster.create("ks", 1, 3, "--acks", "quorum")
    cluster.put("ks", "k", b"v")
    replicas.wait_alike(cluster, "ks")
    first = replicas.primary_of(cluster, "ks")
    descriptor = stock_thrift.descriptor(cluster.address, "ks")
    second = replicas.store_indexes(cluster)[descriptor.shards[0].replicas[1].store]
    replicas.wait_serving(cluster, "ks", second)
    lost = time.monotonic()
    answers = []

    def answered(connection):
        ago = int((time.monotonic() - lost) * 1e6)
        request = data.GetRequest(ref=data.ShardRef(keyspace=descriptor.uuid), key=data.ReadKey(key=b"k"),
                                  bound=data.ReadBound(needs=[], turned_us=ago))
        try:
            answers.append(connection.data.get(request).value.payload)
        except stock_thrift.common.VastoError as error:
            answers.append(error.code)
        return answers[-1] == b"v"

    with stock_thrift.Connection(cluster.stores[second].address) as connection:
        wait_until(lambda: answered(connection), "the second to have looked", interval_s=0.001)
        assert answers[:-1] and set(answers[:-1]) == {stock_thrift.common.Code.BUSY}
        assert answered(connection), "once is enough"
    assert cluster.stores[first].alive


@pytest.mark.parametrize("acks", ["quorum", "all"])
def test_reads_miss_nothing_when_one_primary_after_the_other_is_killed(make_cluster, acks):
    """Clients that read back at once, from whatever replica they find."""
    cluster = make_cluster(stores=3)
    cluster.create("ks", 1, 3, "--acks", acks)
    with Load(cluster.address, "ks", threads=8) as load:
        for _ in range(6):
            load.wait_for_writes(200)
            victim = replicas.primary_of(cluster, "ks")
            cluster.stores[victim].kill9()
            cluster.start_store(victim, address=cluster.stores[victim].address)
            replicas.wait_serving(cluster, "ks", victim)
    assert load.failed == [] and load.wrong == []
    load.close()


def test_a_write_that_is_repeated_undoes_nothing(make_cluster):
    """The first attempt meets a store that stands still; somebody else is faster meanwhile."""
    cluster = make_cluster(stores=3)
    cluster.create("ks", 1, 3, "--acks", "quorum")
    index = replicas.primary_of(cluster, "ks")
    primary = cluster.stores[index]
    replicas.wait_serving(cluster, "ks", index)  # it answers the first puts: its clock gets known
    with libvasto.Client(cluster.address) as patient, \
            libvasto.Client(cluster.address, timeout_ms=1200) as hasty:
        mine, theirs = patient.keyspace("ks"), hasty.keyspace("ks")
        mine.put(b"k", b"first")
        theirs.put(b"k", b"second")
        with primary.paused(), ThreadPoolExecutor(1) as pool:
            put = pool.submit(mine.put, b"k", b"mine")
            time.sleep(0.1)  # nothing shows from outside that it was sent; too short proves less
            theirs.put(b"k", b"theirs")
            assert theirs.get(b"k") == b"theirs"
            put.result()
            assert theirs.get(b"k") == b"theirs"
        replicas.wait_alike(cluster, "ks")
        assert mine.get(b"k") == b"theirs"


def test_a_returning_store_serves_only_what_is_not_old(make_cluster):
    """It has the newest value, or says that it is still catching up."""
    cluster = make_cluster(stores=3)
    cluster.create("ks", 1, 3)
    victim = replicas.primary_of(cluster, "ks")
    descriptor = stock_thrift.descriptor(cluster.address, "ks")
    with libvasto.Client(cluster.address) as client:
        keyspace = client.keyspace("ks")
        for round_ in range(5):
            keyspace.put(b"k", b"before")
            cluster.stores[victim].kill9()
            for i in range(500):
                keyspace.put(b"other%d" % i, b"x" * 100)
            keyspace.put(b"k", b"after %d" % round_)
            cluster.start_store(victim, address=cluster.stores[victim].address)
            answers = set()

            def served():
                try:
                    answers.add(replicas.value(cluster.stores[victim].address, descriptor, b"k"))
                except stock_thrift.common.VastoError as error:
                    assert "catching up" in error.message or "taking over" in error.message, error
                return answers

            wait_until(served, "the returned store to serve", interval_s=0.001)
            assert answers == {b"after %d" % round_}


def test_what_only_the_killed_primary_had_comes_back_with_it(make_cluster):
    cluster = make_cluster(stores=2)
    cluster.create("ks", 1, 2)
    first = replicas.primary_of(cluster, "ks")
    second = 1 - first
    with libvasto.Client(cluster.address) as client:
        keyspace = client.keyspace("ks")
        keyspace.put(b"both", b"v")
        replicas.wait_alike(cluster, "ks")
        # The second replica cannot follow while these are written.
        with cluster.stores[second].paused():
            for i in range(50):
                keyspace.put(b"only%d" % i, b"v%d" % i)
            cluster.stores[first].kill9()
        assert keyspace.get(b"both") == b"v"
        keyspace.put(b"only0", b"newer")
        cluster.start_store(first, address=cluster.stores[first].address)
        replicas.wait_alike(cluster, "ks")
        assert keyspace.get(b"only49") == b"v49"
        assert keyspace.get(b"only0") == b"newer"


@pytest.mark.parametrize("paused", ["primary", "other"])
def test_a_store_that_stands_still_holds_nobody_up(make_cluster, paused):
    cluster = make_cluster(stores=3)
    cluster.create("ks", 1, 3, "--acks", "quorum")
    first = replicas.primary_of(cluster, "ks")
    with Load(cluster.address, "ks", threads=4) as load:
        load.wait_for_writes(300)
        with cluster.stores[first if paused == "primary" else (first + 1) % 3].paused():
            load.wait_for_writes(1000)
        load.wait_for_writes(300)
    assert load.failed == [] and load.wrong == []
    replicas.wait_alike(cluster, "ks")
    assert load.lost() == []
    load.close()


def test_all_of_them_killed_at_once_lose_nothing_acknowledged(make_cluster):
    cluster = make_cluster(stores=3)
    cluster.create("ks", 2, 3)
    with Load(cluster.address, "ks", threads=4, timeout_ms=20_000) as load:
        for _ in range(3):
            load.wait_for_writes(500)
            for process in [cluster.master, *cluster.stores.values()]:
                process.kill9()
            cluster.start_master()
            for index in list(cluster.stores):
                cluster.start_store(index, wait=False, address=cluster.stores[index].address)
            for index in cluster.stores:
                cluster.stores[index].wait_ready()
                replicas.wait_serving(cluster, "ks", index)
            wait_until(lambda: load.lost() == [], "all that was acknowledged to be there")
        load.wait_for_writes(500)
    # A store waits one second for those that it cannot reach. What only they had, a read may miss
    # when it takes them longer to start.
    assert load.failed == [] and [got for _, got in load.wrong if got is not None] == []
    replicas.wait_alike(cluster, "ks")
    assert load.lost() == []
    load.close()


def test_a_store_that_stops_cleanly_leaves_nothing_behind(make_cluster):
    """With acks of one only, and while it is still away."""
    cluster = make_cluster(stores=2)
    cluster.create("ks", 2, 2)
    for round_ in range(4):
        with Load(cluster.address, "ks", threads=4, name=f"load{round_}") as load:
            load.wait_for_writes(500)
            victim = replicas.primary_of(cluster, "ks")
            assert cluster.stores[victim].stop() == 0
            load.wait_for_writes(100)
        assert load.failed == [] and load.wrong == []
        assert load.lost() == []
        load.close()
        cluster.start_store(victim, address=cluster.stores[victim].address)
        replicas.wait_alike(cluster, "ks")


def test_a_restart_loop_under_mixed_load_loses_nothing(make_cluster):
    cluster = make_cluster(stores=3)
    cluster.create("ks", 3, 3, "--acks", "quorum")
    with MixedLoad(cluster.address, "ks", threads=4, timeout_ms=20_000) as load:
        for round_ in range(3):
            load.wait_for_writes(300)
            victim = round_ % 3
            cluster.stores[victim].kill9()
            load.wait_for_writes(300)
            cluster.start_store(victim, address=cluster.stores[victim].address)
            replicas.wait_serving(cluster, "ks", victim)
    assert load.failed == []
    replicas.wait_alike(cluster, "ks")
    assert load.lost() == []
    load.close()


def test_conditional_writes_and_appends_go_on_when_the_primary_is_killed(make_cluster):
    """Long before the master calls it down: the next replica knows that nobody listens there."""
    cluster = make_cluster(stores=3)
    cluster.create("ks", 1, 3, "--acks", "quorum")
    victim = replicas.primary_of(cluster, "ks")
    with libvasto.Client(cluster.address) as client:
        keyspace = client.keyspace("ks")
        version = keyspace.put(b"there", b"1", if_absent=True)
        keyspace.merge(b"text", "append", b"a")
        cluster.stores[victim].kill9()
        began = time.monotonic()
        version = keyspace.put(b"there", b"2", if_version=version)
        assert time.monotonic() - began < 2 * SLOW
        keyspace.merge(b"text", "append", b"b")
        with pytest.raises(libvasto.VastoError) as exists:
            keyspace.put(b"there", b"3", if_absent=True)
        assert exists.value.code == libvasto.ALREADY_EXISTS
        listing = cluster.vastoadm("-o", "json", "store", "list").json["stores"]
        assert all(store["state"] != "down" for store in listing)
        cluster.start_store(victim, address=cluster.stores[victim].address)
        replicas.wait_serving(cluster, "ks", victim)
        keyspace.put(b"there", b"4", if_version=version)
        keyspace.merge(b"text", "append", b"c")
        assert keyspace.get(b"text") == b"abc"


# acknowledgement

@pytest.mark.parametrize("acks,needs", [("one", 1), ("quorum", 2), ("all", 3)])
def test_a_write_needs_as_many_stores_as_its_level_says(make_cluster, acks, needs):
    cluster = make_cluster(stores=3)
    cluster.create("ks", 1, 3, "--acks", acks)
    victims = sorted(cluster.stores, key=lambda index: index == replicas.primary_of(cluster, "ks"))
    cluster.put("ks", "k", b"3")
    for alive in (2, 1):
        cluster.stores[victims[2 - alive]].kill9()
        result = cluster.vasto("--timeout-ms", 4000, "put", "ks", "k", str(alive), check=None)
        if alive >= needs:
            assert result.code == 0, result
        else:
            assert result.code in (4, 5) and "other replica" in result.err, result
    # Reads need one store, and so do writes that ask for no more.
    assert cluster.get("ks", "k") is not None
    with libvasto.Client(cluster.address) as client:
        keyspace = client.keyspace("ks")
        keyspace.put(b"k", b"one", acks="one")
        for more in ("quorum", "all"):
            with pytest.raises(libvasto.VastoError, match="other replica"):
                keyspace.put(b"k", b"more", acks=more, timeout_ms=3000)
        assert keyspace.get(b"k") == b"one"


def test_what_a_quorum_acknowledged_survives_the_loss_of_the_primary_s_disk(make_cluster):
    cluster = make_cluster(stores=3)
    cluster.create("ks", 2, 3, "--acks", "quorum")
    with Load(cluster.address, "ks", threads=4) as load:
        load.wait_for_writes(2000)
        cluster.stores[replicas.primary_of(cluster, "ks")].kill9()
    assert load.failed == []
    # What the dead store had for itself is gone for good: the two others have all of it.
    wait_until(lambda: load.lost() == [], "every acknowledged write", 10)
    load.close()


def test_memory_stays_flat_under_confirmed_writes(make_cluster):
    # Little of it is meant to be kept: 100 bytes that each of the writes left would be found.
    cluster = make_cluster(stores=3, store_flags=["--write_buffer_mb", 8, "--block_cache_mb", 8,
                                                  "--feed_mb", 2])
    cluster.create("ks", 3, 3, "--acks", "quorum")
    bench = ("bench", "ks", "--workload", "put", "--keys", 5_000, "--operations")
    cluster.vasto(*bench, 50_000)
    before = [store.memory_kib() for store in cluster.stores.values()]
    cluster.vasto(*bench, 100_000)
    for kib, store in zip(before, cluster.stores.values()):
        assert store.memory_kib() < kib + (10 << 10), (kib, store.memory_kib())
    replicas.wait_alike(cluster, "ks")


# long absence

def test_a_replica_that_was_away_too_long_copies_the_whole_shard(make_cluster):
    cluster = make_cluster(stores=3, store_flags=["--max_log_mb", 1, "--watch_log_mb", 0,
                                                  "--feed_mb", 1, "--write_buffer_mb", 8])
    cluster.create("ks", 1, 3)
    first = replicas.primary_of(cluster, "ks")
    victim = (first + 1) % 3
    with Load(cluster.address, "ks", threads=4, value_size=20_000) as load:
        load.wait_for_writes(200)
        load.wait_for_writes(1000)
        cluster.stores[victim].kill9()
        # The logs that the others have now go when there is more than they may keep.
        logs = {path.name for index in cluster.stores if index != victim
                for path in cluster.store_folder(index).glob("shards/*/0/db/**/*.log")}
        load.wait_for_writes(3000)
        wait_until(lambda: not any(path.name in logs for index in cluster.stores if index != victim
                                   for path in cluster.store_folder(index).glob(
                                       "shards/*/0/db/**/*.log")), "the logs to be gone", 40)
        cluster.start_store(victim, address=cluster.stores[victim].address)
        replicas.wait_serving(cluster, "ks", victim, 30)
        load.wait_for_writes(200)
    assert load.failed == [] and load.wrong == []
    replicas.wait_alike(cluster, "ks", 20)
    assert load.lost() == []
    load.close()
    log = cluster.stores[victim].log()
    assert "copy_done" in log
    # What it had before is put away, not deleted.
    assert list((cluster.store_folder(victim) / "removed").iterdir())
    # And it goes on as any replica.
    cluster.stores[first].kill9()
    cluster.put("ks", "later", b"v")
    assert cluster.get("ks", "later") == b"v"


def write_until_the_logs_are_gone(cluster, index):
    """Writes to this store alone, until its log does not reach back to the first of it; what was put."""
    def logs():
        return {path.name for path in cluster.store_folder(index).glob("shards/*/0/db/**/*.log")}

    put = {}
    with libvasto.Client(cluster.address) as client:
        keyspace = client.keyspace("ks")
        keyspace.put(b"last", b"%d" % index, timeout_ms=20_000)
        keyspace.merge(b"sum", "add", b"10", timeout_ms=20_000)

        def gone(former):
            for _ in range(20):
                key = b"%d-%d" % (index, len(put))
                put[key] = key + b"-" * 20_000
                keyspace.put(key, put[key], timeout_ms=20_000)
            return not former & logs()

        former = logs()
        wait_until(lambda: gone(former), "the logs to be gone", 40)
    return put


@pytest.mark.parametrize("together", [True, pytest.param(False, marks=pytest.mark.soak)])
def test_two_that_each_lack_what_no_log_holds_are_joined(make_cluster, together):
    cluster = make_cluster(stores=2, store_flags=["--max_log_mb", 1, "--watch_log_mb", 0,
                                                  "--feed_mb", 1, "--write_buffer_mb", 8])
    cluster.create("ks", 1, 2)
    cluster.put("ks", "both", b"v")
    replicas.wait_alike(cluster, "ks")
    put = {}
    for index in (0, 1):
        cluster.stores[1 - index].kill9()
        if not cluster.stores[index].alive:
            cluster.start_store(index, address=cluster.stores[index].address)
        put |= write_until_the_logs_are_gone(cluster, index)
    if together:
        cluster.stores[1].kill9()
    for index in (0, 1) if together else (0,):
        cluster.start_store(index, wait=False, address=cluster.stores[index].address)
    replicas.wait_alike(cluster, "ks", 30)
    with libvasto.Client(cluster.address) as client:
        keyspace = client.keyspace("ks")
        assert [key for key, value in put.items() if keyspace.get(key) != value] == []
        assert keyspace.get(b"both") == b"v"
        assert keyspace.get(b"last") == b"1"
        assert keyspace.get(b"sum") == b"20"
    assert any("joined=yes" in store.log() for store in cluster.stores.values())


# deletions

def test_a_deletion_is_forgotten_when_every_replica_has_it_and_not_before(make_cluster):
    cluster = make_cluster(stores=2, store_flags=["--tombstone_grace_s", 0])
    cluster.create("ks", 1, 2)
    victim = 1 - replicas.primary_of(cluster, "ks")
    with libvasto.Client(cluster.address) as client:
        keyspace = client.keyspace("ks")
        before = time.time_ns()
        keyspace.put(b"k", b"v")
        replicas.wait_alike(cluster, "ks")
        cluster.stores[victim].kill9()
        keyspace.delete(b"k")

        def forgotten():
            cluster.vastoadm("keyspace", "compact", "ks", check=None)
            try:
                keyspace.put(b"k", b"ghost", updated_at_ns=before)
            except libvasto.VastoError as error:
                return error.code == libvasto.STALE_WRITE and "forgotten" in str(error)
            return False

        for _ in range(3):
            assert not forgotten(), "the one that is away has not heard of the deletion"
        cluster.start_store(victim, address=cluster.stores[victim].address)
        wait_until(forgotten, "the deletion to be forgotten", 30)
    descriptor = stock_thrift.descriptor(cluster.address, "ks")
    for store in cluster.stores.values():
        assert replicas.value(store.address, descriptor, b"k") is None


# lost disks

def damage(cluster, index):
    """Flips bytes in the newest tables and the manifest of each shard of the store."""
    for folder in cluster.store_folder(index).glob("shards/*/*/db"):
        for path in [*folder.glob("MANIFEST*"), *folder.glob("*.sst")]:
            content = bytearray(path.read_bytes())
            for at in range(20, len(content), 200):
                content[at] ^= 0xff
            path.write_bytes(content)


def remove(cluster, index):
    for folder in cluster.store_folder(index).glob("shards/*/*"):
        shutil.rmtree(folder)


@pytest.mark.parametrize("lose", [damage, remove])
def test_a_replica_whose_disk_was_lost_is_made_anew_from_the_others(make_cluster, lose):
    cluster = make_cluster(stores=3)
    cluster.create("ks", 2, 3)
    with libvasto.Client(cluster.address) as client:
        keyspace = client.keyspace("ks")
        for i in range(500):
            keyspace.put(b"k%d" % i, b"v%d" % i)
    replicas.wait_alike(cluster, "ks")
    victim = replicas.primary_of(cluster, "ks")
    assert cluster.stores[victim].stop() == 0
    lose(cluster, victim)
    cluster.start_store(victim, address=cluster.stores[victim].address)
    replicas.wait_alike(cluster, "ks", 20)
    # What was there is kept for who wants to look at it.
    kept = cluster.store_folder(victim) / "damaged"
    assert len(list(kept.iterdir())) == (2 if lose is damage else 0)
    # It is a full member again: the others may go.
    for index in set(cluster.stores) - {victim}:
        cluster.stores[index].kill9()
    assert cluster.get("ks", "k499") == b"v499"


def test_an_empty_replica_never_answers_for_the_others(make_cluster):
    """The one that lost its disk is alone: no answer is better than a wrong one."""
    cluster = make_cluster(stores=2)
    cluster.create("ks", 1, 2)
    cluster.put("ks", "k", b"v")
    replicas.wait_alike(cluster, "ks")
    assert cluster.stores[0].stop() == 0
    assert cluster.stores[1].stop() == 0
    remove(cluster, 0)
    cluster.start_store(0, address=cluster.stores[0].address)
    for _ in range(2):
        for argv in (("get", "ks", "k"), ("scan", "ks"), ("put", "ks", "other", "v")):
            result = cluster.vasto("--timeout-ms", 2000, *argv, check=None)
            assert result.code in (4, 5) and result.out == b"", result
        # Also after a restart: it has not had anything since.
        cluster.restart_store(0)
    cluster.start_store(1, address=cluster.stores[1].address)
    wait_until(lambda: cluster.vasto("get", "ks", "k", check=None).out == b"v", "the value")
    replicas.wait_alike(cluster, "ks")
