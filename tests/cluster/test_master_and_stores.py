# SPDX-License-Identifier: Apache-2.0
"""Registration, identity, placement, and the life of a keyspace."""

import pytest

import vasto_cluster

ZONES = ["a", "a", "b", "b"]


def stores_of(cluster):
    return {s["id"]: s for s in cluster.vastoadm("-o", "json", "store", "list").json["stores"]}


@pytest.mark.smoke
def test_create_list_describe_compact_delete(make_cluster):
    cluster = make_cluster(stores=2)
    cluster.create("users", 4, 2)
    cluster.create("events", 1, 1)
    assert cluster.keyspaces() == ["events", "users"]
    assert cluster.describe("users")["name"] == "users"
    placement = cluster.placement("users")
    assert len(placement) == 4
    assert all(len(set(stores)) == 2 for stores in placement)
    cluster.put("users", "k", b"v")
    cluster.vastoadm("keyspace", "compact", "users")
    assert cluster.get("users", "k") == b"v"
    cluster.vastoadm("keyspace", "delete", "users", "--yes")
    assert cluster.keyspaces() == ["events"]
    assert cluster.vastoadm("keyspace", "describe", "users", check=None).code == 3
    assert cluster.vasto("get", "users", "k", check=None).code == 3


def test_delete_asks_for_yes(shared):
    shared.create("keep")
    refused = shared.vastoadm("keyspace", "delete", "keep", check=None)
    assert refused.code == 2
    assert "--yes" in refused.err
    assert "keep" in shared.keyspaces()
    shared.vastoadm("keyspace", "delete", "keep", "--yes")


def test_store_identity_survives_restart_and_a_new_address(make_cluster):
    cluster = make_cluster(stores=1)
    before = list(stores_of(cluster))
    cluster.create("ks")
    cluster.put("ks", "k", b"v")
    old_address = cluster.stores[0].address
    cluster.restart_store(0, same_port=False)
    assert cluster.stores[0].address != old_address
    cluster.wait_for_stores(1)
    assert list(stores_of(cluster)) == before
    assert cluster.get("ks", "k") == b"v"


def test_several_shards_of_a_keyspace_share_a_store(make_cluster):
    cluster = make_cluster(stores=2)
    cluster.create("ks", 16, 1)
    counts = {}
    for stores in cluster.placement("ks"):
        counts[stores[0]] = counts.get(stores[0], 0) + 1
    assert sorted(counts.values()) == [8, 8]


def test_replicas_are_on_different_stores_and_in_different_zones(make_cluster):
    cluster = make_cluster(stores=4, store_flags=lambda i: ["--zone", ZONES[i]])
    zone = {store: s["zone"] for store, s in stores_of(cluster).items()}
    cluster.create("ks", 8, 2)
    for stores in cluster.placement("ks"):
        assert len(set(stores)) == 2
        assert {zone[s] for s in stores} == {"a", "b"}


def test_tags_choose_the_stores(make_cluster):
    cluster = make_cluster(stores=3, store_flags=lambda i: ["--tags", "ssd,fast"] if i else [])
    tagged = {s for s, info in stores_of(cluster).items() if "ssd" in info["tags"]}
    assert len(tagged) == 2
    cluster.create("ks", 6, 2, "--tags", "ssd")
    assert {s for stores in cluster.placement("ks") for s in stores} == tagged
    refused = cluster.create("no", 1, 3, "--tags", "ssd", check=None)
    assert refused.code == 1, refused


def test_the_store_with_more_room_gets_more_shards(make_cluster):
    cluster = make_cluster(stores=2, store_flags=lambda i: ["--disk_gb", 1 if i == 0 else 15])
    small = {s for s, info in stores_of(cluster).items() if info["capacity_bytes"] < 2 << 30}
    assert len(small) == 1
    cluster.create("ks", 16, 1)
    on_small = sum(stores[0] in small for stores in cluster.placement("ks"))
    assert on_small < 8


def test_status_names_master_stores_and_keyspaces(make_cluster):
    cluster = make_cluster(stores=2)
    cluster.create("ks", 2)
    status = cluster.vastoadm("-o", "json", "status").json
    assert status["schema"] == 1
    text = cluster.vastoadm("status").text
    assert "ks" in text
    for store in cluster.stores.values():
        assert store.address in text or store.address in str(status)


def test_a_lost_store_is_seen_at_once_and_back_after_restart(make_cluster):
    cluster = make_cluster(stores=2)
    cluster.stores[1].kill9()
    cluster.wait_for_stores(1, timeout_s=3)
    cluster.restart_store(1)
    cluster.wait_for_stores(2)


def test_a_store_waits_for_its_master(make_cluster):
    """Started in the wrong order, all is well once the master is there."""
    cluster = make_cluster(stores=1)
    cluster.create("ks")
    cluster.put("ks", "k", b"v")
    assert cluster.master.stop() == 0
    assert cluster.stores[0].stop() == 0
    cluster.start_store(0, wait=False)
    cluster.start_master()
    cluster.stores[0].wait_ready()
    cluster.wait_for_stores(1)
    assert cluster.get("ks", "k") == b"v"


@pytest.mark.smoke
def test_sigterm_stops_everything_cleanly(make_cluster):
    cluster = make_cluster(stores=2)
    cluster.create("ks", 2, 2)
    cluster.put("ks", "k", b"v")
    for process in [*cluster.stores.values(), cluster.master]:
        assert process.stop(vasto_cluster.STOP_S) == 0
    cluster.close()  # which complains of what still runs
