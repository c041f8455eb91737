// SPDX-License-Identifier: Apache-2.0
//! What a queue of the library has to give, many results in one call.

use std::time::Duration;

use vasto_sys::{
    vasto_future_t, vasto_kv_t, vasto_queue_t, vasto_status_t, Api, VASTO_OK, VASTO_TIMEOUT,
};

use crate::error::{call_or, Result};
use crate::handle::wait_ms;

/// What is known of an operation that is done: what it brought, if it ended well. The bytes are
/// owned by its future.
pub(crate) type Ended = Option<vasto_kv_t>;

/// Room for results, used again and again.
#[derive(Default)]
pub(crate) struct Results {
    futures: Vec<*mut vasto_future_t>,
    tags: Vec<u64>,
    codes: Vec<vasto_status_t>,
    rows: Vec<vasto_kv_t>,
}

// SAFETY: the pointers are only handed on, to whoever owns the futures.
unsafe impl Send for Results {}

impl Results {
    /// Takes up to `most` results out of `queue`, which is good, waiting for the first.
    pub(crate) fn take(
        &mut self,
        api: &Api,
        queue: *mut vasto_queue_t,
        most: usize,
        timeout: Option<Duration>,
    ) -> Result<()> {
        self.make_room(most);
        let mut count = 0;
        call_or(api, VASTO_TIMEOUT, |error| {
            // SAFETY: the queue is good, and each array has room for `most`.
            unsafe {
                (api.vasto_queue_next_results)(
                    queue,
                    wait_ms(timeout),
                    self.futures.as_mut_ptr(),
                    self.tags.as_mut_ptr(),
                    self.codes.as_mut_ptr(),
                    self.rows.as_mut_ptr(),
                    most,
                    &mut count,
                    error,
                )
            }
        })?;
        // SAFETY: so many of each were written.
        unsafe {
            self.tags.set_len(count);
            self.codes.set_len(count);
            self.rows.set_len(count);
        }
        Ok(())
    }

    /// The tags of what was taken last, each with what it brought.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, Ended)> + '_ {
        let ended = self.codes.iter().zip(&self.rows);
        let ended = ended.map(|(&code, &row)| (code == VASTO_OK).then_some(row));
        self.tags.iter().map(|&tag| tag as usize).zip(ended)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.tags.is_empty()
    }

    fn make_room(&mut self, most: usize) {
        self.tags.clear();
        self.codes.clear();
        self.rows.clear();
        self.futures.reserve(most);
        self.tags.reserve(most);
        self.codes.reserve(most);
        self.rows.reserve(most);
    }
}
