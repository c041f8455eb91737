// SPDX-License-Identifier: Apache-2.0
//! Keyspaces and the cluster.

use std::ffi::CString;
use std::fmt;
use std::ptr;
use std::time::Duration;

use serde_json::Value as Json;
use vasto_sys as sys;
use vasto_sys::{vasto_admin_op_t, vasto_error_t, vasto_status_t, Api};

use crate::client::Client;
use crate::error::{c_text, call, call_or, Code, Error, Result};
use crate::handle::{wait_ms, Handle};
use crate::keyspace::own_value;
use crate::library::text;
use crate::options::{pointer, Acks, ReadOptions};

/// When a write to a keyspace reaches the disk of a replica.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SyncMode {
    /// When the operating system writes it back.
    #[default]
    None,
    /// Within about a second.
    Interval,
    /// Before it is acknowledged.
    Always,
}

/// The shape of a new keyspace. The default is 1 shard, 1 replica, acks one, sync none, no ttl, any
/// store.
#[derive(Clone, Debug)]
#[must_use]
pub struct KeyspaceOptions {
    shards: u32,
    replicas: u32,
    acks: Acks,
    sync: SyncMode,
    ttl_seconds: u64,
    tags: String,
}

impl Default for KeyspaceOptions {
    fn default() -> KeyspaceOptions {
        KeyspaceOptions {
            shards: 1,
            replicas: 1,
            acks: Acks::One,
            sync: SyncMode::None,
            ttl_seconds: 0,
            tags: String::new(),
        }
    }
}

impl KeyspaceOptions {
    /// The defaults.
    pub fn new() -> KeyspaceOptions {
        KeyspaceOptions::default()
    }

    /// The number of shards, 1 to 4096.
    pub fn shards(mut self, shards: u32) -> KeyspaceOptions {
        self.shards = shards;
        self
    }

    /// The number of copies of each shard, at most the number of stores.
    pub fn replicas(mut self, replicas: u32) -> KeyspaceOptions {
        self.replicas = replicas;
        self
    }

    /// When a write is acknowledged.
    pub fn acks(mut self, acks: Acks) -> KeyspaceOptions {
        self.acks = acks;
        self
    }

    /// When a write is on the disk.
    pub fn sync(mut self, sync: SyncMode) -> KeyspaceOptions {
        self.sync = sync;
        self
    }

    /// When a value expires whose write does not say; 0: never.
    pub fn ttl_seconds(mut self, seconds: u64) -> KeyspaceOptions {
        self.ttl_seconds = seconds;
        self
    }

    /// Only stores with all these tags, as in `"ssd,fast"`, get replicas; `""`: any store.
    pub fn tags(mut self, tags: impl Into<String>) -> KeyspaceOptions {
        self.tags = tags.into();
        self
    }

    fn raw(&self, api: &'static Api) -> Result<Handle<sys::vasto_keyspace_options_t>> {
        let tags = c_text("the tags", &self.tags)?;
        let handle = Handle::create(api, api.vasto_keyspace_options_destroy, |out, error| {
            // SAFETY: two good pointers.
            unsafe { (api.vasto_keyspace_options_create)(out, error) }
        })?;
        let options = handle.get();
        let sync = match self.sync {
            SyncMode::None => sys::VASTO_SYNC_NONE,
            SyncMode::Interval => sys::VASTO_SYNC_INTERVAL,
            SyncMode::Always => sys::VASTO_SYNC_ALWAYS,
        };
        // SAFETY: the handle is good; the tags are copied.
        unsafe {
            (api.vasto_keyspace_options_set_shards)(options, self.shards);
            (api.vasto_keyspace_options_set_replicas)(options, self.replicas);
            (api.vasto_keyspace_options_set_acks)(options, self.acks.number());
            (api.vasto_keyspace_options_set_sync)(options, sync);
            (api.vasto_keyspace_options_set_ttl_seconds)(options, self.ttl_seconds);
            (api.vasto_keyspace_options_set_tags)(options, tags.as_ptr());
        }
        Ok(handle)
    }
}

