// SPDX-License-Identifier: Apache-2.0
//! Plays the steps of one vector.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{json, Value as Json};
use vasto::{Client, Config, Describe, Error, KeyspaceOptions, Stat, SyncMode, WatchOptions};

use crate::fields::*;
use crate::matching::{bytes_json, row_json, Outcome, Pending};
use crate::running::{AnyScan, AnyWatch, Mode, Target};

/// How long the changes that are expected may take.
const CHANGES_TIMEOUT: Duration = Duration::from_secs(20);

/// Plays the steps of one vector.
pub struct Player {
    client: Client,
    keyspace: String,
    target: Target,
    saved: Saved,
    watches: HashMap<String, AnyWatch>,
}

impl Player {
    pub fn new(mode: Mode, client: Client, keyspace: &str) -> Result<Player, String> {
        let opened = client
            .keyspace(keyspace)
            .map_err(|error| error.to_string())?;
        let target = Target::new(mode, opened);
        let (saved, watches) = (Saved::default(), HashMap::new());
        Ok(Player {
            client,
            keyspace: keyspace.to_owned(),
            target,
            saved,
            watches,
        })
    }

    pub fn step(&mut self, step: &Json, own_client: bool) -> Result<(), String> {
        let expect = step.get("expect");
        let outcome = match text(step, "op")? {
            "put" | "delete" | "touch" | "merge" => self.write(step)?,
            "get" => self.get(step)?,
            "stat" => self.stat(step)?,
            "multi_get" => self.multi_get(step)?,
            "batch" => self.batch(step)?,
            "scan" => self.scan(step)?,
            "watch_open" => self.watch_open(step)?,
            "watch_next" => return self.watch_next(step),
            "watch_token" => self.watch_token(step)?,
            "watch_close" => {
                only(step, &["watch"], &[])?;
                self.watches
                    .remove(text(step, "watch")?)
                    .ok_or("no such watch")?;
                Outcome::ok()
            }
            "session" => self.session(step)?,
            "session_token" => self.session_token(step)?,
            "open_keyspace" => self.open_keyspace(step)?,
            "create_keyspace" => self.create_keyspace(step)?,
            "delete_keyspace" => self.delete_keyspace(step)?,
            "describe" => self.describe(step)?,
            "config" => config(step)?,
            "partition_hash" => {
                only(step, &["data"], &[])?;
                let hash = self
                    .client
                    .library()
                    .partition_hash(bytes_of(step, "data")?);
                Outcome::ok().with("hash", hash)
            }
            "close_client" if own_client => {
                only(step, &[], &[])?;
                Outcome::of(self.client.close(None))
            }
            "control" => {
                only(step, &["action"], &[])?;
                control(text(step, "action")?)?;
                Outcome::ok()
            }
            other => return Err(format!("unknown operation {other}")),
        };
        outcome.check(expect, &self.saved)
    }

    /// The whole name of a keyspace of a vector.
    fn name(&self, name: &str) -> String {
        match name {
            "@" => self.keyspace.clone(),
            name => format!("{}-{name}", self.keyspace),
        }
    }

    fn save_version(&mut self, step: &Json, version: u64) -> Result<(), String> {
        if step.get("save_version").is_some() {
            self.saved
                .numbers
                .insert(text(step, "save_version")?.to_owned(), version);
        }
        Ok(())
    }

    fn write(&mut self, step: &Json) -> Result<Outcome, String> {
        let key = OwnedKey::of(step, &self.saved)?;
        let options = write_options(step, &self.saved)?;
        let options = options.as_ref();
        let written = match text(step, "op")? {
            "put" => {
                only(step, &["key", "value"], WRITE_OPTIONS)?;
                self.target
                    .put(key.get(), &bytes_of(step, "value")?, options)
            }
            "delete" => {
                only(step, &["key"], WRITE_OPTIONS)?;
                self.target.delete(key.get(), options)
            }
            "touch" => {
                only(step, &["key", "ttl_seconds"], WRITE_OPTIONS)?;
                let ttl = optional_number(step, "ttl_seconds", &self.saved)?.ok_or("no ttl")?;
                self.target.touch(key.get(), ttl, options)
            }
            _ => {
                only(step, &["key", "operation", "operand"], WRITE_OPTIONS)?;
                let operand = bytes_of(step, "operand")?;
                self.target
                    .merge(key.get(), merge(step)?, &operand, options)
            }
        };
        if let Ok(version) = written {
            self.save_version(step, version)?;
        }
        Ok(Outcome::of(written))
    }

