// SPDX-License-Identifier: Apache-2.0
//! The operations of the binding, as its users write them.

use vasto::{AsyncKeyspace, Client, Keyspace, Queue, ReadOptions, ScanOptions, WriteOptions};

use crate::load::{check_size, Load, RandomKeys, VALUE};
use crate::Outcome;

const BLOCK: usize = 500;

pub fn open(master: &str, keyspace: &str) -> Outcome<Keyspace> {
    Ok(Client::connect(master)?.keyspace(keyspace)?)
}

pub fn get_one_by_one(keyspace: &Keyspace, keys: RandomKeys) -> Outcome {
    for key in keys {
        check_size(&keyspace.get(&key)?.ok_or("no value")?)?;
    }
    Ok(())
}

pub fn put_one_by_one(keyspace: &Keyspace, keys: RandomKeys) -> Outcome {
    for key in keys {
        keyspace.put(&key, VALUE)?;
    }
    Ok(())
}

pub fn get_by_queue(keyspace: &AsyncKeyspace, load: Load) -> Outcome {
    let (queue, options) = (Queue::new()?, ReadOptions::new());
    let mut keys = load.random_keys();
    let start = |some: &[String]| {
        let gets = some.iter().map(|key| (key, ()));
        queue.start_gets(keyspace, gets, &options)
    };
    start(&keys.by_ref().take(load.in_flight).collect::<Vec<_>>())?;
    while !queue.is_empty() {
        let done = queue.next_block(BLOCK, None)?;
        start(&keys.by_ref().take(done.len()).collect::<Vec<_>>())?;
        for (value, ()) in done {
            check_size(&value?.ok_or("no value")?)?;
        }
    }
    Ok(())
}

pub fn put_by_queue(keyspace: &AsyncKeyspace, load: Load) -> Outcome {
    let (queue, options) = (Queue::new()?, WriteOptions::new());
    let mut keys = load.random_keys();
    let start = |some: &[String]| {
        let puts = some.iter().map(|key| (key, VALUE, ()));
        queue.start_puts(keyspace, puts, &options)
    };
    start(&keys.by_ref().take(load.in_flight).collect::<Vec<_>>())?;
    while !queue.is_empty() {
        let done = queue.next_block(BLOCK, None)?;
        start(&keys.by_ref().take(done.len()).collect::<Vec<_>>())?;
        for (version, ()) in done {
            version?;
        }
    }
    Ok(())
}

pub async fn get(keyspace: &AsyncKeyspace, key: String) -> Outcome {
    check_size(&keyspace.get(&key).await?.ok_or("no value")?)
}

pub async fn put(keyspace: &AsyncKeyspace, key: String) -> Outcome {
    keyspace.put(&key, VALUE).await?;
    Ok(())
}

pub async fn put_and_get(keyspace: &AsyncKeyspace, key: String) -> Outcome {
    keyspace.put(&key, VALUE).await?;
    get(keyspace, key).await
}

/// The number of rows, each of which was in hand.
pub fn scan(keyspace: &Keyspace) -> Outcome<u64> {
    let mut found = 0;
    let mut scan = keyspace.scan_prefix("", &ScanOptions::new())?;
    while let Some(rows) = scan.next_block(BLOCK)? {
        for row in rows {
            check_size(row.value().ok_or("no value")?)?;
            found += u64::from(!row.key().is_empty());
        }
    }
    Ok(found)
}
