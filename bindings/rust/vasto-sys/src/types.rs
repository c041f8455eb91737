// SPDX-License-Identifier: Apache-2.0
//! The types of the header: handles that are used by pointer only, three structs of a fixed layout,
//! and the two callbacks.

use std::ffi::{c_char, c_void};
use std::marker::{PhantomData, PhantomPinned};
use std::mem::{offset_of, size_of};

/// The result of a call: one of the `VASTO_*` codes; unknown ones count as `VASTO_INTERNAL`.
pub type vasto_status_t = i32;

macro_rules! handles {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[repr(C)]
        pub struct $name {
            _private: [u8; 0],
            // Neither Send, Sync nor Unpin: what a handle may do is for the safe crate to say.
            _marker: PhantomData<(*mut u8, PhantomPinned)>,
        }
    )*};
}

handles! {
    /// Why a call failed.
    vasto_error_t;
    /// How to open a client.
    vasto_config_t;
    /// A connection to a cluster.
    vasto_client_t;
    /// A named map of the cluster.
    vasto_keyspace_t;
    /// The shape of a new keyspace.
    vasto_keyspace_options_t;
    /// What reads must not go behind.
    vasto_session_t;
    /// Options of reads.
    vasto_read_options_t;
    /// Options of writes.
    vasto_write_options_t;
    /// Options of scans.
    vasto_scan_options_t;
    /// Options of watches.
    vasto_watch_options_t;
    /// A value that was read.
    vasto_value_t;
    /// Writes to be sent together.
    vasto_batch_t;
    /// The results of a batch, one by one.
    vasto_batch_result_t;
    /// A running scan.
    vasto_iter_t;
    /// A running watch.
    vasto_watch_t;
    /// The result of an operation to come.
    vasto_future_t;
    /// Where futures appear when they are done.
    vasto_queue_t;
    /// A running administrative operation.
    vasto_admin_op_t;
}

/// Some bytes. With `size` 0 `data` may be null.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct vasto_slice_t {
    /// The first byte.
    pub data: *const c_void,
    /// The number of bytes.
    pub size: usize,
}

/// A key, and optionally where it lives.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct vasto_key_t {
    /// The bytes of the key.
    pub key: vasto_slice_t,
    /// Where it lives, with `VASTO_KEY_HAS_PARTITION_HASH` in `flags`.
    pub partition_hash: u64,
    /// `VASTO_KEY_*`.
    pub flags: u32,
    /// 0.
    pub reserved: u32,
}

/// One row of a scan, or one change of a watch.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct vasto_kv_t {
    /// The bytes of the key.
    pub key: vasto_slice_t,
    /// The bytes of the value; `data` is null in a scan of keys only.
    pub value: vasto_slice_t,
    /// Part of the key, with `VASTO_KEY_HAS_PARTITION_HASH` in `flags`.
    pub partition_hash: u64,
    /// As `vasto_value_version`.
    pub version: u64,
    /// As `vasto_value_updated_at_ns`.
    pub updated_at_ns: u64,
    /// As `vasto_value_expires_at_ns`.
    pub expires_at_ns: u64,
    /// `VASTO_TYPE_*`, or the application's.
    pub r#type: u32,
    /// `VASTO_KEY_*` and `VASTO_KV_*`.
    pub flags: u32,
}

/// Receives log messages of a client.
pub type vasto_log_callback_t =
    Option<unsafe extern "C" fn(user_data: *mut c_void, level: i32, message: *const c_char)>;

/// Learns that a future is done.
pub type vasto_future_callback_t =
    Option<unsafe extern "C" fn(future: *mut vasto_future_t, user_data: *mut c_void)>;

// The layouts of the header, which are frozen, in machine words and bytes.
const WORD: usize = size_of::<usize>();

const _: () = {
    assert!(size_of::<vasto_slice_t>() == 2 * WORD);
    assert!(offset_of!(vasto_slice_t, data) == 0);
    assert!(offset_of!(vasto_slice_t, size) == WORD);

    assert!(size_of::<vasto_key_t>() == 2 * WORD + 16);
    assert!(offset_of!(vasto_key_t, key) == 0);
    assert!(offset_of!(vasto_key_t, partition_hash) == 2 * WORD);
    assert!(offset_of!(vasto_key_t, flags) == 2 * WORD + 8);
    assert!(offset_of!(vasto_key_t, reserved) == 2 * WORD + 12);

    assert!(size_of::<vasto_kv_t>() == 4 * WORD + 40);
    assert!(offset_of!(vasto_kv_t, key) == 0);
    assert!(offset_of!(vasto_kv_t, value) == 2 * WORD);
    assert!(offset_of!(vasto_kv_t, partition_hash) == 4 * WORD);
    assert!(offset_of!(vasto_kv_t, version) == 4 * WORD + 8);
    assert!(offset_of!(vasto_kv_t, updated_at_ns) == 4 * WORD + 16);
    assert!(offset_of!(vasto_kv_t, expires_at_ns) == 4 * WORD + 24);
    assert!(offset_of!(vasto_kv_t, r#type) == 4 * WORD + 32);
    assert!(offset_of!(vasto_kv_t, flags) == 4 * WORD + 36);
};
