// SPDX-License-Identifier: Apache-2.0
//! The loaded library.

use std::ffi::CStr;
use std::fmt;
use std::path::Path;

use vasto_sys::Api;

use crate::error::Result;

/// A loaded `libvasto.so.1`. Copies are free; the library stays loaded for the life of the process.
///
/// Most programs never name it: what takes none uses [`Library::load`].
#[derive(Clone, Copy)]
pub struct Library {
    pub(crate) api: &'static Api,
}

impl Library {
    /// The library that the environment variable `VASTO_LIBRARY` names, or `libvasto.so.1` as the
    /// dynamic linker finds it.
    ///
    /// # Errors
    /// [`Code::NotSupported`](crate::Code::NotSupported) if it is missing or too old; the text says
    /// which file was looked for and what to do, and the source is a [`LoadError`](crate::LoadError).
    pub fn load() -> Result<Library> {
        Ok(Library {
            api: Api::load(None)?,
        })
    }

    /// The library at `path`.
    ///
    /// # Errors
    /// As [`Library::load`].
    pub fn open(path: impl AsRef<Path>) -> Result<Library> {
        Ok(Library {
            api: Api::load(Some(path.as_ref().as_os_str()))?,
        })
    }

    /// The version of the library's interface: major, minor and patch.
    pub fn version(&self) -> (i32, i32, i32) {
        let (mut major, mut minor, mut patch) = (0, 0, 0);
        // SAFETY: three good pointers.
        unsafe { (self.api.vasto_version)(&mut major, &mut minor, &mut patch) };
        (major, minor, patch)
    }

    /// The product version and build, for people.
    pub fn version_string(&self) -> String {
        // SAFETY: the text is valid for ever.
        unsafe { text((self.api.vasto_version_string)()) }
    }

    /// The hash that places keys: XXH3 of `data`, 64 bits, the same on every machine and in every
    /// version. For [`Key::with_partition_hash`](crate::Key::with_partition_hash).
    pub fn partition_hash(&self, data: impl AsRef<[u8]>) -> u64 {
        let data = data.as_ref();
        // SAFETY: pointer and size are those of a slice.
        unsafe { (self.api.vasto_partition_hash)(data.as_ptr().cast(), data.len()) }
    }

    /// The event time in a version, in nanoseconds since 1970-01-01 UTC; 0 for version 0.
    pub fn version_time_ns(&self, version: u64) -> u64 {
        // SAFETY: a function of a number.
        unsafe { (self.api.vasto_version_time_ns)(version) }
    }

    /// The names that [`Config::set`](crate::Config::set) takes.
    pub fn config_keys(&self) -> Vec<String> {
        let mut keys = Vec::new();
        loop {
            // SAFETY: any index is allowed, and the text is valid for ever.
            let key = unsafe { (self.api.vasto_config_key_at)(keys.len()) };
            if key.is_null() {
                return keys;
            }
            // SAFETY: a text of the library, valid for ever.
            keys.push(unsafe { text(key) });
        }
    }
}

impl fmt::Debug for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Library")
            .field(&self.version_string())
            .finish()
    }
}

/// A text of the library; "" for null.
///
/// # Safety
/// `text` is null or ends with a NUL, and is valid during the call.
pub(crate) unsafe fn text(text: *const std::ffi::c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: as of this function.
    unsafe { CStr::from_ptr(text) }
        .to_string_lossy()
        .into_owned()
}
