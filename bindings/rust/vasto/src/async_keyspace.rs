// SPDX-License-Identifier: Apache-2.0
//! Keyspaces: the reads and writes that give futures.

use std::fmt;
use std::ptr;

use vasto_sys::{vasto_error_t, vasto_future_t, vasto_status_t, VASTO_NOT_FOUND};

use crate::batch::{Batch, BatchError, BatchResult, Merge};
use crate::error::{call, call_or, Result};
use crate::key::Key;
use crate::keyspace::{batch_outcome, own_value, raw_keys, Entries, Keyspace};
use crate::offload::{offload, Opening};
use crate::operation::{InFlight, Operation};
use crate::options::{pointer, ReadOptions, ScanOptions, WatchOptions, WriteOptions};
use crate::scan::Range;
use crate::stream::{ScanStream, WatchStream};
use crate::value::{Stat, Value};

/// What a multi_get gives: a result for each key.
pub type MultiGet = Vec<Result<Option<Value>>>;

/// A keyspace whose calls do not wait: each starts an operation of the same name as in [`Keyspace`],
/// with the same result and errors, and returns it. Keys and bytes are copied, so that an operation
/// borrows nothing. Clones are the same handle, for any number of threads and tasks at once.
#[derive(Clone)]
pub struct AsyncKeyspace(Keyspace);

impl AsyncKeyspace {
    pub(crate) fn new(keyspace: &Keyspace) -> AsyncKeyspace {
        AsyncKeyspace(keyspace.clone())
    }

    /// The same keyspace with calls that wait, and with all else that it tells.
    pub fn keyspace(&self) -> &Keyspace {
        &self.0
    }

