// SPDX-License-Identifier: Apache-2.0
//! Fields of steps: bytes, numbers and texts out of JSON, and options out of fields.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::Value as Json;
use vasto::{Acks, Merge, ReadOptions, Replica, ScanOptions, Session, WriteOptions};

/// What earlier steps of a vector left.
#[derive(Default)]
pub struct Saved {
    pub numbers: HashMap<String, u64>,
    pub tokens: HashMap<String, Vec<u8>>,
    pub sessions: HashMap<String, Session>,
}

pub const READ_OPTIONS: &[&str] = &[
    "replica",
    "max_staleness_ms",
    "hedge",
    "timeout_ms",
    "session",
    "save_version",
];
pub const WRITE_OPTIONS: &[&str] = &[
    "ttl_seconds",
    "expires_at_ns",
    "updated_at_ns",
    "value_type",
    "if_absent",
    "if_version",
    "acks",
    "timeout_ms",
    "session",
    "save_version",
];

/// Refuses fields that are in neither list.
pub fn only(step: &Json, fields: &[&str], options: &[&str]) -> Result<(), String> {
    let step = step.as_object().ok_or("no object")?;
    let known = |name: &String| {
        let name = name.as_str();
        name == "op" || name == "expect" || fields.contains(&name) || options.contains(&name)
    };
    match step.keys().find(|name| !known(name)) {
        Some(name) => Err(format!("unknown field {name}")),
        None => Ok(()),
    }
}

pub fn text<'j>(step: &'j Json, name: &str) -> Result<&'j str, String> {
    step.get(name)
        .and_then(Json::as_str)
        .ok_or_else(|| format!("no text {name}"))
}

/// Bytes: a string whose characters are the bytes, or one repeated.
pub fn bytes(value: &Json) -> Result<Vec<u8>, String> {
    if let Some(text) = value.as_str() {
        let byte = |c: char| u8::try_from(c).map_err(|_| format!("{c:?} is no byte"));
        return text.chars().map(byte).collect();
    }
    let unit = value
        .get("repeat")
        .ok_or_else(|| format!("{value} is not bytes"))?;
    let count = value
        .get("count")
        .and_then(Json::as_u64)
        .ok_or("no count")?;
    Ok(bytes(unit)?.repeat(count as usize))
}

pub fn bytes_of(step: &Json, name: &str) -> Result<Vec<u8>, String> {
    bytes(step.get(name).ok_or_else(|| format!("no bytes {name}"))?)
}

/// A key that owns its bytes.
pub struct OwnedKey {
    bytes: Vec<u8>,
    partition_hash: Option<u64>,
}

impl OwnedKey {
    pub fn parse(value: &Json, saved: &Saved) -> Result<OwnedKey, String> {
        match value.get("partition") {
            Some(hash) => Ok(OwnedKey {
                bytes: bytes_of(value, "key")?,
                partition_hash: Some(number(hash, saved)?),
            }),
            None => Ok(OwnedKey {
                bytes: bytes(value)?,
                partition_hash: None,
            }),
        }
    }

    pub fn of(step: &Json, saved: &Saved) -> Result<OwnedKey, String> {
        OwnedKey::parse(step.get("key").ok_or("no key")?, saved)
    }

    pub fn get(&self) -> vasto::Key<'_> {
        let key = vasto::Key::new(&self.bytes);
        self.partition_hash
            .map_or(key, |hash| key.with_partition_hash(hash))
    }
}

/// A number, as one, as digits, or as what was saved under a name.
pub fn number(value: &Json, saved: &Saved) -> Result<u64, String> {
    let bad = || format!("{value} is no number");
    match value.as_str() {
        Some(text) => match text.strip_prefix('$') {
            Some(name) => saved.numbers.get(name).copied().ok_or_else(bad),
            None => text.parse().map_err(|_| bad()),
        },
        None => value.as_u64().ok_or_else(bad),
    }
}

pub fn optional_number(step: &Json, name: &str, saved: &Saved) -> Result<Option<u64>, String> {
    step.get(name).map(|value| number(value, saved)).transpose()
}

pub fn flag(step: &Json, name: &str) -> bool {
    step.get(name).is_some_and(|value| value == true)
}

/// A token: what was saved under the name, or else the bytes of the name.
pub fn token(name: &str, saved: &Saved) -> Result<Vec<u8>, String> {
    match saved.tokens.get(name) {
        Some(token) => Ok(token.clone()),
        None => bytes(&Json::from(name)),
    }
}

