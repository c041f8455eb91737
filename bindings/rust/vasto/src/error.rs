// SPDX-License-Identifier: Apache-2.0
//! The one error type, and how results of the library become results of Rust.

use std::ffi::CString;
use std::fmt;
use std::ptr;

use vasto_sys::{vasto_error_t, vasto_status_t, Api, LoadError, VASTO_OK};

use crate::library::text;

/// `Result` with [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $constant:ident,)*) => {
        /// What kind of failure an [`Error`] is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Code {
            $($(#[$doc])* $name,)*
        }

        impl Code {
            /// The code of this number; [`Code::Internal`] for numbers that this crate does not know.
            pub fn from_number(number: i32) -> Code {
                match number {
                    $(vasto_sys::$constant => Code::$name,)*
                    _ => Code::Internal,
                }
            }

            /// Its number in `vasto.h`.
            pub fn number(self) -> i32 {
                match self {
                    $(Code::$name => vasto_sys::$constant,)*
                }
            }

            /// Its name in `vasto.h` without the prefix, as in `"NOT_FOUND"`.
            pub fn name(self) -> &'static str {
                match self {
                    $(Code::$name => &stringify!($constant)["VASTO_".len()..],)*
                }
            }
        }
    };
}

codes! {
    /// No such keyspace, entry or configuration name; of a touch: no such key.
    NotFound = VASTO_NOT_FOUND,
    /// The scan has no more rows. Scans say so with `None` instead.
    End = VASTO_END,
    /// The call can never succeed as it was made.
    InvalidArgument = VASTO_INVALID_ARGUMENT,
    /// The deadline passed; see [`Error::is_in_doubt`] for writes.
    Timeout = VASTO_TIMEOUT,
    /// No master, or not enough replicas, could be reached.
    Unavailable = VASTO_UNAVAILABLE,
    /// Overloaded, or the object is in use: try again later.
    Busy = VASTO_BUSY,
    /// A newer value is stored, or the version did not match.
    StaleWrite = VASTO_STALE_WRITE,
    /// The keyspace is changing shape and could not serve this now.
    Resizing = VASTO_RESIZING,
    /// Key, value, batch or name over its limit.
    TooLarge = VASTO_TOO_LARGE,
    /// The caller's buffer is too small.
    BufferTooSmall = VASTO_BUFFER_TOO_SMALL,
    /// Stored or received bytes fail their checksum.
    Corruption = VASTO_CORRUPTION,
    /// A disk or network operation failed for good.
    IoError = VASTO_IO_ERROR,
    /// Out of disk (at a store) or of memory (here).
    NoSpace = VASTO_NO_SPACE,
    /// The server, or the library, cannot do that; also: the library is missing or too old.
    NotSupported = VASTO_NOT_SUPPORTED,
    /// The key (put if absent) or the keyspace exists.
    AlreadyExists = VASTO_ALREADY_EXISTS,
    /// Cancelled by the caller.
    Cancelled = VASTO_CANCELLED,
    /// The client is closed.
    Closed = VASTO_CLOSED,
    /// A call that may wait was made inside a callback of the library.
    WrongThread = VASTO_WRONG_THREAD,
    /// The handle belongs to the parent process.
    Forked = VASTO_FORKED,
    /// The server refused the caller.
    Permission = VASTO_PERMISSION,
    /// No server remembers what came after the watch's token.
    TooOld = VASTO_TOO_OLD,
    /// A defect, or a code younger than this crate.
    Internal = VASTO_INTERNAL,
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a call failed.
#[derive(Clone, Debug)]
pub struct Error(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    number: i32,
    message: String,
    origin: String,
    retryable: bool,
    in_doubt: bool,
    source: Option<LoadError>,
}

impl Error {
    /// What kind of failure it is.
    pub fn code(&self) -> Code {
        Code::from_number(self.0.number)
    }

    /// The number of the code, which tells codes apart that are [`Code::Internal`] here.
    pub fn number(&self) -> i32 {
        self.0.number
    }

    /// What happened, one line for people. The wording is no part of the interface.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Where the error arose: `"client"`, or the address of the server that answered with it, as in
    /// `"10.0.0.7:8279"`; `""` if unknown, as when one key or entry was refused.
    pub fn origin(&self) -> &str {
        &self.0.origin
    }

    /// Whether the same call may succeed if it is made again later. The library has itself retried
    /// until the deadline already.
    pub fn is_retryable(&self) -> bool {
        self.0.retryable
    }

    /// Whether a failed write may nevertheless have happened, or may still happen. A put with an
    /// explicit event time may be repeated safely. Always false for reads.
    pub fn is_in_doubt(&self) -> bool {
        self.0.in_doubt
    }

    /// An error of this crate's own checks.
    pub(crate) fn client(code: Code, message: impl Into<String>) -> Error {
        Error(Box::new(Inner {
            number: code.number(),
            message: message.into(),
            origin: "client".to_owned(),
            retryable: false,
            in_doubt: false,
            source: None,
        }))
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Error {
        Error::client(Code::InvalidArgument, message)
    }

    /// The error of a code without an error object: of one key of many.
    pub(crate) fn of_code(api: &Api, number: vasto_status_t) -> Error {
        // SAFETY: functions of a number; the text is valid for ever.
        let (message, retryable) = unsafe {
            (
                text((api.vasto_status_name)(number)),
                (api.vasto_status_is_retryable)(number),
            )
        };
        Error(Box::new(Inner {
            number,
            message,
            origin: String::new(),
            retryable,
            in_doubt: false,
            source: None,
        }))
    }

    /// Takes over the error object of a failed call.
    ///
    /// # Safety
    /// `error` is null or an error that the caller owns.
    unsafe fn take(api: &Api, number: vasto_status_t, error: *mut vasto_error_t) -> Error {
        if error.is_null() {
            return Error::of_code(api, number);
        }
        // SAFETY: the error lives until its destroy, and is not used behind it.
        unsafe {
            let taken = Error(Box::new(Inner {
                number,
                message: text((api.vasto_error_message)(error)),
                origin: text((api.vasto_error_origin)(error)),
                retryable: (api.vasto_error_is_retryable)(error),
                in_doubt: (api.vasto_error_is_in_doubt)(error),
                source: None,
            }));
            (api.vasto_error_destroy)(error);
            taken
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code() {
            Code::Internal => write!(f, "INTERNAL ({})", self.0.number)?,
            code => f.write_str(code.name())?,
        }
        // An error without an error object has nothing else to say.
        if self.0.message != self.code().name() {
            write!(f, ": {}", self.0.message)?;
        }
        match self.0.origin.as_str() {
            "" | "client" => Ok(()),
            // The library's text usually says it.
            origin if self.0.message.contains(origin) => Ok(()),
            origin => write!(f, " (from {origin})"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_ref().map(|source| source as _)
    }
}

impl From<LoadError> for Error {
    fn from(error: LoadError) -> Error {
        let mut made = Error::client(Code::NotSupported, error.to_string());
        made.0.source = Some(error);
        made
    }
}

/// Makes a call that has only OK as a good answer.
pub(crate) fn call(
    api: &Api,
    function: impl FnOnce(*mut *mut vasto_error_t) -> vasto_status_t,
) -> Result<()> {
    let mut error = ptr::null_mut();
    match function(&mut error) {
        VASTO_OK => Ok(()),
        // SAFETY: a call that failed leaves its error, if any, to the caller.
        number => Err(unsafe { Error::take(api, number, error) }),
    }
}

/// Makes a call that also has `plain`, without an error object, as an answer: true for OK, false for
/// `plain`.
pub(crate) fn call_or(
    api: &Api,
    plain: vasto_status_t,
    function: impl FnOnce(*mut *mut vasto_error_t) -> vasto_status_t,
) -> Result<bool> {
    let mut error = ptr::null_mut();
    match function(&mut error) {
        VASTO_OK => Ok(true),
        number if number == plain && error.is_null() => Ok(false),
        // SAFETY: as in `call`.
        number => Err(unsafe { Error::take(api, number, error) }),
    }
}

/// A text argument.
pub(crate) fn c_text(what: &str, value: &str) -> Result<CString> {
    CString::new(value).map_err(|_| Error::invalid(format!("{what} has a NUL in it")))
}
