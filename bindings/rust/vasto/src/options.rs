// SPDX-License-Identifier: Apache-2.0
//! Options of reads, writes, scans and watches. They are plain data, set by chained calls, and become
//! options of the library when an operation starts.

use std::time::Duration;

use vasto_sys as sys;
use vasto_sys::Api;

use crate::error::Result;
use crate::handle::{option_ms, Handle};
use crate::session::Session;

/// Which replica may answer a read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Replica {
    /// The first that can be reached: fresh and monotonic.
    #[default]
    Primary,
    /// Any, the reads spread over all: may be behind the primary.
    Any,
    /// One on this host, else the quickest to reach: may be behind the primary.
    Nearest,
}

impl Replica {
    fn number(self) -> i32 {
        match self {
            Replica::Primary => sys::VASTO_REPLICA_PRIMARY,
            Replica::Any => sys::VASTO_REPLICA_ANY,
            Replica::Nearest => sys::VASTO_REPLICA_NEAREST,
        }
    }
}

/// When a write is acknowledged: how many replicas have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Acks {
    /// One replica.
    One,
    /// More than half of the replicas.
    Quorum,
    /// All replicas.
    All,
}

impl Acks {
    pub(crate) fn number(self) -> i32 {
        match self {
            Acks::One => sys::VASTO_ACKS_ONE,
            Acks::Quorum => sys::VASTO_ACKS_QUORUM,
            Acks::All => sys::VASTO_ACKS_ALL,
        }
    }
}

/// Options of reads. The defaults are those of the client.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct ReadOptions {
    timeout_ms: u64,
    replica: Replica,
    max_staleness_ms: u64,
    hedge: bool,
    session: Option<Session>,
}

impl ReadOptions {
    /// The defaults.
    pub fn new() -> ReadOptions {
        ReadOptions::default()
    }

    /// The deadline of the operation, from its start, retries included.
    pub fn timeout(mut self, timeout: Duration) -> ReadOptions {
        self.timeout_ms = option_ms(timeout);
        self
    }

    /// Who may answer.
    pub fn replica(mut self, replica: Replica) -> ReadOptions {
        self.replica = replica;
        self
    }

    /// With [`Replica::Any`] or [`Replica::Nearest`]: a replica answers only if it knows that it
    /// lacks nothing that the replicas before it had so long ago. Below about 150 ms a replica that
    /// gets no writes often does not know.
    pub fn max_staleness(mut self, staleness: Duration) -> ReadOptions {
        self.max_staleness_ms = option_ms(staleness);
        self
    }

    /// With [`Replica::Any`] or [`Replica::Nearest`]: ask a second replica when the first one is
    /// slower than usual.
    pub fn hedge(mut self, hedge: bool) -> ReadOptions {
        self.hedge = hedge;
        self
    }

    /// Reads belong to this session.
    pub fn session(mut self, session: &Session) -> ReadOptions {
        self.session = Some(session.clone());
        self
    }

    pub(crate) fn raw(&self, api: &'static Api) -> Result<Handle<sys::vasto_read_options_t>> {
        let session = Session::raw_of(self.session.as_ref(), api)?;
        let handle = Handle::create(api, api.vasto_read_options_destroy, |out, error| {
            // SAFETY: two good pointers.
            unsafe { (api.vasto_read_options_create)(out, error) }
        })?;
        let options = handle.get();
        // SAFETY: the handle is good, and so is the session, or null.
        unsafe {
            (api.vasto_read_options_set_timeout_ms)(options, self.timeout_ms);
            (api.vasto_read_options_set_replica)(options, self.replica.number());
            (api.vasto_read_options_set_max_staleness_ms)(options, self.max_staleness_ms);
            (api.vasto_read_options_set_hedge)(options, self.hedge);
            (api.vasto_read_options_set_session)(options, session);
        }
        Ok(handle)
    }
}

#[derive(Clone, Copy, Debug, Default)]
enum Condition {
    #[default]
    None,
    Absent,
    Version(u64),
}

#[derive(Clone, Copy, Debug, Default)]
enum Expiry {
    #[default]
    Keyspace,
    TtlSeconds(u64),
    AtNs(u64),
}

/// Options of writes. The defaults are those of the client and the keyspace. In the options of one
/// entry of a batch timeout, acks and session do not count.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct WriteOptions {
    timeout_ms: u64,
    expiry: Expiry,
    updated_at_ns: u64,
    value_type: u32,
    condition: Condition,
    acks: Option<Acks>,
    session: Option<Session>,
}

