// SPDX-License-Identifier: Apache-2.0
//! Keyspaces: the reads and writes that wait for their result.

use std::fmt;
use std::ptr;
use std::sync::Arc;

use vasto_sys::{
    vasto_error_t, vasto_keyspace_t, vasto_status_t, vasto_value_t, Api, VASTO_INTERNAL,
    VASTO_NOT_FOUND, VASTO_OK,
};

use crate::async_keyspace::AsyncKeyspace;
use crate::batch::{Batch, BatchError, BatchResult, Merge};
use crate::client::Client;
use crate::error::{c_text, call, call_or, Code, Error, Result};
use crate::handle::Handle;
use crate::key::Key;
use crate::library::text;
use crate::options::{pointer, ReadOptions, ScanOptions, WatchOptions, WriteOptions};
use crate::scan::{Range, Scan};
use crate::session::Session;
use crate::value::{Stat, Value};
use crate::watch::Watch;

/// A named map of the cluster, from keys to values. Clones are the same handle, for any number of
/// threads at once.
///
/// Every call waits for up to the deadline of its options, by default that of the client. All may
/// fail with what the network brings ([`Code::Timeout`], [`Code::Unavailable`], [`Code::Busy`],
/// [`Code::Resizing`], [`Code::Corruption`], [`Code::IoError`], [`Code::Permission`]), with
/// [`Code::NotFound`] when the keyspace itself is gone, [`Code::Closed`] after
/// [`Client::close`], [`Code::Forked`] in a child process, [`Code::WrongThread`] inside a callback
/// of the library, and [`Code::InvalidArgument`]; what else a call fails with is said there.
#[derive(Clone)]
pub struct Keyspace(Arc<Shared>);

struct Shared {
    handle: Handle<vasto_keyspace_t>,
    /// Keeps the client open; behind the handle, which goes first.
    client: Client,
}

// SAFETY: the header's class "any": any number of threads at once.
unsafe impl Send for Shared {}
unsafe impl Sync for Shared {}

impl Keyspace {
    pub(crate) fn open(client: &Client, name: &str) -> Result<Keyspace> {
        let api = client.api();
        let name = c_text("the name", name)?;
        let handle = Handle::create(api, api.vasto_keyspace_destroy, |out, error| {
            // SAFETY: client and name live during the call, and the pointers are good.
            unsafe { (api.vasto_keyspace_open)(client.raw(), name.as_ptr(), out, error) }
        })?;
        Ok(Keyspace(Arc::new(Shared {
            handle,
            client: client.clone(),
        })))
    }

    /// The name.
    pub fn name(&self) -> String {
        // SAFETY: the text is the keyspace's until it goes.
        unsafe { text((self.api().vasto_keyspace_name)(self.raw())) }
    }

    /// The id, a uuid as text, which no other keyspace ever has.
    pub fn id(&self) -> String {
        // SAFETY: as above.
        unsafe { text((self.api().vasto_keyspace_id)(self.raw())) }
    }

    /// The number of shards the client knows of at this moment.
    pub fn shard_count(&self) -> u32 {
        // SAFETY: the handle is good; so below.
        unsafe { (self.api().vasto_keyspace_shard_count)(self.raw()) }
    }

    /// The number of replicas of each shard the keyspace asks for.
    pub fn replica_count(&self) -> u32 {
        // SAFETY: as above.
        unsafe { (self.api().vasto_keyspace_replica_count)(self.raw()) }
    }

