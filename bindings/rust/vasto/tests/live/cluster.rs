// SPDX-License-Identifier: Apache-2.0
//! What all tests use: the cluster, keyspaces of their own, and waits with an end.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant, SystemTime};

use vasto::{Client, Code, Config, Error, Keyspace};

/// Longer than anything takes that goes well.
pub const PATIENCE: Duration = Duration::from_secs(60);

static ALONE: RwLock<()> = RwLock::new(());

enum Guard {
    Beside {
        _guard: RwLockReadGuard<'static, ()>,
    },
    Alone {
        _guard: RwLockWriteGuard<'static, ()>,
    },
}

/// The cluster, for one test. To be made first, so that it goes last.
pub struct Cluster {
    pub master: String,
    control: String,
    _guard: Guard,
}

fn environment(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run bindings/rust/run test"))
}

impl Cluster {
    /// Beside other tests.
    pub fn get() -> Cluster {
        let guard = ALONE.read().unwrap_or_else(PoisonError::into_inner);
        Cluster::with(Guard::Beside { _guard: guard })
    }

    /// For tests that disturb the cluster or count what the process has: no other test runs.
    pub fn alone() -> Cluster {
        let guard = ALONE.write().unwrap_or_else(PoisonError::into_inner);
        Cluster::with(Guard::Alone { _guard: guard })
    }

    fn with(guard: Guard) -> Cluster {
        let control = environment("VASTO_TEST_CONTROL");
        let control = control.trim_start_matches("http://").to_owned();
        Cluster {
            master: environment("VASTO_TEST_MASTER"),
            control,
            _guard: guard,
        }
    }

    /// Does something to the cluster: `ACTION?NAME=VALUE&...`. Err: what the answer says.
    pub fn control(&self, action: &str) -> Result<String, String> {
        let failed = |error: std::io::Error| format!("{action}: {error}");
        let mut stream = TcpStream::connect(&self.control).map_err(failed)?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
        let host = &self.control;
        let request =
            format!("POST /{action} HTTP/1.0\r\nHost: {host}\r\nContent-Length: 0\r\n\r\n");
        stream.write_all(request.as_bytes()).map_err(failed)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).map_err(failed)?;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        match head
            .lines()
            .next()
            .is_some_and(|line| line.contains(" 200 "))
        {
            true => Ok(body.to_owned()),
            false => Err(format!("{action}: {body}")),
        }
    }

    pub fn config(&self) -> Config {
        let mut config = Config::new().unwrap();
        config
            .set("masters", &self.master)
            .unwrap()
            .set("timeout_ms", 30_000)
            .unwrap();
        config
    }

    pub fn client(&self) -> Client {
        Client::open(&self.config()).unwrap()
    }

    /// A name that nothing else has.
    pub fn name(&self, what: &str) -> String {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let made = MADE.fetch_add(1, Ordering::Relaxed);
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap();
        format!(
            "rust-{what}-{}-{}-{made}",
            std::process::id(),
            now.subsec_nanos()
        )
    }

    /// A new keyspace of this shape, as in `shards=4&replicas=3`.
    pub fn keyspace_of(&self, client: &Client, what: &str, shape: &str) -> Keyspace {
        let name = self.name(what);
        // Another run may just have killed a store.
        until(&format!("keyspace {name}"), || {
            self.control(&format!("create?keyspace={name}&{shape}"))
                .ok()
        });
        client.keyspace(&name).unwrap()
    }

    pub fn keyspace(&self, client: &Client, what: &str) -> Keyspace {
        self.keyspace_of(client, what, "shards=4&replicas=1")
    }
}

/// Asks until there is an answer.
pub fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < end, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[track_caller]
pub fn failure<T, E: Into<Error>>(result: Result<T, E>) -> Error {
    match result {
        Ok(_) => panic!("this was to fail"),
        Err(error) => error.into(),
    }
}

#[track_caller]
pub fn assert_code<T, E: Into<Error>>(result: Result<T, E>, code: Code) -> Error {
    let error = failure(result);
    assert_eq!(error.code(), code, "{error}");
    error
}

/// `users/00000` and so on, each with its number as value.
pub fn fill(keyspace: &Keyspace, rows: usize) {
    let mut batch = keyspace.batch().unwrap();
    for row in 0..rows {
        batch
            .put(&format!("users/{row:05}"), row.to_string())
            .unwrap();
    }
    assert_eq!(keyspace.write(&batch).unwrap().len(), rows);
}
