// SPDX-License-Identifier: Apache-2.0
//! Operations and streams that are awaited: under tokio, and with an executor of ten lines.

use std::future::{poll_fn, Future};
use std::pin::{pin, Pin};
use std::sync::mpsc::{channel, Sender};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use futures_core::Stream;
use vasto::{AsyncKeyspace, Client, Code, Keyspace, Merge, Result, ScanOptions, WatchOptions};

use crate::cluster::{assert_code, fill, Cluster, PATIENCE};

/// Wakes a thread that waits in `block_on`.
struct Unpark(std::thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

pub fn block_on<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = pin!(future);
    let end = Instant::now() + PATIENCE;
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        // Polled only when woken, so that a wake that does not come is seen.
        std::thread::park_timeout(PATIENCE);
        assert!(Instant::now() < end, "not woken within {PATIENCE:?}");
    }
}

async fn next<S: Stream + Unpin>(stream: &mut S) -> Option<S::Item> {
    poll_fn(|context| Pin::new(&mut *stream).poll_next(context)).await
}

async fn in_time<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future)
        .await
        .expect("within the patience of the tests")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_has_a_future() -> Result<()> {
    let cluster = Cluster::get();
    let client = in_time(Client::open_async(cluster.config())).await?;
    let name = cluster.keyspace(&client, "async").name();
    let keyspace = in_time(client.keyspace_async(&name)).await?.to_async();

    let version = in_time(keyspace.put("k", "hello")).await?;
    let value = in_time(keyspace.get("k")).await?.expect("a value");
    assert_eq!((&*value, value.version()), (&b"hello"[..], version));
    assert!(in_time(keyspace.get("none")).await?.is_none());
    assert_eq!(in_time(keyspace.stat("k")).await?.unwrap().size, 5);
    assert!(in_time(keyspace.stat("none")).await?.is_none());
    in_time(keyspace.merge("n", Merge::AddInt64, "7")).await?;
    in_time(keyspace.touch("k", 60)).await?;
    let many = in_time(keyspace.multi_get(["k", "none", "n"])).await?;
    let many: Vec<_> = many
        .into_iter()
        .map(|one| one.unwrap().map(|v| v.to_vec()))
        .collect();
    assert_eq!(many, [Some(b"hello".to_vec()), None, Some(b"7".to_vec())]);
    let mut batch = keyspace.keyspace().batch()?;
    batch.put("k", "2")?.merge("n", Merge::AddInt64, "seven")?;
    let written = keyspace.write(&batch);
    drop(batch);
    let error = in_time(written).await.unwrap_err();
    assert_eq!(error.error().code(), Code::InvalidArgument);
    assert!(error.results().unwrap().get(0).unwrap().is_ok());
    in_time(keyspace.delete("k")).await?;
    assert!(in_time(keyspace.get("k")).await?.is_none());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_tasks_at_once() {
    let cluster = Cluster::get();
    let keyspace = cluster.keyspace(&cluster.client(), "tasks").to_async();
    let tasks: Vec<_> = (0..1000)
        .map(|number| {
            let keyspace = keyspace.clone();
            tokio::spawn(async move {
                let key = format!("k{number}");
                keyspace.put(&key, number.to_string()).await?;
                let value = keyspace.get(&key).await?.expect("what was put");
                assert_eq!(&*value, number.to_string().as_bytes());
                Ok::<(), vasto::Error>(())
            })
        })
        .collect();
    for task in tasks {
        in_time(task).await.unwrap().unwrap();
    }
}

#[test]
fn any_executor_will_do() {
    let cluster = Cluster::get();
    let keyspace = cluster.keyspace(&cluster.client(), "block-on");
    fill(&keyspace, 100);
    let keyspace = keyspace.to_async();
    block_on(async {
        keyspace.put("k", "x").await.unwrap();
        assert_eq!(&*keyspace.get("k").await.unwrap().unwrap(), b"x");
        let mut scan = keyspace.scan_prefix("users/", &ScanOptions::new()).unwrap();
        let mut rows = 0;
        while let Some(row) = next(&mut scan).await {
            assert_eq!(row.unwrap().key, format!("users/{rows:05}").into_bytes());
            rows += 1;
        }
        assert_eq!(rows, 100);
    });
}

/// Copies all rows into another keyspace: rows are held over an await, in a task that may move.
async fn copy(from: AsyncKeyspace, to: AsyncKeyspace) -> Result<usize> {
    let mut copied = 0;
    let mut scan = from.scan_prefix("users/", &ScanOptions::new().page_bytes(4000))?;
    while let Some(rows) = scan.next_block(100).await? {
        for row in rows {
            to.put(row.as_key(), row.value().unwrap()).await?;
            copied += 1;
        }
    }
    Ok(copied)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scans_are_streams_and_have_tokens() {
    let cluster = Cluster::get();
    let client = cluster.client();
    let (from, to) = (
        cluster.keyspace(&client, "from"),
        cluster.keyspace(&client, "to"),
    );
    fill(&from, 700);
    let copied = tokio::spawn(copy(from.to_async(), to.to_async()));
    assert_eq!(in_time(copied).await.unwrap().unwrap(), 700);

    let to = to.to_async();
    let mut scan = to
        .scan_range("users/00100", "users/00300", &ScanOptions::new())
        .unwrap();
    let taken = in_time(scan.next_block(50)).await.unwrap().unwrap().len();
    let token = scan.resume_token().unwrap();
    drop(scan);
    let options = ScanOptions::new().resume_token(token);
    let mut rest = to
        .scan_range("users/00100", "users/00300", &options)
        .unwrap();
    let mut rows = 100 + taken;
    while let Some(row) = in_time(next(&mut rest)).await {
        assert_eq!(row.unwrap().key, format!("users/{rows:05}").into_bytes());
        rows += 1;
    }
    assert_eq!(rows, 300);
    assert!(
        in_time(next(&mut rest)).await.is_none(),
        "the end stays the end"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn watches_are_streams_and_end_when_dropped() {
    let cluster = Cluster::get();
    let client = cluster.client();
    let keyspace = cluster.keyspace_of(&client, "watch", "shards=1").to_async();
    let mut watch = in_time(keyspace.watch("w/", &WatchOptions::new()))
        .await
        .unwrap();
    // Awaited first, so that the change finds somebody who waits.
    let waiting = tokio::spawn(async move {
        let change = next(&mut watch).await.unwrap().unwrap();
        (change, watch)
    });
    tokio::task::yield_now().await;
    keyspace.put("w/1", "one").await.unwrap();
    let (change, mut watch) = in_time(waiting).await.unwrap();
    assert_eq!(
        (&*change.key, change.value.as_deref()),
        (&b"w/1"[..], Some(&b"one"[..]))
    );

    // What is opening borrows nothing, so it may go into a task.
    let opening = {
        let prefix = String::from("x/");
        keyspace.watch(&prefix, &WatchOptions::new())
    };
    in_time(tokio::spawn(opening)).await.unwrap().unwrap();

    // A wait that is given up loses nothing, and the watch goes on.
    for _ in 0..3 {
        let short = Duration::from_millis(1);
        let _ = tokio::time::timeout(short, watch.next_block(10)).await;
    }
    let token = watch.resume_token().unwrap();
    keyspace.delete("w/1").await.unwrap();
    loop {
        let mut block = in_time(watch.next_block(10)).await.unwrap();
        if block.any(|change| change.key() == b"w/1" && change.is_deleted()) {
            break;
        }
    }
    drop(watch);
    let options = WatchOptions::new().resume_token(token);
    let mut again = in_time(keyspace.watch("w/", &options)).await.unwrap();
    while !in_time(next(&mut again)).await.unwrap().unwrap().deleted {}

    client.close(None).unwrap();
    assert_code(in_time(next(&mut again)).await.unwrap(), Code::Closed);
    assert_code(in_time(keyspace.watch("", &options)).await, Code::Closed);
}

#[test]
fn a_close_ends_what_is_in_flight() {
    let cluster = Cluster::alone();
    let client = cluster.client();
    let keyspace = cluster
        .keyspace_of(&client, "in-flight", "shards=1")
        .to_async();
    let store = cluster.control(&format!("primary?keyspace={}", keyspace.keyspace().name()));
    let store = store.unwrap();
    cluster.control(&format!("pause?store={store}")).unwrap();
    let operations: Vec<_> = (0..100).map(|_| keyspace.put("k", "x")).collect();
    let closed = client.close(Some(Duration::ZERO));
    cluster.control(&format!("resume?store={store}")).unwrap();
    closed.unwrap();
    for operation in operations {
        assert!(operation.is_ready());
        assert_code(block_on(operation), Code::Closed);
    }
}

#[test]
fn operations_are_cancelled_and_taken_once() {
    let cluster = Cluster::alone();
    let client = cluster.client();
    let keyspace = cluster
        .keyspace_of(&client, "cancel", "shards=1")
        .to_async();
    let store = cluster.control(&format!("primary?keyspace={}", keyspace.keyspace().name()));
    let store = store.unwrap();
    cluster.control(&format!("pause?store={store}")).unwrap();
    let mut operation = keyspace.get("k");
    assert!(!operation.is_ready());
    assert!(!operation
        .wait_timeout(Some(Duration::from_millis(1)))
        .unwrap());
    operation.cancel();
    operation.cancel();
    let cancelled = block_on(&mut operation);
    let again = block_on(operation);
    cluster.control(&format!("resume?store={store}")).unwrap();
    assert_code(cancelled, Code::Cancelled);
    assert_code(again, Code::InvalidArgument);
}

/// Pauses the store of a keyspace of its own until it goes.
struct Paused<'a>(&'a Cluster, String);

impl<'a> Paused<'a> {
    fn new(cluster: &'a Cluster, keyspace: &AsyncKeyspace) -> Paused<'a> {
        let name = keyspace.keyspace().name();
        let store = cluster.control(&format!("primary?keyspace={name}"));
        let store = store.unwrap();
        cluster.control(&format!("pause?store={store}")).unwrap();
        Paused(cluster, store)
    }
}

impl Drop for Paused<'_> {
    fn drop(&mut self) {
        let _ = self.0.control(&format!("resume?store={}", self.1));
    }
}

#[test]
fn other_tasks_run_while_a_task_looks_for_its_result() {
    let cluster = Cluster::alone();
    let client = cluster.client();
    let keyspace = cluster.keyspace_of(&client, "fair", "shards=1").to_async();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    runtime.unwrap().block_on(async {
        keyspace.put("k", "x").await.unwrap();
        let paused = Paused::new(&cluster, &keyspace);
        let begin = Instant::now();
        let waiting = tokio::spawn(keyspace.get("k"));
        // Each turn of this task is one of the other's, as long as that looks; then it sleeps.
        for _ in 0..1000 {
            tokio::task::yield_now().await;
        }
        assert!(begin.elapsed() < Duration::from_secs(2), "held up");
        assert!(!waiting.is_finished());
        drop(paused);
        let value = in_time(waiting).await.unwrap().unwrap();
        assert_eq!(&*value.unwrap(), b"x");
    });
}

/// Polls nothing when it is woken.
struct Nobody;

impl Wake for Nobody {
    fn wake(self: Arc<Self>) {}
}

#[test]
fn a_task_that_is_not_polled_holds_nobody_up() {
    let cluster = Cluster::get();
    let keyspace = cluster.keyspace(&cluster.client(), "unpolled").to_async();
    let nobody = Waker::from(Arc::new(Nobody));
    for round in 0..100 {
        let mut first = keyspace.put("first", "x");
        let mut context = Context::from_waker(&nobody);
        let begun = Pin::new(&mut first).poll(&mut context).is_pending();
        // It is its turn to look for what is done, but it is left alone, or goes.
        let left = (round % 2 == 0).then_some(first);
        block_on(keyspace.put("second", "y")).unwrap();
        if let (Some(first), true) = (left, begun) {
            assert!(block_on(first).unwrap() > 0);
        }
    }
}

/// A waker that does what wakers should not.
struct Rude {
    keyspace: Keyspace,
    told: Mutex<Sender<Option<Code>>>,
}

impl Wake for Rude {
    fn wake(self: Arc<Self>) {
        let waited = self.keyspace.get("k").err().map(|error| error.code());
        self.told.lock().unwrap().send(waited).unwrap();
        std::panic::resume_unwind(Box::new("a waker that panics"));
    }
}

#[test]
fn a_waker_cannot_hurt_the_library() {
    let cluster = Cluster::get();
    let keyspace = cluster.keyspace(&cluster.client(), "rude");
    let (told, hear) = channel();
    let waker = Arc::new(Rude {
        keyspace: keyspace.clone(),
        told: Mutex::new(told),
    });
    let waker = Waker::from(waker);
    let mut heard = 0;
    while heard < 20 {
        let mut operation = keyspace.to_async().put("k", "x");
        let first = Pin::new(&mut operation).poll(&mut Context::from_waker(&waker));
        if first.is_ready() {
            continue;
        }
        // No callback of the library wakes, so a call that waits is as good as anywhere.
        assert_eq!(hear.recv_timeout(PATIENCE).unwrap(), None);
        assert!(block_on(operation).unwrap() > 0);
        heard += 1;
    }
}
