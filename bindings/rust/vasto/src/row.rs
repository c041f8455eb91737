// SPDX-License-Identifier: Apache-2.0
//! Rows of scans and changes of watches: borrowed from the library, or copied.

use std::fmt;

use vasto_sys::{vasto_kv_t, vasto_slice_t, VASTO_KEY_HAS_PARTITION_HASH, VASTO_KV_DELETED};

use crate::key::Key;

/// A row of a scan or a change of a watch, over the memory of the library: nothing is copied.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Row<'a> {
    key: &'a [u8],
    value: Option<&'a [u8]>,
    value_size: usize,
    partition_hash: Option<u64>,
    version: u64,
    updated_at_ns: u64,
    expires_at_ns: u64,
    value_type: u32,
    deleted: bool,
}

impl<'a> Row<'a> {
    /// The row that `raw` points to.
    ///
    /// # Safety
    /// The bytes it points to are good, and do not change, for 'a.
    unsafe fn new(raw: &vasto_kv_t) -> Row<'a> {
        let deleted = raw.flags & VASTO_KV_DELETED != 0;
        let has_value = !deleted && !raw.value.data.is_null();
        let has_hash = raw.flags & VASTO_KEY_HAS_PARTITION_HASH != 0;
        // SAFETY: as of this function.
        let (key, value) = unsafe { (bytes(&raw.key), has_value.then(|| bytes(&raw.value))) };
        Row {
            key,
            value,
            value_size: if deleted { 0 } else { raw.value.size },
            partition_hash: has_hash.then_some(raw.partition_hash),
            version: raw.version,
            updated_at_ns: raw.updated_at_ns,
            expires_at_ns: raw.expires_at_ns,
            value_type: raw.r#type,
            deleted,
        }
    }

    /// The bytes of the key.
    pub fn key(&self) -> &'a [u8] {
        self.key
    }

    /// The key, with its partition hash if it has one: for an operation on this row.
    pub fn as_key(&self) -> Key<'a> {
        let key = Key::new(self.key);
        self.partition_hash
            .map_or(key, |hash| key.with_partition_hash(hash))
    }

    /// The value; `None` in a scan of keys only, and of a change that is a delete.
    pub fn value(&self) -> Option<&'a [u8]> {
        self.value
    }

    /// The number of bytes of the value, also in a scan of keys only.
    pub fn value_size(&self) -> usize {
        self.value_size
    }

    /// Of a change: whether the key was deleted.
    pub fn is_deleted(&self) -> bool {
        self.deleted
    }

    /// As [`Value::version`](crate::Value::version).
    pub fn version(&self) -> u64 {
        self.version
    }

    /// As [`Value::updated_at_ns`](crate::Value::updated_at_ns).
    pub fn updated_at_ns(&self) -> u64 {
        self.updated_at_ns
    }

    /// As [`Value::expires_at_ns`](crate::Value::expires_at_ns).
    pub fn expires_at_ns(&self) -> Option<u64> {
        (self.expires_at_ns != 0).then_some(self.expires_at_ns)
    }

    /// As [`Value::value_type`](crate::Value::value_type).
    pub fn value_type(&self) -> u32 {
        self.value_type
    }

    /// A copy that owns its bytes.
    pub fn to_owned(&self) -> OwnedRow {
        OwnedRow {
            key: self.key.to_vec(),
            value: self.value.map(<[u8]>::to_vec),
            value_size: self.value_size,
            partition_hash: self.partition_hash,
            version: self.version,
            updated_at_ns: self.updated_at_ns,
            expires_at_ns: self.expires_at_ns(),
            value_type: self.value_type,
            deleted: self.deleted,
        }
    }
}

impl fmt::Debug for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Row")
            .field("key", &String::from_utf8_lossy(self.key))
            .field("value_size", &self.value_size)
            .field("version", &self.version)
            .field("deleted", &self.deleted)
            .finish()
    }
}

