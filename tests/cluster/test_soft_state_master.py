# SPDX-License-Identifier: Apache-2.0
"""The master may die at any time: data flows on, and a new one learns everything from the stores."""

import time

import pytest

import libvasto
from load import Load
from vasto_cluster import SLOW, wait_until


@pytest.mark.smoke
def test_no_operation_fails_while_the_master_is_away(make_cluster):
    cluster = make_cluster(stores=2)
    cluster.create("ks", 4, 1)
    with Load(cluster.address, "ks") as load:
        load.wait_for_writes(200)
        cluster.master.kill9()
        load.wait_for_writes(500)
        cluster.start_master()
        load.wait_for_writes(200)
    assert load.failed == []
    assert load.wrong == []
    assert load.lost() == []
    load.close()


@pytest.mark.smoke
def test_a_restarted_master_knows_everything_within_3_s(make_cluster):
    cluster = make_cluster(stores=2)
    cluster.create("one", 2, 2)
    cluster.create("two", 3, 1)
    cluster.put("two", "k", b"v")
    before = {n: (cluster.describe(n)["id"], cluster.placement(n)) for n in ("one", "two")}
    cluster.master.kill9()
    cluster.start_master()
    start = time.monotonic()
    cluster.wait_for_stores(2, timeout_s=3)
    wait_until(lambda: cluster.keyspaces() == ["one", "two"], "both keyspaces", 3)
    assert time.monotonic() - start < 3 * SLOW
    after = {n: (cluster.describe(n)["id"], cluster.placement(n)) for n in ("one", "two")}
    assert after == before
    cluster.create("three", 2, 1)
    cluster.put("three", "k", b"v3")
    cluster.vastoadm("keyspace", "delete", "two", "--yes")
    assert cluster.keyspaces() == ["one", "three"]
    assert cluster.get("three", "k") == b"v3"


@pytest.mark.smoke
@pytest.mark.parametrize("away", [0, 1])
def test_a_keyspace_is_made_and_deleted_within_3_s_of_a_restart(make_cluster, away):
    """From the start of the process to the answer. With a store away, the master first waits for it
    as long as it may, 3 s, and then goes on without it."""
    cluster = make_cluster(stores=2)
    cluster.create("old", 2, 1)
    cluster.create("kept", 4, 1)
    cluster.master.kill9()
    for index in range(away):
        cluster.stores[index].kill9()
    start = time.monotonic()
    cluster.start_master()
    cluster.create("new", 2, 1)
    cluster.vastoadm("keyspace", "delete", "old", "--yes")
    assert time.monotonic() - start < (3 + 0.5 * away) * SLOW
    assert cluster.keyspaces() == ["kept", "new"]
    cluster.put("new", "k", b"v")
    assert cluster.get("new", "k") == b"v"
    for index in range(away):
        cluster.start_store(index)
    cluster.wait_for_stores(2)
    assert cluster.keyspaces() == ["kept", "new"]


def test_a_new_client_works_with_a_client_opened_before(make_cluster):
    """A handle from before the master's restart sees keyspaces created after it."""
    cluster = make_cluster(stores=1)
    cluster.create("old")
    with libvasto.Client(cluster.address) as client:
        client.keyspace("old").put(b"k", b"v")
        cluster.master.kill9()
        cluster.start_master()
        cluster.wait_for_stores(1)
        cluster.create("new")
        client.keyspace("new").put(b"k", b"v2")
        assert client.keyspace("new").get(b"k") == b"v2"
        assert client.keyspace("old").get(b"k") == b"v"


@pytest.mark.smoke
def test_a_deleted_keyspace_does_not_come_back_with_a_store_that_was_away(make_cluster):
    cluster = make_cluster(stores=2)
    cluster.create("gone", 4, 2)
    cluster.create("kept", 2, 1)
    cluster.put("gone", "k", b"v")
    identity = cluster.describe("gone")["id"]
    shards = cluster.store_folder(1) / "shards" / identity
    assert sorted(p.name for p in shards.iterdir()) == ["0", "1", "2", "3"]
    assert cluster.stores[1].stop() == 0
    cluster.wait_for_stores(1)
    cluster.vastoadm("keyspace", "delete", "gone", "--yes")
    cluster.start_store(1)
    cluster.wait_for_stores(2)
    assert cluster.keyspaces() == ["kept"]
    assert cluster.vasto("get", "gone", "k", check=None).code == 3
    # The store that was away has dropped its data too: out of the way at once, off the disk soon.
    wait_until(lambda: not any(shards.glob("*")), "the shards to be dropped")
    removed = cluster.store_folder(1) / "removed"
    assert len(list(removed.glob(f"*-{identity}-*"))) == 4
    cluster.restart_store(1)
    wait_until(lambda: not any(removed.iterdir()), "the data to be gone from the disk")
    assert not any(identity in str(path) for path in cluster.store_folder(1).rglob("*")
                   if "keyspaces" not in path.parts)
    assert cluster.keyspaces() == ["kept"]


def test_a_deleted_keyspace_stays_deleted_when_the_master_forgot_and_one_store_never_knew(
        make_cluster):
    cluster = make_cluster(stores=2)
    cluster.create("gone", 2, 2)
    assert cluster.stores[1].stop() == 0
    cluster.wait_for_stores(1)
    cluster.vastoadm("keyspace", "delete", "gone", "--yes")
    cluster.master.kill9()
    assert cluster.stores[0].stop() == 0
    cluster.start_master()
    # First the store that missed the deletion, then the one with the tombstone.
    cluster.start_store(1)
    cluster.wait_for_stores(1)
    cluster.start_store(0)
    cluster.wait_for_stores(2)
    wait_until(lambda: cluster.keyspaces() == [], "the keyspace to be gone again", 5)


def test_a_name_can_be_used_again_and_old_handles_notice(make_cluster):
    cluster = make_cluster(stores=1)
    cluster.create("ks")
    with libvasto.Client(cluster.address) as client:
        old = client.keyspace("ks")
        old.put(b"k", b"old")
        cluster.vastoadm("keyspace", "delete", "ks", "--yes")
        cluster.create("ks")
        new = client.keyspace("ks")
        assert new.get(b"k") is None
        new.put(b"k", b"new")
        with pytest.raises(libvasto.VastoError) as caught:
            old.put(b"k", b"ghost")
        assert caught.value.code == libvasto.NOT_FOUND
        assert new.get(b"k") == b"new"


def test_the_whole_cluster_restarts(make_cluster):
    cluster = make_cluster(stores=2)
    cluster.create("ks", 4, 1)
    with libvasto.Client(cluster.address) as client:
        keyspace = client.keyspace("ks")
        for i in range(500):
            keyspace.put(b"k%d" % i, b"v%d" % i)
    for process in [cluster.master, *cluster.stores.values()]:
        assert process.stop() == 0
    cluster.start_master()
    for index in (0, 1):
        cluster.start_store(index)
    cluster.wait_for_stores(2)
    with libvasto.Client(cluster.address) as client:
        keyspace = client.keyspace("ks")
        results, code = keyspace.multi_get([b"k%d" % i for i in range(500)])
    assert code == libvasto.OK
    assert [v for _, v in results] == [b"v%d" % i for i in range(500)]