    fn get(&mut self, step: &Json) -> Result<Outcome, String> {
        only(step, &["key"], READ_OPTIONS)?;
        let key = OwnedKey::of(step, &self.saved)?;
        let options = read_options(step, &self.saved)?;
        let value = match self.target.get(key.get(), &options) {
            Err(error) => return Ok(Outcome::failed(&error)),
            Ok(None) => return Ok(Outcome::not_found()),
            Ok(Some(value)) => value,
        };
        self.save_version(step, value.version())?;
        Ok(Outcome::ok()
            .with("value", bytes_json(&value))
            .with("type", value.value_type())
            .with("version", value.version())
            .with("updated_at_ns", value.updated_at_ns())
            .with("expires", value.expires_at_ns().is_some()))
    }

    fn stat(&mut self, step: &Json) -> Result<Outcome, String> {
        only(step, &["key"], READ_OPTIONS)?;
        let key = OwnedKey::of(step, &self.saved)?;
        let options = read_options(step, &self.saved)?;
        let stat: Stat = match self.target.stat(key.get(), &options) {
            Err(error) => return Ok(Outcome::failed(&error)),
            Ok(None) => return Ok(Outcome::not_found()),
            Ok(Some(stat)) => stat,
        };
        self.save_version(step, stat.version)?;
        Ok(Outcome::ok()
            .with("size", stat.size)
            .with("type", stat.value_type)
            .with("version", stat.version)
            .with("updated_at_ns", stat.updated_at_ns)
            .with("expires", stat.expires_at_ns.is_some()))
    }

    fn multi_get(&mut self, step: &Json) -> Result<Outcome, String> {
        only(step, &["keys"], READ_OPTIONS)?;
        let keys = step.get("keys").and_then(Json::as_array).ok_or("no keys")?;
        let keys: Vec<OwnedKey> = keys
            .iter()
            .map(|key| OwnedKey::parse(key, &self.saved))
            .collect::<Result<_, _>>()?;
        let options = read_options(step, &self.saved)?;
        let keys = keys.iter().map(OwnedKey::get).collect();
        let results = match self.target.multi_get(keys, &options) {
            Err(error) => return Ok(Outcome::failed(&error)),
            Ok(results) => results,
        };
        let one = |result: Result<Option<vasto::Value>, Error>| match result {
            Err(error) => json!({ "code": error.code().name() }),
            Ok(None) => json!({ "code": "NOT_FOUND" }),
            Ok(Some(value)) => json!({ "code": "OK", "value": bytes_json(&value) }),
        };
        Ok(Outcome::ok().with("results", results.into_iter().map(one).collect::<Vec<_>>()))
    }

    fn batch(&mut self, step: &Json) -> Result<Outcome, String> {
        only(step, &["entries"], WRITE_OPTIONS)?;
        let said = |error: Error| error.to_string();
        let mut batch = self.target.keyspace.batch().map_err(said)?;
        for entry in step
            .get("entries")
            .and_then(Json::as_array)
            .ok_or("no entries")?
        {
            let key = OwnedKey::of(entry, &self.saved)?;
            let key = key.get();
            let options = write_options(entry, &self.saved)?;
            let added = match (text(entry, "op")?, &options) {
                ("put", options) => {
                    only(entry, &["key", "value"], WRITE_OPTIONS)?;
                    let value = bytes_of(entry, "value")?;
                    match options {
                        None => batch.put(key, value),
                        Some(options) => batch.put_with(key, value, options),
                    }
                }
                ("delete", options) => {
                    only(entry, &["key"], WRITE_OPTIONS)?;
                    match options {
                        None => batch.delete(key),
                        Some(options) => batch.delete_with(key, options),
                    }
                }
                ("merge", options) => {
                    only(entry, &["key", "operation", "operand"], WRITE_OPTIONS)?;
                    let (merge, operand) = (merge(entry)?, bytes_of(entry, "operand")?);
                    match options {
                        None => batch.merge(key, merge, operand),
                        Some(options) => batch.merge_with(key, merge, operand, options),
                    }
                }
                (other, _) => return Err(format!("unknown entry {other}")),
            };
            added.map_err(said)?;
        }
        let options = write_options(step, &self.saved)?;
        let codes = |results: &vasto::BatchResult| -> Vec<&str> {
            let code =
                |result: Result<u64, Error>| result.map_or_else(|e| e.code().name(), |_| "OK");
            results.iter().map(code).collect()
        };
        Ok(match self.target.write(&batch, options.as_ref()) {
            Ok(results) => Outcome::ok().with("codes", codes(&results)),
            Err(error) => Outcome::failed(error.error())
                .with("codes", error.results().map(codes).unwrap_or_default()),
        })
    }

