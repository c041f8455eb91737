// SPDX-License-Identifier: Apache-2.0
//! A store that is killed under load.

use std::time::{Duration, Instant};

use vasto::{Acks, Code, Queue, WriteOptions};

use crate::cluster::{until, Cluster, PATIENCE};

const OPERATIONS: usize = 10_000;
const DEADLINE: Duration = Duration::from_secs(10);

/// What a write may end with when a store is gone, and nothing else.
fn is_expected(error: &vasto::Error) -> bool {
    error.is_in_doubt()
        || error.is_retryable()
        || matches!(error.code(), Code::Timeout | Code::Unavailable | Code::Busy)
}

/// Kills the primary of shard 0, and starts it again when this goes.
struct Killed<'a> {
    cluster: &'a Cluster,
    store: String,
}

impl<'a> Killed<'a> {
    fn new(cluster: &'a Cluster, keyspace: &str) -> Killed<'a> {
        let store = cluster
            .control(&format!("primary?keyspace={keyspace}"))
            .unwrap();
        cluster.control(&format!("kill?store={store}")).unwrap();
        Killed { cluster, store }
    }
}

impl Drop for Killed<'_> {
    fn drop(&mut self) {
        let _ = self.cluster.control(&format!("start?store={}", self.store));
    }
}

#[test]
fn every_write_ends_when_a_store_is_killed() {
    let cluster = Cluster::alone();
    let client = cluster.client();
    let keyspace = cluster
        .keyspace_of(&client, "killed", "shards=2&replicas=3&acks=quorum")
        .to_async();
    let options = WriteOptions::new().acks(Acks::Quorum).timeout(DEADLINE);
    let queue = Queue::<u64, (usize, Instant)>::new().unwrap();
    let mut written = vec![None; OPERATIONS];
    let (mut started, mut ended, mut killed) = (0, 0, None);
    while ended < OPERATIONS {
        while started < OPERATIONS && queue.len() < 256 {
            let operation =
                keyspace.put_with(&format!("k{started}"), started.to_string(), &options);
            queue.add(operation, (started, Instant::now())).unwrap();
            started += 1;
        }
        if ended > OPERATIONS / 3 && killed.is_none() {
            killed = Some(Killed::new(&cluster, &keyspace.keyspace().name()));
        }
        let done = queue.next_block(256, Some(PATIENCE)).unwrap();
        assert!(
            !done.is_empty(),
            "{} operations are lost",
            OPERATIONS - ended
        );
        for (result, (number, begin)) in done {
            let took = begin.elapsed();
            assert!(
                took < DEADLINE + Duration::from_secs(5),
                "{number} took {took:?}"
            );
            if let Err(error) = &result {
                assert!(is_expected(error), "{number}: {error}");
            }
            assert!(
                written[number].replace(result.is_ok()).is_none(),
                "{number} came twice"
            );
            ended += 1;
        }
    }
    assert!(queue.is_empty());
    let good = written
        .iter()
        .filter(|written| **written == Some(true))
        .count();
    assert!(good > OPERATIONS / 3, "only {good} were written");
    drop(killed.expect("a store was killed"));

    // What was acknowledged is there.
    for (number, written) in written.iter().enumerate().step_by(97) {
        if *written == Some(true) {
            let value = until("a read", || keyspace.get(&format!("k{number}")).wait().ok());
            assert_eq!(
                &*value.expect("what was acknowledged"),
                number.to_string().as_bytes()
            );
        }
    }
}
