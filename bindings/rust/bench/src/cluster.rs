// SPDX-License-Identifier: Apache-2.0
//! The operations of the binding, as its users write them.

use vasto::{AsyncKeyspace, Client, Keyspace, ScanOptions};

use crate::load::{check_size, RandomKeys, VALUE};
use crate::Outcome;

const BLOCK_ROWS: usize = 500;

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
    while let Some(rows) = scan.next_block(BLOCK_ROWS)? {
        for row in rows {
            check_size(row.value().ok_or("no value")?)?;
            found += u64::from(!row.key().is_empty());
        }
    }
    Ok(found)
}
