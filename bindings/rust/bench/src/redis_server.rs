// SPDX-License-Identifier: Apache-2.0
//! The same operations of redis-rs, over one connection that all share.

use redis::aio::MultiplexedConnection;
use redis::AsyncCommands;

use crate::load::{check_size, key, VALUE};
use crate::Outcome;

/// So many keys are put before they are read.
pub const MOST_KEYS: u64 = 100_000;
const PIPELINE: usize = 1000;

pub async fn connect(address: &str) -> Outcome<MultiplexedConnection> {
    let client = redis::Client::open(format!("redis://{address}/"))?;
    Ok(client.get_multiplexed_async_connection().await?)
}

/// Puts the first `count` keys.
pub async fn fill(mut connection: MultiplexedConnection, count: u64) -> Outcome {
    let keys: Vec<String> = (0..count).map(key).collect();
    for some in keys.chunks(PIPELINE) {
        let mut pipe = redis::pipe();
        for key in some {
            pipe.set(key, &VALUE[..]).ignore();
        }
        pipe.exec_async(&mut connection).await?;
    }
    Ok(())
}

pub async fn get(mut connection: MultiplexedConnection, key: String) -> Outcome {
    let value: Option<Vec<u8>> = connection.get(&key).await?;
    check_size(&value.ok_or("no value")?)
}

pub async fn put(mut connection: MultiplexedConnection, key: String) -> Outcome {
    let () = connection.set(&key, &VALUE[..]).await?;
    Ok(())
}
