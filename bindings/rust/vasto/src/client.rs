// SPDX-License-Identifier: Apache-2.0
//! The connection to a cluster.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use vasto_sys::{vasto_client_t, Api};

use crate::admin::Admin;
use crate::awaited::Awaited;
use crate::config::Config;
use crate::error::{call, Result};
use crate::handle::{wait_ms, Handle};
use crate::keyspace::Keyspace;
use crate::library::Library;
use crate::log::Sink;
use crate::offload::{offload, Opening};

/// A connection to a cluster. Clones are the same connection, for any number of threads at once. It
/// closes with [`close`](Client::close), or when the last clone and everything made from it are gone.
#[derive(Clone)]
pub struct Client(Arc<Shared>);

struct Shared {
    handle: Handle<vasto_client_t>,
    api: &'static Api,
    awaited: OnceLock<Awaited>,
    /// Behind the handle, which has messages to the last.
    _log: Option<Arc<Sink>>,
}

// SAFETY: the header's class "any": any number of threads at once.
unsafe impl Send for Shared {}
unsafe impl Sync for Shared {}

impl Client {
    /// Connects to the cluster of these masters, `host:port[,host:port...]`, with the library that
    /// [`Library::load`] finds.
    ///
    /// # Errors
    /// As [`Library::load`], [`Config::set`] and [`Client::open`].
    pub fn connect(masters: &str) -> Result<Client> {
        Client::open(Config::new()?.set("masters", masters)?)
    }

    /// Connects as the configuration says, which is copied. Waits for up to its
    /// `connect_timeout_ms`.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`](crate::Code::InvalidArgument): no masters;
    /// [`Code::Unavailable`](crate::Code::Unavailable): no master answered.
    pub fn open(config: &Config) -> Result<Client> {
        let api = config.api();
        let handle = Handle::create(api, api.vasto_client_destroy, |out, error| {
            // SAFETY: the configuration lives during the call, and the pointers are good.
            unsafe { (api.vasto_client_open)(config.raw(), out, error) }
        })?;
        Ok(Client(Arc::new(Shared {
            handle,
            api,
            awaited: OnceLock::new(),
            _log: config.log.clone(),
        })))
    }

    /// [`Client::open`] on a thread of its own, which lives until it is done.
    pub fn open_async(config: Config) -> Opening<Client> {
        offload(move || Client::open(&config))
    }

    /// Opens the keyspace of this name, which must exist. It stands for the keyspace that has the
    /// name now: should it be deleted, and even created again, calls are
    /// [`Code::NotFound`](crate::Code::NotFound) and a new open finds the new one. Usually does not
    /// wait for the network.
    ///
    /// # Errors
    /// [`Code::NotFound`](crate::Code::NotFound), and those of the network.
    pub fn keyspace(&self, name: &str) -> Result<Keyspace> {
        Keyspace::open(self, name)
    }

    /// [`Client::keyspace`] on a thread of its own, which lives until it is done.
    pub fn keyspace_async(&self, name: &str) -> Opening<Keyspace> {
        let (client, name) = (self.clone(), name.to_owned());
        offload(move || client.keyspace(&name))
    }

    /// Keyspaces and the cluster; needs a master.
    pub fn admin(&self) -> Admin {
        Admin::new(self)
    }

    /// Closes for all clones: refuses new operations with [`Code::Closed`](crate::Code::Closed), lets
    /// running ones finish for up to `timeout` (`None`: without limit), then ends the rest with
    /// `Closed`. Values and rows already in hand stay good. A second close does nothing.
    ///
    /// # Errors
    /// [`Code::WrongThread`](crate::Code::WrongThread) inside a callback of the library; nothing was
    /// closed.
    pub fn close(&self, timeout: Option<Duration>) -> Result<()> {
        call(self.api(), |error| {
            // SAFETY: the handle lives as long as `self`.
            unsafe { (self.api().vasto_client_close)(self.raw(), wait_ms(timeout), error) }
        })
    }

    /// The library that the client uses.
    pub fn library(&self) -> Library {
        Library { api: self.api() }
    }

    /// The operations that tasks wait for; made when the first does.
    pub(crate) fn awaited(&self) -> Result<&Awaited> {
        if let Some(awaited) = self.0.awaited.get() {
            return Ok(awaited);
        }
        // Two may do so at once; what one of them made goes again.
        let made = Awaited::new(self.api())?;
        Ok(self.0.awaited.get_or_init(|| made))
    }

    pub(crate) fn api(&self) -> &'static Api {
        self.0.api
    }

    pub(crate) fn raw(&self) -> *mut vasto_client_t {
        self.0.handle.get()
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("library", &self.library())
            .finish()
    }
}
