// SPDX-License-Identifier: Apache-2.0
//! The operations in either form: the calls that wait, or futures and streams.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

use vasto::{
    AsyncKeyspace, Batch, BatchError, BatchResult, Key, Keyspace, Merge, MultiGet, OwnedRow,
    ReadOptions, Result, Scan, ScanOptions, ScanStream, Stat, Value, Watch, WatchOptions,
    WatchStream, WriteOptions,
};

#[derive(Clone, Copy, PartialEq)]
pub enum Mode {
    Sync,
    Async,
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// The result of the future, or `None` at the deadline.
fn block_until<F: Future>(future: F, deadline: Option<Instant>) -> Option<F::Output> {
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return Some(output);
        }
        match deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())) {
            None => std::thread::park(),
            Some(Duration::ZERO) => return None,
            Some(left) => std::thread::park_timeout(left),
        }
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    block_until(future, None).expect("no deadline, so it is done")
}

/// A keyspace that is used in the form of the mode.
pub struct Target {
    mode: Mode,
    pub keyspace: Keyspace,
    asynchronous: AsyncKeyspace,
}

impl Target {
    pub fn new(mode: Mode, keyspace: Keyspace) -> Target {
        let asynchronous = keyspace.to_async();
        Target {
            mode,
            keyspace,
            asynchronous,
        }
    }

    pub fn put(&self, key: Key, value: &[u8], options: Option<&WriteOptions>) -> Result<u64> {
        match (self.mode, options) {
            (Mode::Sync, None) => self.keyspace.put(key, value),
            (Mode::Sync, Some(options)) => self.keyspace.put_with(key, value, options),
            (Mode::Async, None) => block_on(self.asynchronous.put(key, value)),
            (Mode::Async, Some(options)) => {
                block_on(self.asynchronous.put_with(key, value, options))
            }
        }
    }

    pub fn delete(&self, key: Key, options: Option<&WriteOptions>) -> Result<u64> {
        match (self.mode, options) {
            (Mode::Sync, None) => self.keyspace.delete(key),
            (Mode::Sync, Some(options)) => self.keyspace.delete_with(key, options),
            (Mode::Async, None) => block_on(self.asynchronous.delete(key)),
            (Mode::Async, Some(options)) => block_on(self.asynchronous.delete_with(key, options)),
        }
    }

    pub fn touch(&self, key: Key, ttl: u64, options: Option<&WriteOptions>) -> Result<u64> {
        match (self.mode, options) {
            (Mode::Sync, None) => self.keyspace.touch(key, ttl),
            (Mode::Sync, Some(options)) => self.keyspace.touch_with(key, ttl, options),
            (Mode::Async, None) => block_on(self.asynchronous.touch(key, ttl)),
            (Mode::Async, Some(options)) => {
                block_on(self.asynchronous.touch_with(key, ttl, options))
            }
        }
    }

    pub fn merge(
        &self,
        key: Key,
        merge: Merge,
        operand: &[u8],
        options: Option<&WriteOptions>,
    ) -> Result<u64> {
        match (self.mode, options) {
            (Mode::Sync, None) => self.keyspace.merge(key, merge, operand),
            (Mode::Sync, Some(options)) => self.keyspace.merge_with(key, merge, operand, options),
            (Mode::Async, None) => block_on(self.asynchronous.merge(key, merge, operand)),
            (Mode::Async, Some(options)) => {
                block_on(self.asynchronous.merge_with(key, merge, operand, options))
            }
        }
    }

    pub fn write(
        &self,
        batch: &Batch,
        options: Option<&WriteOptions>,
    ) -> Result<BatchResult, BatchError> {
        match (self.mode, options) {
            (Mode::Sync, None) => self.keyspace.write(batch),
            (Mode::Sync, Some(options)) => self.keyspace.write_with(batch, options),
            (Mode::Async, None) => block_on(self.asynchronous.write(batch)),
            (Mode::Async, Some(options)) => block_on(self.asynchronous.write_with(batch, options)),
        }
    }

    pub fn get(&self, key: Key, options: &ReadOptions) -> Result<Option<Value>> {
        match self.mode {
            Mode::Sync => self.keyspace.get_with(key, options),
            Mode::Async => block_on(self.asynchronous.get_with(key, options)),
        }
    }

    pub fn stat(&self, key: Key, options: &ReadOptions) -> Result<Option<Stat>> {
        match self.mode {
            Mode::Sync => self.keyspace.stat_with(key, options),
            Mode::Async => block_on(self.asynchronous.stat_with(key, options)),
        }
    }

    pub fn multi_get(&self, keys: Vec<Key>, options: &ReadOptions) -> Result<MultiGet> {
        match self.mode {
            Mode::Sync => self.keyspace.multi_get_with(keys, options),
            Mode::Async => block_on(self.asynchronous.multi_get_with(keys, options)),
        }
    }

    pub fn scan_prefix(&self, prefix: &[u8], options: &ScanOptions) -> Result<AnyScan> {
        Ok(match self.mode {
            Mode::Sync => AnyScan::Sync(self.keyspace.scan_prefix(prefix, options)?),
            Mode::Async => AnyScan::Async(self.asynchronous.scan_prefix(prefix, options)?),
        })
    }

    pub fn scan_range(&self, start: &[u8], end: &[u8], options: &ScanOptions) -> Result<AnyScan> {
        Ok(match self.mode {
            Mode::Sync => AnyScan::Sync(self.keyspace.scan_range(start, end, options)?),
            Mode::Async => AnyScan::Async(self.asynchronous.scan_range(start, end, options)?),
        })
    }

    pub fn watch(&self, prefix: &[u8], options: &WatchOptions) -> Result<AnyWatch> {
        Ok(match self.mode {
            Mode::Sync => AnyWatch::Sync(self.keyspace.watch(prefix, options)?),
            Mode::Async => AnyWatch::Async(block_on(self.asynchronous.watch(prefix, options))?),
        })
    }
}

pub enum AnyScan {
    Sync(Scan),
    Async(ScanStream),
}

impl AnyScan {
    /// The next rows, none at the end.
    pub fn next(&mut self, most: usize) -> Result<Vec<OwnedRow>> {
        let rows = match self {
            AnyScan::Sync(scan) => scan.next_block(most)?,
            AnyScan::Async(scan) => block_on(scan.next_block(most))?,
        };
        Ok(rows
            .into_iter()
            .flatten()
            .map(|row| row.to_owned())
            .collect())
    }

    pub fn resume_token(&mut self) -> Result<Vec<u8>> {
        match self {
            AnyScan::Sync(scan) => scan.resume_token(),
            AnyScan::Async(scan) => scan.resume_token(),
        }
    }
}

pub enum AnyWatch {
    Sync(Watch),
    Async(WatchStream),
}

impl AnyWatch {
    /// The next changes, none at the deadline.
    pub fn next(&mut self, deadline: Instant) -> Result<Vec<OwnedRow>> {
        let changes = match self {
            AnyWatch::Sync(watch) => {
                let left = deadline.saturating_duration_since(Instant::now());
                watch.next_block(100, Some(left))?
            }
            AnyWatch::Async(watch) => {
                block_until(watch.next_block(100), Some(deadline)).transpose()?
            }
        };
        Ok(changes
            .into_iter()
            .flatten()
            .map(|change| change.to_owned())
            .collect())
    }

    pub fn resume_token(&mut self) -> Result<Vec<u8>> {
        match self {
            AnyWatch::Sync(watch) => watch.resume_token(),
            AnyWatch::Async(watch) => watch.resume_token(),
        }
    }
}
