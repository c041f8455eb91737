// SPDX-License-Identifier: Apache-2.0
//! The C interface of `libvasto.so.1`, the client library of the Vasto key-value store, loaded at
//! run time.
//!
//! Everything is as in `vasto.h`, which is the reference: the names, the constants, who owns what,
//! and which thread may call what when. [`Api`] holds one function pointer for each function of the
//! header.
//!
//! ```no_run
//! let api = vasto_sys::Api::load(None).expect("libvasto");
//! let hash = unsafe { (api.vasto_partition_hash)(b"abc".as_ptr().cast(), 3) };
//! assert_eq!(hash, 8696274497037089104);
//! ```
#![deny(missing_docs, unsafe_op_in_unsafe_fn)]
#![allow(non_camel_case_types)]

mod constants;
mod functions;
mod load;
mod types;

pub use constants::*;
pub use functions::Api;
pub use load::{LoadError, LoadErrorKind, LIBRARY_ENVIRONMENT, LIBRARY_NAME};
pub use types::*;
