// SPDX-License-Identifier: Apache-2.0
//! Who takes out what is done, for the tasks that await it.
//!
//! The operations of a client that are awaited are in one queue of the library, and one at a time
//! has the turn to look into it (board.rs): a task, which then does the network I/O of the client on
//! its own thread, without a switch to another; or else a thread of this crate, which sleeps until
//! there is a result. A task that has the turn may not be polled for long; so the thread watches, and
//! takes the turn from one that does not use it.
//!
//! Invariants: (1) only who has the turn takes results out; (2) the thread sleeps without limit only
//! while nothing is attached.

use std::mem::take;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::thread;
use std::time::Duration;

use vasto_sys::{vasto_future_t, vasto_queue_t, Api};

use crate::board::{Awaiting, Board, Thread, Told, Turn};
use crate::error::{call, Code, Error, Result};
use crate::handle::Handle;
use crate::results::{Ended, Results};

/// So often the thread looks whether the task that has the turn uses it.
const WATCH: Duration = Duration::from_millis(1);
/// So many results are taken at once.
const BLOCK: usize = 256;

/// The awaited operations of one client.
pub(crate) struct Awaited(Arc<Shared>);

struct Shared {
    queue: Handle<vasto_queue_t>,
    api: &'static Api,
    board: Mutex<Board>,
    /// For the thread.
    changed: Condvar,
}

// SAFETY: the header's class "any": any number of threads at once.
unsafe impl Send for Shared {}
unsafe impl Sync for Shared {}

impl Awaited {
    pub(crate) fn new(api: &'static Api) -> Result<Awaited> {
        let queue = Handle::create(api, api.vasto_queue_destroy, |out, error| {
            // SAFETY: two good pointers.
            unsafe { (api.vasto_queue_create)(out, error) }
        })?;
        let shared = Arc::new(Shared {
            queue,
            api,
            board: Mutex::new(Board::new()),
            changed: Condvar::new(),
        });
        // With its descriptor in use, a look does the network I/O.
        shared.fd();
        let watching = shared.clone();
        thread::Builder::new()
            .name("vasto-results".to_owned())
            .spawn(move || watching.run())
            .map_err(|error| Error::client(Code::NoSpace, format!("no thread: {error}")))?;
        Ok(Awaited(shared))
    }

    /// Begins to wait for a future, which stays the caller's; the ticket is its.
    pub(crate) fn attach(&self, future: *mut vasto_future_t, waker: &Waker) -> Result<usize> {
        let shared = &*self.0;
        // In a child the lock may be held by a thread that is not there.
        if shared.fd() < 0 {
            return Err(Error::client(
                Code::Forked,
                "the client belongs to the parent of this process",
            ));
        }
        let mut board = shared.board();
        let ticket = board.join(waker.clone());
        let attached = call(shared.api, |error| {
            // SAFETY: queue and future are good; it is not destroyed before it comes out.
            unsafe {
                (shared.api.vasto_queue_attach)(shared.queue.get(), future, ticket as u64, error)
            }
        });
        if let Err(error) = attached {
            board.leave(ticket, Awaiting::Done(None));
            board.end(ticket);
            board.attached -= 1;
            return Err(error);
        }
        let first = board.turn == Turn::Nobody;
        if first {
            board.begin(ticket);
        }
        let mut told = Told::default();
        if first && board.turn != Turn::Thread {
            told.wakers.push(waker.clone());
        }
        shared.free(board);
        told.tell();
        Ok(ticket)
    }

    /// What the operation brought, if it is done, and so its ticket gone; if not, `waker` is woken
    /// then.
    pub(crate) fn poll(&self, ticket: usize, waker: &Waker) -> Result<Option<Ended>> {
        let shared = &*self.0;
        let mut board = shared.board();
        if let Some(ended) = board.end(ticket) {
            return Ok(Some(ended));
        }
        let before = board.set_waker(ticket, waker);
        if board.turn != Turn::Task(ticket) {
            drop(board);
            drop(before);
            return Ok(None);
        }
        if board.at_once == 0 {
            board.at_once = 1;
            drop(board);
            drop(before);
            waker.wake_by_ref();
            return Ok(None);
        }
        board.turn = Turn::Looking;
        let mut results = take(&mut board.results);
        let at_once = board.at_once;
        drop(board);
        drop(before);
        let looked = shared.look(&mut results, at_once);
        let mut told = Told::default();
        let mut board = shared.board();
        board.deliver(&results, &mut told);
        let came = !results.is_empty();
        board.results = results;
        let ended = board.looked(ticket, waker, came, &mut told);
        shared.free(board);
        told.tell();
        looked.map(|()| ended)
    }