impl WriteOptions {
    /// The defaults.
    pub fn new() -> WriteOptions {
        WriteOptions::default()
    }

    /// The deadline of the operation, from its start, retries included.
    pub fn timeout(mut self, timeout: Duration) -> WriteOptions {
        self.timeout_ms = option_ms(timeout);
        self
    }

    /// The value expires this many seconds after the write; 0: what the keyspace says. Replaces an
    /// earlier [`expires_at_ns`](WriteOptions::expires_at_ns), and the other way round.
    pub fn ttl_seconds(mut self, seconds: u64) -> WriteOptions {
        self.expiry = Expiry::TtlSeconds(seconds);
        self
    }

    /// The value expires at this moment, in nanoseconds since 1970-01-01 UTC, kept in whole
    /// microseconds; `u64::MAX`: never, whatever the keyspace says; 0: what the keyspace says.
    pub fn expires_at_ns(mut self, at: u64) -> WriteOptions {
        self.expiry = Expiry::AtNs(at);
        self
    }

    /// The event time of the write, in nanoseconds since 1970-01-01 UTC; 0: the store takes its own.
    /// The last event time wins: an older write than what is stored changes nothing and fails with
    /// [`Code::StaleWrite`](crate::Code::StaleWrite).
    pub fn updated_at_ns(mut self, at: u64) -> WriteOptions {
        self.updated_at_ns = at;
        self
    }

    /// The label stored with the value: 0, the default, or 64 and above for the application's own.
    pub fn value_type(mut self, value_type: u32) -> WriteOptions {
        self.value_type = value_type;
        self
    }

    /// The write happens only if the key does not exist, else
    /// [`Code::AlreadyExists`](crate::Code::AlreadyExists). Replaces another condition.
    pub fn if_absent(mut self) -> WriteOptions {
        self.condition = Condition::Absent;
        self
    }

    /// The write happens only if the key exists with this version, else
    /// [`Code::StaleWrite`](crate::Code::StaleWrite). Version 0 stands for "does not exist" and then
    /// is [`if_absent`](WriteOptions::if_absent). Replaces another condition.
    pub fn if_version(mut self, version: u64) -> WriteOptions {
        self.condition = Condition::Version(version);
        self
    }

    /// How many replicas must have the write before it is acknowledged.
    pub fn acks(mut self, acks: Acks) -> WriteOptions {
        self.acks = Some(acks);
        self
    }

    /// Writes belong to this session.
    pub fn session(mut self, session: &Session) -> WriteOptions {
        self.session = Some(session.clone());
        self
    }

    pub(crate) fn raw(&self, api: &'static Api) -> Result<Handle<sys::vasto_write_options_t>> {
        let session = Session::raw_of(self.session.as_ref(), api)?;
        let handle = Handle::create(api, api.vasto_write_options_destroy, |out, error| {
            // SAFETY: two good pointers.
            unsafe { (api.vasto_write_options_create)(out, error) }
        })?;
        let options = handle.get();
        let acks = self.acks.map_or(sys::VASTO_ACKS_KEYSPACE, Acks::number);
        // SAFETY: the handle is good, and so is the session, or null.
        unsafe {
            (api.vasto_write_options_set_timeout_ms)(options, self.timeout_ms);
            (api.vasto_write_options_set_updated_at_ns)(options, self.updated_at_ns);
            (api.vasto_write_options_set_value_type)(options, self.value_type);
            (api.vasto_write_options_set_acks)(options, acks);
            (api.vasto_write_options_set_session)(options, session);
            match self.expiry {
                Expiry::Keyspace => {}
                Expiry::TtlSeconds(ttl) => (api.vasto_write_options_set_ttl_seconds)(options, ttl),
                Expiry::AtNs(at) => (api.vasto_write_options_set_expires_at_ns)(options, at),
            }
            match self.condition {
                Condition::None => {}
                Condition::Absent => (api.vasto_write_options_set_if_absent)(options),
                Condition::Version(v) => (api.vasto_write_options_set_if_version)(options, v),
            }
        }
        Ok(handle)
    }
}

/// Options of scans.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct ScanOptions {
    timeout_ms: u64,
    limit: u64,
    keys_only: bool,
    page_bytes: u64,
    replica: Replica,
    max_staleness_ms: u64,
    session: Option<Session>,
    resume_token: Vec<u8>,
}

impl ScanOptions {
    /// The defaults.
    pub fn new() -> ScanOptions {
        ScanOptions::default()
    }

