// SPDX-License-Identifier: Apache-2.0
//! Keys.

use vasto_sys::{vasto_key_t, vasto_slice_t, VASTO_KEY_HAS_PARTITION_HASH};

/// A key: some bytes, at most 64 KiB, and optionally where they live. Made from whatever is bytes:
/// `keyspace.get("k1")`, `keyspace.get(b"k1")`, `keyspace.get(&vec)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key<'a> {
    bytes: &'a [u8],
    partition_hash: Option<u64>,
}

impl<'a> Key<'a> {
    /// The key of these bytes. It lives in the shard that its own hash selects.
    pub fn new<B: AsRef<[u8]> + ?Sized>(bytes: &'a B) -> Key<'a> {
        Key {
            bytes: bytes.as_ref(),
            partition_hash: None,
        }
    }

    /// The same key where `hash` says: that of
    /// [`Library::partition_hash`](crate::Library::partition_hash) of whatever is to stay together.
    /// Every later access must give the same hash.
    pub fn with_partition_hash(self, hash: u64) -> Key<'a> {
        Key {
            partition_hash: Some(hash),
            ..self
        }
    }

    /// The bytes.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The explicit partition hash, if the key has one.
    pub fn partition_hash(&self) -> Option<u64> {
        self.partition_hash
    }

    /// The same for the library; the bytes are borrowed as by `self`.
    pub(crate) fn raw(&self) -> vasto_key_t {
        vasto_key_t {
            key: vasto_slice_t {
                data: self.bytes.as_ptr().cast(),
                size: self.bytes.len(),
            },
            partition_hash: self.partition_hash.unwrap_or(0),
            flags: self
                .partition_hash
                .map_or(0, |_| VASTO_KEY_HAS_PARTITION_HASH),
            reserved: 0,
        }
    }
}

impl<'a> From<&'a [u8]> for Key<'a> {
    fn from(bytes: &'a [u8]) -> Key<'a> {
        Key::new(bytes)
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Key<'a> {
    fn from(bytes: &'a [u8; N]) -> Key<'a> {
        Key::new(bytes)
    }
}

impl<'a> From<&'a Vec<u8>> for Key<'a> {
    fn from(bytes: &'a Vec<u8>) -> Key<'a> {
        Key::new(bytes)
    }
}

impl<'a> From<&'a str> for Key<'a> {
    fn from(text: &'a str) -> Key<'a> {
        Key::new(text)
    }
}

impl<'a> From<&'a String> for Key<'a> {
    fn from(text: &'a String) -> Key<'a> {
        Key::new(text)
    }
}
