// SPDX-License-Identifier: Apache-2.0
//! The few calls that wait and have no other form, as futures: each on a thread of its own.

use std::fmt;
use std::future::Future;
use std::panic::{catch_unwind, resume_unwind, AssertUnwindSafe};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;

use crate::error::{Code, Error, Result};

struct Shared<T> {
    result: Option<thread::Result<T>>,
    waker: Option<Waker>,
}

/// Something that is being opened, on a thread of its own that lives until it is done. When this is
/// dropped before, the thread drops what it has opened.
#[must_use = "what is opened goes with this"]
pub struct Opening<T>(Arc<Mutex<Shared<Result<T>>>>);

/// Runs `work` on a thread of its own.
pub(crate) fn offload<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Opening<T> {
    let shared = Arc::new(Mutex::new(Shared {
        result: None,
        waker: None,
    }));
    let finish = {
        let shared = shared.clone();
        move |result| {
            let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
            shared.result = Some(result);
            shared.waker.take()
        }
    };
    let told = finish.clone();
    let spawned = thread::Builder::new()
        .name("vasto-offload".to_owned())
        .spawn(move || {
            if let Some(waker) = finish(catch_unwind(AssertUnwindSafe(work))) {
                waker.wake();
            }
        });
    if let Err(error) = spawned {
        told(Ok(Err(Error::client(
            Code::NoSpace,
            format!("no thread: {error}"),
        ))));
    }
    Opening(shared)
}

impl<T> Future for Opening<T> {
    type Output = Result<T>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<T>> {
        let mut shared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match shared.result.take() {
            None => {
                shared.waker = Some(context.waker().clone());
                Poll::Pending
            }
            Some(Ok(result)) => Poll::Ready(result),
            Some(Err(panic)) => {
                drop(shared);
                resume_unwind(panic)
            }
        }
    }
}

impl<T> fmt::Debug for Opening<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        f.debug_struct("Opening")
            .field("done", &shared.result.is_some())
            .finish()
    }
}