    /// The shard, from 0, in which the key lives at this moment.
    pub fn shard_of<'k>(&self, key: impl Into<Key<'k>>) -> u32 {
        let key = key.into().raw();
        // SAFETY: as above; the key is borrowed for the call.
        unsafe { (self.api().vasto_keyspace_shard_of)(self.raw(), &key) }
    }

    /// The client that the keyspace was opened with.
    pub fn client(&self) -> &Client {
        &self.0.client
    }

    /// The same keyspace with calls that give futures.
    pub fn to_async(&self) -> AsyncKeyspace {
        AsyncKeyspace::new(self)
    }

    /// A session that has seen nothing, for operations on this keyspace.
    pub fn session(&self) -> Result<Session> {
        Session::new(self)
    }

    /// An empty batch.
    pub fn batch(&self) -> Result<Batch> {
        Batch::new(self.api())
    }

    /// Reads a value; `None`: there is none, or it has expired or was deleted.
    pub fn get<'k>(&self, key: impl Into<Key<'k>>) -> Result<Option<Value>> {
        self.read(self.api().vasto_get, key.into(), None)
    }

    /// [`get`](Keyspace::get) with options.
    pub fn get_with<'k>(
        &self,
        key: impl Into<Key<'k>>,
        options: &ReadOptions,
    ) -> Result<Option<Value>> {
        self.read(self.api().vasto_get, key.into(), Some(options))
    }

    /// Reads a value into `buffer`: the size of the value, or `None` if there is none. If the size is
    /// more than that of the buffer, nothing was copied.
    pub fn get_into<'k>(
        &self,
        key: impl Into<Key<'k>>,
        buffer: &mut [u8],
        options: Option<&ReadOptions>,
    ) -> Result<Option<usize>> {
        let api = self.api();
        let options = options.map(|options| options.raw(api)).transpose()?;
        let key = key.into().raw();
        let mut size = 0;
        let read = call_or(api, VASTO_NOT_FOUND, |error| {
            // SAFETY: all pointers are good for the call, and the buffer as large as said.
            unsafe {
                (api.vasto_get_into)(
                    self.raw(),
                    &key,
                    pointer(&options),
                    buffer.as_mut_ptr().cast(),
                    buffer.len(),
                    &mut size,
                    error,
                )
            }
        });
        match read {
            Err(error) if error.code() == Code::BufferTooSmall => Ok(Some(size)),
            read => Ok(read?.then_some(size)),
        }
    }

    /// Reads everything about a value but its bytes; `None`: there is none.
    pub fn stat<'k>(&self, key: impl Into<Key<'k>>) -> Result<Option<Stat>> {
        Ok(self
            .read(self.api().vasto_stat, key.into(), None)?
            .map(|value| value.stat()))
    }

    /// [`stat`](Keyspace::stat) with options.
    pub fn stat_with<'k>(
        &self,
        key: impl Into<Key<'k>>,
        options: &ReadOptions,
    ) -> Result<Option<Stat>> {
        Ok(self
            .read(self.api().vasto_stat, key.into(), Some(options))?
            .map(|value| value.stat()))
    }

    /// Reads many keys, each store asked once: a result for each key, in their order.
    ///
    /// # Errors
    /// Only when no key could be read at all, which [`Code::NotFound`] is too: the keyspace itself is
    /// gone. What went wrong with one key is its own result.
    pub fn multi_get<'k, K: Into<Key<'k>>>(
        &self,
        keys: impl IntoIterator<Item = K>,
    ) -> Result<Vec<Result<Option<Value>>>> {
        self.read_many(&raw_keys(keys), None)
    }

    /// [`multi_get`](Keyspace::multi_get) with options.
    pub fn multi_get_with<'k, K: Into<Key<'k>>>(
        &self,
        keys: impl IntoIterator<Item = K>,
        options: &ReadOptions,
    ) -> Result<Vec<Result<Option<Value>>>> {
        self.read_many(&raw_keys(keys), Some(options))
    }

    /// Stores a value, replacing an older one; gives the version it got.
    ///
    /// # Errors
    /// [`Code::TooLarge`], [`Code::NoSpace`]; [`Code::StaleWrite`]: older than what is stored, or
    /// `if_version` failed; [`Code::AlreadyExists`]: `if_absent` failed.
    pub fn put<'k>(&self, key: impl Into<Key<'k>>, value: impl AsRef<[u8]>) -> Result<u64> {
        self.do_put(key.into(), value.as_ref(), None)
    }

    /// [`put`](Keyspace::put) with options.
    ///
    /// # Errors
    /// As [`put`](Keyspace::put).
    pub fn put_with<'k>(
        &self,
        key: impl Into<Key<'k>>,
        value: impl AsRef<[u8]>,
        options: &WriteOptions,
    ) -> Result<u64> {
        self.do_put(key.into(), value.as_ref(), Some(options))
    }

    /// Deletes a value, also one that is not there; gives the version of the deletion.
    ///
    /// # Errors
    /// [`Code::StaleWrite`].
    pub fn delete<'k>(&self, key: impl Into<Key<'k>>) -> Result<u64> {
        self.do_delete(key.into(), None)
    }

    /// [`delete`](Keyspace::delete) with options; `if_absent` is [`Code::InvalidArgument`].
    ///
    /// # Errors
    /// As [`delete`](Keyspace::delete).
    pub fn delete_with<'k>(&self, key: impl Into<Key<'k>>, options: &WriteOptions) -> Result<u64> {
        self.do_delete(key.into(), Some(options))
    }

    /// Gives a value another expiry: so many seconds from now, 0 for never. The bytes stay.
    ///
    /// # Errors
    /// [`Code::NotFound`]: no such key; [`Code::StaleWrite`].
    pub fn touch<'k>(&self, key: impl Into<Key<'k>>, ttl_seconds: u64) -> Result<u64> {
        self.do_touch(key.into(), ttl_seconds, None)
    }

    /// [`touch`](Keyspace::touch) with options; `if_absent` is [`Code::InvalidArgument`].
    ///
    /// # Errors
    /// As [`touch`](Keyspace::touch).
    pub fn touch_with<'k>(
        &self,
        key: impl Into<Key<'k>>,
        ttl_seconds: u64,
        options: &WriteOptions,
    ) -> Result<u64> {
        self.do_touch(key.into(), ttl_seconds, Some(options))
    }

    /// Merges the operand into a value. Each merge counts once, also after crashes; it is never
    /// repeated by itself, so without its answer it ends in doubt.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`]: the operand or the value is no such number, or the value is merged
    /// with another operation; [`Code::TooLarge`], [`Code::NoSpace`].
    pub fn merge<'k>(
        &self,
        key: impl Into<Key<'k>>,
        operation: Merge,
        operand: impl AsRef<[u8]>,
    ) -> Result<u64> {
        self.do_merge(key.into(), operation, operand.as_ref(), None)
    }

    /// [`merge`](Keyspace::merge) with options; conditions and an event time are
    /// [`Code::InvalidArgument`].
    ///
    /// # Errors
    /// As [`merge`](Keyspace::merge).
    pub fn merge_with<'k>(
        &self,
        key: impl Into<Key<'k>>,
        operation: Merge,
        operand: impl AsRef<[u8]>,
        options: &WriteOptions,
    ) -> Result<u64> {
        self.do_merge(key.into(), operation, operand.as_ref(), Some(options))
    }

    /// Writes the entries of a batch, which is unchanged and can be written again.
    ///
    /// # Errors
    /// When any entry failed: the error of the first, and the results of all.
    pub fn write(&self, batch: &Batch) -> Result<BatchResult, BatchError> {
        self.do_write(batch, None)
    }

    /// [`write`](Keyspace::write) with options, also for entries that have none of their own.
    ///
    /// # Errors
    /// As [`write`](Keyspace::write).
    pub fn write_with(
        &self,
        batch: &Batch,
        options: &WriteOptions,
    ) -> Result<BatchResult, BatchError> {
        self.do_write(batch, Some(options))
    }

    /// Scans all keys that begin with `prefix` (empty: all keys), in the order of their bytes. Does
    /// not wait: what is wrong shows at the first row.
    pub fn scan_prefix(&self, prefix: impl AsRef<[u8]>, options: &ScanOptions) -> Result<Scan> {
        Scan::start(self, Range::Prefix(prefix.as_ref()), options)
    }

    /// Scans all keys from `start` to before `end` (empty: no upper bound). Otherwise as
    /// [`scan_prefix`](Keyspace::scan_prefix).
    pub fn scan_range(
        &self,
        start: impl AsRef<[u8]>,
        end: impl AsRef<[u8]>,
        options: &ScanOptions,
    ) -> Result<Scan> {
        Scan::start(self, Range::Between(start.as_ref(), end.as_ref()), options)
    }

    /// Begins to watch all keys that begin with `prefix` (empty: all keys), from now on or from the
    /// token of the options.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`]: no token of a watch of this keyspace; [`Code::TooOld`]: the
    /// keyspace had another number of shards then; [`Code::TooLarge`].
    pub fn watch(&self, prefix: impl AsRef<[u8]>, options: &WatchOptions) -> Result<Watch> {
        Watch::open(self, prefix.as_ref(), options)
    }

    pub(crate) fn api(&self) -> &'static Api {
        self.0.client.api()
    }

    pub(crate) fn raw(&self) -> *mut vasto_keyspace_t {
        self.0.handle.get()
    }

    fn read(
        &self,
        function: ReadFunction,
        key: Key<'_>,
        options: Option<&ReadOptions>,
    ) -> Result<Option<Value>> {
        let api = self.api();
        let options = options.map(|options| options.raw(api)).transpose()?;
        let key = key.raw();
        let mut value = ptr::null_mut();
        call_or(api, VASTO_NOT_FOUND, |error| {
            // SAFETY: all pointers are good for the call.
            unsafe { function(self.raw(), &key, pointer(&options), &mut value, error) }
        })?;
        Ok(own_value(api, value))
    }

    fn read_many(
        &self,
        keys: &[vasto_sys::vasto_key_t],
        options: Option<&ReadOptions>,
    ) -> Result<Vec<Result<Option<Value>>>> {
        let api = self.api();
        let options = options.map(|options| options.raw(api)).transpose()?;
        let mut entries = Entries::new(keys.len());
        let whole = call(api, |error| {
            let (values, codes) = entries.pointers();
            // SAFETY: all pointers are good for the call, and the arrays of one size.
            unsafe {
                (api.vasto_multi_get)(
                    self.raw(),
                    keys.as_ptr(),
                    keys.len(),
                    pointer(&options),
                    values,
                    codes,
                    error,
                )
            }
        });
        entries.results(api, whole)
    }

    fn do_put(&self, key: Key<'_>, value: &[u8], options: Option<&WriteOptions>) -> Result<u64> {
        let api = self.api();
        let options = options.map(|options| options.raw(api)).transpose()?;
        let key = key.raw();
        written(api, |version, error| {
            let (data, size) = (value.as_ptr().cast(), value.len());
            // SAFETY: all pointers are good for the call; so below.
            unsafe {
                (api.vasto_put)(
                    self.raw(),
                    &key,
                    data,
                    size,
                    pointer(&options),
                    version,
                    error,
                )
            }
        })
    }

    fn do_delete(&self, key: Key<'_>, options: Option<&WriteOptions>) -> Result<u64> {
        let api = self.api();
        let options = options.map(|options| options.raw(api)).transpose()?;
        let key = key.raw();
        written(api, |version, error| {
            // SAFETY: as above.
            unsafe { (api.vasto_delete)(self.raw(), &key, pointer(&options), version, error) }
        })
    }

    fn do_touch(&self, key: Key<'_>, ttl: u64, options: Option<&WriteOptions>) -> Result<u64> {
        let api = self.api();
        let options = options.map(|options| options.raw(api)).transpose()?;
        let key = key.raw();
        written(api, |version, error| {
            // SAFETY: as above.
            unsafe { (api.vasto_touch)(self.raw(), &key, ttl, pointer(&options), version, error) }
        })
    }

    fn do_merge(
        &self,
        key: Key<'_>,
        operation: Merge,
        operand: &[u8],
        options: Option<&WriteOptions>,
    ) -> Result<u64> {
        let api = self.api();
        let options = options.map(|options| options.raw(api)).transpose()?;
        let key = key.raw();
        written(api, |version, error| {
            // SAFETY: as above.
            unsafe {
                (api.vasto_merge)(
                    self.raw(),
                    &key,
                    operation.number(),
                    operand.as_ptr().cast(),
                    operand.len(),
                    pointer(&options),
                    version,
                    error,
                )
            }
        })
    }

    fn do_write(
        &self,
        batch: &Batch,
        options: Option<&WriteOptions>,
    ) -> Result<BatchResult, BatchError> {
        let api = self.api();
        let options = options.map(|options| options.raw(api)).transpose()?;
        let batch = batch.raw_for(api)?;
        let mut result = ptr::null_mut();
        let whole = call(api, |error| {
            // SAFETY: as above.
            unsafe {
                (api.vasto_batch_write)(self.raw(), batch, pointer(&options), &mut result, error)
            }
        });
        batch_outcome(api, whole, result)
    }
}

