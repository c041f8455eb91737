// SPDX-License-Identifier: Apache-2.0
//! Batches: many writes in few messages.

use std::fmt;

use vasto_sys as sys;
use vasto_sys::{vasto_batch_result_t, vasto_batch_t, vasto_key_t, Api, VASTO_OK};

use crate::error::{call, Error, Result};
use crate::handle::Handle;
use crate::key::Key;
use crate::options::{pointer, WriteOptions};

/// What a merge does with the value and its operand. The numbers are decimal text, so that values
/// read like any other; without a value the sum begins at 0, the least and the greatest at the
/// operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Merge {
    /// The sum of integers of 64 bits.
    AddInt64,
    /// The least integer.
    MinInt64,
    /// The greatest integer.
    MaxInt64,
    /// The sum of floating-point numbers.
    AddFloat64,
    /// The least floating-point number.
    MinFloat64,
    /// The greatest floating-point number.
    MaxFloat64,
    /// The operand comes behind the value, whatever both are.
    Append,
}

impl Merge {
    pub(crate) fn number(self) -> i32 {
        match self {
            Merge::AddInt64 => sys::VASTO_MERGE_ADD_INT64,
            Merge::MinInt64 => sys::VASTO_MERGE_MIN_INT64,
            Merge::MaxInt64 => sys::VASTO_MERGE_MAX_INT64,
            Merge::AddFloat64 => sys::VASTO_MERGE_ADD_FLOAT64,
            Merge::MinFloat64 => sys::VASTO_MERGE_MIN_FLOAT64,
            Merge::MaxFloat64 => sys::VASTO_MERGE_MAX_FLOAT64,
            Merge::Append => sys::VASTO_MERGE_APPEND,
        }
    }
}

/// Writes to be sent together, each with a result of its own: a batch is *not* atomic. Entries for
/// the same key take effect in the order they were added. Made by
/// [`Keyspace::batch`](crate::Keyspace::batch); it may be written to any keyspace, and more than
/// once.
pub struct Batch {
    handle: Handle<vasto_batch_t>,
    api: &'static Api,
}

// SAFETY: the header's class "single": one thread at a time. So it is not Sync.
unsafe impl Send for Batch {}

impl Batch {
    pub(crate) fn new(api: &'static Api) -> Result<Batch> {
        let handle = Handle::create(api, api.vasto_batch_destroy, |out, error| {
            // SAFETY: two good pointers.
            unsafe { (api.vasto_batch_create)(out, error) }
        })?;
        Ok(Batch { handle, api })
    }