    fn scan(&mut self, step: &Json) -> Result<Outcome, String> {
        let fields = ["prefix", "start", "end", "take", "save_token"];
        only(
            step,
            &fields,
            &["limit", "keys_only", "page_bytes", "resume"],
        )?;
        let options = scan_options(step, &self.saved)?;
        let started = match step.get("prefix") {
            Some(prefix) => self.target.scan_prefix(&bytes(prefix)?, &options),
            None => {
                let (start, end) = (bytes_of(step, "start")?, bytes_of(step, "end")?);
                self.target.scan_range(&start, &end, &options)
            }
        };
        let take = optional_number(step, "take", &self.saved)?.unwrap_or(u64::MAX) as usize;
        let (rows, token) = match started.and_then(|scan| take_rows(scan, take)) {
            Err(error) => return Ok(Outcome::failed(&error)),
            Ok(taken) => taken,
        };
        if step.get("save_token").is_some() {
            self.saved
                .tokens
                .insert(text(step, "save_token")?.to_owned(), token);
        }
        Ok(Outcome::ok().with("rows", rows))
    }

    fn watch_open(&mut self, step: &Json) -> Result<Outcome, String> {
        only(step, &["watch", "prefix", "resume"], &[])?;
        let prefix = step.get("prefix").map_or(Ok(Vec::new()), bytes)?;
        let mut options = WatchOptions::new();
        if step.get("resume").is_some() {
            options = options.resume_token(token(text(step, "resume")?, &self.saved)?);
        }
        Ok(match self.target.watch(&prefix, &options) {
            Err(error) => Outcome::failed(&error),
            Ok(watch) => {
                self.watches.insert(text(step, "watch")?.to_owned(), watch);
                Outcome::ok()
            }
        })
    }

    fn watch(&mut self, step: &Json) -> Result<&mut AnyWatch, String> {
        self.watches
            .get_mut(text(step, "watch")?)
            .ok_or_else(|| "no such watch".to_owned())
    }

    fn watch_next(&mut self, step: &Json) -> Result<(), String> {
        only(step, &["watch"], &[])?;
        let expect = step
            .get("expect")
            .and_then(Json::as_object)
            .ok_or("nothing is expected")?;
        if let Some(name) = expect
            .keys()
            .find(|name| *name != "changes" && *name != "code")
        {
            return Err(format!("unknown in expect: {name}"));
        }
        let code = expect.get("code").and_then(Json::as_str).unwrap_or("OK");
        let mut pending = match expect.get("changes") {
            Some(changes) => Pending::new(changes)?,
            None => Pending::new(&json!([]))?,
        };
        let deadline = Instant::now() + CHANGES_TIMEOUT;
        while code != "OK" || !pending.is_over() {
            if Instant::now() >= deadline {
                return Err(pending.missing());
            }
            match self.watch(step)?.next(deadline) {
                Ok(changes) => changes.into_iter().for_each(|change| pending.take(change)),
                Err(error) if error.code().name() == code => return Ok(()),
                Err(error) if error.is_retryable() => {}
                Err(error) => return Err(format!("wanted {code}, got {error}")),
            }
        }
        Ok(())
    }

    fn watch_token(&mut self, step: &Json) -> Result<Outcome, String> {
        only(step, &["watch", "save"], &[])?;
        let token = self.watch(step)?.resume_token();
        self.save_token(step, token)
    }

    fn save_token(
        &mut self,
        step: &Json,
        token: Result<Vec<u8>, Error>,
    ) -> Result<Outcome, String> {
        if let Ok(token) = &token {
            self.saved
                .tokens
                .insert(text(step, "save")?.to_owned(), token.clone());
        }
        Ok(Outcome::of(token))
    }

    fn session(&mut self, step: &Json) -> Result<Outcome, String> {
        only(step, &["session", "import"], &[])?;
        let session = match self.target.keyspace.session() {
            Err(error) => return Ok(Outcome::failed(&error)),
            Ok(session) => session,
        };
        if step.get("import").is_some() {
            let imported = session.import(token(text(step, "import")?, &self.saved)?);
            if let Err(error) = imported {
                return Ok(Outcome::failed(&error));
            }
        }
        self.saved
            .sessions
            .insert(text(step, "session")?.to_owned(), session);
        Ok(Outcome::ok())
    }

    fn session_token(&mut self, step: &Json) -> Result<Outcome, String> {
        only(step, &["session", "save"], &[])?;
        let session = self
            .saved
            .sessions
            .get(text(step, "session")?)
            .ok_or("no such session")?;
        let token = session.token();
        self.save_token(step, token)
    }

