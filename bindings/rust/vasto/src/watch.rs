// SPDX-License-Identifier: Apache-2.0
//! Watches: changes as they happen, in blocks.

use std::fmt;
use std::time::Duration;

use vasto_sys::{vasto_watch_t, Api, VASTO_TIMEOUT};

use crate::error::{call, call_or, Code, Error, Result};
use crate::handle::{wait_ms, Handle};
use crate::keyspace::Keyspace;
use crate::operation::InFlight;
use crate::options::WatchOptions;
use crate::row::{Block, OwnedRow, Rows, BLOCK_ROWS};
use crate::scan::copied;

/// A running watch, as its blocking and its asynchronous form have it.
pub(crate) struct Changes {
    handle: Handle<vasto_watch_t>,
    block: Block,
    /// Keeps the client open; behind the handle, which goes first.
    keyspace: Keyspace,
}

// SAFETY: the header's class "watch", of which only "one thread at a time" is used: the destroy, too,
// needs the watch by value. So it is not Sync.
unsafe impl Send for Changes {}

impl Changes {
    pub(crate) fn open(
        keyspace: &Keyspace,
        prefix: &[u8],
        options: &WatchOptions,
    ) -> Result<Changes> {
        let api = keyspace.api();
        let options = options.raw(api)?;
        let handle = Handle::create(api, api.vasto_watch_destroy, |out, error| {
            // SAFETY: keyspace, prefix and options live during the call.
            unsafe {
                (api.vasto_watch_open)(
                    keyspace.raw(),
                    prefix.as_ptr().cast(),
                    prefix.len(),
                    options.get(),
                    out,
                    error,
                )
            }
        })?;
        Ok(Changes {
            handle,
            block: Block::default(),
            keyspace: keyspace.clone(),
        })
    }

    fn api(&self) -> &'static Api {
        self.keyspace.api()
    }

    /// Whether there is a change to take: waits for up to `most` unless some are left.
    pub(crate) fn fill(&mut self, most: usize, timeout: Option<Duration>) -> Result<bool> {
        if self.block.left() > 0 {
            return Ok(true);
        }
        let (api, watch) = (self.api(), self.handle.get());
        self.block.refill(most, |changes, capacity| {
            let mut count = 0;
            call_or(api, VASTO_TIMEOUT, |error| {
                let timeout = wait_ms(timeout);
                // SAFETY: the watch is good, and there is room for `capacity` changes.
                unsafe {
                    (api.vasto_watch_next)(watch, changes, capacity, timeout, &mut count, error)
                }
            })?;
            Ok::<usize, Error>(count)
        })?;
        Ok(self.block.left() > 0)
    }

    pub(crate) fn has_left(&self) -> bool {
        self.block.left() > 0
    }

    /// A future that is done when `fill` has something to give without waiting.
    pub(crate) fn ready(&mut self) -> Result<InFlight> {
        let Some(ready_async) = self.api().vasto_watch_ready_async else {
            return Err(Error::client(
                Code::NotSupported,
                "this libvasto has no vasto_watch_ready_async: install a newer one",
            ));
        };
        InFlight::start(&self.keyspace, |out, error| {
            // SAFETY: the watch is good, and so are the pointers.
            unsafe { ready_async(self.handle.get(), out, error) }
        })
    }

    pub(crate) fn take(&mut self, most: usize) -> Rows<'_> {
        self.block.take(most)
    }

    pub(crate) fn resume_token(&mut self) -> Result<Vec<u8>> {
        if self.block.left() > 0 {
            return Err(Error::invalid(format!(
                "{} changes of the last block have not been taken: the token stands behind them",
                self.block.left()
            )));
        }
        let (mut token, mut size) = (std::ptr::null(), 0);
        call(self.api(), |error| {
            // SAFETY: the watch is good, and so are the pointers.
            unsafe {
                (self.api().vasto_watch_resume_token)(
                    self.handle.get(),
                    &mut token,
                    &mut size,
                    error,
                )
            }
        })?;
        // SAFETY: the token is the watch's until its next call.
        Ok(unsafe { copied(token.cast(), size) })
    }
}

/// A running watch. Every change that is acknowledged after it was opened, or behind its token, is
/// given at least once; the changes of a key come in order, and some may come again. There is no
/// order between keys.
///
/// [`next_block`](Watch::next_block) gives changes without copying them; as an `Iterator`, which
/// waits without limit and has no end, it gives copies. To stop a thread that waits, give
/// `next_block` a timeout and look in between, or use
/// [`AsyncKeyspace::watch`](crate::AsyncKeyspace::watch), whose wait ends when it is dropped.
///
/// These errors pass, and the next call goes on: [`Code::Unavailable`], [`Code::Busy`],
/// [`Code::Timeout`]. These are for good: [`Code::TooOld`] (read the keyspace by a scan and open a
/// new watch before that), [`Code::NotFound`] and [`Code::Resizing`] (the keyspace is gone, or has
/// another number of shards), [`Code::Closed`].
pub struct Watch(Changes);

impl Watch {
    pub(crate) fn open(
        keyspace: &Keyspace,
        prefix: &[u8],
        options: &WatchOptions,
    ) -> Result<Watch> {
        Changes::open(keyspace, prefix, options).map(Watch)
    }

    /// The next changes, 1 to `most` of them, over the memory of the library; `None` if nothing came
    /// within `timeout` (`None`: without limit).
    ///
    /// # Errors
    /// As [`Watch`] says.
    pub fn next_block(
        &mut self,
        most: usize,
        timeout: Option<Duration>,
    ) -> Result<Option<Rows<'_>>> {
        Ok(match self.0.fill(most, timeout)? {
            true => Some(self.0.take(most)),
            false => None,
        })
    }

    /// Where the watch stands: behind the last change that was given, or a little before it, for
    /// [`WatchOptions::resume_token`].
    ///
    /// # Errors
    /// [`Code::InvalidArgument`]: changes that the `Iterator` fetched ahead are left.
    pub fn resume_token(&mut self) -> Result<Vec<u8>> {
        self.0.resume_token()
    }
}

impl Iterator for Watch {
    type Item = Result<OwnedRow>;

    fn next(&mut self) -> Option<Result<OwnedRow>> {
        match self.0.fill(BLOCK_ROWS, None) {
            Ok(true) => self.0.take(1).next().map(|change| Ok(change.to_owned())),
            Ok(false) => None,
            Err(error) => Some(Err(error)),
        }
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch")
            .field("keyspace", &self.0.keyspace.name())
            .finish()
    }
}
