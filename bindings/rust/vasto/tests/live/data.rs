// SPDX-License-Identifier: Apache-2.0
//! Reads and writes that wait.

use std::time::{Duration, SystemTime};

use vasto::{Acks, Code, Key, Library, Merge, ReadOptions, Replica, WriteOptions};

use crate::cluster::{assert_code, Cluster};

fn now_ns() -> u64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
        .as_nanos() as u64
}

#[test]
fn what_was_put_is_read() {
    let cluster = Cluster::get();
    let keyspace = cluster.keyspace(&cluster.client(), "data");
    let version = keyspace.put("k", b"bytes\0and\xff").unwrap();
    let value = keyspace.get("k").unwrap().expect("a value");
    assert_eq!(&*value, b"bytes\0and\xff");
    assert_eq!(value.version(), version);
    assert_eq!(value.value_type(), 0);
    assert_eq!(value.expires_at_ns(), None);
    assert_eq!(
        Library::load().unwrap().version_time_ns(version),
        value.updated_at_ns()
    );
    assert!(value.updated_at_ns().abs_diff(now_ns()) < 600_000_000_000);

    assert!(keyspace.get("other").unwrap().is_none());
    keyspace.delete("k").unwrap();
    assert!(keyspace.get("k").unwrap().is_none());
    keyspace.delete("never was").unwrap();
}

#[test]
fn empty_keys_and_values_are_some() {
    let cluster = Cluster::get();
    let keyspace = cluster.keyspace(&cluster.client(), "empty");
    keyspace.put("", "").unwrap();
    let value = keyspace.get(b"").unwrap().expect("a value of no bytes");
    assert!(value.is_empty());
    assert_eq!(keyspace.stat("").unwrap().expect("a stat").size, 0);
}

#[test]
fn values_outlive_everything_and_cross_threads() {
    let cluster = Cluster::get();
    let client = cluster.client();
    let keyspace = cluster.keyspace(&client, "outlive");
    keyspace.put("k", "still here").unwrap();
    let value = keyspace.get("k").unwrap().unwrap();
    client.close(None).unwrap();
    drop((keyspace, client));
    let value = std::sync::Arc::new(value);
    let other = value.clone();
    std::thread::spawn(move || assert_eq!(&**other, b"still here"))
        .join()
        .unwrap();
    assert_eq!(&**value, b"still here");
}

#[test]
fn stat_and_get_into_tell_sizes() {
    let cluster = Cluster::get();
    let keyspace = cluster.keyspace(&cluster.client(), "stat");
    keyspace
        .put_with(
            "k",
            "12345",
            &WriteOptions::new().value_type(77).ttl_seconds(3600),
        )
        .unwrap();
    let stat = keyspace.stat("k").unwrap().unwrap();
    assert_eq!((stat.size, stat.value_type), (5, 77));
    assert!(stat.expires_at_ns.unwrap() > now_ns());
    assert!(keyspace.stat("none").unwrap().is_none());

    let mut buffer = [0; 8];
    assert_eq!(keyspace.get_into("k", &mut buffer, None).unwrap(), Some(5));
    assert_eq!(&buffer[..5], b"12345");
    let mut small = [7; 4];
    assert_eq!(keyspace.get_into("k", &mut small, None).unwrap(), Some(5));
    assert_eq!(small, [7; 4], "nothing was copied");
    assert_eq!(keyspace.get_into("none", &mut buffer, None).unwrap(), None);
}

#[test]
fn multi_get_answers_key_by_key() {
    let cluster = Cluster::get();
    let keyspace = cluster.keyspace(&cluster.client(), "multi");
    keyspace.put("a", "1").unwrap();
    keyspace.put("c", "").unwrap();
    let read = |keys: &[&str]| -> Vec<Option<Vec<u8>>> {
        let results = keyspace.multi_get(keys.iter().copied()).unwrap();
        results
            .into_iter()
            .map(|result| result.unwrap().map(|value| value.to_vec()))
            .collect()
    };
    assert_eq!(
        read(&["a", "b", "c"]),
        [Some(b"1".to_vec()), None, Some(vec![])]
    );
    assert!(read(&[]).is_empty());
    // A key too long is wrong as an argument: no key is read.
    let long = "x".repeat(vasto::MAX_KEY_SIZE + 1);
    assert!(keyspace.multi_get(["a", &long]).is_err());
}

