// SPDX-License-Identifier: Apache-2.0
//! What is given up leaves nothing behind: descriptors, threads and wakers are counted.

use std::fs;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use futures_core::Stream;
use vasto::{AsyncKeyspace, Client, ScanOptions, WatchOptions};

use crate::awaited::block_on;
use crate::cluster::{fill, until, Cluster, PATIENCE};

/// The names of the threads of the library and of this crate.
fn threads() -> Vec<String> {
    fs::read_dir("/proc/self/task")
        .unwrap()
        .filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok())
        .filter(|name| name.starts_with("vasto"))
        .collect()
}

/// Open descriptors, and threads of the library and of this crate.
fn in_use() -> (usize, usize) {
    (
        fs::read_dir("/proc/self/fd").unwrap().count(),
        threads().len(),
    )
}

/// What the open descriptors are.
fn descriptors() -> Vec<String> {
    fs::read_dir("/proc/self/fd")
        .unwrap()
        .filter_map(|fd| fs::read_link(fd.ok()?.path()).ok())
        .map(|target| target.display().to_string())
        .collect()
}

/// A waker whose references are counted: one for each callback that has not run.
struct Counted;

impl Wake for Counted {
    fn wake(self: Arc<Self>) {}
}

/// Waits until no more is in use than before.
fn until_as_before(before: (usize, usize)) {
    let begin = Instant::now();
    loop {
        let now = in_use();
        if now.0 <= before.0 && now.1 <= before.1 {
            return;
        }
        assert!(
            begin.elapsed() < PATIENCE,
            "{before:?} became {now:?}: {:?} {:?}",
            threads(),
            descriptors()
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Opens clients that work, and one that finds nobody.
fn use_clients(cluster: &Cluster) {
    for _ in 0..3 {
        let client = cluster.client();
        let keyspace = cluster.keyspace(&client, "gone");
        fill(&keyspace, 100);
        let rows = keyspace.scan_prefix("", &ScanOptions::new()).unwrap();
        assert_eq!(rows.count(), 100);
        assert!(in_use().1 > 0, "the counting does not count");
    }
    let mut config = cluster.config();
    config
        .set("masters", "127.0.0.1:1")
        .unwrap()
        .set("connect_timeout_ms", 50)
        .unwrap();
    Client::open(&config).unwrap_err();
}

#[test]
fn a_client_that_is_gone_leaves_nothing() {
    let cluster = Cluster::alone();
    drop(cluster.client());
    let before = in_use();
    assert_eq!(before.1, 0, "threads of another test");
    // A thread that has waited in the library has a descriptor for that until it ends.
    std::thread::scope(|scope| {
        scope.spawn(|| use_clients(&cluster));
    });
    until_as_before(before);
}

/// Begins operations, scans and watches, and drops them as soon as they wait; how many did.
fn begin_and_drop(keyspace: &AsyncKeyspace, waker: &Waker) -> usize {
    let mut context = Context::from_waker(waker);
    let mut pending = 0;
    for round in 0..500 {
        let mut put = keyspace.put("k", "x");
        let mut get = keyspace.get("users/00001");
        pending += usize::from(Pin::new(&mut put).poll(&mut context).is_pending());
        pending += usize::from(Pin::new(&mut get).poll(&mut context).is_pending());
        if round % 50 == 0 {
            let mut scan = keyspace.scan_prefix("users/", &ScanOptions::new()).unwrap();
            let row = Pin::new(&mut scan).poll_next(&mut context);
            assert!(!matches!(row, Poll::Ready(Some(Err(_)))));
            let mut watch = block_on(keyspace.watch("users/", &WatchOptions::new())).unwrap();
            assert!(Pin::new(&mut watch).poll_next(&mut context).is_pending());
            // And one whose open nobody awaits.
            drop(keyspace.watch("users/", &WatchOptions::new()));
        }
    }
    pending
}

#[test]
fn what_is_dropped_in_flight_leaves_nothing() {
    let cluster = Cluster::alone();
    let client = cluster.client();
    let keyspace = cluster
        .keyspace_of(&client, "dropped", "shards=2")
        .to_async();
    fill(keyspace.keyspace(), 500);
    let counted = Arc::new(Counted);
    let waker = Waker::from(counted.clone());
    let idle = Arc::strong_count(&counted);
    let quiet = || {
        until("every callback has run", || {
            (Arc::strong_count(&counted) == idle).then_some(())
        });
        until("every thread has ended", || {
            let passing = |name: &String| name.contains("offload") || name.contains("scan");
            (!threads().iter().any(passing)).then_some(())
        });
    };
    // The first round brings the connections and threads that stay.
    begin_and_drop(&keyspace, &waker);
    quiet();
    let before = in_use();
    for _ in 0..3 {
        let pending = begin_and_drop(&keyspace, &waker);
        assert!(pending > 100, "nothing was in flight: {pending}");
    }
    quiet();
    until_as_before(before);
    drop((keyspace, client));
    until("the client is gone", || threads().is_empty().then_some(()));
}
