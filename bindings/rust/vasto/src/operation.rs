// SPDX-License-Identifier: Apache-2.0
//! Operations in flight: a future of the library as a future of Rust.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use vasto_sys::{vasto_error_t, vasto_future_t, vasto_kv_t, vasto_status_t, Api, VASTO_TIMEOUT};

use crate::error::{call, call_or, Error, Result};
use crate::handle::{wait_ms, Handle};
use crate::keyspace::Keyspace;
use crate::results::Ended;

/// A future of the library. Dropping it cancels it.
pub(crate) struct InFlight {
    /// Until a value owns it.
    future: Option<Handle<vasto_future_t>>,
    /// While a task waits.
    ticket: Option<usize>,
    /// `None` also while nobody has told.
    ended: Ended,
    /// Keeps the client open; behind the future, which goes first.
    keyspace: Keyspace,
}

// SAFETY: the header's class "future": wait, status and cancel from any threads (`&self`), take and
// destroy by one (`&mut self`, or by value).
unsafe impl Send for InFlight {}
unsafe impl Sync for InFlight {}

impl InFlight {
    pub(crate) fn start(
        keyspace: &Keyspace,
        start: impl FnOnce(*mut *mut vasto_future_t, *mut *mut vasto_error_t) -> vasto_status_t,
    ) -> Result<InFlight> {
        let future = Handle::create(keyspace.api(), keyspace.api().vasto_future_destroy, start)?;
        Ok(InFlight::adopt(keyspace, future))
    }

    pub(crate) fn adopt(keyspace: &Keyspace, future: Handle<vasto_future_t>) -> InFlight {
        InFlight {
            future: Some(future),
            ticket: None,
            ended: None,
            keyspace: keyspace.clone(),
        }
    }

    pub(crate) fn api(&self) -> &'static Api {
        self.keyspace.api()
    }

    pub(crate) fn raw(&self) -> *mut vasto_future_t {
        self.future
            .as_ref()
            .map_or(std::ptr::null_mut(), Handle::get)
    }

    /// What it brought, as a queue told.
    pub(crate) fn end(&mut self, ended: Ended) {
        self.ended = ended;
    }

    /// What it brought and the future, which owns the bytes, if it is known that it ended well.
    pub(crate) fn take_row(&mut self) -> Option<(vasto_kv_t, Handle<vasto_future_t>)> {
        Some((self.ended?, self.future.take()?))
    }

    pub(crate) fn is_ready(&self) -> bool {
        // SAFETY: the future lives as long as `self`; so below.
        unsafe { (self.api().vasto_future_is_ready)(self.raw()) }
    }

    pub(crate) fn cancel(&self) {
        // SAFETY: as above.
        unsafe { (self.api().vasto_future_cancel)(self.raw()) }
    }

    /// Whether it is done within the timeout.
    pub(crate) fn wait(&self, timeout: Option<Duration>) -> Result<bool> {
        call_or(self.api(), VASTO_TIMEOUT, |error| {
            // SAFETY: as above.
            unsafe { (self.api().vasto_future_wait)(self.raw(), wait_ms(timeout), error) }
        })
    }

    /// Ready once it is done; an error means that it will never tell.
    pub(crate) fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<()>> {
        let awaited = self.keyspace.client().awaited()?;
        let waker = context.waker();
        match self.ticket {
            None if self.is_ready() => {}
            None => {
                self.ticket = Some(awaited.attach(self.raw(), waker)?);
                return Poll::Pending;
            }
            Some(ticket) => match awaited.poll(ticket, waker)? {
                Some(ended) => (self.ticket, self.ended) = (None, ended),
                None => return Poll::Pending,
            },
        }
        Poll::Ready(Ok(()))
    }

    /// The result of an operation that has none but this.
    pub(crate) fn status(&self) -> Result<()> {
        if self.ended.is_some() {
            return Ok(());
        }
        call(self.api(), |error| {
            // SAFETY: as above.
            unsafe { (self.api().vasto_future_status)(self.raw(), error) }
        })
    }

    /// The result of a write.
    pub(crate) fn version(&self) -> Result<u64> {
        if let Some(row) = self.ended {
            return Ok(row.version);
        }
        self.status()?;
        // SAFETY: as above.
        Ok(unsafe { (self.api().vasto_future_version)(self.raw()) })
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if let (Some(ticket), Some(future)) = (self.ticket, self.future.take()) {
            if let Ok(awaited) = self.keyspace.client().awaited() {
                awaited.give_up(ticket, future);
            }
        }
    }
}