#[test]
fn conditions_and_event_times_decide() {
    let cluster = Cluster::get();
    let keyspace = cluster.keyspace(&cluster.client(), "conditions");
    let first = keyspace
        .put_with("k", "1", &WriteOptions::new().if_absent())
        .unwrap();
    let error = assert_code(
        keyspace.put_with("k", "2", &WriteOptions::new().if_absent()),
        Code::AlreadyExists,
    );
    assert!(!error.is_in_doubt() && !error.is_retryable());
    let second = keyspace
        .put_with("k", "2", &WriteOptions::new().if_version(first))
        .unwrap();
    assert!(second > first);
    assert_code(
        keyspace.put_with("k", "3", &WriteOptions::new().if_version(first)),
        Code::StaleWrite,
    );
    assert_code(
        keyspace.delete_with("k", &WriteOptions::new().if_version(first)),
        Code::StaleWrite,
    );
    assert_code(
        keyspace.delete_with("k", &WriteOptions::new().if_absent()),
        Code::InvalidArgument,
    );

    let at = |ns: u64| WriteOptions::new().updated_at_ns(ns);
    keyspace
        .put_with("t", "new", &at(1_700_000_000_000_001_000))
        .unwrap();
    assert_code(
        keyspace.put_with("t", "old", &at(1_700_000_000_000_000_000)),
        Code::StaleWrite,
    );
    let value = keyspace.get("t").unwrap().unwrap();
    assert_eq!(
        (&*value, value.updated_at_ns()),
        (&b"new"[..], 1_700_000_000_000_001_000)
    );
}

#[test]
fn values_expire_and_are_touched() {
    let cluster = Cluster::get();
    let keyspace = cluster.keyspace(&cluster.client(), "expiry");
    let expires = |key: &str| keyspace.get(key).unwrap().unwrap().expires_at_ns();
    keyspace
        .put_with("k", "x", &WriteOptions::new().ttl_seconds(3600))
        .unwrap();
    assert!(expires("k").is_some());
    keyspace.touch("k", 0).unwrap();
    assert_eq!(expires("k"), None);
    keyspace
        .touch_with("k", 60, &WriteOptions::new().acks(Acks::All))
        .unwrap();
    assert!(expires("k").is_some());
    assert_code(keyspace.touch("none", 60), Code::NotFound);
    keyspace
        .put_with(
            "past",
            "x",
            &WriteOptions::new().expires_at_ns(1_000_000_000),
        )
        .unwrap();
    assert!(keyspace.get("past").unwrap().is_none());
    let at = now_ns() / 1000 * 1000 + 3_600_000_000_000;
    keyspace
        .put_with(
            "at",
            "x",
            &WriteOptions::new().ttl_seconds(1).expires_at_ns(at),
        )
        .unwrap();
    assert_eq!(expires("at"), Some(at));
}

#[test]
fn merges_count() {
    let cluster = Cluster::get();
    let keyspace = cluster.keyspace(&cluster.client(), "merge");
    let read = |key: &str| String::from_utf8(keyspace.get(key).unwrap().unwrap().to_vec()).unwrap();
    keyspace.merge("i", Merge::AddInt64, "40").unwrap();
    keyspace.merge("i", Merge::AddInt64, "2").unwrap();
    assert_eq!(read("i"), "42");
    keyspace.merge("max", Merge::MaxInt64, "7").unwrap();
    keyspace.merge("max", Merge::MaxInt64, "6").unwrap();
    keyspace.merge("min", Merge::MinFloat64, "2.5").unwrap();
    assert_eq!((read("max").as_str(), read("min").as_str()), ("7", "2.5"));
    keyspace
        .merge_with(
            "s",
            Merge::Append,
            "a",
            &WriteOptions::new().acks(Acks::One),
        )
        .unwrap();
    keyspace.merge("s", Merge::Append, "b").unwrap();
    assert_eq!(read("s"), "ab");
    assert_code(
        keyspace.merge("i", Merge::AddInt64, "one"),
        Code::InvalidArgument,
    );
}