fn session<'s>(step: &Json, saved: &'s Saved) -> Result<Option<&'s Session>, String> {
    let Some(name) = step.get("session") else {
        return Ok(None);
    };
    let name = name.as_str().unwrap_or_default();
    saved
        .sessions
        .get(name)
        .map(Some)
        .ok_or_else(|| format!("no session {name:?}"))
}

fn replica(step: &Json) -> Result<Option<Replica>, String> {
    Ok(
        match step
            .get("replica")
            .map(|name| name.as_str().unwrap_or_default())
        {
            None => None,
            Some("PRIMARY") => Some(Replica::Primary),
            Some("ANY") => Some(Replica::Any),
            Some("NEAREST") => Some(Replica::Nearest),
            Some(other) => return Err(format!("unknown replica {other}")),
        },
    )
}

pub fn acks(step: &Json) -> Result<Option<Acks>, String> {
    Ok(
        match step
            .get("acks")
            .map(|name| name.as_str().unwrap_or_default())
        {
            None => None,
            Some("ONE") => Some(Acks::One),
            Some("QUORUM") => Some(Acks::Quorum),
            Some("ALL") => Some(Acks::All),
            Some(other) => return Err(format!("unknown acks {other}")),
        },
    )
}

pub fn merge(step: &Json) -> Result<Merge, String> {
    Ok(match text(step, "operation")? {
        "ADD_INT64" => Merge::AddInt64,
        "MIN_INT64" => Merge::MinInt64,
        "MAX_INT64" => Merge::MaxInt64,
        "ADD_FLOAT64" => Merge::AddFloat64,
        "MIN_FLOAT64" => Merge::MinFloat64,
        "MAX_FLOAT64" => Merge::MaxFloat64,
        "APPEND" => Merge::Append,
        other => return Err(format!("unknown merge {other}")),
    })
}

pub fn read_options(step: &Json, saved: &Saved) -> Result<ReadOptions, String> {
    let mut options = ReadOptions::new().hedge(flag(step, "hedge"));
    if let Some(replica) = replica(step)? {
        options = options.replica(replica);
    }
    if let Some(ms) = optional_number(step, "max_staleness_ms", saved)? {
        options = options.max_staleness(Duration::from_millis(ms));
    }
    if let Some(ms) = optional_number(step, "timeout_ms", saved)? {
        options = options.timeout(Duration::from_millis(ms));
    }
    if let Some(session) = session(step, saved)? {
        options = options.session(session);
    }
    Ok(options)
}

/// The options of a write, `None` if it has none.
pub fn write_options(step: &Json, saved: &Saved) -> Result<Option<WriteOptions>, String> {
    let has = |name: &&str| *name != "save_version" && step.get(name).is_some();
    if !WRITE_OPTIONS.iter().any(has) {
        return Ok(None);
    }
    let field = |name| optional_number(step, name, saved);
    let mut options = WriteOptions::new();
    if let Some(seconds) = field("ttl_seconds")? {
        options = options.ttl_seconds(seconds);
    }
    if let Some(at) = field("expires_at_ns")? {
        options = options.expires_at_ns(at);
    }
    if let Some(at) = field("updated_at_ns")? {
        options = options.updated_at_ns(at);
    }
    if let Some(value_type) = field("value_type")? {
        options = options.value_type(value_type as u32);
    }
    if flag(step, "if_absent") {
        options = options.if_absent();
    }
    if let Some(version) = field("if_version")? {
        options = options.if_version(version);
    }
    if let Some(acks) = acks(step)? {
        options = options.acks(acks);
    }
    if let Some(ms) = field("timeout_ms")? {
        options = options.timeout(Duration::from_millis(ms));
    }
    if let Some(session) = session(step, saved)? {
        options = options.session(session);
    }
    Ok(Some(options))
}

pub fn scan_options(step: &Json, saved: &Saved) -> Result<ScanOptions, String> {
    let mut options = ScanOptions::new().keys_only(flag(step, "keys_only"));
    if let Some(rows) = optional_number(step, "limit", saved)? {
        options = options.limit(rows);
    }
    if let Some(bytes) = optional_number(step, "page_bytes", saved)? {
        options = options.page_bytes(bytes);
    }
    if step.get("resume").is_some() {
        options = options.resume_token(token(text(step, "resume")?, saved)?);
    }
    Ok(options)
}
