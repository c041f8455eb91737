// SPDX-License-Identifier: Apache-2.0
//! The awaited operations of one client: who waits for which, and whose turn it is to look.
//!
//! A task that has the turn has itself polled again and again, so that others of its executor run in
//! between, for a time in which results usually come; then it leaves the turn to the thread
//! (awaited.rs), and where that happens again and again, the thread has more turns at once. Who is
//! done passes the turn on to another task that waits.
//!
//! Invariant: what is attached comes out once, and frees its ticket or finds who waits for it.

use std::mem::replace;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::task::Waker;
use std::time::{Duration, Instant};

use vasto_sys::vasto_future_t;

use crate::handle::Handle;
use crate::results::{Ended, Results};
use crate::slab::Slab;

/// So long a task looks for the next result before it leaves that to the thread.
const LOOKING: Duration = Duration::from_micros(200);
/// Where looking does not pay, so many turns at most go to the thread at once.
const MOST_SKIPPED: u32 = 63;
/// So often a task looks in one poll at most, for which other tasks of its executor wait: each poll
/// in vain doubles it, as going through the executor costs more than a look.
const MOST_LOOKS: u32 = 8;

pub(crate) struct Board {
    /// By their tickets: what is attached, or is done and was not told so.
    operations: Slab<Awaiting>,
    /// The tickets of those that have a task which waits.
    waiting: Vec<usize>,
    pub(crate) attached: usize,
    pub(crate) turn: Turn,
    /// Since when the turn has brought nothing.
    since: Instant,
    /// How often the task looks in its next poll. 0: not yet, as those that were woken before it are to
    /// start their next operations first, which are then sent and answered together.
    pub(crate) at_once: u32,
    /// How many turns go to the thread at once, and how many did when a task looked in vain last.
    to_skip: u32,
    skipped: u32,
    /// How often tasks have looked.
    pub(crate) looks: u64,
    /// Room for the task that looks.
    pub(crate) results: Results,
    pub(crate) thread: Thread,
    pub(crate) stopping: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    Nobody,
    Task(usize),
    /// Of a task that looks at this moment.
    Looking,
    Thread,
}

/// What the thread does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Thread {
    Busy,
    Watches,
    Sleeps,
}

pub(crate) enum Awaiting {
    /// A task waits, and has this place in `waiting`.
    Task(Waker, usize),
    Done(Ended),
    /// It was cancelled, and is destroyed when it comes out.
    GivenUp(Handle<vasto_future_t>),
}

// SAFETY: the header's class "future": destroyed by any thread, when no other uses it.
unsafe impl Send for Awaiting {}

/// What is left to do when the board is free again.
#[derive(Default)]
pub(crate) struct Told {
    pub(crate) wakers: Vec<Waker>,
    ended: Vec<Handle<vasto_future_t>>,
}

impl Told {
    pub(crate) fn tell(self) {
        for waker in self.wakers {
            // A waker is code of the executor; the others are to be woken whatever it does.
            let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
        }
    }
}

impl Board {
    pub(crate) fn new() -> Board {
        Board {
            operations: Slab::default(),
            waiting: Vec::new(),
            attached: 0,
            turn: Turn::Nobody,
            since: Instant::now(),
            at_once: 1,
            to_skip: 0,
            skipped: 0,
            looks: 0,
            results: Results::default(),
            thread: Thread::Busy,
            stopping: false,
        }
    }

    pub(crate) fn join(&mut self, waker: Waker) -> usize {
        let place = self.waiting.len();
        let ticket = self.operations.insert(Awaiting::Task(waker, place));
        self.waiting.push(ticket);
        self.attached += 1;
        ticket
    }

    /// The task of the ticket waits no more; its waker.
    pub(crate) fn leave(&mut self, ticket: usize, then: Awaiting) -> Option<Waker> {
        let awaiting = self.operations.get_mut(ticket)?;
        let Awaiting::Task(waker, place) = replace(awaiting, then) else {
            return None;
        };
        self.waiting.swap_remove(place);
        if let Some(&moved) = self.waiting.get(place) {
            if let Some(Awaiting::Task(_, of_moved)) = self.operations.get_mut(moved) {
                *of_moved = place;
            }
        }
        Some(waker)
    }

    /// What the operation brought, if it is done; then its ticket is free.
    pub(crate) fn end(&mut self, ticket: usize) -> Option<Ended> {
        let Some(&mut Awaiting::Done(ended)) = self.operations.get_mut(ticket) else {
            return None;
        };
        self.operations.remove(ticket);
        Some(ended)
    }

    /// The waker of a task that is polled. Gives back the one before it, which is dropped when the
    /// board is free: with it may go a task, and with that an operation.
    pub(crate) fn set_waker(&mut self, ticket: usize, waker: &Waker) -> Option<Waker> {
        let Some(Awaiting::Task(known, _)) = self.operations.get_mut(ticket) else {
            return None;
        };
        match known.will_wake(waker) {
            true => None,
            false => Some(replace(known, waker.clone())),
        }
    }

    pub(crate) fn deliver(&mut self, results: &Results, told: &mut Told) {
        for (ticket, ended) in results.iter() {
            self.attached -= 1;
            if let Some(Awaiting::GivenUp(_)) = self.operations.get_mut(ticket) {
                if let Some(Awaiting::GivenUp(future)) = self.operations.remove(ticket) {
                    told.ended.push(future);
                }
            } else {
                told.wakers
                    .extend(self.leave(ticket, Awaiting::Done(ended)));
            }
        }
    }

    /// The turn of a task begins, or of the thread where tasks looked in vain.
    pub(crate) fn begin(&mut self, ticket: usize) {
        (self.since, self.at_once) = (Instant::now(), 1);
        self.turn = match self.to_skip {
            0 => Turn::Task(ticket),
            _ => Turn::Thread,
        };
        self.to_skip = self.to_skip.saturating_sub(1);
    }

    /// Ends a turn: it goes to a task that waits, if there is one.
    pub(crate) fn pass(&mut self, told: &mut Told) {
        self.turn = Turn::Nobody;
        let Some(&next) = self.waiting.last() else {
            return;
        };
        self.begin(next);
        self.at_once = 0;
        if self.turn == Turn::Thread {
            return;
        }
        if let Some(Awaiting::Task(waker, _)) = self.operations.get_mut(next) {
            told.wakers.push(waker.clone());
        }
    }

    /// Ends a look of the task of `ticket`, whose operation may be done now. If not it is polled
    /// again, or else the turn is the thread's.
    pub(crate) fn looked(
        &mut self,
        ticket: usize,
        waker: &Waker,
        came: bool,
        told: &mut Told,
    ) -> Option<Ended> {
        self.looks += 1;
        if let Some(ended) = self.end(ticket) {
            self.pass(told);
            return Some(ended);
        }
        let now = Instant::now();
        self.at_once = (2 * self.at_once).min(MOST_LOOKS);
        if came {
            (self.since, self.at_once) = (now, 0);
            (self.skipped, self.to_skip) = (0, 0);
        }
        if now - self.since < LOOKING {
            self.turn = Turn::Task(ticket);
            told.wakers.push(waker.clone());
        } else {
            self.skipped = (2 * self.skipped + 1).min(MOST_SKIPPED);
            self.to_skip = self.skipped;
            self.turn = Turn::Thread;
        }
        None
    }
}
