// SPDX-License-Identifier: Apache-2.0
//! Ownership of one handle of the library, and the translation of arguments that every call needs.

use std::ptr::NonNull;
use std::time::Duration;

use vasto_sys::{vasto_error_t, vasto_status_t, Api};

use crate::error::{call, Code, Error, Result};

/// A handle that is owned: destroyed when it goes. Neither Send nor Sync by itself; the types that
/// hold one say which of the header's thread classes it has.
pub(crate) struct Handle<T> {
    pointer: NonNull<T>,
    destroy: unsafe extern "C" fn(*mut T),
}

impl<T> Handle<T> {
    /// Takes over what `create` writes to its first argument when it returns OK.
    pub(crate) fn create(
        api: &Api,
        destroy: unsafe extern "C" fn(*mut T),
        create: impl FnOnce(*mut *mut T, *mut *mut vasto_error_t) -> vasto_status_t,
    ) -> Result<Handle<T>> {
        let mut pointer = std::ptr::null_mut();
        call(api, |error| create(&mut pointer, error))?;
        Handle::adopt(pointer, destroy)
            .ok_or_else(|| Error::client(Code::Internal, "the library gave no handle"))
    }

    /// Takes over a handle; `None` for null. `destroy` must be the function of its type.
    pub(crate) fn adopt(
        pointer: *mut T,
        destroy: unsafe extern "C" fn(*mut T),
    ) -> Option<Handle<T>> {
        NonNull::new(pointer).map(|pointer| Handle { pointer, destroy })
    }

    pub(crate) fn get(&self) -> *mut T {
        self.pointer.as_ptr()
    }
}

impl<T> Drop for Handle<T> {
    fn drop(&mut self) {
        // SAFETY: the handle is owned, this is its only destroy, and no other call on it is running:
        // all of them borrow it.
        unsafe { (self.destroy)(self.pointer.as_ptr()) }
    }
}

/// A time limit of options, in whole milliseconds, rounded up: 0 would stand for the default.
pub(crate) fn option_ms(timeout: Duration) -> u64 {
    u64::try_from(timeout.as_nanos().div_ceil(1_000_000))
        .unwrap_or(u64::MAX)
        .max(1)
}

/// A time limit of a wait, in whole milliseconds, rounded up; no limit is negative.
pub(crate) fn wait_ms(timeout: Option<Duration>) -> i64 {
    timeout.map_or(-1, |timeout| {
        i64::try_from(timeout.as_nanos().div_ceil(1_000_000)).unwrap_or(i64::MAX)
    })
}
