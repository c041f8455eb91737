// SPDX-License-Identifier: Apache-2.0
//! Which operations are made, how many at once, and what they leave in memory.

use std::fs;
use std::future::Future;

use futures_util::stream::{self, TryStreamExt};
use tokio::runtime::Runtime;

use crate::Outcome;

pub const VALUE: [u8; 100] = [b'v'; 100];

#[derive(Clone, Copy)]
pub struct Load {
    pub in_flight: usize,
    pub count: u64,
    pub keys: u64,
}

impl Load {
    /// A key for each operation.
    pub fn random_keys(&self) -> RandomKeys {
        RandomKeys {
            state: 88_172_645_463_325_252,
            keys: self.keys,
            left: self.count,
        }
    }

    /// Has as many of the operations at once as are to be in flight.
    pub fn run<F>(&self, runtime: &Runtime, operation: impl Fn(String) -> F) -> Outcome
    where
        F: Future<Output = Outcome>,
    {
        let keys = stream::iter(self.random_keys().map(Ok));
        runtime.block_on(keys.try_for_each_concurrent(self.in_flight, operation))
    }
}

pub fn key(number: u64) -> String {
    format!("key:{number:012}")
}

pub struct RandomKeys {
    state: u64,
    keys: u64,
    left: u64,
}

impl Iterator for RandomKeys {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        self.left = self.left.checked_sub(1)?;
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        Some(key(self.state % self.keys))
    }
}

pub fn check_size(value: &[u8]) -> Outcome {
    match value.len() == VALUE.len() {
        true => Ok(()),
        false => Err(format!("a value of {} bytes", value.len()).into()),
    }
}

/// The memory of the process that is resident.
pub fn resident_bytes() -> Outcome<i64> {
    const PAGE_BYTES: i64 = 4096;
    let statm = fs::read_to_string("/proc/self/statm")?;
    let pages = statm.split_whitespace().nth(1).ok_or("no resident size")?;
    Ok(pages.parse::<i64>()? * PAGE_BYTES)
}