    fn open_keyspace(&mut self, step: &Json) -> Result<Outcome, String> {
        only(step, &["name"], &[])?;
        let given = text(step, "name")?;
        Ok(match self.client.keyspace(&self.name(given)) {
            Err(error) => Outcome::failed(&error),
            Ok(keyspace) => {
                let name = keyspace.name();
                let shown = if name == self.name(given) {
                    given.to_owned()
                } else {
                    name
                };
                Outcome::ok()
                    .with("name", shown)
                    .with("shards", keyspace.shard_count())
                    .with("replicas", keyspace.replica_count())
            }
        })
    }

    fn create_keyspace(&mut self, step: &Json) -> Result<Outcome, String> {
        let fields = [
            "name",
            "shards",
            "replicas",
            "acks",
            "sync",
            "ttl_seconds",
            "tags",
        ];
        only(step, &fields, &[])?;
        let field = |name| optional_number(step, name, &self.saved);
        let mut options = KeyspaceOptions::new();
        if let Some(shards) = field("shards")? {
            options = options.shards(shards as u32);
        }
        if let Some(replicas) = field("replicas")? {
            options = options.replicas(replicas as u32);
        }
        if let Some(seconds) = field("ttl_seconds")? {
            options = options.ttl_seconds(seconds);
        }
        if let Some(acks) = acks(step)? {
            options = options.acks(acks);
        }
        if step.get("sync").is_some() {
            options = options.sync(match text(step, "sync")? {
                "NONE" => SyncMode::None,
                "INTERVAL" => SyncMode::Interval,
                "ALWAYS" => SyncMode::Always,
                other => return Err(format!("unknown sync {other}")),
            });
        }
        if step.get("tags").is_some() {
            options = options.tags(text(step, "tags")?);
        }
        let name = self.name(text(step, "name")?);
        let created = self.client.admin().create_keyspace(&name, &options);
        Ok(Outcome::of(
            created.and_then(|operation| operation.wait(None)),
        ))
    }

    fn delete_keyspace(&mut self, step: &Json) -> Result<Outcome, String> {
        only(step, &["name"], &[])?;
        let deleted = self
            .client
            .admin()
            .delete_keyspace(&self.name(text(step, "name")?));
        Ok(Outcome::of(
            deleted.and_then(|operation| operation.wait(None)),
        ))
    }

    fn describe(&mut self, step: &Json) -> Result<Outcome, String> {
        only(step, &["what", "name"], &[])?;
        let name = match step.get("name") {
            Some(_) => Some(self.name(text(step, "name")?)),
            None => None,
        };
        let what = match (text(step, "what")?, name.as_deref()) {
            ("STATUS", None) => Describe::Status,
            ("STORES", None) => Describe::Stores,
            ("KEYSPACES", None) => Describe::Keyspaces,
            ("KEYSPACE", Some(name)) => Describe::Keyspace(name),
            ("USAGE", name) => Describe::Usage(name),
            (other, _) => return Err(format!("cannot describe {other} so")),
        };
        Ok(match self.client.admin().describe(what, None) {
            Err(error) => Outcome::failed(&error),
            Ok(described) => {
                let names = described
                    .as_object()
                    .ok_or("the description is no object")?;
                Outcome::ok().with("has", names.keys().cloned().collect::<Vec<_>>())
            }
        })
    }
}

/// Up to `take` rows, and the token behind them.
fn take_rows(mut scan: AnyScan, take: usize) -> Result<(Vec<Json>, Vec<u8>), Error> {
    let mut rows = Vec::new();
    while rows.len() < take {
        let block = scan.next((take - rows.len()).min(500))?;
        if block.is_empty() {
            break;
        }
        rows.extend(block.iter().map(row_json));
    }
    Ok((rows, scan.resume_token()?))
}

fn config(step: &Json) -> Result<Outcome, String> {
    only(step, &["key", "set"], &[])?;
    let mut config = Config::new().map_err(|error| error.to_string())?;
    let set = config
        .set(text(step, "key")?, text(step, "set")?)
        .map(|_| ());
    Ok(Outcome::of(set))
}

/// Posts an action to the control address of the cluster.
fn control(action: &str) -> Result<(), String> {
    let address =
        std::env::var("VASTO_TEST_CONTROL").map_err(|_| "VASTO_TEST_CONTROL is not set")?;
    let host = address.trim_start_matches("http://");
    let asked = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(host)?;
        let head = format!("POST /{action} HTTP/1.0\r\nHost: {host}\r\nContent-Length: 0\r\n\r\n");
        stream.write_all(head.as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    let answer = asked().map_err(|error| format!("{action}: {error}"))?;
    match answer
        .lines()
        .next()
        .is_some_and(|line| line.contains(" 200 "))
    {
        true => Ok(()),
        false => Err(format!("{action}: {answer}")),
    }
}
