// SPDX-License-Identifier: Apache-2.0
//! Keyspaces and the cluster.

use vasto::{Acks, Code, Describe, KeyspaceOptions, SyncMode};

use crate::cluster::{assert_code, until, Cluster, PATIENCE};

#[test]
fn a_keyspace_is_created_compacted_described_and_deleted() {
    let cluster = Cluster::get();
    let client = cluster.client();
    let admin = client.admin();
    let name = cluster.name("admin");
    let options = KeyspaceOptions::new()
        .shards(2)
        .replicas(2)
        .acks(Acks::Quorum)
        .sync(SyncMode::Interval)
        .ttl_seconds(60);
    let operation = admin.create_keyspace(&name, &options).unwrap();
    assert!(!operation.id().is_empty());
    assert!(operation.wait(Some(PATIENCE)).unwrap());
    let progress = operation.progress().unwrap();
    assert!(progress.finished && progress.done == progress.total);
    assert_code(admin.create_keyspace(&name, &options), Code::AlreadyExists);

    let keyspace = client.keyspace(&name).unwrap();
    assert_eq!((keyspace.shard_count(), keyspace.replica_count()), (2, 2));
    assert_eq!(keyspace.name(), name);
    keyspace.put("k", "x").unwrap();
    assert!(keyspace
        .get("k")
        .unwrap()
        .unwrap()
        .expires_at_ns()
        .is_some());

    let described = admin.describe(Describe::Keyspace(&name), None).unwrap();
    assert_eq!(described["schema"], 1);
    assert_eq!(described["keyspace"]["acks"], "quorum");
    assert_eq!(described["keyspace"]["ttl_seconds"], 60);
    assert_eq!(
        described["keyspace"]["shard_list"]
            .as_array()
            .unwrap()
            .len(),
        2
    );

    let compaction = admin.compact_keyspace(&name).unwrap();
    until("compaction", || {
        compaction.progress().unwrap().finished.then_some(())
    });

    assert!(admin
        .delete_keyspace(&name)
        .unwrap()
        .wait(Some(PATIENCE))
        .unwrap());
    assert_code(admin.delete_keyspace(&name), Code::NotFound);
    assert_code(client.keyspace(&name), Code::NotFound);
}

#[test]
fn the_cluster_describes_itself() {
    let cluster = Cluster::get();
    let client = cluster.client();
    let admin = client.admin();
    let keyspace = cluster.keyspace(&client, "described");
    for (what, member) in [
        (Describe::Status, "health"),
        (Describe::Stores, "stores"),
        (Describe::Keyspaces, "keyspaces"),
        (Describe::Usage(None), "usage"),
        (Describe::Usage(Some(&keyspace.name())), "usage"),
    ] {
        let described = admin.describe(what, Some(PATIENCE)).unwrap();
        assert!(!described[member].is_null(), "{what:?}: {described}");
    }
    assert_eq!(
        admin.describe(Describe::Stores, None).unwrap()["stores"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
    let usage = admin.usage(None, Some(PATIENCE)).unwrap();
    assert!(usage.capacity_bytes >= usage.free_bytes && usage.capacity_bytes > 0);
    admin.usage(Some(&keyspace.name()), None).unwrap();
    assert_code(admin.usage(Some("nowhere"), None), Code::NotFound);
    assert_code(
        admin.describe(Describe::Keyspace("nowhere"), None),
        Code::NotFound,
    );
    assert_code(
        admin.create_keyspace("a\0b", &KeyspaceOptions::default()),
        Code::InvalidArgument,
    );
    assert_code(
        admin.create_keyspace("x", &KeyspaceOptions::new().tags("a\0b")),
        Code::InvalidArgument,
    );
    let wide = KeyspaceOptions::new().replicas(4);
    assert_code(
        admin.create_keyspace(&cluster.name("wide"), &wide),
        Code::InvalidArgument,
    );
}
