// SPDX-License-Identifier: Apache-2.0
//! Finding the library, checking its version, and looking its functions up.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::sync::{Mutex, OnceLock, PoisonError};

use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};

use crate::constants::{VASTO_VERSION_MAJOR, VASTO_VERSION_MINOR, VASTO_VERSION_PATCH};
use crate::functions::Api;

/// The environment variable that may hold the path of the library.
pub const LIBRARY_ENVIRONMENT: &str = "VASTO_LIBRARY";

/// The name that the dynamic linker is asked for when nothing else is said.
pub const LIBRARY_NAME: &str = "libvasto.so.1";

/// Why the library could not be loaded. The text says which file was looked for and what to do.
#[derive(Clone, Debug)]
pub struct LoadError {
    kind: LoadErrorKind,
    path: OsString,
    detail: String,
}

/// What is wrong with the library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoadErrorKind {
    /// The file is not there, or is no library.
    Missing,
    /// Its version is not one that this crate was written for.
    Version,
    /// It lacks a function.
    Symbol,
}

impl LoadError {
    /// What is wrong.
    pub fn kind(&self) -> LoadErrorKind {
        self.kind
    }

    /// The file that was looked for; a bare name is searched by the dynamic linker.
    pub fn path(&self) -> &OsStr {
        &self.path
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "cannot use {}: {}; install libvasto {VASTO_VERSION_MAJOR}.{VASTO_VERSION_MINOR} or newer \
             (cmake --install), or set {LIBRARY_ENVIRONMENT} to the path of {LIBRARY_NAME}",
            self.path.to_string_lossy(),
            self.detail
        )
    }
}

impl std::error::Error for LoadError {}

/// A library that is open, and stays so: it owns threads.
pub(crate) struct Symbols {
    library: Library,
    path: OsString,
}

impl Symbols {
    fn open(path: &OsStr) -> Result<Symbols, LoadError> {
        // SAFETY: libvasto does nothing when it is loaded, and is never unloaded.
        let opened = unsafe { Library::open(Some(path), RTLD_NOW | RTLD_LOCAL) };
        match opened {
            Ok(library) => Ok(Symbols {
                library,
                path: path.to_owned(),
            }),
            Err(error) => Err(LoadError {
                kind: LoadErrorKind::Missing,
                path: path.to_owned(),
                detail: reason(&error),
            }),
        }
    }

    /// The function `name` as a pointer of type F.
    ///
    /// # Safety
    /// F is the type of the function.
    pub(crate) unsafe fn required<F: Copy>(&self, name: &str) -> Result<F, LoadError> {
        // SAFETY: as of this function.
        unsafe { self.optional(name) }.ok_or_else(|| LoadError {
            kind: LoadErrorKind::Symbol,
            path: self.path.clone(),
            detail: format!("it has no function {name}"),
        })
    }

    /// The same; `None` if there is no such function.
    ///
    /// # Safety
    /// F is the type of the function.
    pub(crate) unsafe fn optional<F: Copy>(&self, name: &str) -> Option<F> {
        // SAFETY: as of this function; the library stays loaded.
        unsafe { self.library.get::<F>(name.as_bytes()) }
            .ok()
            .map(|symbol| *symbol)
    }

    fn check_version(&self) -> Result<(), LoadError> {
        type Version = unsafe extern "C" fn(*mut i32, *mut i32, *mut i32);
        let (mut major, mut minor, mut patch) = (0, 0, 0);
        // SAFETY: the type is that of the header, and the pointers are good.
        unsafe {
            let version: Version = self.required("vasto_version")?;
            version(&mut major, &mut minor, &mut patch);
        }
        let needed = (VASTO_VERSION_MINOR, VASTO_VERSION_PATCH);
        if major == VASTO_VERSION_MAJOR && (minor, patch) >= needed {
            return Ok(());
        }
        Err(LoadError {
            kind: LoadErrorKind::Version,
            path: self.path.clone(),
            detail: format!("its version is {major}.{minor}.{patch}"),
        })
    }
}

fn reason(error: &libloading::Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => source.to_string(),
        None => error.to_string(),
    }
}

impl Api {
    /// Loads the library: `path`, or without one what the environment variable `VASTO_LIBRARY`
    /// names, or `libvasto.so.1` as the dynamic linker finds it. It stays loaded for the life of the
    /// process, so the same path gives the same table again.
    pub fn load(path: Option<&OsStr>) -> Result<&'static Api, LoadError> {
        static LOADED: OnceLock<Mutex<HashMap<OsString, &'static Api>>> = OnceLock::new();
        let path = match path {
            Some(path) => path.to_owned(),
            None => std::env::var_os(LIBRARY_ENVIRONMENT)
                .filter(|value| !value.is_empty())
                .unwrap_or_else(|| LIBRARY_NAME.into()),
        };
        let loaded = LOADED.get_or_init(Mutex::default);
        let mut loaded = loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(api) = loaded.get(&path) {
            return Ok(api);
        }
        let symbols = Symbols::open(&path)?;
        symbols.check_version()?;
        let api = &*Box::leak(Box::new(Api::bind(&symbols)?));
        std::mem::forget(symbols.library);
        loaded.insert(path, api);
        Ok(api)
    }
}