    /// How long one step of the scan may wait. There is no limit on the whole scan.
    pub fn timeout(mut self, timeout: Duration) -> ScanOptions {
        self.timeout_ms = option_ms(timeout);
        self
    }

    /// The scan ends after this many rows; 0: no limit.
    pub fn limit(mut self, rows: u64) -> ScanOptions {
        self.limit = rows;
        self
    }

    /// Rows come without the bytes of their values; sizes and times are there.
    pub fn keys_only(mut self, keys_only: bool) -> ScanOptions {
        self.keys_only = keys_only;
        self
    }

    /// About how many bytes of rows one answer of a store holds; 0: 1 MiB.
    pub fn page_bytes(mut self, bytes: u64) -> ScanOptions {
        self.page_bytes = bytes;
        self
    }

    /// Who may answer, for all rows.
    pub fn replica(mut self, replica: Replica) -> ScanOptions {
        self.replica = replica;
        self
    }

    /// As [`ReadOptions::max_staleness`], for each page at the moment when it is read.
    pub fn max_staleness(mut self, staleness: Duration) -> ScanOptions {
        self.max_staleness_ms = option_ms(staleness);
        self
    }

    /// Each page is a read of this session when it is fetched.
    pub fn session(mut self, session: &Session) -> ScanOptions {
        self.session = Some(session.clone());
        self
    }

    /// The scan goes on where a scan of the same prefix or range gave this token, in any process and
    /// at any time later. An empty token is none.
    pub fn resume_token(mut self, token: impl Into<Vec<u8>>) -> ScanOptions {
        self.resume_token = token.into();
        self
    }

    pub(crate) fn raw(&self, api: &'static Api) -> Result<Handle<sys::vasto_scan_options_t>> {
        let session = Session::raw_of(self.session.as_ref(), api)?;
        let handle = Handle::create(api, api.vasto_scan_options_destroy, |out, error| {
            // SAFETY: two good pointers.
            unsafe { (api.vasto_scan_options_create)(out, error) }
        })?;
        let options = handle.get();
        let token = &self.resume_token;
        // SAFETY: the handle is good, and so is the session, or null; the token is copied.
        unsafe {
            (api.vasto_scan_options_set_timeout_ms)(options, self.timeout_ms);
            (api.vasto_scan_options_set_limit)(options, self.limit);
            (api.vasto_scan_options_set_keys_only)(options, self.keys_only);
            (api.vasto_scan_options_set_page_bytes)(options, self.page_bytes);
            (api.vasto_scan_options_set_replica)(options, self.replica.number());
            (api.vasto_scan_options_set_max_staleness_ms)(options, self.max_staleness_ms);
            (api.vasto_scan_options_set_session)(options, session);
            (api.vasto_scan_options_set_resume_token)(options, token.as_ptr().cast(), token.len());
        }
        Ok(handle)
    }
}

/// Options of watches.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct WatchOptions {
    timeout_ms: u64,
    resume_token: Vec<u8>,
}

impl WatchOptions {
    /// The defaults.
    pub fn new() -> WatchOptions {
        WatchOptions::default()
    }

    /// How long the open may wait.
    pub fn timeout(mut self, timeout: Duration) -> WatchOptions {
        self.timeout_ms = option_ms(timeout);
        self
    }

    /// The watch goes on behind the changes that were handed out when another gave this token, in
    /// any process, with the same prefix or another. An empty token is none.
    pub fn resume_token(mut self, token: impl Into<Vec<u8>>) -> WatchOptions {
        self.resume_token = token.into();
        self
    }

    pub(crate) fn raw(&self, api: &'static Api) -> Result<Handle<sys::vasto_watch_options_t>> {
        let handle = Handle::create(api, api.vasto_watch_options_destroy, |out, error| {
            // SAFETY: two good pointers.
            unsafe { (api.vasto_watch_options_create)(out, error) }
        })?;
        let token = &self.resume_token;
        // SAFETY: the handle is good; the token is copied.
        unsafe {
            (api.vasto_watch_options_set_timeout_ms)(handle.get(), self.timeout_ms);
            (api.vasto_watch_options_set_resume_token)(
                handle.get(),
                token.as_ptr().cast(),
                token.len(),
            );
        }
        Ok(handle)
    }
}

/// The options of a call that may have none: null then.
pub(crate) fn pointer<T>(options: &Option<Handle<T>>) -> *const T {
    options
        .as_ref()
        .map_or(std::ptr::null(), |options| options.get().cast_const())
}
