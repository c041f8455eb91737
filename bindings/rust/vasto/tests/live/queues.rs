// SPDX-License-Identifier: Apache-2.0
//! Many operations in flight from plain threads.

use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::Duration;

use vasto::{BatchError, BatchResult, Code, Queue, ReadOptions, Value, WriteOptions};

use crate::cluster::{assert_code, until, Cluster, PATIENCE};

#[test]
fn every_operation_comes_out_once() {
    let cluster = Cluster::get();
    let keyspace = cluster.keyspace(&cluster.client(), "queue").to_async();
    let queue = Queue::<u64, u32>::new().unwrap();
    let mut seen = vec![0u32; 3000];
    let mut started = 0;
    let mut ended = 0;
    while ended < seen.len() {
        while started < seen.len() && queue.len() < 200 {
            queue
                .add(keyspace.put(&format!("k{started}"), "x"), started as u32)
                .unwrap();
            started += 1;
        }
        for (result, number) in queue.next_block(64, Some(PATIENCE)).unwrap() {
            result.unwrap();
            seen[number as usize] += 1;
            ended += 1;
        }
    }
    assert!(seen.iter().all(|&times| times == 1));
    assert!(queue.is_empty());
    assert!(queue
        .next_block(1, Some(Duration::ZERO))
        .unwrap()
        .is_empty());
}

#[test]
fn threads_share_a_queue() {
    let cluster = Cluster::get();
    let keyspace = cluster.keyspace(&cluster.client(), "shared").to_async();
    let queue = Arc::new(Queue::<Option<Value>, usize>::new().unwrap());
    let takers: Vec<_> = (0..3)
        .map(|_| {
            let queue = queue.clone();
            std::thread::spawn(move || {
                let mut sum = 0;
                loop {
                    for (result, number) in queue.next_block(8, Some(PATIENCE)).unwrap() {
                        assert!(result.unwrap().is_none());
                        if number == usize::MAX {
                            return sum;
                        }
                        sum += number;
                    }
                }
            })
        })
        .collect();
    for number in 0..500 {
        queue.add(keyspace.get("none"), number).unwrap();
    }
    until("the queue to be empty", || queue.is_empty().then_some(()));
    let mut sum = 0;
    for (stopped, taker) in takers.into_iter().enumerate() {
        // One end for each taker, which another may have taken.
        until(&format!("taker {stopped}"), || {
            if queue.is_empty() {
                queue.add(keyspace.get("none"), usize::MAX).unwrap();
            }
            taker.is_finished().then_some(())
        });
        sum += taker.join().unwrap();
    }
    assert_eq!(sum, (0..500).sum::<usize>());
}

#[test]
fn the_descriptor_is_readable_while_something_is_done() {
    let cluster = Cluster::get();
    let keyspace = cluster.keyspace(&cluster.client(), "fd").to_async();
    let queue = Queue::<u64>::new().unwrap();
    let readable = |timeout_ms| {
        let mut poll = libc::pollfd {
            fd: queue.as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        };
        // SAFETY: one good pollfd.
        unsafe { libc::poll(&mut poll, 1, timeout_ms) == 1 }
    };
    assert!(!readable(0));
    queue.add(keyspace.put("k", "x"), ()).unwrap();
    assert!(readable(PATIENCE.as_millis() as i32));
    queue
        .next_block(10, Some(Duration::ZERO))
        .unwrap()
        .pop()
        .unwrap()
        .0
        .unwrap();
    assert!(!readable(0));
}

#[test]
fn what_cannot_be_queued_is_told() {
    let cluster = Cluster::get();
    let client = cluster.client();
    let keyspace = cluster.keyspace(&client, "bad").to_async();
    let queue = Queue::<u64>::new().unwrap();
    let long = "x".repeat(vasto::MAX_KEY_SIZE + 1);
    assert_code(queue.add(keyspace.put(&long, "x"), ()), Code::TooLarge);

    let batches = Queue::<BatchResult, &str, BatchError>::new().unwrap();
    let mut batch = keyspace.keyspace().batch().unwrap();
    batch.put("k", "x").unwrap();
    batches.add(keyspace.write(&batch), "the batch").unwrap();
    let (result, data) = batches
        .next_block(1, Some(PATIENCE))
        .unwrap()
        .pop()
        .unwrap();
    assert_eq!((result.unwrap().len(), data), (1, "the batch"));

    client.close(None).unwrap();
    assert_code(queue.add(keyspace.put("k", "x"), ()), Code::Closed);
}