/// What [`Admin::describe`] tells about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Describe<'a> {
    /// The cluster: master, stores, keyspaces, health.
    Status,
    /// Every store: id, addresses, state, disk, shards.
    Stores,
    /// Every keyspace, in short.
    Keyspaces,
    /// One keyspace with its shards and replicas.
    Keyspace(&'a str),
    /// How full the cluster is, or what one keyspace uses.
    Usage(Option<&'a str>),
}

/// How full the cluster is, or what one keyspace may use and uses; some seconds old.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Usage {
    /// Bytes of disk in all.
    pub capacity_bytes: u64,
    /// Free bytes.
    pub free_bytes: u64,
    /// Bytes of data, replicas counted once each.
    pub used_bytes: u64,
    /// The estimated number of keys, replicas not counted.
    pub keys: u64,
}

/// How far an operation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Steps that are done.
    pub done: u64,
    /// Steps in all; 0: not known yet.
    pub total: u64,
    /// Whether the operation is over.
    pub finished: bool,
}

/// Administrative operations of a client. All wait for a master.
#[derive(Clone)]
pub struct Admin(Client);

impl Admin {
    pub(crate) fn new(client: &Client) -> Admin {
        Admin(client.clone())
    }

    /// Starts to create a keyspace. When the operation is over every open finds it.
    ///
    /// # Errors
    /// [`Code::AlreadyExists`]; [`Code::InvalidArgument`]: no possible name or shape, or more replicas
    /// than stores; [`Code::Unavailable`].
    pub fn create_keyspace(&self, name: &str, options: &KeyspaceOptions) -> Result<AdminOperation> {
        let api = self.0.api();
        let options = options.raw(api)?;
        self.start(name, |name, out, error| {
            // SAFETY: all pointers are good for the call; so below.
            unsafe {
                (api.vasto_admin_create_keyspace)(
                    self.0.raw(),
                    name.as_ptr(),
                    options.get(),
                    out,
                    error,
                )
            }
        })
    }

    /// Starts to delete a keyspace with all its data, for ever.
    ///
    /// # Errors
    /// [`Code::NotFound`].
    pub fn delete_keyspace(&self, name: &str) -> Result<AdminOperation> {
        self.start(name, |name, out, error| {
            let api = self.0.api();
            // SAFETY: as above.
            unsafe { (api.vasto_admin_delete_keyspace)(self.0.raw(), name.as_ptr(), out, error) }
        })
    }

    /// Starts to compact every replica of a keyspace: drops what is deleted or expired from the disk.
    ///
    /// # Errors
    /// [`Code::NotFound`].
    pub fn compact_keyspace(&self, name: &str) -> Result<AdminOperation> {
        self.start(name, |name, out, error| {
            let api = self.0.api();
            // SAFETY: as above.
            unsafe { (api.vasto_admin_compact_keyspace)(self.0.raw(), name.as_ptr(), out, error) }
        })
    }

    /// Describes the cluster or a keyspace, as the JSON object that `vasto.h` lays down: with
    /// `"schema": 1` and names that stay; more may come. `timeout`, if given, replaces the client's.
    ///
    /// # Errors
    /// [`Code::NotFound`]: no such keyspace.
    pub fn describe(&self, what: Describe<'_>, timeout: Option<Duration>) -> Result<Json> {
        let (what, name) = match what {
            Describe::Status => (sys::VASTO_DESCRIBE_STATUS, None),
            Describe::Stores => (sys::VASTO_DESCRIBE_STORES, None),
            Describe::Keyspaces => (sys::VASTO_DESCRIBE_KEYSPACES, None),
            Describe::Keyspace(name) => (sys::VASTO_DESCRIBE_KEYSPACE, Some(name)),
            Describe::Usage(name) => (sys::VASTO_DESCRIBE_USAGE, name),
        };
        let api = self.0.api();
        let name = optional_text(name)?;
        let options = self.options(timeout)?;
        let mut value = ptr::null_mut();
        call(api, |error| {
            // SAFETY: as above.
            unsafe {
                (api.vasto_admin_describe)(
                    self.0.raw(),
                    what,
                    text_pointer(&name),
                    pointer(&options),
                    &mut value,
                    error,
                )
            }
        })?;
        let bad = |why: String| Error::client(Code::Internal, format!("a bad description: {why}"));
        let value = own_value(api, value).ok_or_else(|| bad("none".to_owned()))?;
        serde_json::from_slice(&value).map_err(|error| bad(error.to_string()))
    }

