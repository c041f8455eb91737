// SPDX-License-Identifier: Apache-2.0
//! What a step gave, and whether that is what it was to give.

use serde_json::{json, Map, Value as Json};
use vasto::{Code, Error, OwnedRow};

use crate::fields::{bytes, number, Saved};

/// What a step gave: its code, and what can be expected besides.
pub struct Outcome {
    code: &'static str,
    message: String,
    in_doubt: bool,
    seen: Map<String, Json>,
}

impl Outcome {
    pub fn ok() -> Outcome {
        Outcome {
            code: "OK",
            message: String::new(),
            in_doubt: false,
            seen: Map::new(),
        }
    }

    pub fn not_found() -> Outcome {
        Outcome {
            code: Code::NotFound.name(),
            ..Outcome::ok()
        }
    }

    pub fn failed(error: &Error) -> Outcome {
        let (code, message) = (error.code().name(), error.to_string());
        Outcome {
            code,
            message,
            in_doubt: error.is_in_doubt(),
            seen: Map::new(),
        }
    }

    /// OK, or the failure.
    pub fn of<T>(result: Result<T, Error>) -> Outcome {
        result
            .as_ref()
            .err()
            .map_or_else(Outcome::ok, Outcome::failed)
    }

    pub fn with(mut self, name: &str, value: impl Into<Json>) -> Outcome {
        self.seen.insert(name.to_owned(), value.into());
        self
    }

    pub fn check(&self, expect: Option<&Json>, saved: &Saved) -> Result<(), String> {
        let none = Map::new();
        let expect = expect
            .map_or(Some(&none), Json::as_object)
            .ok_or("expect is no object")?;
        let code = expect
            .get("code")
            .map_or(Some("OK"), Json::as_str)
            .ok_or("code is no text")?;
        if code != self.code {
            return Err(format!("wanted {code}, got {} {}", self.code, self.message));
        }
        for (name, wanted) in expect {
            let good = match (name.as_str(), self.seen.get(name)) {
                ("code", _) => true,
                ("in_doubt", _) => *wanted == self.in_doubt,
                ("has", Some(seen)) => contains(seen, wanted),
                (_, Some(seen)) => matches(seen, wanted, saved)?,
                (_, None) => return Err(format!("unknown or missing in the answer: {name}")),
            };
            if !good {
                let seen = self
                    .seen
                    .get(name)
                    .map_or(json!(self.in_doubt), Json::clone);
                return Err(format!(
                    "{name}: wanted {}, got {}",
                    brief(wanted),
                    brief(&seen)
                ));
            }
        }
        Ok(())
    }
}

fn brief(value: &Json) -> String {
    value.to_string().chars().take(200).collect()
}

fn contains(seen: &Json, wanted: &Json) -> bool {
    let names = |value: &Json| value.as_array().cloned().unwrap_or_default();
    let seen = names(seen);
    names(wanted).iter().all(|name| seen.contains(name))
}

/// Bytes as vectors have them.
pub fn bytes_json(bytes: &[u8]) -> Json {
    bytes
        .iter()
        .map(|&byte| char::from(byte))
        .collect::<String>()
        .into()
}

fn matches(seen: &Json, wanted: &Json, saved: &Saved) -> Result<bool, String> {
    Ok(match (seen, wanted) {
        (Json::Number(_), wanted) => number(seen, saved)? == number(wanted, saved)?,
        (Json::String(_), wanted) if wanted.get("repeat").is_some() => {
            *seen == bytes_json(&bytes(wanted)?)
        }
        (Json::Array(seen), Json::Array(wanted)) => {
            let mut good = seen.len() == wanted.len();
            for (seen, wanted) in seen.iter().zip(wanted) {
                good &= matches(seen, wanted, saved)?;
            }
            good
        }
        (Json::Object(seen), Json::Object(wanted)) => {
            let mut good = true;
            for (name, wanted) in wanted {
                good &= match seen.get(name) {
                    Some(seen) => matches(seen, wanted, saved)?,
                    None => false,
                };
            }
            good
        }
        _ => seen == wanted,
    })
}

/// A row of a scan, as vectors expect it.
pub fn row_json(row: &OwnedRow) -> Json {
    let mut json = json!({ "key": bytes_json(&row.key), "size": row.value_size });
    if let Some(value) = &row.value {
        json["value"] = bytes_json(value);
    }
    json
}

/// The changes that are still to come, of one key each.
pub struct Pending(Vec<(Vec<u8>, Key)>);

struct Key {
    wanted: Vec<Option<Vec<u8>>>,
    met: usize,
    last: Option<Option<Vec<u8>>>,
}

impl Pending {
    pub fn new(changes: &Json) -> Result<Pending, String> {
        let mut keys: Vec<(Vec<u8>, Key)> = Vec::new();
        for change in changes.as_array().ok_or("changes is no list")? {
            let deleted = change.get("deleted").is_some_and(|deleted| deleted == true);
            let known = |name: &String| ["key", "value", "deleted"].contains(&name.as_str());
            if !change
                .as_object()
                .is_some_and(|change| change.keys().all(known))
            {
                return Err(format!("unknown field in {change}"));
            }
            let key = bytes(change.get("key").ok_or("no key")?)?;
            let value = match deleted {
                true => None,
                false => Some(bytes(change.get("value").ok_or("no value")?)?),
            };
            match keys.iter_mut().find(|(known, _)| *known == key) {
                Some((_, key)) => key.wanted.push(value),
                None => keys.push((
                    key,
                    Key {
                        wanted: vec![value],
                        met: 0,
                        last: None,
                    },
                )),
            }
        }
        Ok(Pending(keys))
    }

    pub fn take(&mut self, change: OwnedRow) {
        let Some((_, key)) = self.0.iter_mut().find(|(key, _)| *key == change.key) else {
            return;
        };
        if key.wanted.get(key.met) == Some(&change.value) {
            key.met += 1;
        }
        key.last = Some(change.value);
    }

    /// All came, in the order of their keys, and the last one given is the last one expected.
    pub fn is_over(&self) -> bool {
        self.0
            .iter()
            .all(|(_, key)| key.met == key.wanted.len() && key.last.as_ref() == key.wanted.last())
    }

    pub fn missing(&self) -> String {
        let open = self.0.iter().filter(|(_, key)| key.met < key.wanted.len());
        let names: Vec<_> = open
            .map(|(key, _)| String::from_utf8_lossy(key).into_owned())
            .collect();
        format!("changes that did not come: of {}", names.join(", "))
    }
}
