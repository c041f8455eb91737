// SPDX-License-Identifier: Apache-2.0
//! Log messages of clients.
//!
//! The library may have a message to give when the last handle is gone, on a thread that is just
//! ending. So it gets no pointer to the receiver but its number in a table, and a number that is no
//! longer there is a message dropped.

use std::collections::HashMap;
use std::ffi::{c_char, c_void};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use vasto_sys::{VASTO_LOG_DEBUG, VASTO_LOG_ERROR, VASTO_LOG_INFO, VASTO_LOG_WARNING};

use crate::library::text;

/// How much a log message matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum LogLevel {
    /// For developers.
    Debug,
    /// What happens.
    Info,
    /// What may need a look.
    Warning,
    /// What failed.
    Error,
}

impl LogLevel {
    pub(crate) fn number(self) -> i32 {
        match self {
            LogLevel::Debug => VASTO_LOG_DEBUG,
            LogLevel::Info => VASTO_LOG_INFO,
            LogLevel::Warning => VASTO_LOG_WARNING,
            LogLevel::Error => VASTO_LOG_ERROR,
        }
    }

    fn from_number(number: i32) -> LogLevel {
        match number {
            i32::MIN..=VASTO_LOG_DEBUG => LogLevel::Debug,
            VASTO_LOG_INFO => LogLevel::Info,
            VASTO_LOG_WARNING => LogLevel::Warning,
            _ => LogLevel::Error,
        }
    }
}

type Receiver = dyn Fn(LogLevel, &str) + Send + Sync;

#[derive(Default)]
struct Table {
    last: usize,
    receivers: HashMap<usize, Arc<Receiver>>,
}

fn table() -> MutexGuard<'static, Table> {
    static TABLE: OnceLock<Mutex<Table>> = OnceLock::new();
    TABLE
        .get_or_init(Mutex::default)
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
}

/// The place of a receiver in the table, which it leaves when this goes.
pub(crate) struct Sink {
    number: usize,
}

impl Sink {
    pub(crate) const CALLBACK: unsafe extern "C" fn(*mut c_void, i32, *const c_char) = deliver;

    pub(crate) fn register(receiver: Box<Receiver>) -> Arc<Sink> {
        let mut table = table();
        table.last += 1;
        let number = table.last;
        table.receivers.insert(number, receiver.into());
        Arc::new(Sink { number })
    }

    pub(crate) fn user_data(&self) -> *mut c_void {
        self.number as *mut c_void
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        let receiver = table().receivers.remove(&self.number);
        // Behind the lock: dropping it may run code of the user.
        drop(receiver);
    }
}

unsafe extern "C" fn deliver(user_data: *mut c_void, level: i32, message: *const c_char) {
    let Some(receiver) = table().receivers.get(&(user_data as usize)).cloned() else {
        return;
    };
    // SAFETY: the message is a text, borrowed for the call.
    let message = unsafe { text(message) };
    // Nothing may unwind into the library.
    let call = move || receiver(LogLevel::from_number(level), &message);
    let _ = catch_unwind(AssertUnwindSafe(call));
}
