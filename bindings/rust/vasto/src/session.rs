// SPDX-License-Identifier: Apache-2.0
//! Sessions: reads that never go back behind what was seen.

use std::fmt;
use std::sync::Arc;

use vasto_sys::{vasto_session_t, Api};

use crate::error::{call, Code, Error, Result};
use crate::handle::Handle;
use crate::keyspace::Keyspace;

/// What a group of operations has seen. A read whose options have the session sees at least what
/// the operations of the session before it have written or seen, whichever replica answers. Clones
/// are the same session.
///
/// When the number of shards changes, sessions that have seen something end: operations with them
/// are [`Code::InvalidArgument`](crate::Code::InvalidArgument).
#[derive(Clone)]
pub struct Session(Arc<Shared>);

struct Shared {
    handle: Handle<vasto_session_t>,
    keyspace: Keyspace,
}

// SAFETY: the header's class "any": any number of threads at once.
unsafe impl Send for Shared {}
unsafe impl Sync for Shared {}

impl Session {
    pub(crate) fn new(keyspace: &Keyspace) -> Result<Session> {
        let api = keyspace.api();
        let handle = Handle::create(api, api.vasto_session_destroy, |out, error| {
            // SAFETY: the keyspace lives during the call, and the pointers are good.
            unsafe { (api.vasto_session_create)(keyspace.raw(), out, error) }
        })?;
        Ok(Session(Arc::new(Shared {
            handle,
            keyspace: keyspace.clone(),
        })))
    }

    /// All that the session has seen, as bytes that may be stored and sent to any client of the
    /// cluster, for [`Session::import`].
    pub fn token(&self) -> Result<Vec<u8>> {
        let api = self.0.keyspace.api();
        let (mut token, mut size) = (Vec::<u8>::new(), 0);
        // The session may see more, and its token grow, between two calls.
        loop {
            let taken = call(api, |error| {
                let (buffer, capacity) = (token.as_mut_ptr().cast(), token.len());
                // SAFETY: the handle is good, and the buffer as large as said.
                unsafe {
                    (api.vasto_session_token)(
                        self.0.handle.get(),
                        buffer,
                        capacity,
                        &mut size,
                        error,
                    )
                }
            });
            token.resize(size, 0);
            match taken {
                Err(error) if error.code() == Code::BufferTooSmall => continue,
                taken => return taken.map(|()| token),
            }
        }
    }

    /// Adds all that another session had seen when it gave this token.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`](crate::Code::InvalidArgument): damaged, of another keyspace, or of
    /// another number of shards; nothing is added.
    pub fn import(&self, token: impl AsRef<[u8]>) -> Result<()> {
        let api = self.0.keyspace.api();
        let token = token.as_ref();
        call(api, |error| {
            // SAFETY: the handle is good; pointer and size are those of a slice.
            unsafe {
                (api.vasto_session_import)(
                    self.0.handle.get(),
                    token.as_ptr().cast(),
                    token.len(),
                    error,
                )
            }
        })
    }

    /// The handle of options that may have a session: null for none. It must come from the same
    /// library.
    pub(crate) fn raw_of(
        session: Option<&Session>,
        api: &'static Api,
    ) -> Result<*mut vasto_session_t> {
        match session {
            None => Ok(std::ptr::null_mut()),
            Some(session) if std::ptr::eq(session.0.keyspace.api(), api) => {
                Ok(session.0.handle.get())
            }
            Some(_) => Err(Error::invalid("the session is of another library")),
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("keyspace", &self.0.keyspace.name())
            .finish()
    }
}
