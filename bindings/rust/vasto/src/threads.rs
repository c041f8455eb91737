// SPDX-License-Identifier: Apache-2.0
//! What may go to other threads, and be used by several at once: checked when the crate is built.
//!
//! A batch is used by one thread at a time:
//!
//! ```compile_fail,E0277
//! fn shared<T: Sync>() {}
//! shared::<vasto::Batch>();
//! ```
//!
//! So is a scan:
//!
//! ```compile_fail,E0277
//! fn shared<T: Sync>() {}
//! shared::<vasto::Scan>();
//! ```
//!
//! ```compile_fail,E0277
//! fn shared<T: Sync>() {}
//! shared::<vasto::ScanStream>();
//! ```
//!
//! And a watch:
//!
//! ```compile_fail,E0277
//! fn shared<T: Sync>() {}
//! shared::<vasto::Watch>();
//! ```
//!
//! ```compile_fail,E0277
//! fn shared<T: Sync>() {}
//! shared::<vasto::WatchStream>();
//! ```
//!
//! And a configuration:
//!
//! ```compile_fail,E0277
//! fn shared<T: Sync>() {}
//! shared::<vasto::Config>();
//! ```
//!
//! The same text compiles for what is shared:
//!
//! ```
//! fn shared<T: Sync>() {}
//! shared::<vasto::Keyspace>();
//! ```
//!
//! Rows are gone with the next call of their scan:
//!
//! ```compile_fail,E0499
//! fn two_blocks(scan: &mut vasto::Scan) -> vasto::Result<()> {
//!     let first = scan.next_block(10)?;
//!     let second = scan.next_block(10)?;
//!     drop((first, second));
//!     Ok(())
//! }
//! ```
//!
//! A row may outlive its block's iterator, but not the borrow of the scan:
//!
//! ```compile_fail,E0505
//! fn row_of_a_scan_that_is_gone(mut scan: vasto::Scan) -> vasto::Result<()> {
//!     let row = scan.next_block(1)?.and_then(|mut rows| rows.next());
//!     drop(scan);
//!     println!("{row:?}");
//!     Ok(())
//! }
//! ```
//!
//! Bytes of a value are gone with it:
//!
//! ```compile_fail,E0505
//! fn bytes_of_a_value_that_is_gone(value: vasto::Value) -> usize {
//!     let bytes: &[u8] = &value;
//!     drop(value);
//!     bytes.len()
//! }
//! ```

const fn sent<T: Send>() {}
const fn shared<T: Send + Sync>() {}

const _: () = {
    shared::<crate::Client>();
    shared::<crate::Keyspace>();
    shared::<crate::AsyncKeyspace>();
    shared::<crate::Session>();
    shared::<crate::Queue<crate::Value, Vec<u8>>>();
    shared::<crate::Operation<crate::Value>>();
    shared::<crate::Opening<crate::WatchStream>>();
    shared::<crate::Value>();
    shared::<crate::BatchResult>();
    shared::<crate::BatchError>();
    shared::<crate::Admin>();
    shared::<crate::AdminOperation>();
    shared::<crate::Error>();
    shared::<crate::Library>();
    shared::<crate::Row<'static>>();
    shared::<crate::Rows<'static>>();
    shared::<crate::ReadOptions>();
    shared::<crate::WriteOptions>();
    shared::<crate::ScanOptions>();
    shared::<crate::WatchOptions>();
    sent::<crate::Batch>();
    sent::<crate::Scan>();
    sent::<crate::ScanStream>();
    sent::<crate::Watch>();
    sent::<crate::WatchStream>();
    sent::<crate::Config>();
};