    /// Starts [`Keyspace::get`].
    pub fn get<'k>(&self, key: impl Into<Key<'k>>) -> Operation<Option<Value>> {
        self.do_get(key.into(), None)
    }

    /// Starts [`Keyspace::get_with`].
    pub fn get_with<'k>(
        &self,
        key: impl Into<Key<'k>>,
        options: &ReadOptions,
    ) -> Operation<Option<Value>> {
        self.do_get(key.into(), Some(options))
    }

    /// Starts [`Keyspace::stat`].
    pub fn stat<'k>(&self, key: impl Into<Key<'k>>) -> Operation<Option<Stat>> {
        self.do_stat(key.into(), None)
    }

    /// Starts [`Keyspace::stat_with`].
    pub fn stat_with<'k>(
        &self,
        key: impl Into<Key<'k>>,
        options: &ReadOptions,
    ) -> Operation<Option<Stat>> {
        self.do_stat(key.into(), Some(options))
    }

    /// Starts [`Keyspace::multi_get`].
    pub fn multi_get<'k, K: Into<Key<'k>>>(
        &self,
        keys: impl IntoIterator<Item = K>,
    ) -> Operation<MultiGet> {
        self.do_multi_get(&raw_keys(keys), None)
    }

    /// Starts [`Keyspace::multi_get_with`].
    pub fn multi_get_with<'k, K: Into<Key<'k>>>(
        &self,
        keys: impl IntoIterator<Item = K>,
        options: &ReadOptions,
    ) -> Operation<MultiGet> {
        self.do_multi_get(&raw_keys(keys), Some(options))
    }

    /// Starts [`Keyspace::put`].
    pub fn put<'k>(&self, key: impl Into<Key<'k>>, value: impl AsRef<[u8]>) -> Operation<u64> {
        self.do_put(key.into(), value.as_ref(), None)
    }

    /// Starts [`Keyspace::put_with`].
    pub fn put_with<'k>(
        &self,
        key: impl Into<Key<'k>>,
        value: impl AsRef<[u8]>,
        options: &WriteOptions,
    ) -> Operation<u64> {
        self.do_put(key.into(), value.as_ref(), Some(options))
    }

    /// Starts [`Keyspace::delete`].
    pub fn delete<'k>(&self, key: impl Into<Key<'k>>) -> Operation<u64> {
        self.do_delete(key.into(), None)
    }

    /// Starts [`Keyspace::delete_with`].
    pub fn delete_with<'k>(
        &self,
        key: impl Into<Key<'k>>,
        options: &WriteOptions,
    ) -> Operation<u64> {
        self.do_delete(key.into(), Some(options))
    }

    /// Starts [`Keyspace::touch`].
    pub fn touch<'k>(&self, key: impl Into<Key<'k>>, ttl_seconds: u64) -> Operation<u64> {
        self.do_touch(key.into(), ttl_seconds, None)
    }

    /// Starts [`Keyspace::touch_with`].
    pub fn touch_with<'k>(
        &self,
        key: impl Into<Key<'k>>,
        ttl_seconds: u64,
        options: &WriteOptions,
    ) -> Operation<u64> {
        self.do_touch(key.into(), ttl_seconds, Some(options))
    }

    /// Starts [`Keyspace::merge`].
    pub fn merge<'k>(
        &self,
        key: impl Into<Key<'k>>,
        operation: Merge,
        operand: impl AsRef<[u8]>,
    ) -> Operation<u64> {
        self.do_merge(key.into(), operation, operand.as_ref(), None)
    }

    /// Starts [`Keyspace::merge_with`].
    pub fn merge_with<'k>(
        &self,
        key: impl Into<Key<'k>>,
        operation: Merge,
        operand: impl AsRef<[u8]>,
        options: &WriteOptions,
    ) -> Operation<u64> {
        self.do_merge(key.into(), operation, operand.as_ref(), Some(options))
    }

    /// Starts [`Keyspace::write`]. The batch is copied, and free for use when this returns.
    pub fn write(&self, batch: &Batch) -> Operation<BatchResult, BatchError> {
        self.do_write(batch, None)
    }

    /// Starts [`Keyspace::write_with`].
    pub fn write_with(
        &self,
        batch: &Batch,
        options: &WriteOptions,
    ) -> Operation<BatchResult, BatchError> {
        self.do_write(batch, Some(options))
    }

    /// As [`Keyspace::scan_prefix`], with rows as a stream.
    pub fn scan_prefix(
        &self,
        prefix: impl AsRef<[u8]>,
        options: &ScanOptions,
    ) -> Result<ScanStream> {
        ScanStream::start(&self.0, Range::Prefix(prefix.as_ref()), options)
    }

    /// As [`Keyspace::scan_range`], with rows as a stream.
    pub fn scan_range(
        &self,
        start: impl AsRef<[u8]>,
        end: impl AsRef<[u8]>,
        options: &ScanOptions,
    ) -> Result<ScanStream> {
        ScanStream::start(
            &self.0,
            Range::Between(start.as_ref(), end.as_ref()),
            options,
        )
    }

    /// As [`Keyspace::watch`], with changes as a stream. The watch is opened on a thread of its own,
    /// which lives until that is done, and begins at once, not with the first await.
    pub fn watch(&self, prefix: impl AsRef<[u8]>, options: &WatchOptions) -> Opening<WatchStream> {
        let (keyspace, prefix) = (self.0.clone(), prefix.as_ref().to_vec());
        let options = options.clone();
        offload(move || WatchStream::open(&keyspace, &prefix, &options))
    }

    /// Starts an operation that has options.
    fn start<O, R>(
        &self,
        options: Option<O>,
        raw: impl FnOnce(O) -> Result<R>,
        start: impl FnOnce(
            &Option<R>,
            *mut *mut vasto_future_t,
            *mut *mut vasto_error_t,
        ) -> vasto_status_t,
    ) -> Result<InFlight> {
        let options = options.map(raw).transpose()?;
        InFlight::start(&self.0, |out, error| start(&options, out, error))
    }

    fn do_get(&self, key: Key<'_>, options: Option<&ReadOptions>) -> Operation<Option<Value>> {
        let (api, key) = (self.0.api(), key.raw());
        let raw = |options: &ReadOptions| options.raw(api);
        let started = self.start(options, raw, |options, out, error| {
            // SAFETY: all pointers are good for the call; so below.
            unsafe { (api.vasto_get_async)(self.0.raw(), &key, pointer(options), out, error) }
        });
        Operation::new(started, take_value)
    }

    fn do_stat(&self, key: Key<'_>, options: Option<&ReadOptions>) -> Operation<Option<Stat>> {
        let (api, key) = (self.0.api(), key.raw());
        let raw = |options: &ReadOptions| options.raw(api);
        let started = self.start(options, raw, |options, out, error| {
            // SAFETY: as above.
            unsafe { (api.vasto_stat_async)(self.0.raw(), &key, pointer(options), out, error) }
        });
        Operation::new(started, |future| {
            Ok(take_value(future)?.map(|value| value.stat()))
        })
    }

    fn do_multi_get(
        &self,
        keys: &[vasto_sys::vasto_key_t],
        options: Option<&ReadOptions>,
    ) -> Operation<MultiGet> {
        let (api, count) = (self.0.api(), keys.len());
        let raw = |options: &ReadOptions| options.raw(api);
        let started = self.start(options, raw, |options, out, error| {
            let (keys, options) = (keys.as_ptr(), pointer(options));
            // SAFETY: as above.
            unsafe { (api.vasto_multi_get_async)(self.0.raw(), keys, count, options, out, error) }
        });
        Operation::new(started, move |future| take_values(future, count))
    }

    fn do_put(&self, key: Key<'_>, value: &[u8], options: Option<&WriteOptions>) -> Operation<u64> {
        let (api, key) = (self.0.api(), key.raw());
        let raw = |options: &WriteOptions| options.raw(api);
        let started = self.start(options, raw, |options, out, error| {
            let (data, size, options) = (value.as_ptr().cast(), value.len(), pointer(options));
            // SAFETY: as above.
            unsafe { (api.vasto_put_async)(self.0.raw(), &key, data, size, options, out, error) }
        });
        Operation::new(started, take_version)
    }

    fn do_delete(&self, key: Key<'_>, options: Option<&WriteOptions>) -> Operation<u64> {
        let (api, key) = (self.0.api(), key.raw());
        let raw = |options: &WriteOptions| options.raw(api);
        let started = self.start(options, raw, |options, out, error| {
            // SAFETY: as above.
            unsafe { (api.vasto_delete_async)(self.0.raw(), &key, pointer(options), out, error) }
        });
        Operation::new(started, take_version)
    }

    fn do_touch(&self, key: Key<'_>, ttl: u64, options: Option<&WriteOptions>) -> Operation<u64> {
        let (api, key) = (self.0.api(), key.raw());
        let raw = |options: &WriteOptions| options.raw(api);
        let started = self.start(options, raw, |options, out, error| {
            let options = pointer(options);
            // SAFETY: as above.
            unsafe { (api.vasto_touch_async)(self.0.raw(), &key, ttl, options, out, error) }
        });
        Operation::new(started, take_version)
    }

    fn do_merge(
        &self,
        key: Key<'_>,
        operation: Merge,
        operand: &[u8],
        options: Option<&WriteOptions>,
    ) -> Operation<u64> {
        let (api, key) = (self.0.api(), key.raw());
        let raw = |options: &WriteOptions| options.raw(api);
        let started = self.start(options, raw, |options, out, error| {
            // SAFETY: as above.
            unsafe {
                (api.vasto_merge_async)(
                    self.0.raw(),
                    &key,
                    operation.number(),
                    operand.as_ptr().cast(),
                    operand.len(),
                    pointer(options),
                    out,
                    error,
                )
            }
        });
        Operation::new(started, take_version)
    }

    fn do_write(
        &self,
        batch: &Batch,
        options: Option<&WriteOptions>,
    ) -> Operation<BatchResult, BatchError> {
        let api = self.0.api();
        let raw = |options: &WriteOptions| options.raw(api);
        let started = batch.raw_for(api).and_then(|batch| {
            self.start(options, raw, |options, out, error| {
                let options = pointer(options);
                // SAFETY: as above.
                unsafe { (api.vasto_batch_write_async)(self.0.raw(), batch, options, out, error) }
            })
        });
        Operation::new(started, take_batch_result)
    }
}

