// SPDX-License-Identifier: Apache-2.0
//! Scans and watches as streams.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{ready, Context, Poll};
use std::time::Duration;

use futures_core::Stream;

use crate::error::Result;
use crate::keyspace::Keyspace;
use crate::operation::InFlight;
use crate::options::{ScanOptions, WatchOptions};
use crate::row::{OwnedRow, Rows, BLOCK_ROWS};
use crate::scan::{Cursor, Range};
use crate::watch::Changes;

/// A wait for a scan or watch that may be going on.
#[derive(Default)]
struct Wait(Option<InFlight>);

impl Wait {
    /// Ready when what `begin` began is done, with its result; a wait that is going on goes on.
    fn poll(
        &mut self,
        context: &mut Context<'_>,
        begin: impl FnOnce() -> Result<InFlight>,
    ) -> Poll<Result<()>> {
        let future = match &mut self.0 {
            Some(future) => future,
            None => self.0.insert(begin()?),
        };
        let told = ready!(future.poll_ready(context));
        let result = told.and_then(|()| future.status());
        self.0 = None;
        Poll::Ready(result)
    }
}

/// A running scan whose rows are awaited. As a `Stream` it gives copies of the rows, and
/// [`next_block`](ScanStream::next_block) gives rows without copying them. Dropping it ends the scan,
/// also while rows are awaited.
///
/// Otherwise as [`Scan`](crate::Scan).
pub struct ScanStream {
    /// Before the scan, which it waits for.
    wait: Wait,
    cursor: Cursor,
}

impl ScanStream {
    pub(crate) fn start(
        keyspace: &Keyspace,
        range: Range<'_>,
        options: &ScanOptions,
    ) -> Result<ScanStream> {
        Ok(ScanStream {
            wait: Wait::default(),
            cursor: Cursor::start(keyspace, range, options)?,
        })
    }

    fn poll_fill(&mut self, most: usize, context: &mut Context<'_>) -> Poll<Result<bool>> {
        if !self.cursor.is_filled() {
            let cursor = &mut self.cursor;
            ready!(self.wait.poll(context, || cursor.ready()))?;
        }
        Poll::Ready(self.cursor.fill(most))
    }

    /// As [`Scan::next_block`](crate::Scan::next_block). Dropping the future loses no row.
    ///
    /// # Errors
    /// As there.
    pub async fn next_block(&mut self, most: usize) -> Result<Option<Rows<'_>>> {
        Ok(
            match poll_fn(|context| self.poll_fill(most, context)).await? {
                true => Some(self.cursor.take(most)),
                false => None,
            },
        )
    }

    /// As [`Scan::resume_token`](crate::Scan::resume_token).
    ///
    /// # Errors
    /// As there; [`Code::Busy`](crate::Code::Busy): a wait for rows was begun and not finished.
    pub fn resume_token(&mut self) -> Result<Vec<u8>> {
        self.cursor.resume_token()
    }
}

impl Stream for ScanStream {
    type Item = Result<OwnedRow>;

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<OwnedRow>>> {
        Poll::Ready(match ready!(self.poll_fill(BLOCK_ROWS, context)) {
            Ok(true) => self.cursor.take(1).next().map(|row| Ok(row.to_owned())),
            Ok(false) => None,
            Err(error) => Some(Err(error)),
        })
    }
}

impl fmt::Debug for ScanStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScanStream")
            .field("waiting", &self.wait.0.is_some())
            .finish()
    }
}

/// A running watch whose changes are awaited. As a `Stream` without an end it gives copies of the
/// changes, and [`next_block`](WatchStream::next_block) gives changes without copying them. Dropping
/// it ends the watch, also while changes are awaited.
///
/// Otherwise as [`Watch`](crate::Watch).
pub struct WatchStream {
    /// Before the watch, which it waits for.
    wait: Wait,
    changes: Changes,
}

impl WatchStream {
    pub(crate) fn open(
        keyspace: &Keyspace,
        prefix: &[u8],
        options: &WatchOptions,
    ) -> Result<WatchStream> {
        let changes = Changes::open(keyspace, prefix, options)?;
        Ok(WatchStream {
            wait: Wait::default(),
            changes,
        })
    }

    fn poll_fill(&mut self, most: usize, context: &mut Context<'_>) -> Poll<Result<()>> {
        if self.changes.has_left() {
            return Poll::Ready(Ok(()));
        }
        loop {
            let changes = &mut self.changes;
            ready!(self.wait.poll(context, || changes.ready()))?;
            // Now and then there is nothing after all, and the wait begins again.
            if self.changes.fill(most, Some(Duration::ZERO))? {
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// The next changes, 1 to `most` of them, over the memory of the library. Dropping the future
    /// loses no change.
    ///
    /// # Errors
    /// As [`Watch`](crate::Watch) says; [`Code::NotSupported`](crate::Code::NotSupported): the library
    /// cannot await changes.
    pub async fn next_block(&mut self, most: usize) -> Result<Rows<'_>> {
        poll_fn(|context| self.poll_fill(most, context)).await?;
        Ok(self.changes.take(most))
    }

    /// As [`Watch::resume_token`](crate::Watch::resume_token).
    ///
    /// # Errors
    /// As there; [`Code::Busy`](crate::Code::Busy): a wait for changes was begun and not finished.
    pub fn resume_token(&mut self) -> Result<Vec<u8>> {
        // A wait that was given up; the next one begins where this one did.
        self.wait = Wait::default();
        self.changes.resume_token()
    }
}

impl Stream for WatchStream {
    type Item = Result<OwnedRow>;

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<OwnedRow>>> {
        Poll::Ready(match ready!(self.poll_fill(BLOCK_ROWS, context)) {
            Ok(()) => self
                .changes
                .take(1)
                .next()
                .map(|change| Ok(change.to_owned())),
            Err(error) => Some(Err(error)),
        })
    }
}

impl fmt::Debug for WatchStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchStream")
            .field("waiting", &self.wait.0.is_some())
            .finish()
    }
}