#[test]
fn what_is_started_together_ends_by_itself() {
    let cluster = Cluster::get();
    let client = cluster.client();
    let keyspace = cluster.keyspace(&client, "together").to_async();
    let long = "x".repeat(vasto::MAX_KEY_SIZE + 1);
    let key = |number: usize| match number {
        7 => long.clone(),
        _ => format!("k{number}"),
    };
    let keys: Vec<String> = (0..100).map(key).collect();

    let queue = Queue::<u64, usize>::new().unwrap();
    let puts = keys.iter().zip(0..).map(|(key, number)| (key, key, number));
    queue
        .start_puts(&keyspace, puts, &WriteOptions::new())
        .unwrap();
    let mut seen = vec![0; keys.len()];
    while !queue.is_empty() {
        for (result, number) in queue.next_block(64, Some(PATIENCE)).unwrap() {
            seen[number] += 1;
            match number {
                7 => assert!(!assert_code(result, Code::TooLarge).is_in_doubt()),
                _ => assert!(result.unwrap() > 0),
            }
        }
    }
    assert!(seen.iter().all(|&times| times == 1), "{seen:?}");

    let queue = Queue::<Option<Value>, usize>::new().unwrap();
    let none = String::from("none");
    let gets = keys.iter().chain([&none]).zip(0..);
    queue
        .start_gets(&keyspace, gets, &ReadOptions::new())
        .unwrap();
    assert_eq!(queue.len(), 101);
    while !queue.is_empty() {
        for (result, number) in queue.next_block(64, Some(PATIENCE)).unwrap() {
            match number {
                7 => drop(assert_code(result, Code::TooLarge)),
                100 => assert!(result.unwrap().is_none()),
                _ => assert_eq!(&*result.unwrap().unwrap(), keys[number].as_bytes()),
            }
        }
    }

    client.close(None).unwrap();
    let gets = [("k", 1), ("l", 2)];
    assert_code(
        queue.start_gets(&keyspace, gets, &ReadOptions::new()),
        Code::Closed,
    );
    assert!(queue.is_empty());
}

#[test]
fn cancelled_operations_come_out_and_dropped_ones_do_not_matter() {
    let cluster = Cluster::alone();
    let client = cluster.client();
    let keyspace = cluster
        .keyspace_of(&client, "cancel", "shards=1")
        .to_async();
    let store = cluster.control(&format!("primary?keyspace={}", keyspace.keyspace().name()));
    let store = store.unwrap();
    cluster.control(&format!("pause?store={store}")).unwrap();
    let queue = Queue::<u64, usize>::new().unwrap();
    for number in 0..50 {
        queue.add(keyspace.put("k", "x"), number).unwrap();
    }
    let puts = (50..100).map(|number| ("k", "x", number));
    queue
        .start_puts(&keyspace, puts, &WriteOptions::new())
        .unwrap();
    assert!(queue
        .next_block(1, Some(Duration::ZERO))
        .unwrap()
        .is_empty());
    queue.cancel_all();
    let mut ended = 0;
    while ended < 100 {
        for (result, _) in queue.next_block(64, Some(PATIENCE)).unwrap() {
            assert_code(result, Code::Cancelled);
            ended += 1;
        }
    }
    for number in 0..100 {
        queue.add(keyspace.put("k", "x"), number).unwrap();
    }
    drop(queue);
    cluster.control(&format!("resume?store={store}")).unwrap();
    assert!(keyspace.put("k", "y").wait().unwrap() > 0);
}
