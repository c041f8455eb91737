// SPDX-License-Identifier: Apache-2.0
//! Values that were read.

use std::fmt;
use std::ops::Deref;

use vasto_sys::{vasto_value_t, Api};

use crate::handle::Handle;

/// A value that was read. Dereferences to its bytes, which stay in the memory of the library: nothing
/// is copied.
pub struct Value {
    bytes: *const [u8],
    handle: Handle<vasto_value_t>,
    api: &'static Api,
}

// SAFETY: the header's class "shared": any number of threads, read-only.
unsafe impl Send for Value {}
unsafe impl Sync for Value {}

impl Value {
    pub(crate) fn new(api: &'static Api, handle: Handle<vasto_value_t>) -> Value {
        // SAFETY: the handle is good.
        let (data, size) = unsafe {
            (
                (api.vasto_value_data)(handle.get()),
                (api.vasto_value_size)(handle.get()),
            )
        };
        // After a stat there is a size and no bytes.
        let bytes: *const [u8] = match data.is_null() {
            true => &[],
            false => std::ptr::slice_from_raw_parts(data.cast(), size),
        };
        Value { bytes, handle, api }
    }

    /// The label: 0, or the application's, 64 and above.
    pub fn value_type(&self) -> u32 {
        // SAFETY: the handle lives as long as `self`; so below.
        unsafe { (self.api.vasto_value_type)(self.handle.get()) }
    }

    /// The version, for [`WriteOptions::if_version`](crate::WriteOptions::if_version): never 0,
    /// different for each write of a key, and larger for a later one.
    pub fn version(&self) -> u64 {
        // SAFETY: as above.
        unsafe { (self.api.vasto_value_version)(self.handle.get()) }
    }

    /// The event time, in nanoseconds since 1970-01-01 UTC.
    pub fn updated_at_ns(&self) -> u64 {
        // SAFETY: as above.
        unsafe { (self.api.vasto_value_updated_at_ns)(self.handle.get()) }
    }

    /// When the value expires, in nanoseconds since 1970-01-01 UTC; `None`: never.
    pub fn expires_at_ns(&self) -> Option<u64> {
        // SAFETY: as above.
        let at = unsafe { (self.api.vasto_value_expires_at_ns)(self.handle.get()) };
        (at != 0).then_some(at)
    }

    /// Everything but the bytes.
    pub(crate) fn stat(&self) -> Stat {
        Stat {
            // SAFETY: as above.
            size: unsafe { (self.api.vasto_value_size)(self.handle.get()) },
            value_type: self.value_type(),
            version: self.version(),
            updated_at_ns: self.updated_at_ns(),
            expires_at_ns: self.expires_at_ns(),
        }
    }
}

impl Deref for Value {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: the bytes are owned by the value until its destroy, and never change.
        unsafe { &*self.bytes }
    }
}

impl AsRef<[u8]> for Value {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Value")
            .field("size", &self.len())
            .field("version", &self.version())
            .finish()
    }
}

/// Everything about a value but its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stat {
    /// The number of bytes.
    pub size: usize,
    /// As [`Value::value_type`].
    pub value_type: u32,
    /// As [`Value::version`].
    pub version: u64,
    /// As [`Value::updated_at_ns`].
    pub updated_at_ns: u64,
    /// As [`Value::expires_at_ns`].
    pub expires_at_ns: Option<u64>,
}
