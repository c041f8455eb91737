// SPDX-License-Identifier: Apache-2.0
//! Libraries that are missing or wrong, and processes that fork.

use std::error::Error as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use vasto::{Client, Code, Library, LoadError, LoadErrorKind, Queue, ScanOptions, WatchOptions};

use crate::cluster::{assert_code, failure, fill, Cluster, PATIENCE};

fn kind_of(path: &Path) -> (LoadErrorKind, String) {
    let error = assert_code(Library::open(path), Code::NotSupported);
    let text = error.to_string();
    for needed in [
        path.to_str().unwrap(),
        "install libvasto 1.1 or newer",
        "VASTO_LIBRARY",
    ] {
        assert!(text.contains(needed), "{text}");
    }
    let source = error
        .source()
        .and_then(|source| source.downcast_ref::<LoadError>())
        .unwrap();
    assert_eq!(source.path(), path.as_os_str());
    (source.kind(), text)
}

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(cluster: &Cluster) -> Folder {
        let folder = std::env::temp_dir().join(cluster.name("library"));
        std::fs::create_dir_all(&folder).unwrap();
        Folder(folder)
    }

    /// A library that has a version, and nothing else.
    fn library(&self, major: i32, minor: i32) -> PathBuf {
        let source = self.0.join(format!("lib{major}_{minor}.rs"));
        let library = self.0.join(format!("lib{major}_{minor}.so"));
        let code = format!(
            "#[no_mangle] pub unsafe extern \"C\" fn vasto_version(a: *mut i32, b: *mut i32, \
             c: *mut i32) {{ unsafe {{ *a = {major}; *b = {minor}; *c = 0; }} }}"
        );
        std::fs::write(&source, code).unwrap();
        let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let built = Command::new(rustc)
            .args(["--edition=2021", "--crate-type=cdylib", "-o"])
            .args([&library, &source])
            .status()
            .unwrap();
        assert!(built.success());
        library
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_library_that_cannot_be_used_says_what_to_do() {
    let cluster = Cluster::get();
    assert_eq!(
        kind_of(Path::new("/nowhere/libvasto.so.1")).0,
        LoadErrorKind::Missing
    );
    let folder = Folder::new(&cluster);
    let text = folder.0.join("text.so");
    std::fs::write(&text, "not a library").unwrap();
    assert_eq!(kind_of(&text).0, LoadErrorKind::Missing);
    for (major, minor) in [(0, 9), (1, 0), (2, 0)] {
        let (kind, text) = kind_of(&folder.library(major, minor));
        assert_eq!(kind, LoadErrorKind::Version);
        assert!(text.contains(&format!("{major}.{minor}.0")), "{text}");
    }
    let (kind, text) = kind_of(&folder.library(1, 1));
    assert_eq!(kind, LoadErrorKind::Symbol);
    assert!(text.contains("vasto_"), "{text}");
}

#[test]
fn a_path_in_code_goes_before_the_environment() {
    let _cluster = Cluster::get();
    let path = std::env::var_os("VASTO_LIBRARY").expect("VASTO_LIBRARY");
    let library = Library::open(&path).unwrap();
    assert_eq!(library.version().0, 1);
    assert!(library.version_string().contains("vasto"));
    let child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "--ignored",
            "library::in_a_child_with_a_bad_environment",
        ])
        .env("VASTO_LIBRARY", "/nowhere/of-the-environment.so")
        .env("VASTO_RUST_TEST_LIBRARY", &path)
        .output()
        .unwrap();
    assert!(
        child.status.success(),
        "{}",
        String::from_utf8_lossy(&child.stdout)
    );
    assert!(String::from_utf8_lossy(&child.stdout).contains("1 passed"));
}

