// SPDX-License-Identifier: Apache-2.0
//! What goes wrong, and how that is told.

use std::error::Error as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use vasto::{
    Client, Code, Config, Error, KeyspaceOptions, Library, LogLevel, ScanOptions, WatchOptions,
};

use crate::cluster::{assert_code, failure, fill, Cluster, PATIENCE};

#[test]
fn codes_have_the_numbers_and_names_of_the_header() {
    for number in 1..=21 {
        let code = Code::from_number(number);
        assert_eq!(code.number(), number);
        assert_ne!(code, Code::Internal);
    }
    assert_eq!(Code::from_number(99), Code::Internal);
    assert_eq!(
        Code::from_number(1234),
        Code::Internal,
        "a code of a younger library"
    );
    assert_eq!(Code::StaleWrite.name(), "STALE_WRITE");
    assert_eq!(Code::TooOld.to_string(), "TOO_OLD");
}

#[test]
fn configurations_refuse_what_they_do_not_know() {
    let _cluster = Cluster::get();
    let mut config = Config::new().unwrap();
    config
        .set_all([("timeout_ms", "2500"), ("unix_sockets", "false")])
        .unwrap();
    assert_eq!(config.get("timeout_ms").unwrap(), "2500");
    assert_code(config.set("colour", "red"), Code::NotFound);
    assert_code(config.get("colour"), Code::NotFound);
    assert_code(config.set("timeout_ms", "soon"), Code::InvalidArgument);
    assert_code(config.set("timeout_ms", "1\0"), Code::InvalidArgument);
    assert_code(Client::open(&config), Code::InvalidArgument);
    assert_code(config.load_file("/nowhere/vasto.conf"), Code::IoError);
    assert!(Library::load()
        .unwrap()
        .config_keys()
        .contains(&"masters".to_owned()));

    let path = std::env::temp_dir().join(format!("vasto-rust-{}.conf", std::process::id()));
    std::fs::write(&path, "# a comment\n\ntimeout_ms = 1234\n").unwrap();
    config.load_file(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert_eq!(config.get("timeout_ms").unwrap(), "1234");
    assert!(format!("{config:?}").contains("1234"));
}

#[test]
fn a_cluster_that_is_not_there_is_unavailable() {
    let _cluster = Cluster::get();
    let mut config = Config::new().unwrap();
    config
        .set("masters", "127.0.0.1:1")
        .unwrap()
        .set("connect_timeout_ms", 300)
        .unwrap();
    let begin = Instant::now();
    let error = assert_code(Client::open(&config), Code::Unavailable);
    assert!(begin.elapsed() < PATIENCE);
    assert!(error.is_retryable() && !error.is_in_doubt());
    assert!(!error.message().is_empty());
    assert!(error.to_string().starts_with("UNAVAILABLE: "), "{error}");
    assert_code(Client::connect("not an address"), Code::InvalidArgument);
}

#[test]
fn a_keyspace_deleted_under_its_handle_is_not_a_missing_key() {
    let cluster = Cluster::get();
    let client = cluster.client();
    let keyspace = cluster.keyspace(&client, "deleted");
    let asynchronous = keyspace.to_async();
    keyspace.put("k", "x").unwrap();
    assert!(keyspace.get("none").unwrap().is_none());
    let name = keyspace.name();
    assert!(client
        .admin()
        .delete_keyspace(&name)
        .unwrap()
        .wait(Some(PATIENCE))
        .unwrap());

    assert_code(keyspace.get("none"), Code::NotFound);
    assert_code(keyspace.stat("k"), Code::NotFound);
    assert_code(keyspace.put("k", "x"), Code::NotFound);
    assert_code(asynchronous.get("k").wait(), Code::NotFound);
    assert_code(keyspace.multi_get(["k", "none"]), Code::NotFound);
    assert_code(asynchronous.multi_get(["k", "none"]).wait(), Code::NotFound);
    let rows: Vec<_> = keyspace
        .scan_prefix("", &ScanOptions::new())
        .unwrap()
        .take(1)
        .collect();
    assert_code(rows.into_iter().next().unwrap(), Code::NotFound);
    let mut batch = keyspace.batch().unwrap();
    batch.put("k", "x").unwrap();
    assert_code(keyspace.write(&batch), Code::NotFound);
    assert_code(asynchronous.write(&batch).wait(), Code::NotFound);

    // Another of the same name is another.
    let created = client
        .admin()
        .create_keyspace(&name, &KeyspaceOptions::new())
        .unwrap();
    assert!(created.wait(Some(PATIENCE)).unwrap());
    assert_code(keyspace.get("none"), Code::NotFound);
    assert!(client
        .keyspace(&name)
        .unwrap()
        .get("none")
        .unwrap()
        .is_none());
}

#[test]
fn an_error_says_where_it_arose() {
    let cluster = Cluster::get();
    let client = cluster.client();
    let keyspace = cluster.keyspace(&client, "origin");
    let deleted = client.admin().delete_keyspace(&keyspace.name()).unwrap();
    assert!(deleted.wait(Some(PATIENCE)).unwrap());
    for error in [
        failure(keyspace.get("k")),
        failure(keyspace.put("k", "x")),
        failure(keyspace.multi_get(["k"])),
        failure(keyspace.to_async().get("k").wait()),
    ] {
        let store = error.origin();
        assert!(store.parse::<SocketAddr>().is_ok(), "{store:?} of {error}");
        assert_eq!(error.to_string().matches(store).count(), 1, "{error}");
    }
    // Of the library, and of this crate, before any server is asked.
    let mut config = Config::new().unwrap();
    assert_eq!(failure(config.set("colour", "red")).origin(), "client");
    assert_eq!(failure(client.keyspace("a\0b")).origin(), "client");
}

#[test]
fn after_a_close_everything_says_so() {
    let cluster = Cluster::get();
    let client = cluster.client();
    let keyspace = cluster.keyspace(&client, "closed");
    fill(&keyspace, 10);
    let asynchronous = keyspace.to_async();
    let session = keyspace.session().unwrap();
    let mut scan = keyspace.scan_prefix("users/", &ScanOptions::new()).unwrap();
    let mut watch = keyspace.watch("", &WatchOptions::new()).unwrap();
    let other = client.clone();
    client.close(Some(Duration::ZERO)).unwrap();
    other.close(None).expect("a second close does nothing");

    for error in [
        failure(keyspace.get("k")),
        failure(keyspace.put("k", "x")),
        failure(keyspace.multi_get(["k"])),
        failure(keyspace.write(&keyspace.batch().unwrap())),
        failure(asynchronous.get("k").wait()),
        failure(asynchronous.multi_get(["k"]).wait()),
        failure(scan.next_block(10).map(|_| ())),
        failure(watch.next_block(10, None).map(|_| ())),
        failure(other.keyspace("other")),
        failure(other.admin().usage(None, None)),
        failure(keyspace.watch("", &WatchOptions::new())),
    ] {
        assert_eq!(error.code(), Code::Closed, "{error}");
        assert!(!error.is_retryable());
    }
    // What needs no cluster may still work, or say the same.
    let _ = (keyspace.name(), keyspace.shard_of("k"), session.token());
}

#[test]
fn things_are_dropped_in_any_order() {
    let cluster = Cluster::get();
    for order in 0..6 {
        let client = cluster.client();
        let keyspace = cluster.keyspace(&client, "order");
        fill(&keyspace, 10);
        let mut things: Vec<Box<dyn std::any::Any>> = vec![
            Box::new(keyspace.session().unwrap()),
            Box::new(keyspace.scan_prefix("", &ScanOptions::new()).unwrap()),
            Box::new(keyspace.watch("", &WatchOptions::new()).unwrap()),
            Box::new(keyspace.to_async().put("k", "x")),
            Box::new(keyspace.get("users/00001").unwrap().unwrap()),
            Box::new(keyspace.batch().unwrap()),
            Box::new(keyspace),
            Box::new(
                client
                    .admin()
                    .describe(vasto::Describe::Status, None)
                    .unwrap(),
            ),
            Box::new(client),
        ];
        let count = things.len();
        while !things.is_empty() {
            things.remove((order * 7 + things.len() * 3) % count.min(things.len()));
        }
    }
}

#[test]
fn a_client_is_open_as_long_as_something_of_it_is() {
    let cluster = Cluster::get();
    let keyspace = {
        let client = cluster.client();
        cluster.keyspace(&client, "open")
    };
    keyspace.put("k", "x").unwrap();
    let operation = keyspace.to_async().get("k");
    let mut scan = keyspace.scan_prefix("", &ScanOptions::new()).unwrap();
    drop(keyspace);
    assert_eq!(&*operation.wait().unwrap().unwrap(), b"x");
    assert_eq!(scan.next_block(10).unwrap().unwrap().len(), 1);
}

#[test]
fn errors_are_errors_of_the_standard_library() {
    let cluster = Cluster::get();
    let client = cluster.client();
    let error = assert_code(client.keyspace("a b"), Code::InvalidArgument);
    let boxed: Box<dyn std::error::Error + Send + Sync> = error.clone().into();
    assert!(boxed.downcast_ref::<Error>().is_some() && error.source().is_none());
    assert_eq!(error.number(), Code::InvalidArgument.number());
    assert_code(client.keyspace("a\0b"), Code::InvalidArgument);
    let missing = assert_code(client.keyspace("nowhere"), Code::NotFound);
    assert!(missing.to_string().contains("nowhere"), "{missing}");
}

#[test]
fn log_messages_come_and_a_panic_in_their_receiver_is_nothing() {
    let cluster = Cluster::get();
    let seen = Arc::new(Mutex::new(Vec::<(LogLevel, String)>::new()));
    let held = Arc::downgrade(&seen);
    let mut config = cluster.config();
    let receiver = seen.clone();
    config.on_log(LogLevel::Debug, move |level, message| {
        receiver.lock().unwrap().push((level, message.to_owned()));
        std::panic::resume_unwind(Box::new("the receiver fails, and nobody else"));
    });
    let client = Client::open(&config).unwrap();
    let keyspace = cluster.keyspace_of(&client, "log", "shards=1");
    keyspace.put("k", "x").unwrap();
    client.close(None).unwrap();
    drop((config, keyspace, client));
    let seen = seen
        .lock()
        .map(|seen| seen.clone())
        .unwrap_or_else(|bad| bad.into_inner().clone());
    assert!(!seen.is_empty(), "no message came");
    assert!(seen
        .iter()
        .all(|(_, message)| !message.is_empty() && !message.contains('\n')));
    assert_eq!(held.strong_count(), 1, "the receiver is still held");
}