/// # Safety
/// The bytes are good, and do not change, for 'a.
unsafe fn bytes<'a>(slice: &vasto_slice_t) -> &'a [u8] {
    match slice.data.is_null() {
        true => &[],
        // SAFETY: as of this function.
        false => unsafe { std::slice::from_raw_parts(slice.data.cast(), slice.size) },
    }
}

/// A copy of a [`Row`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OwnedRow {
    /// The bytes of the key.
    pub key: Vec<u8>,
    /// The value; `None` in a scan of keys only, and of a change that is a delete.
    pub value: Option<Vec<u8>>,
    /// The number of bytes of the value, also in a scan of keys only.
    pub value_size: usize,
    /// Part of the key, if it has an explicit one.
    pub partition_hash: Option<u64>,
    /// As [`Value::version`](crate::Value::version).
    pub version: u64,
    /// As [`Value::updated_at_ns`](crate::Value::updated_at_ns).
    pub updated_at_ns: u64,
    /// As [`Value::expires_at_ns`](crate::Value::expires_at_ns).
    pub expires_at_ns: Option<u64>,
    /// As [`Value::value_type`](crate::Value::value_type).
    pub value_type: u32,
    /// Of a change: whether the key was deleted.
    pub deleted: bool,
}

impl OwnedRow {
    /// The key, with its partition hash if it has one: for an operation on this row.
    pub fn as_key(&self) -> Key<'_> {
        let key = Key::new(&self.key);
        self.partition_hash
            .map_or(key, |hash| key.with_partition_hash(hash))
    }
}

/// The rows of one block, over the memory of the library, which the borrow of their scan or watch
/// keeps as it is.
#[derive(Clone)]
pub struct Rows<'a>(std::slice::Iter<'a, vasto_kv_t>);

// SAFETY: what the rows point to does not change as long as they are borrowed, so any thread may
// read it.
unsafe impl Send for Rows<'_> {}
unsafe impl Sync for Rows<'_> {}

impl<'a> Iterator for Rows<'a> {
    type Item = Row<'a>;

    fn next(&mut self) -> Option<Row<'a>> {
        // SAFETY: the bytes are owned by the iterator or watch until its next call, which needs it
        // without the borrow 'a.
        self.0.next().map(|raw| unsafe { Row::new(raw) })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl ExactSizeIterator for Rows<'_> {}

impl fmt::Debug for Rows<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

/// The rows that the library handed out last, and which of them have gone on to the caller.
#[derive(Default)]
pub(crate) struct Block {
    raw: Vec<vasto_kv_t>,
    next: usize,
    filled: usize,
}

const NO_BYTES: vasto_slice_t = vasto_slice_t {
    data: std::ptr::null(),
    size: 0,
};
const NO_ROW: vasto_kv_t = vasto_kv_t {
    key: NO_BYTES,
    value: NO_BYTES,
    partition_hash: 0,
    version: 0,
    updated_at_ns: 0,
    expires_at_ns: 0,
    r#type: 0,
    flags: 0,
};

/// More rows than this are not handed out at once.
const MOST_ROWS: usize = 4096;

/// How many rows the forms take at once that give them one by one.
pub(crate) const BLOCK_ROWS: usize = 512;

impl Block {
    /// Has `fill` write up to `most` rows (1 at least) and say how many; what was there is forgotten.
    pub(crate) fn refill<E>(
        &mut self,
        most: usize,
        fill: impl FnOnce(*mut vasto_kv_t, usize) -> Result<usize, E>,
    ) -> Result<(), E> {
        let most = most.clamp(1, MOST_ROWS);
        (self.next, self.filled) = (0, 0);
        if self.raw.len() < most {
            self.raw.resize(most, NO_ROW);
        }
        self.filled = fill(self.raw.as_mut_ptr(), most)?.min(most);
        Ok(())
    }

    /// The number of rows that have not gone on.
    pub(crate) fn left(&self) -> usize {
        self.filled - self.next
    }

    /// Up to `most` rows (1 at least) of those that are left, which go on with this.
    pub(crate) fn take(&mut self, most: usize) -> Rows<'_> {
        let from = self.next;
        self.next += most.max(1).min(self.left());
        Rows(self.raw[from..self.next].iter())
    }
}
