// SPDX-License-Identifier: Apache-2.0
//! Client of the Vasto distributed key-value store, over `libvasto.so.1`, which is loaded at run
//! time.
//!
//! ```no_run
//! # fn main() -> vasto::Result<()> {
//! let client = vasto::Client::connect("127.0.0.1:9333")?;
//! let users = client.keyspace("users")?;
//! users.put("k1", "hello")?;
//! if let Some(value) = users.get("k1")? {
//!     println!("{}", String::from_utf8_lossy(&value));
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Start with [`Client`] and [`Keyspace`]. [`Keyspace::to_async`] has the same calls as futures, for
//! any executor; [`Queue`] has many operations in flight without one.
//!
//! **Threads.** What is shared by any number of threads is `Sync`: [`Client`], [`Keyspace`],
//! [`AsyncKeyspace`], [`Session`], [`Queue`], [`Value`], [`BatchResult`], [`AdminOperation`]. A
//! [`Batch`], a [`Scan`], a [`Watch`] and a [`Config`] move between threads and are used by one at a
//! time.
//!
//! **Lifetimes.** A client is open until it is closed, or until the last clone and everything made
//! from it are gone. Things may be dropped in any order, and used after the close, when their calls
//! fail with [`Code::Closed`].
//!
//! **Fork.** In a child process, calls on what its parent made fail with [`Code::Forked`], and drops
//! do nothing.
#![deny(missing_docs, unsafe_op_in_unsafe_fn)]

mod admin;
mod async_keyspace;
mod awaited;
mod batch;
mod board;
mod client;
mod config;
mod error;
mod handle;
mod key;
mod keyspace;
mod library;
mod log;
mod offload;
mod operation;
mod options;
mod queue;
mod results;
mod row;
mod scan;
mod session;
mod slab;
mod starts;
mod stream;
mod threads;
mod value;
mod watch;

pub use admin::{Admin, AdminOperation, Describe, KeyspaceOptions, Progress, SyncMode, Usage};
pub use async_keyspace::{AsyncKeyspace, MultiGet};
pub use batch::{Batch, BatchError, BatchResult, Merge};
pub use client::Client;
pub use config::Config;
pub use error::{Code, Error, Result};
pub use key::Key;
pub use keyspace::Keyspace;
pub use library::Library;
pub use log::LogLevel;
pub use offload::Opening;
pub use operation::Operation;
pub use options::{Acks, ReadOptions, Replica, ScanOptions, WatchOptions, WriteOptions};
pub use queue::{Finished, Queue};
pub use row::{OwnedRow, Row, Rows};
pub use scan::Scan;
pub use session::Session;
pub use stream::{ScanStream, WatchStream};
pub use value::{Stat, Value};
pub use vasto_sys::{LoadError, LoadErrorKind};
pub use watch::Watch;

/// The bytes of the longest key.
pub const MAX_KEY_SIZE: usize = vasto_sys::VASTO_MAX_KEY_SIZE;
/// The bytes of the largest value.
pub const MAX_VALUE_SIZE: usize = vasto_sys::VASTO_MAX_VALUE_SIZE;
/// The bytes of the longest name of a keyspace.
pub const MAX_KEYSPACE_NAME: usize = vasto_sys::VASTO_MAX_KEYSPACE_NAME;
/// The first of the application's own value types.
pub const TYPE_APPLICATION: u32 = vasto_sys::VASTO_TYPE_APPLICATION;