    /// Adds a put. Without options of its own an entry takes those of the write.
    ///
    /// # Errors
    /// [`Code::TooLarge`](crate::Code::TooLarge): nothing was added.
    pub fn put<'k>(
        &mut self,
        key: impl Into<Key<'k>>,
        value: impl AsRef<[u8]>,
    ) -> Result<&mut Batch> {
        self.add_put(key.into(), value.as_ref(), None)
    }

    /// Adds a put with options.
    ///
    /// # Errors
    /// As [`Batch::put`].
    pub fn put_with<'k>(
        &mut self,
        key: impl Into<Key<'k>>,
        value: impl AsRef<[u8]>,
        options: &WriteOptions,
    ) -> Result<&mut Batch> {
        self.add_put(key.into(), value.as_ref(), Some(options))
    }

    /// Adds a delete.
    ///
    /// # Errors
    /// As [`Batch::put`].
    pub fn delete<'k>(&mut self, key: impl Into<Key<'k>>) -> Result<&mut Batch> {
        self.add_delete(key.into(), None)
    }

    /// Adds a delete with options.
    ///
    /// # Errors
    /// As [`Batch::put`].
    pub fn delete_with<'k>(
        &mut self,
        key: impl Into<Key<'k>>,
        options: &WriteOptions,
    ) -> Result<&mut Batch> {
        self.add_delete(key.into(), Some(options))
    }

    /// Adds a merge. A message with merges is never repeated by itself, so more of its entries may
    /// end in doubt.
    ///
    /// # Errors
    /// As [`Batch::put`].
    pub fn merge<'k>(
        &mut self,
        key: impl Into<Key<'k>>,
        operation: Merge,
        operand: impl AsRef<[u8]>,
    ) -> Result<&mut Batch> {
        self.add_merge(key.into(), operation, operand.as_ref(), None)
    }

    /// Adds a merge with options.
    ///
    /// # Errors
    /// As [`Batch::put`].
    pub fn merge_with<'k>(
        &mut self,
        key: impl Into<Key<'k>>,
        operation: Merge,
        operand: impl AsRef<[u8]>,
        options: &WriteOptions,
    ) -> Result<&mut Batch> {
        self.add_merge(key.into(), operation, operand.as_ref(), Some(options))
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        // SAFETY: the handle is good.
        unsafe { (self.api.vasto_batch_count)(self.handle.get()) }
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Removes all entries and keeps the memory, for the next round.
    pub fn clear(&mut self) {
        // SAFETY: the handle is good.
        unsafe { (self.api.vasto_batch_clear)(self.handle.get()) }
    }

    /// The handle for a write with `api`, which must be that of the batch.
    pub(crate) fn raw_for(&self, api: &'static Api) -> Result<*const vasto_batch_t> {
        if !std::ptr::eq(self.api, api) {
            return Err(Error::invalid("the batch is of another library"));
        }
        Ok(self.handle.get())
    }

    fn add_put(
        &mut self,
        key: Key<'_>,
        value: &[u8],
        options: Option<&WriteOptions>,
    ) -> Result<&mut Batch> {
        self.add(key, options, |api, batch, key, options, error| {
            // SAFETY: as `add` promises; pointer and size are those of a slice.
            unsafe {
                let (data, size) = (value.as_ptr().cast(), value.len());
                (api.vasto_batch_put)(batch, key, data, size, options, error)
            }
        })
    }

    fn add_delete(&mut self, key: Key<'_>, options: Option<&WriteOptions>) -> Result<&mut Batch> {
        self.add(key, options, |api, batch, key, options, error| {
            // SAFETY: as `add` promises.
            unsafe { (api.vasto_batch_delete)(batch, key, options, error) }
        })
    }

    fn add_merge(
        &mut self,
        key: Key<'_>,
        operation: Merge,
        operand: &[u8],
        options: Option<&WriteOptions>,
    ) -> Result<&mut Batch> {
        self.add(key, options, |api, batch, key, options, error| {
            let operation = operation.number();
            // SAFETY: as `add` promises; pointer and size are those of a slice.
            unsafe {
                let (data, size) = (operand.as_ptr().cast(), operand.len());
                (api.vasto_batch_merge)(batch, key, operation, data, size, options, error)
            }
        })
    }

    /// Calls `add` with pointers that are good for the call.
    fn add(
        &mut self,
        key: Key<'_>,
        options: Option<&WriteOptions>,
        add: impl FnOnce(
            &Api,
            *mut vasto_batch_t,
            *const vasto_key_t,
            *const sys::vasto_write_options_t,
            *mut *mut sys::vasto_error_t,
        ) -> sys::vasto_status_t,
    ) -> Result<&mut Batch> {
        let options = options.map(|options| options.raw(self.api)).transpose()?;
        let key = key.raw();
        call(self.api, |error| {
            add(self.api, self.handle.get(), &key, pointer(&options), error)
        })?;
        Ok(self)
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("entries", &self.len())
            .finish()
    }
}

/// The results of a batch, in the order in which its entries were added.
pub struct BatchResult {
    handle: Handle<vasto_batch_result_t>,
    api: &'static Api,
}

// SAFETY: the header's class "shared": any number of threads, read-only.
unsafe impl Send for BatchResult {}
unsafe impl Sync for BatchResult {}

impl BatchResult {
    pub(crate) fn new(api: &'static Api, handle: Handle<vasto_batch_result_t>) -> BatchResult {
        BatchResult { handle, api }
    }

    /// The number of results, that of the batch's entries.
    pub fn len(&self) -> usize {
        // SAFETY: the handle is good.
        unsafe { (self.api.vasto_batch_result_count)(self.handle.get()) }
    }

    /// Whether the batch had no entry.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The version that entry `index` got, or why it failed; `None` past the end.
    pub fn get(&self, index: usize) -> Option<Result<u64>> {
        if index >= self.len() {
            return None;
        }
        // SAFETY: the handle is good, and the index below the count.
        let (code, version) = unsafe {
            (
                (self.api.vasto_batch_result_code)(self.handle.get(), index),
                (self.api.vasto_batch_result_version)(self.handle.get(), index),
            )
        };
        Some(match code {
            VASTO_OK => Ok(version),
            code => Err(Error::of_code(self.api, code)),
        })
    }

    /// All results, in order.
    pub fn iter(&self) -> impl Iterator<Item = Result<u64>> + '_ {
        (0..self.len()).filter_map(|index| self.get(index))
    }
}

impl fmt::Debug for BatchResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// A batch of which at least one entry failed, or all of it. Becomes an [`Error`] with `?`.
#[derive(Debug)]
pub struct BatchError {
    error: Error,
    results: Option<BatchResult>,
}

impl BatchError {
    pub(crate) fn new(error: Error, results: Option<BatchResult>) -> BatchError {
        BatchError { error, results }
    }

    /// The error of the first entry that failed.
    pub fn error(&self) -> &Error {
        &self.error
    }

    /// The results of all entries; `None` if the batch was not written at all.
    pub fn results(&self) -> Option<&BatchResult> {
        self.results.as_ref()
    }
}

impl fmt::Display for BatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for BatchError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

impl From<Error> for BatchError {
    fn from(error: Error) -> BatchError {
        BatchError {
            error,
            results: None,
        }
    }
}

impl From<BatchError> for Error {
    fn from(error: BatchError) -> Error {
        error.error
    }
}