enum State<T, E> {
    NotStarted(E),
    Running {
        future: InFlight,
        take: Box<Take<T, E>>,
    },
    Taken,
}

type Take<T, E> = dyn FnOnce(&mut InFlight) -> Result<T, E> + Send + Sync;

/// An operation in flight. It began when it was made, and ends with its result, at its deadline, by
/// [`cancel`](Operation::cancel), or with the client; dropping it cancels it (a write may still
/// happen). Await it, [`wait`](Operation::wait) for it, or put it into a [`Queue`](crate::Queue).
///
/// What went wrong at the start is the result of the operation too.
#[must_use = "an operation that is dropped is cancelled"]
pub struct Operation<T, E = Error> {
    state: State<T, E>,
}

impl<T, E: From<Error>> Operation<T, E> {
    /// `take` gets the result out of a future that is done.
    pub(crate) fn new(
        started: Result<InFlight>,
        take: impl FnOnce(&mut InFlight) -> Result<T, E> + Send + Sync + 'static,
    ) -> Operation<T, E> {
        let state = match started {
            Ok(future) => State::Running {
                future,
                take: Box::new(take),
            },
            Err(error) => State::NotStarted(error.into()),
        };
        Operation { state }
    }

    /// One without a result, in place of one that is about to start.
    pub(crate) fn taken() -> Operation<T, E> {
        Operation {
            state: State::Taken,
        }
    }

    /// Whether [`wait`](Operation::wait) would return at once.
    pub fn is_ready(&self) -> bool {
        match &self.state {
            State::Running { future, .. } => future.is_ready(),
            _ => true,
        }
    }

    /// Ends the operation with [`Code::Cancelled`](crate::Code::Cancelled) if it is not done. A write
    /// may still happen.
    pub fn cancel(&self) {
        if let State::Running { future, .. } = &self.state {
            future.cancel();
        }
    }

    /// Waits for up to `timeout` (`None`: without limit) until the operation is done; says whether it
    /// is.
    ///
    /// # Errors
    /// [`Code::WrongThread`](crate::Code::WrongThread) inside a callback of the library.
    pub fn wait_timeout(&self, timeout: Option<Duration>) -> Result<bool> {
        match &self.state {
            State::Running { future, .. } => future.wait(timeout),
            _ => Ok(true),
        }
    }

    /// Waits for the result.
    ///
    /// # Errors
    /// Those of the operation, and as [`wait_timeout`](Operation::wait_timeout).
    pub fn wait(mut self) -> Result<T, E> {
        self.wait_timeout(None)?;
        self.take()
    }

    pub(crate) fn in_flight(&self) -> Option<&InFlight> {
        match &self.state {
            State::Running { future, .. } => Some(future),
            _ => None,
        }
    }

    /// The result of an operation that a queue has given back.
    pub(crate) fn take_ended(mut self, ended: Ended) -> Result<T, E> {
        if let State::Running { future, .. } = &mut self.state {
            future.end(ended);
        }
        self.take()
    }

    /// The result of an operation that is ready.
    pub(crate) fn take(&mut self) -> Result<T, E> {
        match std::mem::replace(&mut self.state, State::Taken) {
            State::Running { mut future, take } => take(&mut future),
            State::NotStarted(error) => Err(error),
            State::Taken => Err(Error::invalid("the result was taken before").into()),
        }
    }
}

// Nothing in it is pinned.
impl<T, E> Unpin for Operation<T, E> {}

impl<T, E: From<Error>> Future for Operation<T, E> {
    type Output = Result<T, E>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<T, E>> {
        if let State::Running { future, .. } = &mut self.state {
            match future.poll_ready(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => {
                    self.state = State::Taken;
                    return Poll::Ready(Err(error.into()));
                }
            }
        }
        Poll::Ready(self.take())
    }
}

impl<T, E: From<Error>> fmt::Debug for Operation<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operation")
            .field("ready", &self.is_ready())
            .finish()
    }
}