    /// Cancels what is not done. A write may still happen.
    pub(crate) fn give_up(&self, ticket: usize, future: Handle<vasto_future_t>) {
        let shared = &*self.0;
        let mut told = Told::default();
        let mut board = shared.board();
        if board.end(ticket).is_some() {
            return;
        }
        // Before it can come out, after which it is destroyed.
        // SAFETY: it is good.
        unsafe { (shared.api.vasto_future_cancel)(future.get()) };
        let waker = board.leave(ticket, Awaiting::GivenUp(future));
        if board.turn == Turn::Task(ticket) {
            board.pass(&mut told);
        }
        shared.free(board);
        drop(waker);
        told.tell();
    }
}

impl Drop for Awaited {
    fn drop(&mut self) {
        let mut board = self.0.board();
        board.stopping = true;
        self.0.free(board);
    }
}

impl Shared {
    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets go of the board, and wakes the thread if there is something for it.
    fn free(&self, mut board: MutexGuard<'_, Board>) {
        let needed = match board.thread {
            Thread::Busy => false,
            Thread::Watches => board.turn == Turn::Thread,
            Thread::Sleeps => board.attached > 0 || board.stopping,
        };
        if needed {
            board.thread = Thread::Busy;
        }
        drop(board);
        if needed {
            self.changed.notify_one();
        }
    }

    /// Takes what is there, doing the network I/O for it, and so often if there is nothing.
    fn look(&self, results: &mut Results, at_once: u32) -> Result<()> {
        for _ in 0..at_once {
            results.take(self.api, self.queue.get(), BLOCK, Some(Duration::ZERO))?;
            if !results.is_empty() {
                break;
            }
            // The processor is for whoever has something to do, such as the store.
            thread::yield_now();
        }
        Ok(())
    }

    fn fd(&self) -> i32 {
        // SAFETY: the handle is good.
        unsafe { (self.api.vasto_queue_fd)(self.queue.get()) }
    }

    /// The thread: ends when nothing is attached and nothing can be any more.
    fn run(&self) {
        let mut results = Results::default();
        let mut seen = None;
        let mut board = self.board();
        while board.attached > 0 || !board.stopping {
            if board.turn != Turn::Thread {
                let idle = board.attached == 0 && seen == Some(board.looks);
                seen = Some(board.looks);
                board = self.rest(board, idle);
                if idle {
                    continue;
                }
            }
            let unused = board.turn != Turn::Looking && seen == Some(board.looks);
            if board.attached > 0 && (board.turn == Turn::Thread || unused) {
                board = self.take_turn(board, &mut results);
            }
        }
    }

    /// Until it is needed, or without `idle` until it is time to look at who has the turn.
    fn rest<'a>(&'a self, mut board: MutexGuard<'a, Board>, idle: bool) -> MutexGuard<'a, Board> {
        if idle {
            board.thread = Thread::Sleeps;
            while board.thread == Thread::Sleeps {
                board = self
                    .changed
                    .wait(board)
                    .unwrap_or_else(PoisonError::into_inner);
            }
        } else {
            board.thread = Thread::Watches;
            let (rested, _) = self
                .changed
                .wait_timeout(board, WATCH)
                .unwrap_or_else(PoisonError::into_inner);
            board = rested;
        }
        board.thread = Thread::Busy;
        board
    }

    /// Waits for results, which come, as something is attached and nobody else takes them.
    fn take_turn<'a>(
        &'a self,
        mut board: MutexGuard<'a, Board>,
        results: &mut Results,
    ) -> MutexGuard<'a, Board> {
        board.turn = Turn::Thread;
        drop(board);
        let taken = results.take(self.api, self.queue.get(), BLOCK, None);
        if taken.is_err() {
            thread::sleep(WATCH); // out of memory: it may pass
        }
        let mut told = Told::default();
        let mut board = self.board();
        board.deliver(results, &mut told);
        board.pass(&mut told);
        drop(board);
        told.tell();
        self.board()
    }
}