impl fmt::Debug for Keyspace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyspace")
            .field("name", &self.name())
            .finish()
    }
}

type ReadFunction = unsafe extern "C" fn(
    *mut vasto_keyspace_t,
    *const vasto_sys::vasto_key_t,
    *const vasto_sys::vasto_read_options_t,
    *mut *mut vasto_value_t,
    *mut *mut vasto_error_t,
) -> vasto_status_t;

/// The keys for the library; they borrow what the keys borrow.
pub(crate) fn raw_keys<'k, K: Into<Key<'k>>>(
    keys: impl IntoIterator<Item = K>,
) -> Vec<vasto_sys::vasto_key_t> {
    keys.into_iter().map(|key| key.into().raw()).collect()
}

/// Takes a value over; `None` for null.
pub(crate) fn own_value(api: &'static Api, value: *mut vasto_value_t) -> Option<Value> {
    Handle::adopt(value, api.vasto_value_destroy).map(|handle| Value::new(api, handle))
}

/// The result of a batch that was written: `result` is taken over.
pub(crate) fn batch_outcome(
    api: &'static Api,
    whole: Result<()>,
    result: *mut vasto_sys::vasto_batch_result_t,
) -> Result<BatchResult, BatchError> {
    let results = Handle::adopt(result, api.vasto_batch_result_destroy)
        .map(|handle| BatchResult::new(api, handle));
    match (whole, results) {
        (Ok(()), Some(results)) => Ok(results),
        (Ok(()), None) => Err(Error::client(Code::Internal, "the library gave no result").into()),
        (Err(error), results) => Err(BatchError::new(error, results)),
    }
}

