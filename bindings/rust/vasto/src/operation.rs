// SPDX-License-Identifier: Apache-2.0
//! Operations in flight: a future of the library as a future of Rust.
//!
//! The library tells that a future is done by a callback, which sets a mark and wakes the task. It
//! runs exactly once for each registration, also when the future is cancelled, closed or destroyed,
//! and never inside the call that registers it; so the reference it holds is always given back.
//! Nothing of it touches the future itself, which may be destroyed meanwhile.

use std::ffi::c_void;
use std::fmt;
use std::future::Future;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use vasto_sys::{vasto_error_t, vasto_future_t, vasto_status_t, Api, VASTO_TIMEOUT};

use crate::error::{call, call_or, Error, Result};
use crate::handle::{wait_ms, Handle};
use crate::keyspace::Keyspace;

/// What the callback and the future's owner share.
#[derive(Default)]
struct Slot(Mutex<SlotState>);

#[derive(Default)]
struct SlotState {
    done: bool,
    waker: Option<Waker>,
}

impl Slot {
    fn finish(&self) {
        let waker = {
            let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            state.done = true;
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Whether it is done; if not, `waker` is woken then.
    fn poll(&self, waker: &Waker) -> bool {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !state.done
            && !state
                .waker
                .as_ref()
                .is_some_and(|known| known.will_wake(waker))
        {
            state.waker = Some(waker.clone());
        }
        state.done
    }
}

unsafe extern "C" fn on_ready(_future: *mut vasto_future_t, slot: *mut c_void) {
    // SAFETY: the reference that was given away with the registration; this runs once.
    let slot = unsafe { Arc::from_raw(slot.cast_const().cast::<Slot>()) };
    // A waker is code of the executor; nothing may unwind into the library.
    let _ = catch_unwind(AssertUnwindSafe(move || slot.finish()));
}

/// A future of the library. Dropping it cancels it.
pub(crate) struct InFlight {
    future: Handle<vasto_future_t>,
    slot: Option<Arc<Slot>>,
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
        Ok(InFlight {
            future,
            slot: None,
            keyspace: keyspace.clone(),
        })
    }

    pub(crate) fn api(&self) -> &'static Api {
        self.keyspace.api()
    }

    pub(crate) fn raw(&self) -> *mut vasto_future_t {
        self.future.get()
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
        let ready = match &self.slot {
            Some(slot) => slot.poll(context.waker()),
            None => self.is_ready() || self.register(context.waker())?,
        };
        match ready {
            true => Poll::Ready(Ok(())),
            false => Poll::Pending,
        }
    }

    /// Has `waker` woken when it is done; false, as it never is at once.
    fn register(&mut self, waker: &Waker) -> Result<bool> {
        let slot = Arc::new(Slot::default());
        slot.poll(waker);
        let given = Arc::into_raw(slot.clone());
        let registered = call(self.api(), |error| {
            // SAFETY: the future is good; the callback takes over the reference, whatever happens to
            // the future.
            unsafe {
                (self.api().vasto_future_on_ready)(
                    self.raw(),
                    Some(on_ready),
                    given.cast_mut().cast(),
                    error,
                )
            }
        });
        if let Err(error) = registered {
            // SAFETY: the callback was not taken, so the reference is still here.
            drop(unsafe { Arc::from_raw(given) });
            return Err(error);
        }
        self.slot = Some(slot);
        Ok(false)
    }

    /// The result of an operation that has none but this.
    pub(crate) fn status(&self) -> Result<()> {
        call(self.api(), |error| {
            // SAFETY: as above.
            unsafe { (self.api().vasto_future_status)(self.raw(), error) }
        })
    }

    /// The result of a write.
    pub(crate) fn version(&self) -> Result<u64> {
        self.status()?;
        // SAFETY: as above.
        Ok(unsafe { (self.api().vasto_future_version)(self.raw()) })
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

type Take<T, E> = dyn FnOnce(&InFlight) -> Result<T, E> + Send + Sync;

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
        take: impl FnOnce(&InFlight) -> Result<T, E> + Send + Sync + 'static,
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

    /// The result of an operation that is ready.
    pub(crate) fn take(&mut self) -> Result<T, E> {
        match std::mem::replace(&mut self.state, State::Taken) {
            State::Running { future, take } => take(&future),
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

#[cfg(test)]
mod tests {
    use std::task::Wake;

    use super::*;

    struct Nothing;

    impl Wake for Nothing {
        fn wake(self: Arc<Self>) {}
    }

    #[test]
    fn the_callback_gives_its_reference_back() {
        let waker = Waker::from(Arc::new(Nothing));
        let slot = Arc::new(Slot::default());
        assert!(!slot.poll(&waker));
        let given = Arc::into_raw(slot.clone());
        // SAFETY: a reference that is given away, once; the callback does not look at the future.
        unsafe { on_ready(std::ptr::null_mut(), given.cast_mut().cast()) };
        assert_eq!(Arc::strong_count(&slot), 1);
        assert!(slot.poll(&waker), "it is done");
    }
}