    /// How full the cluster is (`name` `None`), or what one keyspace may use and uses. `timeout`, if
    /// given, replaces the client's.
    ///
    /// # Errors
    /// [`Code::NotFound`]: no such keyspace.
    pub fn usage(&self, name: Option<&str>, timeout: Option<Duration>) -> Result<Usage> {
        let api = self.0.api();
        let name = optional_text(name)?;
        let options = self.options(timeout)?;
        let mut usage = Usage {
            capacity_bytes: 0,
            free_bytes: 0,
            used_bytes: 0,
            keys: 0,
        };
        call(api, |error| {
            // SAFETY: as above.
            unsafe {
                (api.vasto_admin_usage)(
                    self.0.raw(),
                    text_pointer(&name),
                    pointer(&options),
                    &mut usage.capacity_bytes,
                    &mut usage.free_bytes,
                    &mut usage.used_bytes,
                    &mut usage.keys,
                    error,
                )
            }
        })?;
        Ok(usage)
    }

    fn options(
        &self,
        timeout: Option<Duration>,
    ) -> Result<Option<Handle<sys::vasto_read_options_t>>> {
        timeout
            .map(|timeout| ReadOptions::new().timeout(timeout).raw(self.0.api()))
            .transpose()
    }

    fn start(
        &self,
        name: &str,
        start: impl FnOnce(
            &CString,
            *mut *mut vasto_admin_op_t,
            *mut *mut vasto_error_t,
        ) -> vasto_status_t,
    ) -> Result<AdminOperation> {
        let api = self.0.api();
        let name = c_text("the name", name)?;
        let handle = Handle::create(api, api.vasto_admin_op_destroy, |out, error| {
            start(&name, out, error)
        })?;
        Ok(AdminOperation {
            handle,
            client: self.0.clone(),
        })
    }
}

impl fmt::Debug for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Admin").field(&self.0).finish()
    }
}

fn optional_text(name: Option<&str>) -> Result<Option<CString>> {
    name.map(|name| c_text("the name", name)).transpose()
}

fn text_pointer(text: &Option<CString>) -> *const std::ffi::c_char {
    text.as_ref().map_or(ptr::null(), |text| text.as_ptr())
}

/// An administrative operation that a master has accepted. Dropping it ends the handle; the operation
/// itself goes on in the cluster.
pub struct AdminOperation {
    handle: Handle<vasto_admin_op_t>,
    /// Keeps the client open; behind the handle, which goes first.
    client: Client,
}

// SAFETY: the header's class "shared": any number of threads.
unsafe impl Send for AdminOperation {}
unsafe impl Sync for AdminOperation {}

impl AdminOperation {
    /// The number of the operation as text, to show to people.
    pub fn id(&self) -> String {
        // SAFETY: the text is the operation's until it goes.
        unsafe { text((self.client.api().vasto_admin_op_id)(self.handle.get())) }
    }

    /// How far the operation is. Asks a master, unless it is known to be over.
    ///
    /// # Errors
    /// Those of the operation, when it is over.
    pub fn progress(&self) -> Result<Progress> {
        let api = self.client.api();
        let mut progress = Progress {
            done: 0,
            total: 0,
            finished: false,
        };
        progress.finished = call_or(api, sys::VASTO_BUSY, |error| {
            let (done, total) = (&mut progress.done, &mut progress.total);
            // SAFETY: all pointers are good for the call.
            unsafe { (api.vasto_admin_op_progress)(self.handle.get(), done, total, error) }
        })?;
        Ok(progress)
    }

    /// Waits for up to `timeout` (`None`: without limit) for the end of the operation; false: it is
    /// still running.
    ///
    /// # Errors
    /// Those of the operation.
    pub fn wait(&self, timeout: Option<Duration>) -> Result<bool> {
        let api = self.client.api();
        call_or(api, sys::VASTO_TIMEOUT, |error| {
            // SAFETY: all pointers are good for the call.
            unsafe { (api.vasto_admin_op_wait)(self.handle.get(), wait_ms(timeout), error) }
        })
    }
}

impl fmt::Debug for AdminOperation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdminOperation")
            .field("id", &self.id())
            .finish()
    }
}
