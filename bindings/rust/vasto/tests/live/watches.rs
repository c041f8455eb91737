// SPDX-License-Identifier: Apache-2.0
//! Watches that wait.

use std::time::Duration;

use vasto::{Code, Keyspace, OwnedRow, Watch, WatchOptions};

use crate::cluster::{assert_code, Cluster, PATIENCE};

/// Takes changes until that of `key`, and gives all.
fn changes_until(watch: &mut Watch, key: &[u8]) -> Vec<OwnedRow> {
    let mut changes = Vec::new();
    while changes
        .last()
        .map_or(true, |change: &OwnedRow| change.key != key)
    {
        let block = watch
            .next_block(1, Some(PATIENCE))
            .unwrap()
            .expect("a change");
        changes.extend(block.map(|change| change.to_owned()));
    }
    changes
}

fn values_of(changes: &[OwnedRow], key: &[u8]) -> Vec<Option<Vec<u8>>> {
    changes
        .iter()
        .filter(|row| row.key == key)
        .map(|row| row.value.clone())
        .collect()
}

#[test]
fn changes_of_a_key_come_in_order() {
    let cluster = Cluster::get();
    let keyspace = cluster.keyspace_of(&cluster.client(), "watch", "shards=1");
    let mut watch = keyspace.watch("w/", &WatchOptions::new()).unwrap();
    keyspace.put("w/a", "1").unwrap();
    keyspace.put("elsewhere", "x").unwrap();
    keyspace.put("w/a", "").unwrap();
    keyspace.delete("w/a").unwrap();
    keyspace.put("w/end", "x").unwrap();
    let changes = changes_until(&mut watch, b"w/end");
    assert!(changes.iter().all(|change| change.key.starts_with(b"w/")));
    assert!(changes
        .iter()
        .all(|change| change.deleted == change.value.is_none()));
    let expected = [Some(b"1".to_vec()), Some(vec![]), None];
    assert_eq!(values_of(&changes, b"w/a"), expected);

    // Nothing more comes, and that is no error.
    assert!(watch
        .next_block(10, Some(Duration::ZERO))
        .unwrap()
        .is_none());
}

#[test]
fn a_watch_goes_on_at_its_token() {
    let cluster = Cluster::get();
    let keyspace = cluster.keyspace_of(&cluster.client(), "again", "shards=1");
    let mut watch = keyspace.watch("", &WatchOptions::new()).unwrap();
    keyspace.put("1", "x").unwrap();
    changes_until(&mut watch, b"1");
    let token = watch.resume_token().unwrap();
    drop(watch);
    keyspace.put("2", "x").unwrap();
    let options = WatchOptions::new().resume_token(token).timeout(PATIENCE);
    let mut watch = keyspace.watch("", &options).unwrap();
    keyspace.put("3", "x").unwrap();
    let changes = changes_until(&mut watch, b"3");
    assert_eq!(values_of(&changes, b"2").len(), 1);
    let nonsense = WatchOptions::new().resume_token("nonsense");
    assert_code(keyspace.watch("", &nonsense), Code::InvalidArgument);
}

#[test]
fn the_iterator_gives_copies_and_ends_with_the_client() {
    let cluster = Cluster::get();
    let client = cluster.client();
    let keyspace: Keyspace = cluster.keyspace(&client, "iterator");
    let mut watch = keyspace.watch("", &WatchOptions::new()).unwrap();
    keyspace.put("k", "x").unwrap();
    assert_eq!(watch.next().unwrap().unwrap().key, b"k");
    let closer = std::thread::spawn(move || client.close(None).unwrap());
    // It waits, or comes too late; either way it ends.
    let end = watch.find_map(Result::err).unwrap();
    assert_eq!(end.code(), Code::Closed);
    closer.join().unwrap();
}
