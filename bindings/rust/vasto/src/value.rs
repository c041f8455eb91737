// SPDX-License-Identifier: Apache-2.0
//! Values that were read.

use std::ffi::c_void;
use std::fmt;
use std::ops::Deref;
use std::ptr;

use vasto_sys::{vasto_future_t, vasto_kv_t, vasto_value_t, Api};

use crate::handle::Handle;

/// A value that was read. Dereferences to its bytes, which stay in the memory of the library: nothing
/// is copied.
pub struct Value {
    bytes: *const [u8],
    stat: Stat,
    _owner: Owner,
}

/// What the bytes belong to; only there to go with them.
#[allow(dead_code)]
enum Owner {
    Value(Handle<vasto_value_t>),
    Future(Handle<vasto_future_t>),
}

// SAFETY: the header's class "shared", or a future that nobody uses any more: the bytes never change,
// and any thread may destroy their owner.
unsafe impl Send for Value {}
unsafe impl Sync for Value {}

impl Value {
    pub(crate) fn new(api: &'static Api, handle: Handle<vasto_value_t>) -> Value {
        let value = handle.get();
        // SAFETY: the handle is good; so below.
        let (data, stat) = unsafe {
            let stat = Stat {
                size: (api.vasto_value_size)(value),
                value_type: (api.vasto_value_type)(value),
                version: (api.vasto_value_version)(value),
                updated_at_ns: (api.vasto_value_updated_at_ns)(value),
                expires_at_ns: expiry((api.vasto_value_expires_at_ns)(value)),
            };
            ((api.vasto_value_data)(value), stat)
        };
        Value {
            bytes: bytes(data, stat.size),
            stat,
            _owner: Owner::Value(handle),
        }
    }

    /// What a read brought, of which `owner` is the future, and owns the bytes.
    pub(crate) fn of_future(row: &vasto_kv_t, owner: Handle<vasto_future_t>) -> Value {
        Value {
            bytes: bytes(row.value.data, row.value.size),
            stat: Stat {
                size: row.value.size,
                value_type: row.r#type,
                version: row.version,
                updated_at_ns: row.updated_at_ns,
                expires_at_ns: expiry(row.expires_at_ns),
            },
            _owner: Owner::Future(owner),
        }
    }

    /// The label: 0, or the application's, 64 and above.
    pub fn value_type(&self) -> u32 {
        self.stat.value_type
    }

    /// The version, for [`WriteOptions::if_version`](crate::WriteOptions::if_version): never 0,
    /// different for each write of a key, and larger for a later one.
    pub fn version(&self) -> u64 {
        self.stat.version
    }

    /// The event time, in nanoseconds since 1970-01-01 UTC.
    pub fn updated_at_ns(&self) -> u64 {
        self.stat.updated_at_ns
    }

    /// When the value expires, in nanoseconds since 1970-01-01 UTC; `None`: never.
    pub fn expires_at_ns(&self) -> Option<u64> {
        self.stat.expires_at_ns
    }

    /// Everything but the bytes.
    pub(crate) fn stat(&self) -> Stat {
        self.stat
    }
}

/// After a stat there is a size and no bytes.
fn bytes(data: *const c_void, size: usize) -> *const [u8] {
    match data.is_null() {
        true => &[],
        false => ptr::slice_from_raw_parts(data.cast(), size),
    }
}

fn expiry(at_ns: u64) -> Option<u64> {
    (at_ns != 0).then_some(at_ns)
}

impl Deref for Value {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: the owner is there until the value goes, and the bytes never change.
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
