// SPDX-License-Identifier: Apache-2.0
//! Sessions and their tokens.

use vasto::{Code, ReadOptions, Replica, ScanOptions, WriteOptions};

use crate::cluster::{assert_code, Cluster};

#[test]
fn a_session_reads_what_it_wrote_from_any_replica() {
    let cluster = Cluster::get();
    let client = cluster.client();
    let keyspace = cluster.keyspace_of(&client, "session", "shards=2&replicas=3");
    let session = keyspace.session().unwrap();
    let write = WriteOptions::new().session(&session);
    let read = ReadOptions::new().session(&session).replica(Replica::Any);
    for round in 0..50u32 {
        keyspace.put_with("k", round.to_string(), &write).unwrap();
        let value = keyspace
            .get_with("k", &read)
            .unwrap()
            .expect("what was written");
        assert_eq!(&*value, round.to_string().as_bytes());
    }
    // Options keep their session.
    let token = session.token().unwrap();
    drop(session);
    assert!(keyspace.get_with("k", &read).unwrap().is_some());

    let other = keyspace.session().unwrap();
    other.import(&token).unwrap();
    let read = ScanOptions::new().session(&other).replica(Replica::Any);
    let rows: Vec<_> = keyspace
        .scan_prefix("", &read)
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(rows[0].value.as_deref(), Some(&b"49"[..]));
    assert_code(other.import("nonsense"), Code::InvalidArgument);
}

#[test]
fn a_session_of_another_keyspace_is_refused() {
    let cluster = Cluster::get();
    let client = cluster.client();
    let (one, other) = (
        cluster.keyspace(&client, "one"),
        cluster.keyspace(&client, "other"),
    );
    let session = one.session().unwrap();
    one.put_with("k", "x", &WriteOptions::new().session(&session))
        .unwrap();
    let options = ReadOptions::new().session(&session);
    assert_code(other.get_with("k", &options), Code::InvalidArgument);
    assert_code(
        other.to_async().get_with("k", &options).wait(),
        Code::InvalidArgument,
    );
}
