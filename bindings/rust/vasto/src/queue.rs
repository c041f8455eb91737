// SPDX-License-Identifier: Apache-2.0
//! Queues: many operations in flight from plain threads, without an executor.

use std::fmt;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use vasto_sys::{vasto_queue_t, Api};

use crate::error::{call, Error, Result};
use crate::handle::Handle;
use crate::library::Library;
use crate::operation::Operation;
use crate::results::Results;
use crate::slab::Slab;

/// More results than this are not taken at once.
const MOST_AT_ONCE: usize = 4096;

/// Where operations of one kind of result appear when they are done, each with the data that was put
/// in with it. A thread that waits here does the network I/O of the client meanwhile, so one thread
/// that starts operations and takes their results is the fastest way to have many in flight.
///
/// Any number of threads may use it at once. Operations still in it when it is dropped are cancelled.
pub struct Queue<T, D = (), E = Error> {
    handle: Handle<vasto_queue_t>,
    api: &'static Api,
    running: Mutex<Running<T, D, E>>,
    /// Room for the results of as many threads as wait.
    spare: Mutex<Vec<Results>>,
}

/// The result of an operation, and what was put into the queue with it.
pub type Finished<T, D, E = Error> = (Result<T, E>, D);

/// By their tags.
pub(crate) type Running<T, D, E> = Slab<(Operation<T, E>, D)>;

// SAFETY: the header's class "any": any number of threads at once. Operations and data are moved
// through it from thread to thread, under a mutex.
unsafe impl<T, D: Send, E: Send> Send for Queue<T, D, E> {}
unsafe impl<T, D: Send, E: Send> Sync for Queue<T, D, E> {}

impl<T, D, E> Queue<T, D, E> {
    pub(crate) fn api(&self) -> &'static Api {
        self.api
    }

    pub(crate) fn raw(&self) -> *mut vasto_queue_t {
        self.handle.get()
    }

    /// What is in the queue, by its tags.
    pub(crate) fn running(&self) -> MutexGuard<'_, Running<T, D, E>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spare(&self) -> MutexGuard<'_, Vec<Results>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T, D, E: From<Error>> Queue<T, D, E> {
    /// An empty queue, for operations of the library that [`Library::load`] finds.
    ///
    /// # Errors
    /// As [`Library::load`]; [`Code::IoError`](crate::Code::IoError): no file descriptor left.
    pub fn new() -> Result<Queue<T, D, E>> {
        Queue::with_library(Library::load()?)
    }

    /// The same for operations of a library that was loaded by hand.
    ///
    /// # Errors
    /// [`Code::IoError`](crate::Code::IoError): no file descriptor left.
    pub fn with_library(library: Library) -> Result<Queue<T, D, E>> {
        let api = library.api;
        let handle = Handle::create(api, api.vasto_queue_destroy, |out, error| {
            // SAFETY: two good pointers.
            unsafe { (api.vasto_queue_create)(out, error) }
        })?;
        Ok(Queue {
            handle,
            api,
            running: Mutex::default(),
            spare: Mutex::default(),
        })
    }

    /// Puts an operation in. Its result comes out of [`next_block`](Queue::next_block), once, with
    /// `data`.
    ///
    /// # Errors
    /// What went wrong at the start of the operation; `data` is dropped then.
    /// [`Code::AlreadyExists`](crate::Code::AlreadyExists): the operation was awaited before.
    pub fn add(&self, mut operation: Operation<T, E>, data: D) -> Result<(), E> {
        let Some(future) = operation.in_flight() else {
            return operation.take().map(|_| ());
        };
        if !std::ptr::eq(future.api(), self.api) {
            return Err(Error::invalid("the operation is of another library").into());
        }
        let future = future.raw();
        // Held until the future is attached: whoever takes it out first waits for that, and does not
        // destroy it under this call.
        let mut running = self.running();
        let tag = running.insert((operation, data));
        let attached = call(self.api, |error| {
            // SAFETY: queue and future are good; the future is in `running` until it is taken out.
            unsafe { (self.api.vasto_queue_attach)(self.handle.get(), future, tag as u64, error) }
        });
        let refused = match attached {
            Ok(()) => None,
            Err(_) => running.remove(tag),
        };
        drop(running);
        drop(refused);
        Ok(attached?)
    }

    /// The results of up to `most` operations that are done, waiting for up to `timeout` (`None`:
    /// without limit) for the first; none if that passes. `most` is taken as 1 at least.
    ///
    /// # Errors
    /// [`Code::WrongThread`](crate::Code::WrongThread) inside a callback of the library.
    pub fn next_block(
        &self,
        most: usize,
        timeout: Option<Duration>,
    ) -> Result<Vec<Finished<T, D, E>>> {
        let mut results = self.spare().pop().unwrap_or_default();
        let most = most.clamp(1, MOST_AT_ONCE);
        let taken = results.take(self.api, self.handle.get(), most, timeout);
        let done: Vec<_> = {
            let mut running = self.running();
            results
                .iter()
                .filter_map(|(tag, ended)| Some((running.remove(tag)?, ended)))
                .collect()
        };
        self.spare().push(results);
        taken?;
        Ok(done
            .into_iter()
            .map(|((operation, data), ended)| (operation.take_ended(ended), data))
            .collect())
    }

    /// The number of operations in it, done or not.
    pub fn len(&self) -> usize {
        self.running().len()
    }

    /// Whether no operation is in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Cancels all operations in it; each still comes out.
    pub fn cancel_all(&self) {
        for (operation, _) in self.running().iter() {
            operation.cancel();
        }
    }
}

impl<T, D, E> AsRawFd for Queue<T, D, E> {
    /// A descriptor that is readable (level-triggered) while finished operations are in the queue. It
    /// must not be read, written or closed. -1 in a child of the process that made the queue.
    fn as_raw_fd(&self) -> RawFd {
        // SAFETY: the handle is good.
        unsafe { (self.api.vasto_queue_fd)(self.handle.get()) }
    }
}

impl<T, D, E> AsFd for Queue<T, D, E> {
    /// As `as_raw_fd`.
    ///
    /// # Panics
    /// In a child of the process that made the queue.
    fn as_fd(&self) -> BorrowedFd<'_> {
        let fd = self.as_raw_fd();
        assert!(fd >= 0, "the queue belongs to the parent of this process");
        // SAFETY: the descriptor is the queue's until it goes.
        unsafe { BorrowedFd::borrow_raw(fd) }
    }
}

impl<T, D, E: From<Error>> fmt::Debug for Queue<T, D, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue")
            .field("operations", &self.len())
            .finish()
    }
}