impl fmt::Debug for AsyncKeyspace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AsyncKeyspace")
            .field(&self.0.name())
            .finish()
    }
}

/// The result of a write that is done.
pub(crate) fn take_version(future: &mut InFlight) -> Result<u64> {
    future.version()
}

/// The result of a get or stat that is done.
pub(crate) fn take_value(future: &mut InFlight) -> Result<Option<Value>> {
    if let Some((row, owner)) = future.take_row() {
        return Ok(Some(Value::of_future(&row, owner)));
    }
    let api = future.api();
    let mut value = ptr::null_mut();
    call_or(api, VASTO_NOT_FOUND, |error| {
        // SAFETY: the future is good, and so are the pointers; so below.
        unsafe { (api.vasto_future_take_value)(future.raw(), &mut value, error) }
    })?;
    Ok(own_value(api, value))
}

fn take_values(future: &mut InFlight, count: usize) -> Result<MultiGet> {
    let api = future.api();
    let mut entries = Entries::new(count);
    let whole = call(api, |error| {
        let (values, codes) = entries.pointers();
        // SAFETY: as above, and the arrays have room for `count`.
        unsafe { (api.vasto_future_take_values)(future.raw(), values, codes, count, error) }
    });
    entries.results(api, whole)
}

fn take_batch_result(future: &mut InFlight) -> Result<BatchResult, BatchError> {
    let api = future.api();
    let mut result = ptr::null_mut();
    let whole = call(api, |error| {
        // SAFETY: as above.
        unsafe { (api.vasto_future_take_batch_result)(future.raw(), &mut result, error) }
    });
    batch_outcome(api, whole, result)
}