#[test]
fn batches_have_a_result_for_each_entry() {
    let cluster = Cluster::get();
    let keyspace = cluster.keyspace(&cluster.client(), "batch");
    keyspace.put("there", "x").unwrap();
    let mut batch = keyspace.batch().unwrap();
    batch
        .put_with("there", "y", &WriteOptions::new().if_absent())
        .unwrap();
    batch.put("new", "z").unwrap().delete("gone").unwrap();
    batch.merge("sum", Merge::AddInt64, "five").unwrap();
    assert_eq!(batch.len(), 4);

    let error = keyspace.write(&batch).unwrap_err();
    assert_eq!(error.error().code(), Code::AlreadyExists);
    let codes: Vec<Option<Code>> = error
        .results()
        .unwrap()
        .iter()
        .map(|result| result.err().map(|e| e.code()))
        .collect();
    let expected = [
        Some(Code::AlreadyExists),
        None,
        None,
        Some(Code::InvalidArgument),
    ];
    assert_eq!(codes, expected);
    assert_eq!(&*keyspace.get("new").unwrap().unwrap(), b"z");

    batch.clear();
    assert!(batch.is_empty());
    assert!(keyspace.write(&batch).unwrap().is_empty());
    batch.put("new", "again").unwrap();
    let results = keyspace
        .write_with(&batch, &WriteOptions::new().acks(Acks::All))
        .unwrap();
    let version = results.get(0).unwrap().unwrap();
    assert_eq!(keyspace.get("new").unwrap().unwrap().version(), version);
    assert!(results.get(1).is_none());

    let long = "x".repeat(vasto::MAX_KEY_SIZE + 1);
    assert_code(batch.put(&long, "x").map(|_| ()), Code::TooLarge);
    assert_eq!(batch.len(), 1, "nothing was added");
}

#[test]
fn keys_live_where_their_partition_hash_says() {
    let cluster = Cluster::get();
    let keyspace = cluster.keyspace(&cluster.client(), "partition");
    let hash = keyspace.client().library().partition_hash("abc");
    assert_eq!(hash, 8696274497037089104);
    let key = Key::new("k").with_partition_hash(hash);
    keyspace.put(key, "here").unwrap();
    assert_eq!(&*keyspace.get(key).unwrap().unwrap(), b"here");
    assert!(keyspace.shard_of(key) < keyspace.shard_count());
    let row = keyspace
        .scan_prefix("k", &vasto::ScanOptions::new())
        .unwrap()
        .next()
        .unwrap();
    assert_eq!(row.unwrap().as_key(), key);
}

#[test]
fn what_is_too_large_is_refused() {
    let cluster = Cluster::get();
    let keyspace = cluster.keyspace(&cluster.client(), "large");
    let longest = "k".repeat(vasto::MAX_KEY_SIZE);
    keyspace.put(&longest, "x").unwrap();
    assert_eq!(&*keyspace.get(&longest).unwrap().unwrap(), b"x");
    let error = assert_code(keyspace.put(&(longest + "k"), "x"), Code::TooLarge);
    assert!(!error.is_in_doubt());
    let huge = vec![0; vasto::MAX_VALUE_SIZE + 1];
    assert_code(keyspace.put("k", &huge), Code::TooLarge);
    assert_code(keyspace.to_async().put("k", &huge).wait(), Code::TooLarge);
    assert!(keyspace.get("k").unwrap().is_none());
    assert_code(
        keyspace.put_with("k", "x", &WriteOptions::new().value_type(63)),
        Code::InvalidArgument,
    );
}

#[test]
fn any_replica_reads_what_all_have() {
    let cluster = Cluster::get();
    let client = cluster.client();
    let keyspace = cluster.keyspace_of(&client, "replicas", "shards=2&replicas=3");
    assert_eq!((keyspace.shard_count(), keyspace.replica_count()), (2, 3));
    assert_eq!(keyspace.id().len(), 36);
    keyspace
        .put_with("k", "x", &WriteOptions::new().acks(Acks::All))
        .unwrap();
    for replica in [Replica::Primary, Replica::Any, Replica::Nearest] {
        let options = ReadOptions::new()
            .replica(replica)
            .max_staleness(Duration::from_secs(5))
            .hedge(true)
            .timeout(Duration::from_secs(20));
        assert_eq!(&*keyspace.get_with("k", &options).unwrap().unwrap(), b"x");
        assert_eq!(keyspace.stat_with("k", &options).unwrap().unwrap().size, 1);
        assert!(keyspace.multi_get_with(["k"], &options).unwrap()[0]
            .as_ref()
            .unwrap()
            .is_some());
    }
}
