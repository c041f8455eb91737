// SPDX-License-Identifier: Apache-2.0
//! Scans: rows in the order of their keys, in blocks.

use std::fmt;

use vasto_sys::{vasto_iter_t, Api, VASTO_END};

use crate::error::{call, call_or, Error, Result};
use crate::handle::Handle;
use crate::keyspace::Keyspace;
use crate::operation::InFlight;
use crate::options::ScanOptions;
use crate::row::{Block, OwnedRow, Rows, BLOCK_ROWS};

pub(crate) enum Range<'a> {
    Prefix(&'a [u8]),
    Between(&'a [u8], &'a [u8]),
}

/// A running scan, as its blocking and its asynchronous form have it.
pub(crate) struct Cursor {
    handle: Handle<vasto_iter_t>,
    block: Block,
    ended: bool,
    /// Keeps the client open; behind the handle, which goes first.
    keyspace: Keyspace,
}

// SAFETY: the header's class "single": one thread at a time. So it is not Sync.
unsafe impl Send for Cursor {}

impl Cursor {
    pub(crate) fn start(
        keyspace: &Keyspace,
        range: Range<'_>,
        options: &ScanOptions,
    ) -> Result<Cursor> {
        let api = keyspace.api();
        let options = options.raw(api)?;
        let (raw, options) = (keyspace.raw(), options.get().cast_const());
        let handle = Handle::create(api, api.vasto_iter_destroy, |out, error| match range {
            // SAFETY: keyspace and options live during the call, and so do the slices.
            Range::Prefix(prefix) => unsafe {
                let (data, size) = (prefix.as_ptr().cast(), prefix.len());
                (api.vasto_scan_prefix)(raw, data, size, options, out, error)
            },
            // SAFETY: as above.
            Range::Between(start, end) => unsafe {
                (api.vasto_scan_range)(
                    raw,
                    start.as_ptr().cast(),
                    start.len(),
                    end.as_ptr().cast(),
                    end.len(),
                    options,
                    out,
                    error,
                )
            },
        })?;
        let block = Block::default();
        Ok(Cursor {
            handle,
            block,
            ended: false,
            keyspace: keyspace.clone(),
        })
    }

    fn api(&self) -> &'static Api {
        self.keyspace.api()
    }

    /// Whether there is a row to take: fetches up to `most` unless some are left.
    pub(crate) fn fill(&mut self, most: usize) -> Result<bool> {
        if self.block.left() > 0 || self.ended {
            return Ok(self.block.left() > 0);
        }
        let (api, iter, ended) = (self.api(), self.handle.get(), &mut self.ended);
        self.block.refill(most, |rows, capacity| {
            let mut count = 0;
            let more = call_or(api, VASTO_END, |error| {
                // SAFETY: the iterator is good, and there is room for `capacity` rows.
                unsafe { (api.vasto_iter_next_block)(iter, rows, capacity, &mut count, error) }
            })?;
            *ended = !more;
            Ok::<usize, Error>(count)
        })?;
        Ok(self.block.left() > 0)
    }

    /// Whether `fill` would not wait without a look at the library.
    pub(crate) fn is_filled(&self) -> bool {
        self.block.left() > 0 || self.ended
    }

    /// A future that is done when `fill` will not wait.
    pub(crate) fn ready(&mut self) -> Result<InFlight> {
        InFlight::start(&self.keyspace, |out, error| {
            // SAFETY: the iterator is good, and so are the pointers.
            unsafe { (self.api().vasto_iter_ready_async)(self.handle.get(), out, error) }
        })
    }

    pub(crate) fn take(&mut self, most: usize) -> Rows<'_> {
        self.block.take(most)
    }

    pub(crate) fn resume_token(&mut self) -> Result<Vec<u8>> {
        if self.block.left() > 0 {
            return Err(Error::invalid(format!(
                "{} rows of the last block have not been taken: the token stands behind them",
                self.block.left()
            )));
        }
        let (mut token, mut size) = (std::ptr::null(), 0);
        call(self.api(), |error| {
            // SAFETY: the iterator is good, and so are the pointers.
            unsafe {
                (self.api().vasto_iter_resume_token)(
                    self.handle.get(),
                    &mut token,
                    &mut size,
                    error,
                )
            }
        })?;
        // SAFETY: the token is the iterator's until its next call.
        Ok(unsafe { copied(token.cast(), size) })
    }
}

/// A copy of some bytes of the library.
///
/// # Safety
/// The bytes are good; with size 0 the pointer may be null.
pub(crate) unsafe fn copied(data: *const u8, size: usize) -> Vec<u8> {
    if data.is_null() || size == 0 {
        return Vec::new();
    }
    // SAFETY: as of this function.
    unsafe { std::slice::from_raw_parts(data, size) }.to_vec()
}

/// A running scan. Rows come in the order of their keys, over all shards. A key that is there all the
/// time comes exactly once; one that is written or deleted meanwhile comes at most once. A scan is no
/// snapshot.
///
/// [`next_block`](Scan::next_block) gives rows without copying them; as an `Iterator` it gives
/// copies. After an error that is retryable both may go on, and lose no row.
pub struct Scan(Cursor);

impl Scan {
    pub(crate) fn start(
        keyspace: &Keyspace,
        range: Range<'_>,
        options: &ScanOptions,
    ) -> Result<Scan> {
        Cursor::start(keyspace, range, options).map(Scan)
    }

    /// The next rows, 1 to `most` of them, over the memory of the library; `None` at the end. Fewer
    /// than `most` does not mean the end; some hundreds at a time are fast. Waits for up to the
    /// timeout of the scan for each page it needs.
    ///
    /// # Errors
    /// Those of the network; [`Code::NotFound`](crate::Code::NotFound): the keyspace is gone.
    pub fn next_block(&mut self, most: usize) -> Result<Option<Rows<'_>>> {
        Ok(match self.0.fill(most)? {
            true => Some(self.0.take(most)),
            false => None,
        })
    }

    /// Where the scan stands: right behind the last row that was given, for
    /// [`ScanOptions::resume_token`]. The `Iterator` fetches rows ahead; while some of them have not
    /// been given there is no such place, so take rows with [`next_block`](Scan::next_block) where
    /// tokens matter.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`](crate::Code::InvalidArgument): rows that were fetched are left.
    pub fn resume_token(&mut self) -> Result<Vec<u8>> {
        self.0.resume_token()
    }
}

impl Iterator for Scan {
    type Item = Result<OwnedRow>;

    fn next(&mut self) -> Option<Result<OwnedRow>> {
        match self.0.fill(BLOCK_ROWS) {
            Ok(true) => self.0.take(1).next().map(|row| Ok(row.to_owned())),
            Ok(false) => None,
            Err(error) => Some(Err(error)),
        }
    }
}

impl fmt::Debug for Scan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scan")
            .field("keyspace", &self.0.keyspace.name())
            .finish()
    }
}