fn written(
    api: &Api,
    write: impl FnOnce(*mut u64, *mut *mut vasto_error_t) -> vasto_status_t,
) -> Result<u64> {
    let mut version = 0;
    call(api, |error| write(&mut version, error))?;
    Ok(version)
}

/// What a multi_get fills in, key by key.
pub(crate) struct Entries {
    values: Vec<*mut vasto_value_t>,
    codes: Vec<vasto_status_t>,
}

impl Entries {
    pub(crate) fn new(count: usize) -> Entries {
        Entries {
            values: vec![ptr::null_mut(); count],
            codes: vec![VASTO_INTERNAL; count],
        }
    }

    pub(crate) fn pointers(&mut self) -> (*mut *mut vasto_value_t, *mut vasto_status_t) {
        (self.values.as_mut_ptr(), self.codes.as_mut_ptr())
    }

    /// The result of each key. `whole` is that of the call: the error, with its text, of the first
    /// key that failed.
    pub(crate) fn results(
        self,
        api: &'static Api,
        whole: Result<()>,
    ) -> Result<Vec<Result<Option<Value>>>> {
        let entries = self
            .values
            .into_iter()
            .map(|value| own_value(api, value))
            .zip(self.codes);
        let first = match whole {
            Ok(()) => None,
            // The keyspace is gone; a key that is not there is no failure.
            Err(error) if error.code() == Code::NotFound => return Err(error),
            Err(error) => Some(error),
        };
        let answered = |code| code == VASTO_OK || code == VASTO_NOT_FOUND;
        let results: Vec<(Result<Option<Value>>, bool)> = entries
            .map(|(value, code)| match (&first, code) {
                (_, code) if answered(code) => (Ok(value), true),
                (Some(error), code) if error.number() == code => (Err(error.clone()), false),
                (_, code) => (Err(Error::of_code(api, code)), false),
            })
            .collect();
        match first {
            Some(error) if results.iter().all(|(_, answered)| !answered) => Err(error),
            _ => Ok(results.into_iter().map(|(result, _)| result).collect()),
        }
    }
}
