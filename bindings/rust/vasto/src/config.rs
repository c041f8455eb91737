// SPDX-License-Identifier: Apache-2.0
//! What a client is opened with.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use vasto_sys::{vasto_config_t, Api, VASTO_NOT_FOUND};

use crate::error::{c_text, call, call_or, Error, Result};
use crate::handle::Handle;
use crate::library::{text, Library};
use crate::log::{LogLevel, Sink};

/// What a [`Client`](crate::Client) is opened with: names and values, as texts.
///
/// | name | default | |
/// |---|---|---|
/// | `masters` | | `host:port[,host:port...]`; must be set |
/// | `timeout_ms` | 10000 | the deadline of an operation whose options give none |
/// | `connect_timeout_ms` | 5000 | how long the open may take |
/// | `connections_per_store` | 0 | connections to each store; 0 chooses by the machine |
/// | `io_threads` | 0 | threads for the network; 0 chooses by the machine |
/// | `unix_sockets` | true | prefer a store's unix socket when it is on this machine |
pub struct Config {
    handle: Handle<vasto_config_t>,
    api: &'static Api,
    pub(crate) log: Option<Arc<Sink>>,
}

// SAFETY: the header's class "setup": one thread at a time while it is changed.
unsafe impl Send for Config {}

impl Config {
    /// A configuration with default values, of the library that [`Library::load`] finds.
    ///
    /// # Errors
    /// As [`Library::load`].
    pub fn new() -> Result<Config> {
        Config::with_library(Library::load()?)
    }

    /// The same of a library that was loaded by hand.
    ///
    /// # Errors
    /// [`Code::NoSpace`](crate::Code::NoSpace): out of memory.
    pub fn with_library(library: Library) -> Result<Config> {
        let api = library.api;
        let handle = Handle::create(api, api.vasto_config_destroy, |out, error| {
            // SAFETY: two good pointers.
            unsafe { (api.vasto_config_create)(out, error) }
        })?;
        Ok(Config {
            handle,
            api,
            log: None,
        })
    }

    /// Sets the value of a name.
    ///
    /// # Errors
    /// [`Code::NotFound`](crate::Code::NotFound): no such name;
    /// [`Code::InvalidArgument`](crate::Code::InvalidArgument): no such value.
    pub fn set(&mut self, name: &str, value: impl ToString) -> Result<&mut Config> {
        let name = c_text("the name", name)?;
        let value = c_text("the value", &value.to_string())?;
        call(self.api, |error| {
            // SAFETY: the handle lives as long as `self`, and both texts until the call returns.
            unsafe {
                (self.api.vasto_config_set)(self.handle.get(), name.as_ptr(), value.as_ptr(), error)
            }
        })?;
        Ok(self)
    }

    /// Sets several names.
    ///
    /// # Errors
    /// As [`Config::set`], at the first pair that fails.
    pub fn set_all<N: AsRef<str>, V: ToString>(
        &mut self,
        pairs: impl IntoIterator<Item = (N, V)>,
    ) -> Result<&mut Config> {
        for (name, value) in pairs {
            self.set(name.as_ref(), value)?;
        }
        Ok(self)
    }

    /// The value of a name.
    ///
    /// # Errors
    /// [`Code::NotFound`](crate::Code::NotFound): no such name.
    pub fn get(&self, name: &str) -> Result<String> {
        let c_name = c_text("the name", name)?;
        let mut value = std::ptr::null();
        let known = call_or(self.api, VASTO_NOT_FOUND, |error| {
            // SAFETY: as in `set`.
            unsafe {
                (self.api.vasto_config_get)(self.handle.get(), c_name.as_ptr(), &mut value, error)
            }
        })?;
        if !known {
            return Err(Error::of_code(self.api, VASTO_NOT_FOUND));
        }
        // SAFETY: the text is the configuration's until its next change, which needs `&mut self`.
        Ok(unsafe { text(value) })
    }

    /// Sets every `name = value` line of a text file; all lines or, on failure, none.
    ///
    /// # Errors
    /// [`Code::IoError`](crate::Code::IoError): unreadable; otherwise as [`Config::set`].
    pub fn load_file(&mut self, path: impl AsRef<Path>) -> Result<&mut Config> {
        let path = path
            .as_ref()
            .to_str()
            .ok_or_else(|| Error::invalid("the path is not UTF-8"))?;
        let path = c_text("the path", path)?;
        call(self.api, |error| {
            // SAFETY: as in `set`.
            unsafe { (self.api.vasto_config_load_file)(self.handle.get(), path.as_ptr(), error) }
        })?;
        Ok(self)
    }

    /// Has `receive` called with every message of at least `level` of the clients opened with this
    /// configuration, one line each. It is called on threads of the library, several at once, and
    /// must return soon; calls of this crate that wait give
    /// [`Code::WrongThread`](crate::Code::WrongThread) in it. When it panics, the message is lost and
    /// nothing else. It is dropped with the last client and whatever was made from it.
    pub fn on_log(
        &mut self,
        level: LogLevel,
        receive: impl Fn(LogLevel, &str) + Send + Sync + 'static,
    ) -> &mut Config {
        let sink = Sink::register(Box::new(receive));
        // SAFETY: the handle lives as long as `self`; the user data is a number that the callback
        // looks up, and any number is good.
        unsafe {
            (self.api.vasto_config_set_log_callback)(
                self.handle.get(),
                Some(Sink::CALLBACK),
                sink.user_data(),
                level.number(),
            );
        }
        self.log = Some(sink);
        self
    }

    pub(crate) fn api(&self) -> &'static Api {
        self.api
    }

    pub(crate) fn raw(&self) -> *const vasto_config_t {
        self.handle.get()
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = Library { api: self.api }.config_keys();
        f.debug_map()
            .entries(keys.iter().map(|key| (key, self.get(key).ok())))
            .finish()
    }
}
