// SPDX-License-Identifier: Apache-2.0
//! The constants of the header, under its names; a test compares their values.

use crate::vasto_status_t;

/// The major version of the interface that this crate declares.
pub const VASTO_VERSION_MAJOR: i32 = 1;
/// Its minor version.
pub const VASTO_VERSION_MINOR: i32 = 1;
/// Its patch version.
pub const VASTO_VERSION_PATCH: i32 = 0;
/// Its version as MMmmpp.
pub const VASTO_VERSION_CODE: i32 = 10100;
/// Done.
pub const VASTO_OK: vasto_status_t = 0;
/// No such key, keyspace, entry or configuration name.
pub const VASTO_NOT_FOUND: vasto_status_t = 1;
/// The scan has no more rows.
pub const VASTO_END: vasto_status_t = 2;
/// The call can never succeed as it was made.
pub const VASTO_INVALID_ARGUMENT: vasto_status_t = 3;
/// The deadline passed; see `vasto_error_is_in_doubt` for writes.
pub const VASTO_TIMEOUT: vasto_status_t = 4;
/// No master, or not enough replicas, could be reached.
pub const VASTO_UNAVAILABLE: vasto_status_t = 5;
/// Overloaded, or the object is in use: try again later.
pub const VASTO_BUSY: vasto_status_t = 6;
/// A newer value is stored, or the version did not match.
pub const VASTO_STALE_WRITE: vasto_status_t = 7;
/// The keyspace is changing shape and could not serve this now.
pub const VASTO_RESIZING: vasto_status_t = 8;
/// Key, value, batch or name over its limit.
pub const VASTO_TOO_LARGE: vasto_status_t = 9;
/// The caller's buffer; the needed size was reported.
pub const VASTO_BUFFER_TOO_SMALL: vasto_status_t = 10;
/// Stored or received bytes fail their checksum.
pub const VASTO_CORRUPTION: vasto_status_t = 11;
/// A disk or network operation failed for good.
pub const VASTO_IO_ERROR: vasto_status_t = 12;
/// Out of disk (at a store) or of memory (here).
pub const VASTO_NO_SPACE: vasto_status_t = 13;
/// The server, or this build, cannot do that.
pub const VASTO_NOT_SUPPORTED: vasto_status_t = 14;
/// The key (put-if-absent) or the keyspace exists.
pub const VASTO_ALREADY_EXISTS: vasto_status_t = 15;
/// Cancelled by `vasto_future_cancel` or a destroy.
pub const VASTO_CANCELLED: vasto_status_t = 16;
/// The client is closed.
pub const VASTO_CLOSED: vasto_status_t = 17;
/// A call that may wait was made inside a callback.
pub const VASTO_WRONG_THREAD: vasto_status_t = 18;
/// The handle belongs to the parent process.
pub const VASTO_FORKED: vasto_status_t = 19;
/// The server refused the caller.
pub const VASTO_PERMISSION: vasto_status_t = 20;
/// No server remembers what came after the watch's token.
pub const VASTO_TOO_OLD: vasto_status_t = 21;
/// A defect, or a code younger than this header.
pub const VASTO_INTERNAL: vasto_status_t = 99;
/// The bytes of the longest key: 64 KiB.
pub const VASTO_MAX_KEY_SIZE: usize = 65536;
/// The bytes of the largest value: 64 MiB.
pub const VASTO_MAX_VALUE_SIZE: usize = 67108864;
/// The bytes of the longest name of a keyspace.
pub const VASTO_MAX_KEYSPACE_NAME: usize = 128;
/// Plain bytes; the default.
pub const VASTO_TYPE_BYTES: u32 = 0;
/// The first of the application's own types.
pub const VASTO_TYPE_APPLICATION: u32 = 64;
/// `partition_hash` is meant; else the hash of the key.
pub const VASTO_KEY_HAS_PARTITION_HASH: u32 = 1;
/// Of a change: the key was deleted; there is no value.
pub const VASTO_KV_DELETED: u32 = 2;
/// The first that can be reached: fresh and monotonic; the default.
pub const VASTO_REPLICA_PRIMARY: i32 = 0;
/// Any, the reads spread over all: may be behind the primary.
pub const VASTO_REPLICA_ANY: i32 = 1;
/// One on this host, else the quickest to reach: as ANY.
pub const VASTO_REPLICA_NEAREST: i32 = 2;
/// The sum, of decimal integers.
pub const VASTO_MERGE_ADD_INT64: i32 = 1;
/// The least of decimal integers.
pub const VASTO_MERGE_MIN_INT64: i32 = 2;
/// The greatest of decimal integers.
pub const VASTO_MERGE_MAX_INT64: i32 = 3;
/// The sum, of decimal numbers.
pub const VASTO_MERGE_ADD_FLOAT64: i32 = 4;
/// The least of decimal numbers.
pub const VASTO_MERGE_MIN_FLOAT64: i32 = 5;
/// The greatest of decimal numbers.
pub const VASTO_MERGE_MAX_FLOAT64: i32 = 6;
/// The operand comes behind the value, whatever both are.
pub const VASTO_MERGE_APPEND: i32 = 7;
/// One replica has the write.
pub const VASTO_ACKS_ONE: i32 = 0;
/// More than half of the replicas have the write.
pub const VASTO_ACKS_QUORUM: i32 = 1;
/// All replicas have the write.
pub const VASTO_ACKS_ALL: i32 = 2;
/// Of a write: what the keyspace says.
pub const VASTO_ACKS_KEYSPACE: i32 = -1;
/// When the operating system writes it back; the default.
pub const VASTO_SYNC_NONE: i32 = 0;
/// Within about a second.
pub const VASTO_SYNC_INTERVAL: i32 = 1;
/// Before it is acknowledged.
pub const VASTO_SYNC_ALWAYS: i32 = 2;
/// The cluster: master, stores, keyspaces, health.
pub const VASTO_DESCRIBE_STATUS: i32 = 0;
/// Every store: id, addresses, state, disk, shards.
pub const VASTO_DESCRIBE_STORES: i32 = 1;
/// Every keyspace, in short.
pub const VASTO_DESCRIBE_KEYSPACES: i32 = 2;
/// One keyspace with its shards and replicas.
pub const VASTO_DESCRIBE_KEYSPACE: i32 = 3;
/// The numbers of `vasto_admin_usage`.
pub const VASTO_DESCRIBE_USAGE: i32 = 4;
/// For developers.
pub const VASTO_LOG_DEBUG: i32 = 0;
/// What happens.
pub const VASTO_LOG_INFO: i32 = 1;
/// What may need a look.
pub const VASTO_LOG_WARNING: i32 = 2;
/// What failed.
pub const VASTO_LOG_ERROR: i32 = 3;