#[test]
#[ignore = "run by a_path_in_code_goes_before_the_environment"]
fn in_a_child_with_a_bad_environment() {
    let error = failure(Client::connect("127.0.0.1:1"));
    assert!(
        error.to_string().contains("/nowhere/of-the-environment.so"),
        "{error}"
    );
    Library::open(std::env::var_os("VASTO_RUST_TEST_LIBRARY").unwrap()).unwrap();
}

#[test]
fn handles_of_two_libraries_do_not_mix() {
    let cluster = Cluster::get();
    let folder = Folder::new(&cluster);
    let copy = folder.0.join("copy.so");
    std::fs::copy(std::env::var_os("VASTO_LIBRARY").unwrap(), &copy).unwrap();
    let keyspace = cluster.keyspace(&cluster.client(), "mix");
    let mut config = vasto::Config::with_library(Library::open(&copy).unwrap()).unwrap();
    config.set("masters", &cluster.master).unwrap();
    let other = Client::open(&config)
        .unwrap()
        .keyspace(&keyspace.name())
        .unwrap();
    let session = other.session().unwrap();
    let options = vasto::ReadOptions::new().session(&session);
    assert_code(keyspace.get_with("k", &options), Code::InvalidArgument);
    assert_code(
        keyspace.write(&other.batch().unwrap()),
        Code::InvalidArgument,
    );
    let queue = Queue::<u64>::new().unwrap();
    assert_code(
        queue.add(other.to_async().put("k", "x"), ()),
        Code::InvalidArgument,
    );
    assert!(other.get_with("none", &options).unwrap().is_none());
}

/// Runs `work` in a forked child; whether it gave true there.
fn in_fork(work: impl FnOnce() -> bool) -> bool {
    // SAFETY: the child only runs `work`, and ends without a look at anything else.
    let child = unsafe { libc::fork() };
    assert!(child >= 0);
    if child == 0 {
        let good = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).unwrap_or(false);
        // SAFETY: ends the child.
        unsafe { libc::_exit(i32::from(!good)) };
    }
    let end = Instant::now() + PATIENCE;
    loop {
        let mut status = 0;
        // SAFETY: our child, and a good pointer.
        match unsafe { libc::waitpid(child, &mut status, libc::WNOHANG) } {
            0 if Instant::now() < end => std::thread::sleep(Duration::from_millis(5)),
            0 => {
                // SAFETY: our child.
                unsafe { libc::kill(child, libc::SIGKILL) };
                panic!("the child hangs");
            }
            _ => return status == 0,
        }
    }
}

#[test]
fn a_forked_child_is_told_so() {
    let cluster = Cluster::alone();
    let client = cluster.client();
    let keyspace = cluster.keyspace(&client, "fork");
    fill(&keyspace, 10);
    let asynchronous = keyspace.to_async();
    let mut scan = keyspace.scan_prefix("", &ScanOptions::new()).unwrap();
    let mut watch = keyspace.watch("", &WatchOptions::new()).unwrap();
    let operation = asynchronous.get("users/00001");
    let awaited = asynchronous.get("users/00001");
    let queue = Queue::<u64>::new().unwrap();
    let value = keyspace.get("users/00001").unwrap().unwrap();
    let handles = (keyspace.clone(), client.clone());
    let good = in_fork(move || {
        let (keyspace, client) = handles;
        let forked = [
            keyspace.put("k", "x").err(),
            keyspace.get("k").err(),
            client.keyspace("other").err(),
            client.close(None).err(),
            scan.next_block(1).err(),
            watch.next_block(1, None).err(),
            operation.wait().err(),
            crate::awaited::block_on(awaited).err(),
            asynchronous.put("k", "x").wait().err(),
            queue.next_block(1, None).err(),
        ];
        let told = forked
            .iter()
            .all(|error| error.as_ref().map(|e| e.code()) == Some(Code::Forked));
        let still = &*value == b"1";
        drop((scan, watch, asynchronous, queue, value, keyspace, client));
        told && still
    });
    assert!(good, "the child was not told");
    keyspace.put("k", "x").expect("the parent goes on");
}
